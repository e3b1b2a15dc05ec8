"""Which rows may be one person with given ones, and what rows say of who they are; set-wise, one query a kind of key."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Integer, Select, and_, exists, func, or_, select

from mappings.addresses import is_placeholder
from sync.identity import Facts, may_agree
from sync.store import tables as t
from sync.store.listed import as_list, ids, texts

_a, _b = t.patient_record.alias("a"), t.patient_record.alias("b")
_i, _j = t.identifier.alias("i"), t.identifier.alias("j")
_k = t.patient_link.alias("k")
_p = t.patient_record.c

Query = Select[*tuple[Any, ...]]

_NAMES = (_a.c.first_key, _b.c.first_key, _a.c.last_key, _b.c.last_key)


# Whether anything is stated at all: an index says so at once, and most exports name no merges.
_ANYTHING: Final = select(
    exists(select(t.identifier.c.row_id)),
    exists(select(_p.id).where(_p.replaced_by.is_not(None))),
    exists(select(_k.c.row_id)),
)


@lru_cache
def _stated(dialect: str) -> tuple[tuple[Query, ...], ...]:
    """What sources state: each query gives a row of the page and another row that is stated to be the same.

    By ids of one authority; by the EMR's pointer to the survivor of a merge; by its other links.
    """
    where = _a.c.source == _b.c.source
    linked = and_(_k.c.source == _b.c.source, _k.c.other == _b.c.external_id)
    page = ids(dialect)
    owned = select(_i.c.row_id, _j.c.row_id).where(_i.c.row_id.in_(page), _j.c.row_id != _i.c.row_id)
    return (
        (owned.join_from(_i, _j, and_(_j.c.authority == _i.c.authority, _j.c.value == _i.c.value)),),
        (
            _pairs(page, where, _b.c.external_id == _a.c.replaced_by, _a.c.replaced_by.is_not(None)),
            _pairs(page, where, _b.c.replaced_by == _a.c.external_id),
            _pairs(page, where, _b.c.replaced_by == _a.c.replaced_by),
        ),
        (
            select(_k.c.row_id, _b.c.id).join_from(_k, _b, linked).where(_k.c.row_id.in_(page)),
            select(_b.c.id, _k.c.row_id).join_from(_b, _k, linked).where(_b.c.id.in_(page)),
        ),
    )


@lru_cache
def _alike(dialect: str) -> tuple[Query, ...]:
    """What rows have in common: each gives a row of the page, another one, their names, and 1 for one birth date.

    Birth dates go with half a last name each, as one edit leaves one of the halves: whoever shares a birth date with
    thousands meets those of nearly the same last name only.
    """
    page = ids(dialect)
    return (
        _named(page, _half_alike(), _a.c.first_key != "", _b.c.first_key != ""),
        *(_at_address(dialect, page, name) for name in ("email", "phone")),
    )


def _half_alike() -> ColumnElement[bool]:
    """One birth date, and the head or tail of a last name as one edit leaves it (`mappings.name_keys.halves`).

    The other name may be a letter shorter or longer, which cuts it elsewhere: each half has one more form.
    """
    key, mine, its = _a.c.last_key, _a.c, _b.c
    length = func.length(key, type_=Integer)
    other_head = func.substr(key, 1, length // 2 + 2 * (length % 2) - 1)
    other_tail = func.substr(key, length // 2 + 2 * (length % 2) + 1)
    halves = (
        its.last_head == mine.last_head,
        its.last_tail == mine.last_tail,
        and_(mine.last_tail.is_not(None), its.last_head == other_head),
        and_(mine.last_tail.is_not(None), its.last_tail == other_tail),
    )
    # The birth date stands in every branch, or SQLite looks for rows by it alone.
    return or_(*(and_(its.birth_date == mine.birth_date, half) for half in halves))


def _pairs(page: Select[int], *where: ColumnElement[bool]) -> Query:
    return select(_a.c.id, _b.c.id).join_from(_a, _b, and_(*where)).where(_a.c.id.in_(page), _b.c.id != _a.c.id)


def _named(page: Select[int], *where: ColumnElement[bool]) -> Query:
    return _pairs(page, *where).add_columns(*_NAMES, _b.c.birth_date == _a.c.birth_date)


def _at_address(dialect: str, page: Select[int], name: str) -> Query:
    mine, other = _a.c[name], _b.c[name]
    named = and_(other == mine, _a.c.first_key != "", _b.c.first_key != "")
    return _named(page, named).where(mine.not_in(texts(dialect, "shared")))


def candidates(connection: Connection, rows: Iterable[int], shared: Collection[str]) -> dict[int, set[int]]:
    """Rows that may be one person with these, by row; `shared` addresses lead to nobody."""
    found: dict[int, set[int]] = defaultdict(set)
    parameters = {"ids": as_list(rows), "shared": as_list(shared)}
    anything = connection.execute(_ANYTHING).one()
    for some, queries in zip(anything, _stated(connection.dialect.name), strict=True):
        for query in queries if some else ():
            for row, other in connection.execute(query, parameters):
                found[row].add(other)
    for query in _alike(connection.dialect.name):
        for row, other, first, its_first, last, its_last, same_birth in connection.execute(query, parameters):
            if may_agree((first, its_first), (last, its_last), same_birth=bool(same_birth)):
                found[row].add(other)
    return found


_FACTS = (
    _p.id, _p.source, _p.external_id, _p.first_key, _p.last_key, _p.birth_date, _p.sex,
    _p.email, _p.phone, _p.postal_code, _p.replaced_by, _p.present,
)  # fmt: skip


def facts(
    connection: Connection, rows: Collection[int], roles: Mapping[str, str], shared: Collection[str]
) -> Iterator[Facts]:
    """What rows say of who they are; `roles` says of each source whether it is an EMR or leads."""
    if not rows:
        return
    owned = _identifiers(connection, rows)
    merged, linked = _links(connection, rows)
    for row in connection.execute(_facts(connection.dialect.name), {"ids": as_list(rows)}):
        id_, source, external_id, first, last, birth, sex, email, phone, postal, replaced_by, present = row
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
            present=present,
            identifiers=frozenset(owned.get(id_, ())),
            merged=frozenset(merged.get(id_, ())),
            linked=frozenset(linked.get(id_, ())),
        )


def _identifiers(connection: Connection, rows: Collection[int]) -> dict[int, list[tuple[str, str]]]:
    found: dict[int, list[tuple[str, str]]] = defaultdict(list)
    for row_id, authority, value in connection.execute(_owned(connection.dialect.name), {"ids": as_list(rows)}):
        found[row_id].append((authority, value))
    return found


def _links(connection: Connection, rows: Collection[int]) -> tuple[dict[int, list[str]], dict[int, list[str]]]:
    """By row: whom the EMR merged into it, and who else it says is the same person."""
    merged: dict[int, list[str]] = defaultdict(list)
    linked: dict[int, list[str]] = defaultdict(list)
    for row_id, kind, other in connection.execute(_linked(connection.dialect.name), {"ids": as_list(rows)}):
        (merged if kind == "replaces" else linked)[row_id].append(other)
    return merged, linked


@lru_cache
def _linked(dialect: str) -> Query:
    c = t.patient_link.c
    return select(c.row_id, c.kind, c.other).where(c.row_id.in_(ids(dialect)))


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
