"""The exchange with de-duplication tools: all rows out as CSV, proposed pairs in; proposals join nobody."""

import csv
import math
import os
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, and_, select

from sync.components import Pair, pair
from sync.store import links, matches, rows
from sync.store import tables as t
from sync.store.decisions import actor, record_decision
from sync.store.statements import chunks

COLUMNS: Final = (
    "source", "external_id", "given_name", "family_name", "birth_date", "sex", "email", "phone", "address_line", "city",
    "region", "postal_code",
)  # fmt: skip
"""After `unique_id` (SOURCE:EXTERNAL_ID) and `contact`."""

_LEFT: Final = ("a", "unique_id_l")
_RIGHT: Final = ("b", "unique_id_r")
_SCORE: Final = ("score", "match_probability")

_l, _p = t.link.c, t.patient_record.c


class Unreadable(Exception):
    """A file of pairs that cannot be used; the message names file, line and column, never a value."""


def export_rows(connection: Connection, file: Path) -> int:
    """Writes every patient row, streaming, to a file that only its owner can read; returns how many. Raises OSError."""
    beside = file.with_name(f".{file.name}.part")
    query = (
        select(_l.contact, *(_p[name] for name in COLUMNS))
        .join(t.patient_record, and_(_p.id == _l.row_id, _l.until.is_(None)))
        .order_by(_p.id)
    )
    number = 0
    with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(("unique_id", "contact", *COLUMNS))
        for contact, source, external_id, *values in connection.execute(query.execution_options(yield_per=1000)):
            writer.writerow((f"{source}:{external_id}", contact, source, external_id, *values))
            number += 1
    beside.replace(file)
    return number


class Line(NamedTuple):
    """One proposed pair: the rows as SOURCE:EXTERNAL_ID, how sure the tool is, and the line of the file."""

    left: str
    right: str
    score: float
    number: int


def read_pairs(file: Path) -> list[Line]:
    """Reads a file of pairs; raises Unreadable for the whole of it at the first line that is not one."""
    try:
        with file.open(newline="", encoding="utf-8-sig") as stream:
            reader = csv.DictReader(stream, strict=True)
            names = [_named(file, reader.fieldnames or (), known) for known in (_LEFT, _RIGHT, _SCORE)]
            return [_line(file, reader.line_num, row, names) for row in reader]
    except OSError as error:
        raise Unreadable(f"{file} cannot be read ({error.strerror})") from None
    except (UnicodeDecodeError, csv.Error):
        raise Unreadable(f"{file} is no CSV in UTF-8") from None


def _named(file: Path, header: Sequence[str], known: Sequence[str]) -> str:
    found = next((name for name in known if name in header), None)
    if found is None:
        raise Unreadable(f"{file}:1: there is no column {known[0]} (nor {known[1]})")
    return found


def _line(file: Path, number: int, row: dict[str, Any], names: Sequence[str]) -> Line:
    left, right, score = (row[name] or "" for name in names)
    try:
        sure = float(score)
    except ValueError:
        sure = math.nan
    if not 0 <= sure <= 1:
        raise Unreadable(f"{file}:{number}: column {names[2]}: the score must be a number from 0 to 1")
    return Line(left, right, round(sure, 4), number)


class Imported(NamedTuple):
    """Pairs that wait now; pairs that are decided, joined or waiting already."""

    proposed: int
    known: int


def import_pairs(connection: Connection, file: Path, lines: Sequence[Line], at: datetime) -> Imported:
    """Puts pairs into the review queue; raises Unreadable when one of their rows is unknown."""
    ids = _row_ids(connection, lines)
    scores: dict[Pair, float] = {}
    for line in lines:
        low, high = ids.get(line.left), ids.get(line.right)
        if low is None or high is None or low == high:
            raise Unreadable(
                f"{file}:{line.number}: two rows are needed, as `matches export` names them; one is unknown, or both are one"
            )
        p = pair(low, high)
        scores[p] = max(line.score, scores.get(p, 0.0))
    new = [p for piece in chunks(sorted(scores)) for p in _new(connection, piece)]
    matches.record_proposals(connection, (matches.Proposal(p, scores[p]) for p in new), actor(), at)
    record_decision(connection, "matches import", "pairs", at, proposed=len(new), known=len(scores) - len(new))
    return Imported(len(new), len(scores) - len(new))


def _row_ids(connection: Connection, lines: Iterable[Line]) -> dict[str, int]:
    wanted: dict[str, set[str]] = defaultdict(set)
    for line in lines:
        for name in (line.left, line.right):
            source, _, external_id = name.partition(":")
            wanted[source].add(external_id)
    return {
        f"{source}:{external_id}": id_
        for source, ids in wanted.items()
        for external_id, id_ in rows.row_ids(connection, source, sorted(ids)).items()
    }


def _new(connection: Connection, pairs: Sequence[Pair]) -> list[Pair]:
    """Those of the pairs that nobody has decided, that do not wait, and whose rows are two contacts'."""
    rows_ = {row for p in pairs for row in p}
    contacts = links.current(connection, rows_)
    entries = matches.entries_of(connection, rows_).values()
    said = {p for p, entry in matches.newest(entries, manual=True).items() if entry.verdict != "none"}
    waiting = {p for p, entry in matches.newest(entries, manual=False).items() if entry.verdict == "maybe"}
    return [p for p in pairs if p not in said | waiting and contacts[p[0]] != contacts[p[1]]]
