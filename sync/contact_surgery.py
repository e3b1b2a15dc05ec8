"""Merging contacts and splitting one: what a person decides beyond single pairs, and who must hear of a split."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import pairwise, product
from typing import Any, NamedTuple

from sqlalchemy import Connection, Text, and_, cast, func, select

from sync.components import Pair, pair
from sync.contact_reference import find_contact
from sync.status import iso
from sync.store import matches, unresolved
from sync.store import tables as t
from sync.store.decisions import actor, record_decision

_l, _p, _d = t.link.c, t.patient_record.c, t.disclosure.c


class Unfit(Exception):
    """The contacts or rows that were named cannot be merged or split so; the message names no value."""


def merge(connection: Connection, first: str, second: str, at: datetime) -> list[int]:
    """Records that two contacts are one person; returns their rows. Raises UnknownContact or Unfit.

    Whatever was said before of pairs between them is outdone, since later beats earlier.
    """
    one, other = find_contact(connection, first), find_contact(connection, second)
    if one == other:
        raise Unfit("both are one contact already")
    mine, its = _rows(connection, one), _rows(connection, other)
    entries = matches.newest(matches.entries_of(connection, mine).values(), manual=True)
    crossing = {pair(a, b) for a, b in product(mine, its)}
    said = {p for p in crossing if p in entries and entries[p].verdict == "not_same"}
    _record(connection, said | {pair(mine[0], its[0])}, "same", at)
    record_decision(connection, "contacts merge", one, at, with_contact=other)
    return _wait(connection, mine + its)


class Split(NamedTuple):
    """A contact, those of its rows that leave, and those that stay."""

    contact: str
    leaving: Sequence[int]
    staying: Sequence[int]


def split(connection: Connection, contact: str, apart: Sequence[str], at: datetime) -> Split:
    """Records that some rows of a contact (SOURCE:EXTERNAL_ID) are another person.

    Each side is one person from now on, whatever joined its rows before. Raises UnknownContact or Unfit.
    """
    id_ = find_contact(connection, contact)
    names = _names(connection, id_)
    unknown = [name for name in apart if name not in names]
    if unknown:
        raise Unfit(f"{len(unknown)} of the rows do not belong to this contact; see: prm-sync contacts show {id_}")
    leaving = sorted({names[name] for name in apart})
    staying = sorted(set(names.values()) - set(leaving))
    if not staying:
        raise Unfit("nothing would stay; name some of its rows, not all")
    _record(connection, product(leaving, staying), "not_same", at)
    _record(connection, [*pairwise(leaving), *pairwise(staying)], "same", at)
    record_decision(connection, "contacts split", id_, at, rows=leaving)
    _wait(connection, leaving + staying)
    return Split(id_, leaving, staying)


def _record(connection: Connection, pairs: Iterable[Pair], verdict: Any, at: datetime) -> None:
    matches.record_by_hand(connection, pairs, matches.ByHand(verdict, actor(), at))


def _wait(connection: Connection, rows: list[int]) -> list[int]:
    unresolved.add(connection, rows)
    return rows


def _rows(connection: Connection, contact: str) -> list[int]:
    query = select(_l.row_id).where(_l.contact == contact, _l.until.is_(None)).order_by(_l.row_id)
    return list(connection.execute(query).scalars())


def _names(connection: Connection, contact: str) -> dict[str, int]:
    query = (
        select(_p.source, _p.external_id, _p.id)
        .join(t.link, and_(_l.row_id == _p.id, _l.until.is_(None)))
        .where(_l.contact == contact)
    )
    return {f"{source}:{external_id}": id_ for source, external_id, id_ in connection.execute(query)}


def told_of_both(connection: Connection, done: Split) -> list[dict[str, Any]]:
    """Whom a destination was told of while the two were one contact; for the privacy officer.

    By destination and subscriber, as the ledger of disclosures names it (never an address): the contacts whose data
    shaped what left, the segments and statuses that were added, and when it was told first and last.
    """
    since = max(_since(connection, rows) for rows in (done.leaving, done.staying))
    named = cast(_d.contacts, Text).contains(f'"{done.contact}"', autoescape=True)
    found: dict[tuple[str, str], list[Any]] = defaultdict(list)
    for told in connection.execute(select(t.disclosure).where(named, _d.at >= since).order_by(_d.id)):
        if told.added:
            found[(told.destination, told.subscriber)].append(told)
    return [
        {
            "destination": destination,
            "subscriber": subscriber,
            "contacts": sorted({contact for told in each for contact in told.contacts}),
            "segments": sorted({meaning for told in each for meaning in told.added.values()}),
            "first": iso(each[0].at),
            "last": iso(each[-1].at),
        }
        for (destination, subscriber), each in sorted(found.items())
    ]


def _since(connection: Connection, rows: Sequence[int]) -> datetime:
    """Since when the first of these rows has been where it is."""
    query = select(func.min(_l.since)).where(_l.row_id.in_(rows), _l.until.is_(None))
    since: datetime = connection.execute(query).scalar_one()
    return since
