"""Wished documents of a batch, compared with what was accepted: one wish row a (destination, subscriber)."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection

from mappings.document import Document
from mappings.party import Party
from mappings.subscriber import Before, Built, build
from sync.criteria import Criteria, Outlet
from sync.decision import Decided
from sync.diff import Delta, delta
from sync.parties import party_of
from sync.renaming import moves, rename
from sync.speech import Speech
from sync.store import people, reviews, suppressions, wishes


class Unit(NamedTuple):
    """One subscriber of a destination: its parties and everyone at its address; `key` "" is no subscriber."""

    key: str
    parties: Sequence[Party]
    around: Sequence[Party]
    closed: frozenset[str]


class Documents:
    """The documents of everyone in a batch, for every destination."""

    def __init__(
        self,
        connection: Connection,
        criteria: Criteria,
        loaded: people.Loaded,
        decided: Mapping[str, Decided],
    ) -> None:
        self.connection, self.criteria, self.loaded, self.decided = connection, criteria, loaded, decided
        self._wanted = frozenset(
            name for outlet in criteria.outlets for name in outlet.audience.fields.values() if name != "greeting"
        )
        parties = {
            c: party_of(criteria, loaded.persons[c], found, loaded.decisions.get(c, ()), self._wanted)
            for c, found in decided.items()
        }
        self.speech = Speech(connection, criteria, decided)
        self.parties = self.speech.given(loaded.persons, parties, _by_address(parties.values()))
        self.at_address = _by_address(self.parties.values())

    def write(self, counts: Counter[str]) -> None:
        """Writes wishes and what is withheld, destination by destination."""
        still = self._observed_addresses()
        moved = [
            move
            for move in moves(self.connection, self.loaded.stored, self.parties)
            if still.isdisjoint((move.old, move.new))
        ]
        for outlet in self.criteria.outlets:
            if outlet.audience.unit == "address":
                rename(self.connection, outlet.name, moved)
            _OutletReview(self, outlet).write(self.units(outlet), counts)

    def _observed_addresses(self) -> set[str | None]:
        """Where somebody observed is, or was: subscribers do not move from or to there."""
        found = [contact for contact, party in self.parties.items() if party.observed]
        return {self.parties[c].address for c in found} | {self.loaded.stored[c].address for c in found}

    def units(self, outlet: Outlet) -> list[Unit]:
        """The subscribers that a destination may hold for the batch; at addresses, "" is all who have none."""
        return self._addresses() if outlet.audience.unit == "address" else self._contacts()

    def _addresses(self) -> list[Unit]:
        keys = set(self.at_address)
        keys.update(stored.address for stored in self.loaded.stored.values() if stored.address)
        closed = suppressions.by_address(self.connection, keys)
        nowhere = [party for party in self.parties.values() if party.address is None]
        return [
            Unit("", nowhere, nowhere, frozenset()),
            *(
                Unit(key, self.at_address.get(key, ()), self.at_address.get(key, ()), _scoped(closed, key))
                for key in sorted(keys)
            ),
        ]

    def _contacts(self) -> list[Unit]:
        closed = suppressions.by_address(self.connection, self.at_address)
        units = []
        for contact in sorted(self.loaded.stored):
            party = self.parties.get(contact)
            around = self.at_address.get(party.address, ()) if party is not None and party.address else ()
            address = party.address if party is not None else None
            own = [party] if party is not None else []
            units.append(Unit(contact, own, around or own, _scoped(closed, address)))
        return units

    def due(self) -> dict[str, Decided]:
        """What was decided, with the instants at which documents must be looked at again."""
        return {c: _sooner(found, self.speech.dues.get(c)) for c, found in self.decided.items()}


def _sooner(found: Decided, instant: datetime | None) -> Decided:
    if instant is None or (found.next_review_at is not None and found.next_review_at <= instant):
        return found
    return found._replace(next_review_at=instant)


def _by_address(parties: Iterable[Party]) -> dict[str, list[Party]]:
    found: dict[str, list[Party]] = defaultdict(list)
    for party in parties:
        if party.address is not None:
            found[party.address].append(party)
    return found


def _scoped(closed: Mapping[str, frozenset[str]], address: str | None) -> frozenset[str]:
    return closed.get(address, frozenset()) if address is not None else frozenset()


def _waits_quietly(tag: str, since: datetime, wish: Any) -> bool:
    """True if the tag of this very entry waits to be sent already, and was decided to be quiet."""
    return wish is not None and tag in wish.document["tags"] and tag not in wish.loud and since <= wish.since


class _OutletReview:
    """One destination's part of a batch."""

    def __init__(self, documents: Documents, outlet: Outlet) -> None:
        self.documents, self.outlet, self.name = documents, outlet, outlet.name
        self.connection, self.criteria = documents.connection, documents.criteria

    def write(self, units: Sequence[Unit], counts: Counter[str]) -> None:
        """Compares every unit with what was accepted and writes the wishes that differ."""
        keys = [unit.key for unit in units]
        held = wishes.subscribers(self.connection, self.name, keys)
        waiting = wishes.wishes(self.connection, self.name, keys)
        rows: list[dict[str, Any]] = []
        dropped: list[str] = []
        standings: list[dict[str, Any]] = []
        for unit in units:
            subscriber, wish = held.get(unit.key), waiting.get(unit.key)
            accepted = wishes.from_json(subscriber.accepted) if subscriber is not None else None
            unheard = self._unheard(unit, wish) if accepted is None else None
            before = Before(accepted or unheard, self._primary(subscriber, wish), unit.closed)
            built = build(self.outlet.audience, unit.parties, unit.around, before)
            if not unit.parties:  # who was there last answers for what comes back from the address
                built = built._replace(primary=before.primary)
            if unheard is not None and built.document is not None and built.document.standing != "subscribed":
                accepted = unheard
            standings.extend(self._standings(unit, built))
            row = self._wish(unit, built, accepted, wish)
            if row is not None:
                rows.append(row | self._where(row, subscriber))
            elif wish is not None and not self._stands(built, accepted, wish):
                dropped.append(unit.key)
        wishes.drop(self.connection, self.name, dropped)
        reviews.write_wishes(self.connection, rows)
        reviews.write_standings(self.connection, self.name, list(self.documents.loaded.stored), standings)
        counts[self.name] += len(rows)

    def _unheard(self, unit: Unit, wish: Any) -> Document | None:
        """Someone who may have become a subscriber without our hearing of it: whoever was sent must be able to leave."""
        if wish is None or not wishes.was_sent(wish):
            return None
        return Document(address=unit.key if self.outlet.audience.unit == "address" else "")

    def _where(self, row: Mapping[str, Any], subscriber: Any) -> dict[str, Any]:
        """Whoever leaves counts at the site where they were counted, also when nobody is left who has one."""
        moved = row["removal"] and subscriber is not None and subscriber.site is not None
        return {"site": subscriber.site} if moved else {}

    def _primary(self, subscriber: Any, wish: Any) -> str | None:
        if wish is not None and wish.primary_contact is not None:
            return str(wish.primary_contact)
        return subscriber.primary_contact if subscriber is not None else None

    def _stands(self, built: Built, accepted: Document | None, wish: Any) -> bool:
        """True while the wish says what is wished; one that a brake holds stands no longer once consent asks for it."""
        if built.document is None or not delta(accepted, built.document):
            return False
        if wish.state == "held" and built.protected:
            return False
        return bool(wishes.to_json(built.document) == wish.document)

    def _wish(self, unit: Unit, built: Built, accepted: Document | None, wish: Any) -> dict[str, Any] | None:
        """The row to write; None when there is nothing to wish, or the wish stands already."""
        if built.document is None or not delta(accepted, built.document):
            return None
        if wish is not None and self._stands(built, accepted, wish):
            return None
        change = delta(accepted, built.document)
        return {
            "destination": self.name,
            "key": unit.key,
            "document": wishes.to_json(built.document),
            "loud": self._loud(unit, built, accepted, wish),
            "parties": self._shaped_by(unit, built, change, wish),
            "version": wish.version + 1 if wish is not None else 1,
            "state": "waiting",
            "hold_id": None,
            "site": self._site(unit, built),
            "primary_contact": built.primary,
            "protected": built.protected and (change.leaves or bool(change.removed)),
            "removal": accepted is not None and change.leaves,
            "status_change": self._status_changed(unit),
            "since": wish.since if wish is not None else self.criteria.at,
            "attempts": 0,
            "not_before": None,
            "lease_until": None,
            "last_code": wishes.UNKNOWN if wish is not None and wishes.was_sent(wish) else None,
        }

    def _shaped_by(self, unit: Unit, built: Built, change: Delta, wish: Any) -> list[list[Any]]:
        """Whose data shaped the document; where something goes, also whoever was at the address before."""
        found = [list(party) for party in built.shaped_by]
        if change.leaves or change.removed:
            there = {party[0] for party in found}
            stored = self.documents.loaded.stored.values()
            found += [[s.id, "", ()] for s in stored if s.address == unit.key and s.id not in there]
        return found or (list(wish.parties) if wish is not None else [])

    def _loud(self, unit: Unit, built: Built, accepted: Document | None, wish: Any) -> dict[str, Any]:
        if self.outlet.baseline or not self.outlet.audience.starts:
            return {}
        had = accepted.tags if accepted is not None else frozenset()
        passed = {contact for contact, _, _ in built.shaped_by}
        parties = [party for party in unit.parties if party.contact in passed]
        return {
            tag: self.documents.speech.entries(self.outlet, tag, parties)
            for tag, since in built.loud.items()
            if tag not in had and not _waits_quietly(tag, since, wish)
        }

    def _site(self, unit: Unit, built: Built) -> str | None:
        by_contact = {party.contact: party.site for party in unit.parties}
        return by_contact.get(built.primary or "")

    def _status_changed(self, unit: Unit) -> bool:
        """True if a transition, not a first status, of someone here is what a brake must count."""
        stored, decided = self.documents.loaded.stored, self.documents.decided
        return any(
            stored[party.contact].status not in (None, decided[party.contact].judgement.status)
            for party in unit.parties
        )

    def _standings(self, unit: Unit, built: Built) -> Iterable[dict[str, Any]]:
        for contact, reasons in built.withheld.items():
            yield {"destination": self.name, "contact": contact, "key": unit.key or None, "withheld": dict(reasons)}
