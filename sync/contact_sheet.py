"""A contact with its rows side by side, as `contacts show` gives it on the operator's own terminal."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, Final

from sqlalchemy import Connection, and_, select

from sync.contact_reference import find_contact
from sync.status import iso
from sync.store import tables as t
from sync.store.contact_list import contacts

_c, _l, _p = t.contact.c, t.link.c, t.patient_record.c

_INNER: Final = frozenset({"id", "first_key", "last_key", "last_head", "last_tail", "first_pull", "seen_minor"})
"""Columns that say nothing to a person."""


def sheet_of(connection: Connection, reference: str) -> dict[str, Any]:
    """What `contacts list` says of a contact, with its addresses and `rows`; raises UnknownContact."""
    contact = find_contact(connection, reference)
    listed = next(contacts(connection, [contact]))
    query = select(_c.address, _c.phone, _c.status_since, _c.reviewed_at, _c.next_review_at).where(_c.id == contact)
    stored = connection.execute(query).mappings().one()
    return {
        **listed,
        **{name: iso(value) if isinstance(value, datetime) else value for name, value in stored.items()},
        "rows": _rows(connection, contact),
        "quarantined": _quarantined(connection, contact),
    }


def _rows(connection: Connection, contact: str) -> list[dict[str, Any]]:
    query = select(_l.row_id).where(_l.contact == contact, _l.until.is_(None))
    return rows_of(connection, connection.execute(query).scalars().all())


def rows_of(connection: Connection, row_ids: Sequence[int]) -> list[dict[str, Any]]:
    """Patient rows as they landed, in the order of source and id (values of a person)."""
    columns = [column for column in t.patient_record.c if column.name not in _INNER]
    query = select(*columns).where(_p.id.in_(row_ids)).order_by(_p.source, _p.external_id)
    return [{name: _plain(value) for name, value in row.items()} for row in connection.execute(query).mappings()]


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return iso(value)
    return value.isoformat() if isinstance(value, date) else value


def _quarantined(connection: Connection, contact: str) -> list[int]:
    """Ids in quarantine of rows about this contact's patients."""
    q = t.quarantine.c
    query = (
        select(q.id)
        .join(t.patient_record, and_(_p.source == q.source, _p.external_id == q.patient_id))
        .join(t.link, and_(_l.row_id == _p.id, _l.until.is_(None)))
        .where(_l.contact == contact)
        .order_by(q.id)
    )
    return list(connection.execute(query).scalars())
