"""Which rows may be one person with given ones, and what rows say of who they are; set-wise, one query a kind of key."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, or_, select

from mappings.addresses import is_placeholder
from sync.identity import Facts
from sync.store import tables as t
from sync.store.listed import as_list, ids, texts

_a, _b = t.patient_record.alias("a"), t.patient_record.alias("b")
_i, _j = t.identifier.alias("i"), t.identifier.alias("j")
_p = t.patient_record.c


Query = Select[int, int]


@lru_cache
def _queries(dialect: str) -> tuple[Query, ...]:
    """One query a kind of evidence; each gives a row of the page and another row that shares the key."""
    where = _a.c.source == _b.c.source
    names = and_(_b.c.first_key == _a.c.first_key, _b.c.last_key == _a.c.last_key, _a.c.first_key != "")
    page = ids(dialect)
    return (
        select(_i.c.row_id, _j.c.row_id)
        .join_from(_i, _j, and_(_j.c.authority == _i.c.authority, _j.c.value == _i.c.value))
        .where(_i.c.row_id.in_(page), _j.c.row_id != _i.c.row_id),
        _alike(page, where, _b.c.external_id == _a.c.replaced_by),
        _alike(page, where, _b.c.replaced_by == _a.c.external_id),
        _alike(page, where, _b.c.replaced_by == _a.c.replaced_by),
        _alike(page, names, _b.c.birth_date == _a.c.birth_date, _a.c.last_key != ""),
        *(_at_address(dialect, page, name) for name in ("email", "phone")),
    )


def _alike(page: Select[int], *where: ColumnElement[bool]) -> Query:
    return select(_a.c.id, _b.c.id).join_from(_a, _b, and_(*where)).where(_a.c.id.in_(page), _b.c.id != _a.c.id)


def _at_address(dialect: str, page: Select[int], name: str) -> Query:
    mine, other = _a.c[name], _b.c[name]
    named = or_(_b.c.last_key == _a.c.last_key, _b.c.birth_date == _a.c.birth_date)
    same = and_(other == mine, _b.c.first_key == _a.c.first_key, _a.c.first_key != "", named)
    return _alike(page, same).where(mine.not_in(texts(dialect, "shared")))


def candidates(connection: Connection, rows: Iterable[int], shared: Collection[str]) -> dict[int, set[int]]:
    """Rows that may be one person with these, by row; `shared` addresses lead to nobody."""
    found: dict[int, set[int]] = defaultdict(set)
    parameters = {"ids": as_list(rows), "shared": as_list(shared)}
    for query in _queries(connection.dialect.name):
        for row in connection.execute(query, parameters):
            found[row[0]].add(row[1])
    return found


_FACTS = (
    _p.id, _p.source, _p.external_id, _p.first_key, _p.last_key, _p.birth_date, _p.sex,
    _p.email, _p.phone, _p.postal_code, _p.replaced_by,
)  # fmt: skip


def facts(
    connection: Connection, rows: Collection[int], roles: Mapping[str, str], shared: Collection[str]
) -> Iterator[Facts]:
    """What rows say of who they are; `roles` says of each source whether it is an EMR or leads."""
    if not rows:
        return
    owned = _identifiers(connection, rows)
    for row in connection.execute(_facts(connection.dialect.name), {"ids": as_list(rows)}):
        id_, source, external_id, first, last, birth, sex, email, phone, postal, replaced_by = row
        yield Facts(
            id=id_,
            source=source,
            external_id=external_id,
            first=first,
            last=last,
            birth=birth,
            sex=sex,
            email=None if not email or email in shared or is_placeholder(email) else email,
            phone=None if not phone or phone in shared else phone,
            postal=_five_digits(postal),
            replaced_by=replaced_by,
            lead=roles.get(source) == "leads",
            identifiers=frozenset(owned.get(id_, ())),
        )


def _identifiers(connection: Connection, rows: Collection[int]) -> dict[int, list[tuple[str, str]]]:
    found: dict[int, list[tuple[str, str]]] = defaultdict(list)
    for row_id, authority, value in connection.execute(_owned(connection.dialect.name), {"ids": as_list(rows)}):
        found[row_id].append((authority, value))
    return found


@lru_cache
def _facts(dialect: str) -> Select[Any]:
    return select(*_FACTS).where(_p.id.in_(ids(dialect)))


@lru_cache
def _owned(dialect: str) -> Select[int, str, str]:
    c = t.identifier.c
    return select(c.row_id, c.authority, c.value).where(c.row_id.in_(ids(dialect)))


def _five_digits(postal: str | None) -> str | None:
    """US codes by their five digits, with or without the four after them; others as written, without blanks."""
    plain = "".join((postal or "").split()).upper()
    return (plain[:5] if plain[:5].isdigit() else plain) or None
