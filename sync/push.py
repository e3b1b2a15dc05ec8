"""Push: claim wishes, check them once more, send, settle each outcome on its own. No network inside a transaction."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, Engine

from connectors.base import (
    Accepted,
    Change,
    Destination,
    FileDestination,
    FileEntry,
    Misconfigured,
    Outcome,
    Refused,
    Retry,
    Unavailable,
)
from mappings.document import Document
from mappings.policy import PolicyViolation
from sync.criteria import Outlet
from sync.diff import delta
from sync.disclosure import Recipient, Told, disclosure
from sync.store import nudges, wishes
from sync.store import tables as t
from sync.store.contacts import mark_contacts
from sync.store.engine import reading, writing
from sync.store.refusals import refused
from sync.store.statements import insert
from sync.store.suppressions import Suppressed, by_address, contacts_at, reopened_at, suppress
from sync.store.wishes import Claimed

LEASE: Final = timedelta(minutes=30)
MOST_ATTEMPTS: Final = 10
CLAIM_BATCH: Final = 500


@dataclass(slots=True)
class Pushed:
    """What a push did: subscribers sent, accepted, refused, put off, stopped at the last moment; write and read calls."""

    sent: int = 0
    accepted: int = 0
    refused: int = 0
    retried: int = 0
    stopped: int = 0
    calls: int = 0
    reads: int = 0

    def add(self, other: "Pushed") -> None:
        """Adds what another push did."""
        for name in ("sent", "accepted", "refused", "retried", "stopped"):
            setattr(self, name, getattr(self, name) + getattr(other, name))


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """A destination and what a push needs to know of it.

    `assert_policy` raises when a document holds what must not leave; `discloses` is False
    within the practice; `reviews_nudged`: something asks who was nudged last; `checkpoint` is called
    between batches, and ends the push by raising. `leaving`: only what takes away is sent.
    """

    recipient: Recipient
    assert_policy: Callable[[Document], None]
    discloses: bool
    run_id: str
    at: datetime
    site: str | None = None
    reviews_nudged: bool = False
    leaving: bool = False
    checkpoint: Callable[[], None] = lambda: None

    @property
    def name(self) -> str:
        return self.recipient.destination


def recover(engine: Engine, delivery: Delivery) -> int:
    """Makes wishes ready that a dead process had claimed; the ledger says that their outcome is unknown."""
    with writing(engine) as connection:
        lost = wishes.abandoned(connection, delivery.name, None)
        _record(connection, delivery, [(item, item.document) for item in lost], "unknown")
        wishes.give_back(connection, delivery.name, [item.key for item in lost], last_code=wishes.UNKNOWN)
    return len(lost)


def push(engine: Engine, destination: Destination, delivery: Delivery) -> Pushed:
    """Sends what is ready to a destination; raises Unavailable or Misconfigured after giving the claims back."""
    pushed = Pushed()
    while claimed := _claim(engine, delivery):
        sendable = _recheck(engine, delivery, claimed, pushed)
        if not destination.capabilities.quiet_tags:
            sendable = _still_loud(engine, delivery, sendable)
        if not sendable:
            continue
        outcomes = _send(engine, destination, delivery, sendable)
        pushed.sent += len(sendable)
        _settle(engine, delivery, list(zip(sendable, outcomes, strict=True)), pushed)
        delivery.checkpoint()
    return pushed


def _claim(engine: Engine, delivery: Delivery) -> list[Claimed]:
    with writing(engine) as connection:
        lease = wishes.Lease(delivery.at, delivery.at + LEASE, CLAIM_BATCH, delivery.site, delivery.leaving)
        return wishes.claim(connection, delivery.name, lease)


def _recheck(engine: Engine, delivery: Delivery, claimed: Sequence[Claimed], pushed: Pushed) -> list[Claimed]:
    """Leaves out whom a suppression or a refusal has closed since the review; they are reviewed again."""
    try:
        for item in claimed:
            delivery.assert_policy(item.document)
    except PolicyViolation:
        with writing(engine) as connection:
            wishes.give_back(connection, delivery.name, [item.key for item in claimed])
        raise
    with reading(engine) as connection:
        closed = by_address(connection, [item.key for item in claimed])
        stopped = [item for item in claimed if item.key in closed and item.document.standing == "subscribed"]
        if delivery.discloses:
            stopped += [item for item in refused(connection, claimed) if item not in stopped]
    if stopped:
        pushed.stopped += len(stopped)
        with writing(engine) as connection:
            wishes.drop(connection, delivery.name, [item.key for item in stopped])
            parties = {party[0] for item in stopped for party in item.parties}
            mark_contacts(connection, parties | contacts_at(connection, [item.key for item in stopped]))
    return [item for item in claimed if item not in stopped]


def _send(
    engine: Engine, destination: Destination, delivery: Delivery, claimed: Sequence[Claimed]
) -> Sequence[Outcome]:
    try:
        return destination.push([_change(item, delivery) for item in claimed])
    except (Unavailable, Misconfigured):
        with writing(engine) as connection:
            wishes.give_back(connection, delivery.name, [item.key for item in claimed])
        raise


def _still_loud(engine: Engine, delivery: Delivery, claimed: Sequence[Claimed]) -> list[Claimed]:
    """Leaves out whose tag would start automations and is loud no longer; they are reviewed again."""
    stale = [item for item in claimed if item.document.tags - _held(item) - _loud(item, delivery)]
    if stale:
        with writing(engine) as connection:
            wishes.drop(connection, delivery.name, [item.key for item in stale])
            mark_contacts(connection, {party[0] for item in stale for party in item.parties})
    return [item for item in claimed if item not in stale]


def _held(claimed: Claimed) -> frozenset[str]:
    return claimed.accepted.tags if claimed.accepted is not None else frozenset()


def _change(claimed: Claimed, delivery: Delivery) -> Change:
    return Change(
        key=claimed.key,
        wished=claimed.document,
        accepted=claimed.accepted or _perhaps(claimed.document, delivery),
        ref=claimed.ref,
        loud=_loud(claimed, delivery),
    )


def _loud(claimed: Claimed, delivery: Delivery) -> frozenset[str]:
    """The tags that are still fresh enough to start something."""
    fresh = {tag for tag, told in claimed.loud.items() if datetime.fromisoformat(told["until"]) >= delivery.at}
    return claimed.document.tags & fresh


def _perhaps(wished: Document, delivery: Delivery) -> Document | None:
    """What someone who leaves without ever having been accepted may hold: whatever this destination is ever told."""
    if wished.standing == "subscribed":
        return None
    return Document(address=wished.address, tags=frozenset(delivery.recipient.meanings))


def _settle(engine: Engine, delivery: Delivery, settled: Sequence[tuple[Claimed, Outcome]], pushed: Pushed) -> None:
    taken = [(item, outcome) for item, outcome in settled if isinstance(outcome, Accepted)]
    others = [(item, outcome) for item, outcome in settled if not isinstance(outcome, Accepted)]
    with writing(engine) as connection:
        documents = [(item, outcome.document) for item, outcome in taken]
        _accept(connection, delivery, [(item, outcome.document, outcome.ref) for item, outcome in taken])
        _record(connection, delivery, documents, "accepted")
        for item, _ in taken:
            wishes.settle(connection, delivery.name, item)
        for item, outcome in others:
            _settle_other(connection, delivery, item, outcome, pushed)
    pushed.accepted += len(taken)


def _settle_other(connection: Connection, delivery: Delivery, item: Claimed, outcome: Outcome, pushed: Pushed) -> None:
    if not isinstance(outcome, Retry | Refused):
        raise NotImplementedError(f"{type(outcome).__name__} is no outcome of this version")
    if outcome.ref is not None and outcome.accepted is None:
        wishes.record_reference(connection, delivery.name, item.key, outcome.ref)
    if outcome.accepted is not None:
        _accept(connection, delivery, [(item, outcome.accepted, outcome.ref)])
        _record(connection, delivery, [(item, outcome.accepted)], "accepted")
    if isinstance(outcome, Refused) or outcome.code == wishes.UNKNOWN:
        rest = item._replace(accepted=outcome.accepted or item.accepted)
        _record(connection, delivery, [(rest, item.document)], "unknown")
    if isinstance(outcome, Retry) and item.attempts + 1 < MOST_ATTEMPTS:
        pushed.retried += 1
        not_before = delivery.at + timedelta(seconds=outcome.after)
        wishes.later(connection, delivery.name, item, not_before, outcome.code)
        return
    pushed.refused += 1
    cause = outcome.suppress if isinstance(outcome, Refused) else None
    if cause is None or (isinstance(outcome, Refused) and reopened_at(connection, [item.key])):
        # What the practice has opened again only the person can open at the provider.
        wishes.park(connection, delivery.name, item, outcome.code)
        return
    suppress(connection, delivery.name, [Suppressed(item.key, cause, None)], delivery.at)
    wishes.drop(connection, delivery.name, [item.key])
    mark_contacts(connection, contacts_at(connection, [item.key]))


def _accept(connection: Connection, delivery: Delivery, taken: Sequence[tuple[Claimed, Document, str | None]]) -> None:
    wishes.record_accepted(
        connection,
        [
            {
                "destination": delivery.name,
                "key": item.key,
                "accepted": wishes.to_json(document),
                "ref": ref or item.ref,
                "site": item.site,
                "primary_contact": item.primary_contact,
                "accepted_at": delivery.at,
            }
            for item, document, ref in taken
        ],
    )
    entries = [
        entry
        for item, document, _ in taken
        for tag in (_loud(item, delivery) & document.tags) - (item.accepted.tags if item.accepted else frozenset())
        for entry in item.loud[tag]["entries"]
    ]
    nudges.record(connection, delivery.name, entries, delivery.at)
    if delivery.reviews_nudged:
        mark_contacts(connection, {entry["contact"] for entry in entries})


def _record(
    connection: Connection, delivery: Delivery, taken: Sequence[tuple[Claimed, Document]], outcome: str
) -> None:
    if not delivery.discloses:
        return
    rows: list[dict[str, Any]] = [
        disclosure(
            delivery.recipient,
            Told(item.key, item.accepted, document, item.parties),
            delivery.at,
            delivery.run_id,
            outcome,
        )
        for item, document in taken
        if delta(item.accepted, document)
    ]
    insert(connection, t.disclosure, rows)


def push_files(
    engine: Engine, destination: FileDestination, delivery: Delivery, outlet: Outlet, *, anew: bool
) -> Pushed:
    """Writes the whole files when something is ready, a file is missing, or `anew`; then what was ready is accepted."""
    pushed = Pushed()
    with reading(engine) as connection:
        ready = wishes.count_ready(connection, delivery.name, delivery.site)
    if not ready and not anew and destination.intact():
        return pushed
    segments = sorted(tag for (kind, _), tag in outlet.audience.tags.items() if kind == "segment")
    names = tuple(outlet.audience.fields)
    with reading(engine) as connection:
        entries = (
            FileEntry(key, tuple([document.fields.get(name, "") for name in names]), document.tags)
            for key, document in wishes.whole_audience(connection, delivery.name, delivery.site)
            if document.standing == "subscribed"
        )
        pushed.calls = destination.write(entries, segments)
    accept_all(engine, delivery, pushed)
    return pushed


def accept_all(engine: Engine, delivery: Delivery, pushed: Pushed) -> None:
    """Accepts every ready wish of a destination whose files were just written whole."""
    while claimed := _claim(engine, delivery):
        with writing(engine) as connection:
            documents = [(item, item.document) for item in claimed]
            _accept(connection, delivery, [(item, item.document, None) for item in claimed])
            _record(connection, delivery, documents, "accepted")
            wishes.settle_all(connection, delivery.name, claimed)
        pushed.sent += len(claimed)
        pushed.accepted += len(claimed)
