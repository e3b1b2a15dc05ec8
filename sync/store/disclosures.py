"""The ledger of disclosures, read: about one person, or of one destination."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, Select, Text, cast, or_, select

from sync.contact_reference import UnknownContact, find_contact
from sync.log import person_hash
from sync.store import tables as t
from sync.store import tombstones
from sync.store.tombstones import Name

_d, _c, _l = t.disclosure.c, t.contact.c, t.link.c
_SHOWN: Final = (
    "at", "destination", "recipient", "contacts", "subscriber", "fields", "added", "removed", "purpose", "basis", "run_id",
    "outcome",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What of a destination's disclosures is asked: those in a time, `until` not included, that tell of a segment."""

    destination: str
    segment: str | None = None
    since: datetime | None = None
    until: datetime | None = None


def about(connection: Connection, contacts: Sequence[str]) -> Iterator[dict[str, Any]]:
    """Every disclosure that the data of these contacts shaped, oldest first."""
    named = or_(*(cast(_d.contacts, Text).contains(f'"{contact}"') for contact in contacts))
    yield from _read(connection, select(t.disclosure).where(named))


def of_destination(connection: Connection, asked: Asked) -> Iterator[dict[str, Any]]:
    """What a destination was told, oldest first; of a segment: its tag was added or taken away."""
    query = select(t.disclosure).where(_d.destination == asked.destination)
    query = query.where(_d.at >= asked.since) if asked.since is not None else query
    query = query.where(_d.at < asked.until) if asked.until is not None else query
    for row in _read(connection, query):
        if asked.segment is None or _tells(row, asked.segment):
            yield row


def _tells(row: dict[str, Any], segment: str) -> bool:
    told = {**row["added"], **row["removed"]}
    return segment in told or f"segment:{segment}" in told.values()


def _read(connection: Connection, query: Select[Any]) -> Iterator[dict[str, Any]]:
    for row in connection.execute(query.order_by(_d.id).execution_options(yield_per=1000)).mappings():
        yield {name: row[name] for name in _SHOWN} | {"at": row["at"].isoformat()}


def ids_of(connection: Connection, reference: str) -> list[str]:
    """The ids under which a contact stands in the ledger: its own, and those of contacts that were merged into it.

    A forgotten contact is still found, by its id, its hash or SOURCE:EXTERNAL_ID. Raises UnknownContact.
    """
    try:
        contact = find_contact(connection, reference)
    except UnknownContact:
        return _forgotten(connection, reference)
    rows = select(_l.row_id).where(_l.contact == contact, _l.until.is_(None))
    return sorted({contact, *connection.execute(select(_c.id).where(_c.founder.in_(rows))).scalars()})


def _forgotten(connection: Connection, reference: str) -> list[str]:
    name = Name("row", *reference.partition(":")[::2])
    stone = tombstones.found(connection, [name]).get(name)
    gone = connection.execute(select(_c.id).where(_c.state == "forgotten")).scalars().all()
    meant = stone.contact if stone is not None else None
    contact = next((id_ for id_ in gone if id_ == meant or reference in (id_, person_hash(id_))), None)
    if contact is None:
        raise UnknownContact
    # Whoever was of one person when that was forgotten lost the links at one instant.
    ends = select(_l.until).where(_l.contact == contact, _l.until.is_not(None)).order_by(_l.until.desc()).limit(1)
    rows = select(_l.row_id).where(_l.contact == contact, _l.until == ends.scalar_subquery())
    found = connection.execute(select(_c.id).where(_c.founder.in_(rows), _c.state == "forgotten")).scalars()
    return sorted({contact, *found})
