"""What a review reads beside persons, and what it writes; a batch at a time."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, and_, bindparam, delete, or_, select, update

from sync.segments import Membership
from sync.store import tables as t
from sync.store.statements import chunks, insert, upsert

_c, _m = t.contact.c, t.membership.c


class Sharer(NamedTuple):
    """A contact outside the batch that shares an address with someone in it."""

    contact: str
    address: str | None
    phone: str | None
    status: str | None


def memberships(connection: Connection, contacts: Sequence[str]) -> dict[str, dict[str, Membership]]:
    """Segments that contacts are in, by contact and name. `since` of a Membership is when its entry fell due."""
    found: dict[str, dict[str, Membership]] = defaultdict(dict)
    for piece in chunks(contacts):
        columns = (_m.contact, _m.segment, _m.due_at, _m.entered_by, _m.rule_version, _m.since)
        for contact, segment, *held in connection.execute(select(*columns).where(_m.contact.in_(piece))):
            found[contact][segment] = Membership._make(held)
    return found


def clocks(
    connection: Connection, contacts: Sequence[str]
) -> dict[str, tuple[datetime, datetime | None, datetime | None]]:
    """When a contact's data changed last, when it was reviewed last, and when its next review was due."""
    found: dict[str, tuple[datetime, datetime | None, datetime | None]] = {}
    for piece in chunks(contacts):
        query = select(_c.id, _c.data_at, _c.reviewed_at, _c.next_review_at).where(_c.id.in_(piece))
        found.update((row[0], (row[1], row[2], row[3])) for row in connection.execute(query))
    return found


def sharers(
    connection: Connection, addresses: Iterable[str], phones: Iterable[str], inside: Iterable[str]
) -> list[Sharer]:
    """Contacts outside the batch at one of the addresses or phones, as the last review left them."""
    batch, found = set(inside), {}
    for column, values in ((_c.address, addresses), (_c.phone, phones)):
        for piece in chunks(sorted(set(values))):
            query = select(_c.id, _c.address, _c.phone, _c.status).where(column.in_(piece), _c.state == "active")
            found.update({row[0]: Sharer(*row) for row in connection.execute(query) if row[0] not in batch})
    return list(found.values())


def write_contacts(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Writes what a review found of contacts; each row has `key` (the id) and the columns to set."""
    if rows:
        names = [name for name in rows[0] if name != "key"]
        statement = update(t.contact).where(_c.id == bindparam("key")).values({n: bindparam(n) for n in names})
        connection.execute(statement, list(rows))


def write_waits(connection: Connection, contacts: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> None:
    """Replaces what contacts wait for."""
    for piece in chunks(contacts):
        connection.execute(delete(t.wait).where(t.wait.c.contact.in_(piece)))
    insert(connection, t.wait, rows)


def write_memberships(
    connection: Connection, entered: Sequence[Mapping[str, Any]], left: Sequence[tuple[str, str]]
) -> None:
    """Writes who came into segments and who left them."""
    upsert(connection, t.membership, entered, ("contact", "segment"))
    by_segment: dict[str, list[str]] = defaultdict(list)
    for contact, segment in left:
        by_segment[segment].append(contact)
    for segment, contacts in by_segment.items():
        for piece in chunks(contacts):
            connection.execute(delete(t.membership).where(_m.segment == segment, _m.contact.in_(piece)))


def write_standings(
    connection: Connection, destination: str, contacts: Sequence[str], rows: Sequence[Mapping[str, Any]]
) -> None:
    """Replaces what is withheld of contacts at a destination, and why."""
    c = t.standing.c
    for piece in chunks(contacts):
        connection.execute(delete(t.standing).where(c.destination == destination, c.contact.in_(piece)))
    insert(connection, t.standing, rows)


def write_wishes(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Writes wishes; a row of the same key is replaced."""
    upsert(connection, t.wish, rows, ("destination", "key"))


class Version(NamedTuple):
    """What everyone was last reviewed under, and since when: whether that was complete, and followed an edit."""

    version: str
    complete: bool
    edited: bool
    since: datetime


def versions(connection: Connection) -> dict[str, Version]:
    """Versions by name."""
    c = t.rule_version.c
    rows = connection.execute(select(c.name, c.version, c.complete, c.edited, c.since))
    return {row[0]: Version(*row[1:]) for row in rows}


def write_versions(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Notes what contacts are reviewed under from now on."""
    upsert(connection, t.rule_version, rows, ("name",))


def drop_versions(connection: Connection, names: Sequence[str]) -> None:
    """Forgets segments, sources or destinations that are no longer configured."""
    for piece in chunks(names):
        connection.execute(delete(t.rule_version).where(t.rule_version.c.name.in_(piece)))


def complete_versions(connection: Connection, names: Sequence[str]) -> None:
    """Says that everyone was reviewed under these."""
    for piece in chunks(names):
        connection.execute(update(t.rule_version).where(t.rule_version.c.name.in_(piece)).values(complete=True))


def overdue(connection: Connection, at: datetime) -> bool:
    """True while someone waits for a review."""
    query = select(_c.id).where(or_(_c.stale, and_(_c.next_review_at.is_not(None), _c.next_review_at <= at))).limit(1)
    return connection.execute(query).first() is not None
