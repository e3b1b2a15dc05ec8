"""Addresses that too many people give, and that therefore say nothing of who someone is.

People are told apart here by names and birth date, not by contact: what is evidence must not depend on whom evidence
has joined. `shared_address` counts contacts instead; it is for households and sending.
"""

from collections.abc import Collection, Iterable, Sequence
from functools import lru_cache
from typing import Final, NamedTuple

from sqlalchemy import Connection, Select, bindparam, func, select

from mappings.addresses import is_placeholder
from sync.store import tables as t
from sync.store.listed import as_list, ids, texts
from sync.store.memos import read_memo, write_memo
from sync.store.statements import chunks

_p = t.patient_record.c
_OWNER: Final = "identity"
_KEY: Final = "shared"


class Crowds(NamedTuple):
    """Addresses over the limit, and those that have just come to be or ceased to be, placeholders apart."""

    now: frozenset[str]
    changed: frozenset[str]


def current(connection: Connection) -> frozenset[str]:
    """The addresses over the limit as they were counted last."""
    memo = read_memo(connection, _OWNER, _KEY)
    return frozenset(memo["values"]) if memo else frozenset()


def recount(connection: Connection, rows: Sequence[int], limit: int, *, all_new: bool) -> Crowds:
    """Counts the addresses of these rows, and remembers.

    New rows can only add to a crowd; a changed row may have left any of them, so that then all are counted again.
    A changed limit counts everything once.
    """
    memo = read_memo(connection, _OWNER, _KEY)
    before = frozenset(memo["values"]) if memo else frozenset()
    same_limit = memo is None or memo["limit"] == limit
    still = before if all_new and same_limit else _over(connection, before, limit)
    now = still | _over(connection, _crowded(connection, rows if same_limit else None, limit, before), limit)
    if memo is None or now != before or not same_limit:
        write_memo(connection, _OWNER, _KEY, {"limit": limit, "values": sorted(now)})
    return Crowds(now, frozenset(value for value in now ^ before if not is_placeholder(value)))


def _crowded(connection: Connection, rows: Sequence[int] | None, limit: int, known: Collection[str]) -> set[str]:
    """Addresses on more than `limit` rows, those already `known` left out; None for `rows`: anybody's."""
    found: set[str] = set()
    parameters = {"ids": as_list(rows or ()), "known": as_list(known), "limit": limit}
    for query in _frequent(connection.dialect.name, anybody=rows is None):
        found.update(value for (value,) in connection.execute(query, parameters))
    return found


@lru_cache
def _frequent(dialect: str, *, anybody: bool) -> tuple[Select[str], ...]:
    return tuple(
        select(column)
        .where(column.is_not(None) if anybody else column.in_(select(column).where(_p.id.in_(ids(dialect)))))
        .where(column.not_in(texts(dialect, "known")))
        .group_by(column)
        .having(func.count() > bindparam("limit"))
        for column in (_p.email, _p.phone)
    )


def _over(connection: Connection, values: Iterable[str], limit: int) -> frozenset[str]:
    """Those of the addresses that more than `limit` people give."""
    return frozenset(value for value in sorted(values) if _people_at(connection, value, limit) > limit)


def _people_at(connection: Connection, value: str, limit: int) -> int:
    """Counts people; a row without birth date is nobody new beside one of the same names.

    Twice the limit of different entries is over it in any case, so that no more are read.
    """
    column = _p.email if "@" in value else _p.phone
    query = select(_p.last_key, _p.first_key, _p.birth_date).where(column == value, _p.replaced_by.is_(None)).distinct()
    people = [(last, first, birth) for last, first, birth in connection.execute(query.limit(2 * limit + 1))]
    dated = {(last, first) for last, first, birth in people if birth is not None}
    return sum(birth is not None or (last, first) not in dated for last, first, birth in people)


def holders(connection: Connection, values: Iterable[str]) -> set[int]:
    """Rows that give one of the addresses."""
    found: set[int] = set()
    for piece in chunks(sorted(values)):
        for column in (_p.email, _p.phone):
            found.update(connection.execute(select(_p.id).where(column.in_(piece))).scalars())
    return found
