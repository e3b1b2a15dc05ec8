"""Which contacts must be reviewed: stale ones, those whose time has come, and whoever shares an address with them."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, Select, and_, delete, func, or_, select, true, update

from sync.store import tables as t
from sync.store.statements import chunks, insert

_c, _l, _p = t.contact.c, t.link.c, t.patient_record.c


def mark_changed(connection: Connection, source: str, patients: Iterable[str], at: datetime) -> None:
    """Marks the contacts of a source's patient rows, by external id: their data changed at `at`."""
    for piece in chunks(sorted(patients)):
        linked = (
            select(_l.contact)
            .join(t.patient_record, _p.id == _l.row_id)
            .where(_p.source == source, _p.external_id.in_(piece), _l.until.is_(None))
        )
        connection.execute(update(t.contact).where(_c.id.in_(linked)).values(stale=True, data_at=at))


def mark_addressed(connection: Connection, emails: Iterable[str], at: datetime) -> None:
    """Marks the contacts of the patient rows, of any source, that have one of these addresses."""
    for piece in chunks(sorted(emails)):
        linked = (
            select(_l.contact).join(t.patient_record, _p.id == _l.row_id).where(_p.email.in_(piece), _l.until.is_(None))
        )
        connection.execute(update(t.contact).where(_c.id.in_(linked)).values(stale=True, data_at=at))


def mark_contacts(connection: Connection, contacts: Iterable[str]) -> None:
    """Marks contacts by id."""
    for piece in chunks(sorted(contacts)):
        _mark(connection, _c.id.in_(piece))


def mark_everyone(connection: Connection) -> None:
    """Marks every contact: a rule or a threshold has changed."""
    _mark(connection, true())


def mark_waiting(connection: Connection, source: str, data_as_of: datetime) -> None:
    """Marks whoever waits for a source's data to reach this instant."""
    waiting = select(t.wait.c.contact).where(t.wait.c.source == source, t.wait.c.until <= data_as_of)
    _mark(connection, _c.id.in_(waiting))


def mark_of_sources(connection: Connection, sources: Sequence[str]) -> None:
    """Marks whoever has a row in one of the sources."""
    rows = select(_l.contact).join(t.patient_record, _p.id == _l.row_id)
    _mark(connection, _c.id.in_(rows.where(_p.source.in_(sources), _l.until.is_(None))))


def mark_of_sites(connection: Connection, sites: Sequence[str]) -> None:
    """Marks whoever belongs to one of the sites."""
    _mark(connection, _c.site.in_(sites))


def _mark(connection: Connection, where: ColumnElement[bool]) -> None:
    connection.execute(update(t.contact).where(where, ~_c.stale).values(stale=True))


def refresh_shared(connection: Connection, limit: int) -> None:
    """Recounts the addresses of stale contacts: those on more than `limit` contacts are shared.

    When an address becomes shared, or no longer is, everyone on it becomes stale.
    """
    before = dict(connection.execute(select(t.shared_address.c.value, t.shared_address.c.n_contacts)).all())
    now = _over_limit(connection, limit, sorted(before))
    for value in sorted(before.keys() ^ now.keys()):
        _mark(connection, _c.id.in_(_contacts_at([value])))
    if now != before:
        connection.execute(delete(t.shared_address))
        insert(connection, t.shared_address, [{"value": v, "n_contacts": n} for v, n in sorted(now.items())])


def _over_limit(connection: Connection, limit: int, before: Sequence[str]) -> dict[str, int]:
    found: dict[str, int] = {}
    stale_rows = (
        select(_p.email, _p.phone)
        .join(t.link, and_(_l.row_id == _p.id, _l.until.is_(None)))
        .join(t.contact, _c.id == _l.contact)
        .where(_c.stale)
        .subquery()
    )
    for column, stale in ((_p.email, stale_rows.c.email), (_p.phone, stale_rows.c.phone)):
        counts = (
            select(column, func.count(func.distinct(_l.contact)))
            .join(t.link, and_(_l.row_id == _p.id, _l.until.is_(None)))
            .where(column.is_not(None), _p.replaced_by.is_(None))
            .group_by(column)
            .having(func.count(func.distinct(_l.contact)) > limit)
        )
        found.update(connection.execute(counts.where(column.in_(select(stale)))).all())
        for piece in chunks(before):
            found.update(connection.execute(counts.where(column.in_(piece))).all())
    return found


def shared_values(connection: Connection, values: Iterable[str]) -> set[str]:
    """Those of the addresses that too many contacts share."""
    found: set[str] = set()
    for piece in chunks(sorted(values)):
        query = select(t.shared_address.c.value).where(t.shared_address.c.value.in_(piece))
        found.update(connection.execute(query).scalars())
    return found


def due_batch(connection: Connection, at: datetime, size: int) -> list[str]:
    """The next contacts to review: stale ones, then those whose instant has come."""
    stale = list(connection.execute(select(_c.id).where(_c.stale).limit(size)).scalars())
    if len(stale) == size:
        return stale
    due = select(_c.id).where(_c.next_review_at <= at, ~_c.stale).order_by(_c.next_review_at).limit(size - len(stale))
    return stale + list(connection.execute(due).scalars())


def with_neighbours(connection: Connection, contacts: Sequence[str]) -> list[str]:
    """Adds whoever shares an e-mail or phone with these, and whoever shares an e-mail with those."""
    near = _neighbours(connection, contacts, phones=True)
    return sorted(near | _neighbours(connection, sorted(near), phones=False))


def _neighbours(connection: Connection, contacts: Sequence[str], *, phones: bool) -> set[str]:
    found = set(contacts)
    values = _addresses(connection, contacts, phones=phones)
    for piece in chunks(sorted(values - shared_values(connection, values))):
        found.update(row[0] for row in connection.execute(_contacts_at(piece)))
        held = select(_c.id).where(_c.address.in_(piece), _c.state == "active")
        found.update(contact for (contact,) in connection.execute(held))
    return found


def _addresses(connection: Connection, contacts: Sequence[str], *, phones: bool) -> set[str]:
    values: set[str | None] = set()
    for piece in chunks(contacts):
        rows = (
            select(_p.email, _p.phone)
            .join(t.link, and_(_l.row_id == _p.id, _l.until.is_(None)))
            .where(_l.contact.in_(piece))
        )
        for email, phone in connection.execute(rows):
            values.update((email, phone) if phones else (email,))
        for address, phone in connection.execute(select(_c.address, _c.phone).where(_c.id.in_(piece))):
            values.update((address, phone) if phones else (address,))
    return {value for value in values if value is not None}


def _contacts_at(values: Sequence[str]) -> Select[str]:
    rows = select(_p.id).where(or_(_p.email.in_(values), _p.phone.in_(values)))
    return select(_l.contact).where(_l.row_id.in_(rows), _l.until.is_(None))
