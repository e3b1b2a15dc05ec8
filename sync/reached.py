"""Whom other destinations do not reach, and why: what a worklist for the front desk is made of."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, select

from sync.criteria import Outlet
from sync.store import tables as t
from sync.store import wishes
from sync.store.statements import chunks

LATER: Final = frozenset(
    {
        "lower_priority", "capped", "send_window", "waiting_baseline", "stale_source", "already_there", "observe", "held",
        "pending", "reached_elsewhere", "paused", "other_site",
    }
)  # fmt: skip
"""Reasons that say nothing of whether somebody can be reached: they are reached later, or elsewhere."""

Reasons = dict[str, str]
"""Segment -> why nobody reaches the contact for it (a withheld reason, or "" where none was recorded)."""


class Person(NamedTuple):
    """A contact as a worklist needs it."""

    site: str | None
    address: str | None


def persons(connection: Connection, contacts: Sequence[str]) -> dict[str, Person]:
    """Site and mailing address of contacts."""
    c = t.contact.c
    found: dict[str, Person] = {}
    for piece in chunks(contacts):
        query = select(c.id, c.site, c.address).where(c.id.in_(piece))
        found.update((contact, Person(site, address)) for contact, site, address in connection.execute(query))
    return found


def unreached(
    connection: Connection, asked: Sequence[Outlet], listed: Mapping[str, frozenset[str]], known: Mapping[str, Person]
) -> dict[str, Reasons]:
    """Of contacts and their segments those that none of the destinations reaches; with none asked, all without reason."""
    found: dict[str, Reasons] = {contact: dict.fromkeys(names, "") for contact, names in listed.items()}
    for place, outlet in enumerate(asked):
        at = _Outlet(connection, outlet, known)
        for contact, reasons in found.items():
            here = dict(at.missed(contact, frozenset(reasons)))
            found[contact] = {name: reasons[name] if place else here[name] for name in reasons if name in here}
    return {contact: reasons for contact, reasons in found.items() if reasons}


class _Outlet:
    """One destination, and what it holds of some contacts."""

    def __init__(self, connection: Connection, outlet: Outlet, known: Mapping[str, Person]) -> None:
        self._tags, self._known = outlet.audience.tags, known
        self._by_address = outlet.audience.unit == "address"
        keys = [key for contact in known if (key := self._key(contact))]
        self._held = wishes.subscribers(connection, outlet.name, keys)
        self._wished = wishes.wishes(connection, outlet.name, keys)
        self._withheld = _withheld(connection, outlet.name, list(known))

    def missed(self, contact: str, names: frozenset[str]) -> Iterator[tuple[str, str]]:
        """The segments for which it does not reach the contact, each with the reason."""
        withheld, key = self._withheld.get(contact, {}), self._key(contact)
        for name in sorted(names):
            reason = withheld.get(name) or withheld.get("*")
            if reason in LATER:
                continue
            if reason is not None:
                yield name, reason
            elif key is None:
                yield name, "no_address"
            elif not self._holds(key, name):
                yield name, "parked" if self._is_parked(key) else ""

    def _key(self, contact: str) -> str | None:
        person = self._known.get(contact)
        return contact if not self._by_address else person.address if person is not None else None

    def _holds(self, key: str, name: str) -> bool:
        """True if the contact is there for the segment, or on the way; for one not listed there, if they are there at all."""
        tag = self._tags.get(("segment", name))
        documents = [self._held[key].accepted] if key in self._held else []
        documents += [self._wished[key].document] if key in self._wished and not self._is_parked(key) else []
        return any(_shows(document, tag) for document in documents)

    def _is_parked(self, key: str) -> bool:
        return key in self._wished and self._wished[key].state == "parked"


def _shows(document: Mapping[str, Any] | None, tag: str | None) -> bool:
    subscribed = document is not None and document["standing"] == "subscribed"
    return subscribed and (tag is None or (document is not None and tag in document["tags"]))


def _withheld(connection: Connection, destination: str, contacts: Sequence[str]) -> dict[str, Mapping[str, str]]:
    c = t.standing.c
    found: dict[str, Mapping[str, str]] = {}
    for piece in chunks(contacts):
        query = select(c.contact, c.withheld).where(c.destination == destination, c.contact.in_(piece))
        found.update(connection.execute(query).all())
    return found
