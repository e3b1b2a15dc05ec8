"""The two gates: what a raw row hashed to when it was read last, and what its mapped fields hashed to."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, Insert, Select, and_, bindparam, delete, func, not_, select, update

from sync.store import tables as t
from sync.store.listed import as_list, texts
from sync.store.statements import chunks, insert_new, upsert

MARK: Final = 4
"""So many bytes of a raw hash name the mapping under which the row was read."""


class Feed(NamedTuple):
    """A feed of a source."""

    source: str
    name: str


class Passed(NamedTuple):
    """What is known of a raw row. `state`: landed, quarantined, ignored."""

    raw_hash: bytes
    row_hash: bytes | None
    state: str
    present: bool


def raw_hashes(connection: Connection, source: str, kind: str, external_ids: Iterable[str]) -> dict[str, bytes]:
    """What the raw rows of a page hashed to when they were read last, by external id; present ones only."""
    parameters = {"source": source, "kind": kind, "ids": as_list(external_ids)}
    return dict(connection.execute(_raw_hashes(connection.dialect.name), parameters).all())


@lru_cache
def _raw_hashes(dialect: str) -> Select[str, bytes]:
    c = t.gate.c
    mine = and_(c.source == bindparam("source"), c.kind == bindparam("kind"))
    return select(c.external_id, c.raw_hash).where(mine, c.external_id.in_(texts(dialect, "ids")), c.present)


def note_seen(connection: Connection, feed: Feed, kind: str, external_ids: Iterable[str]) -> None:
    """Notes ids as held by the present pass of a feed; an id that comes twice stands there once."""
    parameters = {"source": feed.source, "feed": feed.name, "kind": kind, "ids": as_list(external_ids)}
    connection.execute(_noting(connection.dialect.name), parameters)


@lru_cache(maxsize=2)
def _noting(dialect: str) -> Insert:
    given = texts(dialect, "ids").subquery()
    fixed = [bindparam(name, type_=t.seen.c[name].type) for name in ("source", "feed", "kind")]
    return insert_new(dialect, t.seen, select(*fixed, *given.c))


def forget_seen(connection: Connection, feed: Feed) -> None:
    """Begins a pass: what an earlier one noted does not count."""
    connection.execute(delete(t.seen).where(t.seen.c.source == feed.source, t.seen.c.feed == feed.name))


def count_seen(connection: Connection, feed: Feed) -> int:
    """How many rows the present pass has held so far."""
    query = select(func.count()).select_from(t.seen)
    return connection.execute(query.where(t.seen.c.source == feed.source, t.seen.c.feed == feed.name)).scalar_one()


def count_present(connection: Connection, feed: Feed) -> int:
    """How many rows of a feed its source holds."""
    c = t.gate.c
    query = select(func.count()).select_from(t.gate)
    return connection.execute(query.where(c.source == feed.source, c.feed == feed.name, c.present)).scalar_one()


def known_rows(connection: Connection, source: str, kind: str, external_ids: Iterable[str]) -> dict[str, Passed]:
    """Looks a page of rows up by external id."""
    c = t.gate.c
    found: dict[str, Passed] = {}
    for piece in chunks(external_ids, 1000):
        query = select(c.external_id, c.raw_hash, c.row_hash, c.state, c.present).where(
            c.source == source, c.kind == kind, c.external_id.in_(piece)
        )
        found.update((row[0], Passed(row[1], row[2], row[3], row[4])) for row in connection.execute(query))
    return found


def remember(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Writes what rows hash to now."""
    upsert(connection, t.gate, rows, ("source", "kind", "external_id"))


def quarantine(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Puts rows into quarantine, or replaces what is there of them; the first time stays, an acknowledgement ends."""
    upsert(connection, t.quarantine, rows, ("source", "kind", "external_id"), keep=("first_at",))


def release(connection: Connection, source: str, kind: str, external_ids: Iterable[str]) -> None:
    """Takes rows out of quarantine: they could be read, or their source no longer holds them."""
    c = t.quarantine.c
    for piece in chunks(external_ids):
        connection.execute(delete(t.quarantine).where(c.source == source, c.kind == kind, c.external_id.in_(piece)))


def absent_rows(connection: Connection, feed: Feed, kind: str) -> list[str]:
    """External ids of a feed's present rows that its complete pass did not hold (an anti-join against `seen`)."""
    c, held = t.gate.c, t.seen.c
    query = select(c.external_id).where(
        c.source == feed.source,
        c.kind == kind,
        c.feed == feed.name,
        c.present,
        ~select(held.external_id)
        .where(held.source == c.source, held.feed == c.feed, held.kind == kind, held.external_id == c.external_id)
        .exists(),
    )
    return list(connection.execute(query).scalars())


def mark_gate(connection: Connection, source: str, kind: str, external_ids: Iterable[str], *, present: bool) -> None:
    """Says of gate rows that the source holds them, or no longer does."""
    c = t.gate.c
    for piece in chunks(external_ids):
        where = and_(c.source == source, c.kind == kind, c.external_id.in_(piece))
        connection.execute(update(t.gate).where(where).values(present=present))


def read_otherwise(connection: Connection, source: str, mark: bytes) -> int:
    """How many rows that are there were read under another mapping than that of `mark`."""
    c = t.gate.c
    ours = c.raw_hash.between(mark + b"\x00" * 12, mark + b"\xff" * 12)
    query = select(func.count()).select_from(t.gate)
    return connection.execute(query.where(c.source == source, c.present, not_(ours))).scalar_one()


def quarantined_at(connection: Connection, source: str) -> datetime | None:
    """When the oldest row in quarantine of a source came there."""
    c = t.quarantine.c
    query = select(c.first_at).where(c.source == source).order_by(c.first_at).limit(1)
    return connection.execute(query).scalar()
