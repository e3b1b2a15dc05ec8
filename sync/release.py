"""Release: waiting baseline members become loud entries, so many a day, as an operator has decided."""

from collections.abc import Collection
from datetime import datetime
from typing import Any, Final, NamedTuple
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, func, select, update

from sync.clock import local_day, midnight
from sync.store import tables as t
from sync.store.contacts import mark_contacts
from sync.store.memos import drop_memo, read_memos, write_memo
from sync.store.statements import chunks, insert

OWNER: Final = "release"
"""The owner of memos by segment: `per_day` and `since`, while a release goes on."""

_m, _c, _e = t.membership.c, t.contact.c, t.entry.c


class Standing(NamedTuple):
    """How a segment's baseline stands: members with an address that still wait."""

    segment: str
    waiting: int


def start_release(connection: Connection, segment: str, per_day: int, at: datetime) -> Standing:
    """Notes that a segment's waiting members become loud from now on, `per_day` a day; 0 ends it."""
    if per_day:
        write_memo(connection, OWNER, segment, {"per_day": per_day, "since": at.isoformat()})
    else:
        drop_memo(connection, OWNER, segment)
    query = select(func.count()).select_from(_waiting(segment).subquery())
    return Standing(segment, connection.execute(query).scalar_one())


class Day(NamedTuple):
    """The instant of a pass, the run, and the zone whose days are counted."""

    at: datetime
    run_id: str
    zone: ZoneInfo


def release_due(connection: Connection, segments: Collection[str], day: Day) -> int:
    """Makes today's share of each release loud; a release ends once nobody waits. Returns how many were released."""
    released = 0
    for segment, memo in read_memos(connection, OWNER).items():
        if segment not in segments:
            continue
        left = memo["per_day"] - _released_since(connection, segment, midnight(local_day(day.at, day.zone), day.zone))
        contacts = list(connection.execute(_waiting(segment).limit(max(left, 0))).scalars())
        _make_loud(connection, segment, contacts, day)
        released += len(contacts)
        if not contacts and left > 0:
            drop_memo(connection, OWNER, segment)
    return released


def _waiting(segment: str) -> Any:
    """Members that came in quietly and have an address, those who fell due last first."""
    return (
        select(_m.contact)
        .join(t.contact, _c.id == _m.contact)
        .where(_m.segment == segment, _m.entered_by.in_(("baseline", "rule")))
        .where(_c.address.is_not(None), _c.status != "inactive")
        .order_by(_m.due_at.desc(), _m.contact)
    )


def _released_since(connection: Connection, segment: str, since: datetime) -> int:
    query = select(func.count()).select_from(t.entry)
    released = query.where(_e.segment == segment, _e.entered_by == "release", _e.at >= since)
    return connection.execute(released).scalar_one()


def _make_loud(connection: Connection, segment: str, contacts: list[str], day: Day) -> None:
    changed = {"entered_by": "release", "since": day.at, "due_at": day.at}
    for piece in chunks(contacts):
        where = (_m.segment == segment, _m.contact.in_(piece))
        versions = dict(connection.execute(select(_m.contact, _m.rule_version).where(*where)).all())
        connection.execute(update(t.membership).where(*where).values(changed))
        rows = [
            {
                "contact": contact, "segment": segment, "kind": "entered", "entered_by": "release",
                "at": day.at, "rule_version": versions[contact], "run_id": day.run_id,
            }
            for contact in piece
        ]  # fmt: skip
        insert(connection, t.entry, rows)
    mark_contacts(connection, contacts)
