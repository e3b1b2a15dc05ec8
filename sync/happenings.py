"""Events: that somebody entered a segment or changed status, told to a destination that listens, at most once each."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import Connection, Engine, or_, select

from connectors.base import Telling, Unavailable, Unsent, Untold
from mappings.party import Party
from mappings.records import Purpose
from sync.criteria import Criteria, Outlet
from sync.disclosure import subscriber_id
from sync.log import say
from sync.push import Delivery
from sync.store import happenings
from sync.store import tables as t
from sync.store.engine import reading, writing
from sync.store.happenings import Happened, Waiting
from sync.store.refusals import refused
from sync.store.statements import insert
from sync.store.suppressions import by_address
from sync.store.wishes import Claimed

CHANGED = "status_changed"
ENTERED = "entered:"


def note_events(connection: Connection, criteria: Criteria, parties: Mapping[str, Party]) -> None:
    """Notes what a review's batch has brought about, for destinations that are told; never of baselines."""
    outlets = [o for o in criteria.outlets if o.events and not (o.baseline or o.observe)]
    if not outlets:
        return
    contacts = sorted(contact for contact, party in parties.items() if not party.observed)
    entered = list(happenings.entries(connection, contacts, criteria.at))
    thresholds = bool(criteria.segments) and criteria.edited >= criteria.segments.keys()
    fresh = criteria.at - criteria.fresh_for
    changed = [] if thresholds else list(happenings.transitions(connection, contacts, criteria.at, fresh))
    rows = [row for outlet in outlets for row in _rows(outlet, entered, changed, parties)]
    happenings.note(connection, [{**row, "state": "ready", "since": criteria.at} for row in rows])


def _rows(
    outlet: Outlet, entered: Sequence[Happened], changed: Sequence[Happened], parties: Mapping[str, Party]
) -> Iterator[dict[str, Any]]:
    wanted = [(f"{ENTERED}{each.what}", each) for each in entered if f"{ENTERED}{each.what}" in outlet.events]
    wanted += [(f"{CHANGED}:{each.what}", each) for each in changed if CHANGED in outlet.events]
    for name, each in wanted:
        key = parties[each.contact].address if outlet.audience.unit == "address" else each.contact
        if key is not None and _tag(outlet, name) is not None:
            yield {"destination": outlet.name, "key": key, "name": name, "transition_id": each.number}


def _tag(outlet: Outlet, name: str) -> str | None:
    """Under which name an event leaves: that of its segment's or status's tag there."""
    if name.startswith(ENTERED):
        return outlet.audience.tags.get(("segment", name.removeprefix(ENTERED)))
    return outlet.audience.tags.get(("status", name.removeprefix(f"{CHANGED}:")))


class Teller:
    """Tells one destination what waits for it."""

    def __init__(self, engine: Engine, destination: Telling, delivery: Delivery, outlet: Outlet) -> None:
        self.engine, self.destination, self.delivery, self.outlet = engine, destination, delivery, outlet

    def tell(self, purposes: Mapping[str, Purpose], expire: timedelta) -> int:
        """Sends what is due, one by one; returns how many were taken. Raises Unavailable or Misconfigured.

        An event follows its subscriber's change; `expire` after that was accepted it is dropped.
        """
        with reading(self.engine) as connection:
            found = happenings.waiting(connection, self.outlet.name)
        done = 0
        for event in found:
            fate = self._fate(event, expire)
            if fate is not None:
                self._settle(event, fate)
            elif not event.changing:
                done += self._tell(event, purposes)
        return done

    def _fate(self, event: Waiting, expire: timedelta) -> str | None:
        since = max(event.since, event.accepted_at or event.since)
        if self.delivery.at > since + expire:
            return "expired"
        tag, accepted = _tag(self.outlet, event.name), event.accepted
        there = accepted is not None and accepted.standing == "subscribed" and tag in accepted.tags
        return None if there or event.changing else "withheld"

    def _tell(self, event: Waiting, purposes: Mapping[str, Purpose]) -> bool:
        """Recorded as sent before the call, so that a crash tells nothing twice."""
        purpose = purposes.get(event.name.removeprefix(ENTERED), self.outlet.audience.purpose)
        tag, document = _tag(self.outlet, event.name), event.accepted
        if tag is None or document is None or self._closed(event, purpose):
            self._settle(event, "withheld")
            return False
        self._settle(event, "sent")
        try:
            self.destination.tell(document.address, event.ref, tag)
        except Unsent:
            self._settle(event, "refused")
            return False
        except Untold:
            self._settle(event, "unknown")
            self._record(event, tag, purpose, "unknown")
            say("event.unknown", "warning", destination=self.outlet.name)
            return False
        except Unavailable:
            self._settle(event, "ready")
            raise
        self._record(event, tag, purpose, "accepted")
        return True

    def _closed(self, event: Waiting, purpose: Purpose) -> bool:
        document = event.accepted
        assert document is not None  # noqa: S101  # _fate has seen it
        with reading(self.engine) as connection:
            people = _people(connection, document.address or event.key)
            parties = [[contact, "", (purpose,)] for contact in people]
            claimed = Claimed(event.key, document, {}, parties, 0, 0, None, None, document, event.ref)
            return bool(by_address(connection, [event.key]) or refused(connection, [claimed]))

    def _settle(self, event: Waiting, state: str) -> None:
        with writing(self.engine) as connection:
            happenings.settle(connection, self.outlet.name, event, state)

    def _record(self, event: Waiting, tag: str, purpose: Purpose, outcome: str) -> None:
        if not self.delivery.discloses:
            return
        with writing(self.engine) as connection:
            people = _people(connection, event.accepted.address if event.accepted else event.key)
            row = {
                "at": self.delivery.at, "destination": self.outlet.name, "recipient": self.delivery.recipient.name,
                "contacts": people, "subscriber": subscriber_id(event.key), "fields": [],
                "added": {tag: f"event:{event.name}"}, "removed": {}, "purpose": purpose, "basis": "",
                "run_id": self.delivery.run_id, "outcome": outcome,
            }  # fmt: skip
            insert(connection, t.disclosure, [row])


def _people(connection: Connection, key: str) -> list[str]:
    """Whoever is at an address; a contact that is the key itself."""
    c = t.contact.c
    where = or_(c.address == key, c.id == key)
    return sorted(connection.execute(select(c.id).where(where, c.state == "active", c.status != "inactive")).scalars())
