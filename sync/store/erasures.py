"""What destinations are still to erase of forgotten persons."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, delete, func, select, update

from sync.disclosure import subscriber_id
from sync.store import tables as t
from sync.store.engine import overwrite_deleted
from sync.store.statements import insert

_e, _s = t.erasure.c, t.subscriber.c


class Asked(NamedTuple):
    """A subscriber to erase: of which contact, at which destination, by key (address or contact) and reference."""

    contact: str
    destination: str
    key: str
    ref: str | None


def ask(connection: Connection, asked: Sequence[Asked], at: datetime) -> None:
    """Notes what is to be erased."""
    insert(connection, t.erasure, [{**each._asdict(), "state": "waiting", "asked_at": at} for each in asked])


def waiting(connection: Connection, destination: str) -> list[tuple[int, Asked]]:
    """What a destination has not erased yet, with its number."""
    columns = (_e.id, *(_e[name] for name in Asked._fields))
    query = select(*columns).where(_e.destination == destination, _e.state == "waiting").order_by(_e.id)
    return [(row[0], Asked(*row[1:])) for row in connection.execute(query)]


def settle(connection: Connection, number: int, asked: Asked, state: str, at: datetime, code: str | None = None) -> Any:
    """Notes what came of it and empties what was stored of the subscriber; returns what was accepted last."""
    overwrite_deleted(connection)
    mine = _s.destination == asked.destination, _s.key == asked.key
    accepted = connection.execute(select(_s.accepted).where(*mine)).scalar()
    for table in (t.subscriber, t.wish, t.event):
        connection.execute(delete(table).where(table.c.destination == asked.destination, table.c.key == asked.key))
    values = {"state": state, "code": code, "settled_at": at, "key": subscriber_id(asked.key), "ref": None}
    connection.execute(update(t.erasure).where(_e.id == number).values(**values))
    return accepted


def open_erasures(connection: Connection) -> dict[str, int]:
    """How many subscribers are still to be erased, by destination."""
    query = select(_e.destination, func.count()).where(_e.state == "waiting").group_by(_e.destination)
    return dict(connection.execute(query).all())
