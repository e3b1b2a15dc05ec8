"""The ledger of verdicts on pairs of rows: by hand beats automatic, later beats earlier; nothing is ever changed."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any, Literal, NamedTuple

from sqlalchemy import Connection, Select, and_, func, select

from sync.components import Pair, pair
from sync.identity import MANUAL, PROPOSED
from sync.store import tables as t
from sync.store.listed import as_list, ids
from sync.store.statements import insert

_m, _l = t.match.c, t.link.c


class Entry(NamedTuple):
    """One verdict in the ledger."""

    id: int
    low: int
    high: int
    verdict: str
    rule: str
    score: float
    manual: bool
    actor: str
    at: datetime

    @property
    def pair(self) -> Pair:
        """The two rows."""
        return self.low, self.high


_COLUMNS = tuple(_m[name] for name in Entry._fields)


def entries_of(connection: Connection, rows: Iterable[int]) -> dict[int, Entry]:
    """All entries about pairs that hold one of the rows, by entry id."""
    found: dict[int, Entry] = {}
    parameters = {"ids": as_list(rows)}
    for column in (_m.low, _m.high):
        for row in connection.execute(_touching(connection.dialect.name, column.name), parameters):
            found[row[0]] = Entry(*row)
    return found


@lru_cache
def _touching(dialect: str, column: str) -> Select[Any]:
    return select(*_COLUMNS).where(_m[column].in_(ids(dialect)))


def newest(entries: Iterable[Entry], *, manual: bool) -> dict[Pair, Entry]:
    """The verdicts in force, of people or of rules."""
    return {entry.pair: entry for entry in sorted(entries) if entry.manual == manual}


def record(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Adds entries."""
    insert(connection, t.match, rows)


class ByHand(NamedTuple):
    """What someone decided: same, not_same, or none to leave it to the rules again."""

    verdict: Literal["same", "not_same", "none"]
    actor: str
    at: datetime


def record_by_hand(connection: Connection, pairs: Iterable[Pair], said: ByHand) -> None:
    """Notes a decision of a person; links follow when the rows are resolved again."""
    ordered = sorted({pair(*rows) for rows in pairs})
    record(
        connection,
        [
            {
                "low": low,
                "high": high,
                "verdict": said.verdict,
                "rule": MANUAL,
                "score": 1.0,
                "manual": True,
                "actor": said.actor,
                "at": said.at,
            }
            for low, high in ordered
        ],
    )


class Proposal(NamedTuple):
    """A pair that another tool takes for one person, and how sure it is (0 to 1)."""

    pair: Pair
    score: float


def record_proposals(connection: Connection, proposals: Iterable[Proposal], actor: str, at: datetime) -> None:
    """Puts pairs into the review queue: a "maybe" that no rule withdraws."""
    same = {"verdict": "maybe", "rule": PROPOSED, "manual": True, "actor": actor, "at": at}
    record(connection, [{"low": p.pair[0], "high": p.pair[1], "score": p.score, **same} for p in proposals])


def pair_of(connection: Connection, entry: int) -> Pair | None:
    """The pair that an entry of the ledger is about; None for no such entry."""
    found = connection.execute(select(_m.low, _m.high).where(_m.id == entry)).first()
    return None if found is None else (found[0], found[1])


def in_force(connection: Connection, pair: Pair) -> Entry | None:
    """The verdict on a pair that counts now."""
    best = _in_force().subquery()
    found = connection.execute(select(*best.c).where(best.c.low == pair[0], best.c.high == pair[1])).first()
    return None if found is None else Entry(*found)


def _in_force() -> Select[Any]:
    """The entry in force of each pair: the newest one by hand unless it is none, else the newest automatic one."""
    ranked = select(
        *_COLUMNS,
        func.row_number().over(partition_by=(_m.low, _m.high, _m.manual), order_by=_m.id.desc()).label("age"),
    ).subquery()
    current = select(ranked).where(ranked.c.age == 1, ~and_(ranked.c.manual, ranked.c.verdict == "none")).subquery()
    first = func.row_number().over(partition_by=(current.c.low, current.c.high), order_by=current.c.manual.desc())
    best = select(*(current.c[name] for name in Entry._fields), first.label("place")).subquery()
    return select(*(best.c[name] for name in Entry._fields)).where(best.c.place == 1)


def open_reviews(connection: Connection) -> Iterator[dict[str, Any]]:
    """Pairs that wait for a person: in force is "maybe", and they are not in one contact; the surest first.

    Each: ledger id as `id`, the rows as `low` and `high`, `a` and `b` with source and id, `rule`, `score`.
    """
    best = _in_force().subquery()
    a, b = t.patient_record.alias("a"), t.patient_record.alias("b")
    mine, other = t.link.alias("mine"), t.link.alias("other")
    query = (
        select(best.c.id, best.c.low, best.c.high, best.c.rule, best.c.score)
        .add_columns(a.c.source, a.c.external_id, b.c.source, b.c.external_id)
        .join(a, a.c.id == best.c.low)
        .join(b, b.c.id == best.c.high)
        .join(mine, and_(mine.c.row_id == best.c.low, mine.c.until.is_(None)))
        .join(other, and_(other.c.row_id == best.c.high, other.c.until.is_(None)))
        .where(best.c.verdict == "maybe", mine.c.contact != other.c.contact)
        .order_by(best.c.score.desc(), best.c.id)
    )
    for id_, low, high, rule, score, source_a, external_a, source_b, external_b in connection.execute(query):
        yield {
            "id": id_,
            "low": low,
            "high": high,
            "a": {"source": source_a, "id": external_a},
            "b": {"source": source_b, "id": external_b},
            "rule": rule,
            "score": score,
        }


def pairs_of(connection: Connection, contact: str) -> list[dict[str, Any]]:
    """What is said of pairs that hold a row of the contact, in force only, withdrawn ones left out.

    Each: the pair as `a` and `b` with source and id, `verdict`, `rule`, `score`, `actor`, `at`.
    """
    rows = list(connection.execute(select(_l.row_id).where(_l.contact == contact, _l.until.is_(None))).scalars())
    entries = entries_of(connection, rows).values()
    by_hand = {p: e for p, e in newest(entries, manual=True).items() if e.verdict != "none"}
    found = {**newest(entries, manual=False), **by_hand}
    names = _names(connection, {row for p in found for row in p})
    return [
        {
            "a": names[entry.low],
            "b": names[entry.high],
            "verdict": entry.verdict,
            "rule": entry.rule,
            "score": entry.score,
            "actor": entry.actor,
            "at": entry.at,
        }
        for _, entry in sorted(found.items())
        if entry.verdict != "none"
    ]


def _names(connection: Connection, rows: Iterable[int]) -> dict[int, dict[str, str]]:
    c = t.patient_record.c
    query = select(c.id, c.source, c.external_id).where(c.id.in_(ids(connection.dialect.name)))
    found = connection.execute(query, {"ids": as_list(rows)})
    return {id_: {"source": source, "id": external_id} for id_, source, external_id in found}
