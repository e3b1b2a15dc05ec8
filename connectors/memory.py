"""A source and a destination in memory: real code under the contract suites, and for runs that must leave no trace."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import ClassVar, Literal

from connectors.base import (
    Accepted,
    Capabilities,
    Change,
    Feedback,
    FeedbackPage,
    Json,
    Known,
    Lent,
    Outcome,
    Page,
    Pass,
    Proof,
    RawRow,
    Refusal,
    Refused,
    SnapshotRule,
    SuppressCause,
    Window,
)
from connectors.settings import DestinationSettings, SourceSettings, Surroundings
from connectors.traffic import Traffic
from mappings.document import Document
from mappings.records import (
    ConsentRow,
    EpisodeRow,
    Kind,
    Mapped,
    PatientRow,
    Record,
    Rejected,
    SupplementRow,
    SurveyRow,
    VisitRow,
)

_KINDS: dict[type, Kind] = {
    PatientRow: "patients",
    VisitRow: "appointments",
    EpisodeRow: "episodes",
    ConsentRow: "consents",
    SurveyRow: "surveys",
    SupplementRow: "supplements",
}


class MemorySourceSettings(SourceSettings):
    """A source without keys of its own."""


@dataclass(slots=True, kw_only=True)
class Delivery:
    """One pass in memory: records as they will be read. `kinds` left out: those of the records."""

    feed: str
    name: str
    records: Sequence[Record]
    snapshot: SnapshotRule
    data_as_of: datetime
    kinds: frozenset[Kind] = frozenset()
    stream: Literal["anew", "resumed"] | None = None
    rows_a_page: int = 1000
    refusal: Refusal | None = None
    skipped: str | None = None
    notices: Sequence[str] = ()
    proof: Proof | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        self.kinds = self.kinds or frozenset(_KINDS[type(record)] for record in self.records)
        if self.refusal is None:
            digest = hashlib.sha256(repr(self.records).encode()).hexdigest()
            self.proof = Proof(sha256=digest, rows=len(self.records))

    def pages(self) -> Iterator[Page]:
        """Yields the rows, `rows_a_page` at a time; a row's body is the record's whole text."""
        rows = [
            RawRow(_KINDS[type(record)], record.external_id, (repr(record),), place)
            for place, record in enumerate(self.records, start=1)
        ]
        for start in range(0, len(rows), self.rows_a_page):
            yield Page(rows=rows[start : start + self.rows_a_page])

    def window(self) -> Window | None:
        """The days that a window pass speaks of: those of its visits."""
        days = [record.day for record in self.records if isinstance(record, VisitRow)]
        return Window(first=min(days), last=max(days)) if self.snapshot == "window" and days else None


class MemorySource:
    """Offers what was delivered to it, in the order of `data_as_of`."""

    settings_model: ClassVar[type[MemorySourceSettings]] = MemorySourceSettings
    fingerprint = "memory"

    def __init__(
        self,
        name: str,
        settings: MemorySourceSettings,
        surroundings: Surroundings,  # noqa: ARG002 - all connectors are made alike
        lent: Lent,  # noqa: ARG002 - likewise
    ) -> None:
        self.name, self.settings = name, settings
        self._deliveries: list[Delivery] = []
        self._read: dict[tuple[str, ...], Record] = {}

    @property
    def feeds(self) -> Sequence[str]:
        return sorted({delivery.feed for delivery in self._deliveries})

    def deliver(self, delivery: Delivery) -> None:
        """Puts a pass where the next reading finds it."""
        self._deliveries.append(delivery)
        self._read |= {(repr(record),): record for record in delivery.records}

    def passes(self, known: Known, at: datetime) -> Iterator[Pass]:  # noqa: ARG002 - nothing here depends on the time
        for delivery in sorted(self._deliveries, key=lambda each: each.data_as_of):
            if delivery.proof is None or not known.landed(delivery.feed, delivery.proof.sha256):
                yield delivery

    def map(self, row: RawRow) -> Mapped | Rejected:
        """Gives the record back; a body that was never delivered is rejected."""
        record = self._read.get(row.body) if isinstance(row.body, tuple) else None
        return Mapped(record=record) if record is not None else Rejected(code="unreadable_value")


# ---------------------------------------------------------------- destination

State = Literal["subscribed", "unsubscribed", "cleaned", "complained", "pending", "archived", "transactional"]

_CAUSES: dict[State, SuppressCause] = {
    "unsubscribed": "unsubscribed",
    "cleaned": "bounced",
    "complained": "complained",
    "archived": "archived_by_human",
}


class MemorySettings(DestinationSettings):
    """`unit`: whether a subscriber stands for an address or for a contact."""

    unit: Literal["address", "contact"] = "address"


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryMember:
    """What the destination holds of one subscriber. `ours`: its archiving was our own."""

    document: Document
    state: State
    ours: bool = False


class MemoryDestination:
    """Holds subscribers by key. `started` lists the (key, tag) whose loud adding would have started an automation."""

    settings_model: ClassVar[type[MemorySettings]] = MemorySettings

    def __init__(
        self,
        name: str,
        settings: MemorySettings,
        surroundings: Surroundings,  # noqa: ARG002 - all connectors are made alike
        lent: Lent,  # noqa: ARG002 - likewise
    ) -> None:
        self.traffic = Traffic()
        self.name, self.settings = name, settings
        self.capabilities = Capabilities(unit=settings.unit, quiet_tags=True, reads_opt_outs=True, erases=True)
        self.members: dict[str, MemoryMember] = {}
        self.started: list[tuple[str, str]] = []
        self._log: list[Feedback] = []

    def push(self, changes: Sequence[Change]) -> Sequence[Outcome]:
        """Returns one outcome a change, in order."""
        return [self._settle(change) for change in changes]

    def act(self, key: str, state: State, at: datetime) -> None:
        """Someone at the destination itself changes a subscriber's standing."""
        member = self.members[key]
        self.members[key] = replace(member, state=state, ours=False)
        self._log.append(Feedback(address=member.document.address, ref=key, state=state, at=at))

    def feedback(self, cursor: Json | None, at: datetime) -> Iterator[FeedbackPage]:  # noqa: ARG002 - the log has its own times
        """Yields what was done since the cursor, in one page."""
        begun = int((cursor or {}).get("read", 0))
        yield FeedbackPage(items=self._log[begun:], cursor={"read": len(self._log)}, complete=True)

    def erase(self, address: str, ref: str | None) -> Literal["erased", "absent"]:
        """Forgets a subscriber."""
        return "erased" if self.members.pop(ref or address, None) is not None else "absent"

    def preflight(self) -> Sequence[str]:
        """Nothing can be wrong with it."""
        return []

    def _settle(self, change: Change) -> Outcome:
        steps = {"subscribed": self._subscribe, "left": self._leave, "unsubscribed": self._unsubscribe}
        return steps[change.wished.standing](change, self.members.get(change.key))

    def _subscribe(self, change: Change, member: MemoryMember | None) -> Outcome:
        if member is not None and member.state != "subscribed" and not member.ours:
            cause = _CAUSES.get(member.state)
            return Refused(code=cause or member.state, suppress=cause, accepted=change.accepted, ref=change.key)
        before = member.document.tags if member else frozenset()
        self.started += [(change.key, tag) for tag in sorted((change.wished.tags - before) & change.loud)]
        return self._hold(change, "subscribed")

    def _leave(self, change: Change, member: MemoryMember | None) -> Outcome:
        if member is None:
            return Accepted(document=change.wished, ref=change.ref)
        archives = self.settings.on_leave == "archive" and member.state == "subscribed"
        return self._hold(change, "archived" if archives else member.state, ours=archives or member.ours)

    def _unsubscribe(self, change: Change, member: MemoryMember | None) -> Outcome:
        if member is None:
            return Accepted(document=change.wished, ref=change.ref)
        return self._hold(change, "unsubscribed" if member.state == "subscribed" else member.state)

    def _hold(self, change: Change, state: State, *, ours: bool = False) -> Outcome:
        self.members[change.key] = MemoryMember(document=change.wished, state=state, ours=ours)
        return Accepted(document=change.wished, ref=change.key)
