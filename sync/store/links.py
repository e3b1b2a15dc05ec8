"""Which contact each row belongs to, and the contacts that rows found."""

import secrets
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple

from sqlalchemy import Connection, Insert, Select, and_, bindparam, false, insert, literal, select, true, update

from sync.store import tables as t
from sync.store.listed import as_list, as_map, ids, pairs
from sync.store.statements import chunks

_l, _c = t.link.c, t.contact.c


class Founded(NamedTuple):
    """The contact that a row founded on arrival."""

    id: str
    state: str


def current(connection: Connection, rows: Collection[int]) -> dict[int, str]:
    """The contact of each row that has one."""
    if not rows:
        return {}
    return dict(connection.execute(_current(connection.dialect.name), {"ids": as_list(rows)}).all())


@lru_cache
def _current(dialect: str) -> Select[int, str]:
    return select(_l.row_id, _l.contact).where(_l.row_id.in_(ids(dialect)), _l.until.is_(None))


def mates(connection: Connection, rows: Collection[int]) -> set[tuple[int, int]]:
    """Pairs of one of the rows and another row of its contact."""
    found = connection.execute(_mates(connection.dialect.name), {"ids": as_list(rows)})
    return {(row, mate) for row, mate in found}


@lru_cache
def _mates(dialect: str) -> Select[int, int]:
    mine, other = t.link.alias("mine"), t.link.alias("other")
    return (
        select(mine.c.row_id, other.c.row_id)
        .join_from(mine, other, and_(other.c.contact == mine.c.contact, other.c.row_id != mine.c.row_id))
        .where(mine.c.row_id.in_(ids(dialect)), mine.c.until.is_(None), other.c.until.is_(None))
    )


def founded_by(connection: Connection, rows: Collection[int]) -> dict[int, Founded]:
    """The contacts that rows founded, by row."""
    if not rows:
        return {}
    found = connection.execute(_founded(connection.dialect.name), {"ids": as_list(rows)})
    return {row: Founded(id_, state) for row, id_, state in found}


@lru_cache
def _founded(dialect: str) -> Select[int, str, str]:
    return select(_c.founder, _c.id, _c.state).where(_c.founder.in_(ids(dialect)))


def new_ids(rows: Collection[int]) -> dict[int, str]:
    """An opaque contact id for each row: c and fifteen random hexadecimal digits."""
    digits = secrets.token_hex(8 * len(rows))
    return {row: "c" + digits[at * 16 : at * 16 + 15] for at, row in enumerate(rows)}


def found(connection: Connection, contacts: Mapping[int, str], at: datetime) -> None:
    """Makes the contacts of new rows, by row."""
    if contacts:
        connection.execute(_founding(connection.dialect.name), {"contacts": as_map(contacts), "at": at})


@lru_cache
def _founding(dialect: str) -> Insert:
    row, contact = pairs(dialect, "contacts")
    at = bindparam("at", type_=_c.created_at.type)
    values: dict[str, Any] = {
        "id": contact,
        "founder": row,
        "state": literal("active"),
        "stale": true(),
        "created_at": at,
        "data_at": at,
        "came_back": false(),
        "household_size": literal(1),
        "suppressed_by_hand": false(),
    }
    return insert(t.contact).from_select(list(values), select(*values.values()))


def move(connection: Connection, moved: Iterable[int], contacts: Mapping[int, str], at: datetime) -> None:
    """Ends the links of `moved` rows, and links each row of `contacts` to its contact."""
    for piece in chunks(sorted(moved)):
        connection.execute(update(t.link).where(_l.row_id.in_(piece), _l.until.is_(None)).values(until=at))
    if contacts:
        connection.execute(_linking(connection.dialect.name), {"contacts": as_map(contacts), "at": at})


@lru_cache
def _linking(dialect: str) -> Insert:
    row, contact = pairs(dialect, "contacts")
    since = bindparam("at", type_=_l.since.type)
    return insert(t.link).from_select(["row_id", "contact", "since"], select(row, contact, since))


def set_state(connection: Connection, contacts: Iterable[str], state: str) -> None:
    """Says of contacts that they are active, or absorbed by another."""
    for piece in chunks(sorted(contacts)):
        connection.execute(update(t.contact).where(_c.id.in_(piece)).values(state=state))


def touch(connection: Connection, contacts: Iterable[str], at: datetime) -> None:
    """Marks contacts stale: rows came to them or left them."""
    for piece in chunks(sorted(contacts)):
        connection.execute(update(t.contact).where(_c.id.in_(piece)).values(stale=True, data_at=at))
