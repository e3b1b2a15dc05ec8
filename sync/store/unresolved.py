"""Rows that wait to be resolved again: the line does so before it reviews, a page at a time."""

from collections.abc import Iterable, Sequence
from typing import Final

from sqlalchemy import Connection, delete, select

from sync.store import tables as t
from sync.store.statements import chunks, upsert

PAGE: Final = 500

_u = t.unresolved.c


def add(connection: Connection, rows: Iterable[int]) -> None:
    """Has rows wait."""
    upsert(connection, t.unresolved, [{"row_id": row} for row in sorted(set(rows))], ("row_id",))


def page(connection: Connection) -> Sequence[int]:
    """The next of them."""
    return connection.execute(select(_u.row_id).order_by(_u.row_id).limit(PAGE)).scalars().all()


def drop(connection: Connection, rows: Sequence[int]) -> None:
    """Lets them wait no longer."""
    for piece in chunks(rows):
        connection.execute(delete(t.unresolved).where(_u.row_id.in_(piece)))
