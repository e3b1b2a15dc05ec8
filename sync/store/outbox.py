"""The outbox as people see and mend it: wishes by a name that is no address, retried or dropped by hand."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, and_, delete, select, update

from sync.disclosure import subscriber_id
from sync.store import tables as t
from sync.store.statements import chunks

_w = t.wish.c
_SHOWN = (
    _w.destination, _w.key, _w.state, _w.last_code, _w.attempts, _w.since, _w.not_before, _w.hold_id,
    _w.parties, _w.removal,
)  # fmt: skip


class WishKey(NamedTuple):
    """A wish as the database knows it."""

    destination: str
    key: str

    @property
    def id(self) -> str:
        """How people name it: DESTINATION:SUBSCRIBER, the subscriber as in the disclosure ledger."""
        return f"{self.destination}:{subscriber_id(self.key)}"


def outbox(connection: Connection, destination: str | None = None) -> Iterator[dict[str, Any]]:
    """Every wish that stands, oldest first, without its address; streams."""
    query = select(*_SHOWN).order_by(_w.since, _w.destination, _w.key)
    if destination is not None:
        query = query.where(_w.destination == destination)
    for row in connection.execute(query.execution_options(yield_per=1000)):
        yield {
            "id": WishKey(row.destination, row.key).id,
            "destination": row.destination,
            "state": row.state,
            "code": row.last_code,
            "attempts": row.attempts,
            "since": row.since,
            "not_before": row.not_before,
            "hold": row.hold_id,
            "removal": row.removal,
            "contacts": [party[0] for party in row.parties],
        }


def named(connection: Connection, id_: str) -> WishKey | None:
    """The wish with this id."""
    destination = id_.rpartition(":")[0]
    keys = connection.execute(select(_w.key).where(_w.destination == destination)).scalars().all()
    found = (WishKey(destination, key) for key in keys)
    return next((key for key in found if key.id == id_), None)


def parked(connection: Connection, destination: str | None = None) -> list[WishKey]:
    """The wishes that a destination refused; of all destinations without one."""
    query = select(_w.destination, _w.key).where(_w.state == "parked").order_by(_w.destination, _w.key)
    if destination is not None:
        query = query.where(_w.destination == destination)
    return [WishKey(*row) for row in connection.execute(query)]


def retry(connection: Connection, keys: Sequence[WishKey]) -> int:
    """Makes wishes ready again that are parked or put off; returns how many."""
    done = 0
    for destination, piece in _by_destination(keys):
        where = and_(_w.destination == destination, _w.key.in_(piece), _w.state.in_(("parked", "ready")))
        done += connection.execute(
            update(t.wish).where(where).values(state="ready", not_before=None, attempts=0)
        ).rowcount
    return done


def drop(connection: Connection, key: WishKey) -> bool:
    """Deletes a wish that is not being sent; False when it is."""
    where = and_(_w.destination == key.destination, _w.key == key.key, _w.state != "claimed")
    return connection.execute(delete(t.wish).where(where)).rowcount == 1


def _by_destination(keys: Sequence[WishKey]) -> Iterator[tuple[str, list[str]]]:
    for destination in sorted({key.destination for key in keys}):
        for piece in chunks([key.key for key in keys if key.destination == destination]):
            yield destination, piece
