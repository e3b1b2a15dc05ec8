"""Set-wise statements that SQLite and PostgreSQL both understand: a page at a time, never row by row."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import islice
from typing import Any, TypeVar

from sqlalchemy import Connection, Select, Table, true
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.sql.dml import Insert

CHUNK = 500

T = TypeVar("T")


def chunks(items: Iterable[T], size: int = CHUNK) -> Iterator[list[T]]:
    """Cuts items into lists of at most `size`."""
    iterator = iter(items)
    while piece := list(islice(iterator, size)):
        yield piece


@lru_cache(maxsize=256)
def _upsert(table: Table, dialect: str, keys: tuple[str, ...], update: tuple[str, ...]) -> Insert:
    module: Any = sqlite if dialect == "sqlite" else postgresql
    statement = module.insert(table)
    if not update:
        statement = statement.on_conflict_do_nothing(index_elements=list(keys))
    else:
        statement = statement.on_conflict_do_update(
            index_elements=list(keys), set_={name: statement.excluded[name] for name in update}
        )
    assert isinstance(statement, Insert)  # noqa: S101  # narrows the type, nothing else
    return statement


def upsert(
    connection: Connection,
    table: Table,
    rows: Sequence[Mapping[str, Any]],
    keys: Sequence[str],
    keep: Sequence[str] = (),
) -> None:
    """Inserts rows or updates them by `keys`; columns named in `keep` are written on insert only."""
    if not rows:
        return
    update = tuple(name for name in rows[0] if name not in keys and name not in keep)
    connection.execute(_upsert(table, connection.dialect.name, tuple(keys), update), list(rows))


def insert(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Inserts rows; does nothing for none."""
    if rows:
        connection.execute(table.insert(), list(rows))


def insert_new(dialect: str, table: Table, rows: Select[Any]) -> Insert:
    """Makes a statement that inserts what a query gives, in the order of the table's columns, unless it is there."""
    module: Any = sqlite if dialect == "sqlite" else postgresql
    # SQLite takes ON CONFLICT for a join's ON unless a WHERE stands before it (sqlite.org/lang_upsert.html, 2.2).
    statement: Insert = module.insert(table).from_select(list(table.c), rows.where(true())).on_conflict_do_nothing()
    return statement
