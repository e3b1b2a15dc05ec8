"""Listen: what destinations report of subscribers. It may only tighten consent; our own acts coming back change nothing."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, Engine, select

from connectors.base import Destination, Feedback, ListDestination
from mappings.subscriber import DO_NOT_CALL
from sync.store import tables as t
from sync.store.contacts import mark_contacts
from sync.store.engine import reading, writing
from sync.store.memos import drop_memo, read_memo, write_memo
from sync.store.statements import chunks, insert
from sync.store.suppressions import Suppressed, contacts_at, reopened_at, suppress, suppress_contacts
from sync.store.wishes import subscribers, was_sent, wishes

OPT_OUTS_UNREAD_STOPS_PUSHING: Final = timedelta(hours=6)

CAUSES: Final = {
    "unsubscribed": "unsubscribed",
    "cleaned": "bounced",
    "complained": "complained",
    "archived": "archived_by_human",
}


ANSWERS: Final = frozenset({"booked", "left_message", "not_interested", DO_NOT_CALL, "wrong_number"})
"""What the front desk answers of a contact; only a refusal of calls closes anything."""


@dataclass(slots=True)
class Heard:
    """What a listening did: items read, addresses newly closed, read requests."""

    read: int = 0
    suppressed: int = 0


def listen(engine: Engine, destination: Destination | ListDestination, at: datetime) -> Heard:
    """Reads feedback page by page, each stored with its cursor; raises Unavailable or Misconfigured."""
    heard = Heard()
    with reading(engine) as connection:
        cursor = read_memo(connection, "feedback", destination.name)
    for page in destination.feedback(cursor, at):
        with writing(engine) as connection:
            _store(connection, destination.name, page.items, at, heard)
            write_memo(connection, "feedback", destination.name, page.cursor)
            if page.complete:
                write_memo(connection, "feedback-read", destination.name, {"at": at.isoformat()})
                drop_memo(connection, "unread", destination.name)
    return heard


def hear(engine: Engine, destination: str, items: Sequence[Feedback], at: datetime) -> int:
    """Stores what a provider reports by itself, as what is read; returns how many addresses are newly closed."""
    heard = Heard()
    with writing(engine) as connection:
        _store(connection, destination, items, at, heard)
    return heard.suppressed


def last_heard(connection: Connection, destination: str) -> datetime | None:
    """When a destination's feedback was read to its end."""
    memo = read_memo(connection, "feedback-read", destination)
    return None if memo is None else datetime.fromisoformat(memo["at"])


def _store(connection: Connection, destination: str, found: Sequence[Feedback], at: datetime, heard: Heard) -> None:
    heard.read += len(found)
    answers = [item for item in found if item.state in ANSWERS]
    refused = [item.address for item in answers if item.state == DO_NOT_CALL]
    heard.suppressed += suppress_contacts(connection, destination, DO_NOT_CALL, refused, at)
    mark_contacts(connection, refused)
    items = [*answers, *_ours(connection, destination, [item for item in found if item not in answers])]
    insert(
        connection,
        t.feedback,
        [
            {"destination": destination, "address": i.address, "state": i.state, "state_at": i.at, "at": at}
            for i in items
        ],
    )
    closed = [Suppressed(i.address, CAUSES[i.state], i.at) for i in items if i.state in CAUSES]
    addresses = suppress(connection, destination, closed, at)
    heard.suppressed += len(addresses)
    mark_contacts(connection, contacts_at(connection, addresses))


def _ours(connection: Connection, destination: str, items: Sequence[Feedback]) -> list[Feedback]:
    """Items about people we know that say something else than what was last accepted from us, and are news."""
    known = _known_addresses(connection, [item.address for item in items])
    taken = subscribers(connection, destination, [item.address for item in items])
    heard = _last_states(connection, destination, [item.address for item in items])
    opened = reopened_at(connection, [item.address for item in items])
    tried = wishes(connection, destination, [item.address for item in items])
    return [
        item
        for item in items
        if item.address in known
        and (heard.get(item.address) != item.state or _since(item, opened.get(item.address)))
        and not _our_own_act(item, taken.get(item.address), tried.get(item.address))
    ]


def _since(item: Feedback, opened: datetime | None) -> bool:
    """True if what is heard again has come about after the address was opened again."""
    return opened is not None and item.at is not None and item.at > opened


def _our_own_act(item: Feedback, taken: Any, wish: Any) -> bool:
    """True for what we had accepted, and for what we sent without hearing what became of it."""
    ours = {"unsubscribed": "unsubscribed", "archived": "left"}.get(item.state)
    accepted = taken.accepted if taken is not None else None
    sent = wish.document if wish is not None and was_sent(wish) else None
    return ours is not None and any(document["standing"] == ours for document in (accepted, sent) if document)


def _known_addresses(connection: Connection, addresses: Sequence[str]) -> set[str]:
    found: set[str] = set()
    for piece in chunks(addresses):
        p, s = t.patient_record.c.email, t.subscriber.c.key
        found.update(email for (email,) in connection.execute(select(p).where(p.in_(piece))) if email)
        found.update(connection.execute(select(s).where(s.in_(piece))).scalars().all())
    return found


def _last_states(connection: Connection, destination: str, addresses: Sequence[str]) -> dict[str, str]:
    c = t.feedback.c
    found: dict[str, str] = {}
    for piece in chunks(addresses):
        query = select(c.address, c.state).where(c.destination == destination, c.address.in_(piece)).order_by(c.id)
        found.update(connection.execute(query).all())
    return found
