"""Events that are told to destinations at most once: made by reviews, settled one by one."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, and_, select, update

from mappings.document import Document
from sync.segments import LOUD
from sync.store import tables as t
from sync.store.statements import chunks, upsert
from sync.store.wishes import from_json

_e, _s, _w = t.event.c, t.subscriber.c, t.wish.c


class Happened(NamedTuple):
    """Something of a contact that a review has just recorded: what (a segment or a status), and its number."""

    contact: str
    what: str
    number: int


def transitions(connection: Connection, contacts: Sequence[str], at: datetime, fresh: datetime) -> Iterator[Happened]:
    """Changes of status of this instant that are not older than `fresh`; a first status is none."""
    c = t.transition.c
    for piece in chunks(contacts):
        found = and_(c.contact.in_(piece), c.at == at, c.as_of >= fresh, c.old.is_not(None))
        for row in connection.execute(select(c.contact, c.new, c.id).where(found)):
            yield Happened(*row)


def entries(connection: Connection, contacts: Sequence[str], at: datetime) -> Iterator[Happened]:
    """Entries of this instant that may be loud."""
    c = t.entry.c
    for piece in chunks(contacts):
        found = and_(c.contact.in_(piece), c.at == at, c.kind == "entered", c.entered_by.in_(sorted(LOUD)))
        for row in connection.execute(select(c.contact, c.segment, c.id).where(found)):
            yield Happened(*row)


def note(connection: Connection, rows: Sequence[dict[str, Any]]) -> None:
    """Notes events that are to be told; one that is known is left as it is."""
    keys = ("destination", "key", "name", "transition_id")
    upsert(connection, t.event, rows, keys, keep=("state", "since"))


class Waiting(NamedTuple):
    """An event that is to be told, what the destination holds of its subscriber, and whether a change waits there."""

    key: str
    name: str
    number: int
    since: datetime
    accepted: Document | None
    accepted_at: datetime | None
    ref: str | None
    changing: bool


def waiting(connection: Connection, destination: str) -> list[Waiting]:
    """What is to be told, the oldest first."""
    query = (
        select(_e.key, _e.name, _e.transition_id, _e.since, _s.accepted, _s.accepted_at, _s.ref, _w.key.is_not(None))
        .outerjoin(t.subscriber, and_(_s.destination == _e.destination, _s.key == _e.key))
        .outerjoin(t.wish, and_(_w.destination == _e.destination, _w.key == _e.key))
        .where(_e.destination == destination, _e.state == "ready")
        .order_by(_e.since, _e.transition_id)
    )
    return [Waiting._make((*row[:4], from_json(row[4]), *row[5:])) for row in connection.execute(query)]


def settle(connection: Connection, destination: str, event: Waiting, state: str) -> None:
    """Notes what came of an event: sent, unknown, refused, expired, withheld; `ready` again where nothing was sent."""
    mine = (_e.destination == destination, _e.key == event.key, _e.name == event.name, _e.transition_id == event.number)
    connection.execute(update(t.event).where(*mine).values(state=state))
