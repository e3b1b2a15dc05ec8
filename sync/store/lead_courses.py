"""What came of leads: contacts with a row of a lead list or with a lead's source or date, and how far they have come."""

from collections.abc import Collection, Iterator
from datetime import date
from typing import Any

from sqlalchemy import Connection, Select, and_, case, func, or_, select

from sync.funnel import Lead
from sync.store import tables as t

_c, _l, _p, _v, _e = t.contact.c, t.link.c, t.patient_record.c, t.visit_record.c, t.episode_record.c

_HELD = ("booked", "arrived", "fulfilled", "noshow")
_ATTENDED = ("arrived", "fulfilled")


def lead_courses(connection: Connection, lead_lists: Collection[str], today: date) -> Iterator[Lead]:
    """Every living contact who is or was a lead. Of several rows the one with the earliest lead date names the source."""
    leads = _rows(or_(_p.source.in_(lead_lists), _p.lead_source.is_not(None), _p.lead_since.is_not(None)))
    visits = _visits(connection, leads)
    completed = _completed(connection, leads, today)
    query = (
        leads.add_columns(_c.site, _c.status, _p.source, _p.lead_source)
        .join(t.contact, and_(_c.id == _l.contact, _c.state == "active"))
        .order_by(_l.contact, _p.lead_since.asc().nulls_last(), _p.source, _p.external_id)
    )
    last = None
    for contact, site, status, source, lead_source in connection.execute(query):
        if contact != last:
            last = contact
            held, attended = visits.get(contact, (0, 0))
            named = lead_source or (source if source in lead_lists else None)
            yield Lead(site, named, bool(held), attended, status == "active", contact in completed)


def _rows(where: Any) -> Select[Any]:
    return select(_l.contact).join(t.patient_record, and_(_p.id == _l.row_id, _l.until.is_(None))).where(where)


def _visits(connection: Connection, leads: Select[Any]) -> dict[str, tuple[int, int]]:
    """By contact: how many visits were held for them, and on how many days they came."""
    attended = case((_v.status.in_(_ATTENDED), _v.day))
    query = (
        _rows(_l.contact.in_(leads))
        .join(t.visit_record, and_(_v.source == _p.source, _v.patient_id == _p.external_id))
        .where(_v.present, _v.status.in_(_HELD))
        .add_columns(func.count(), func.count(func.distinct(attended)))
        .group_by(_l.contact)
    )
    return {contact: (held, days) for contact, held, days in connection.execute(query)}


def _completed(connection: Connection, leads: Select[Any], today: date) -> set[str]:
    query = (
        _rows(_l.contact.in_(leads))
        .join(t.episode_record, and_(_e.source == _p.source, _e.patient_id == _p.external_id))
        .where(_e.present, _e.outcome == "completed", _e.discharged_on <= today)
    )
    return set(connection.execute(query).scalars())
