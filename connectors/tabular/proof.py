"""The first reading of a file: it decodes, parses, is whole, and its header carries what the plan needs."""

import hashlib
import os
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import chain, islice
from pathlib import Path
from typing import Final, NamedTuple

from connectors.base import Proof, Refusal
from connectors.lines import Remembered
from connectors.tabular.csv_lines import Row
from connectors.tabular.damage import HEAD, INTACT, Damage, find_damage
from connectors.tabular.header import Header, read_header
from connectors.tabular.identity import Rivals
from connectors.tabular.sheet import Rows, Sheet, open_sheet
from connectors.tape import Tape
from mappings.plan import Plan

_DATES: Final = 10_000
"""Different texts in the export column that are looked at."""


class Stamp(NamedTuple):
    """Tells two states of a file apart without reading it."""

    device: int
    inode: int
    size: int
    changed: int


def stamp(path: Path) -> Stamp:
    """The file's present state."""
    state = os.stat(path)  # noqa: PTH116  Path.stat() costs no less and reads no better here
    return Stamp(state.st_dev, state.st_ino, state.st_size, state.st_mtime_ns)


def file_hash(path: Path) -> str:
    """The sha256 of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """How a source's files are written, and the column that dates them (with its reader), if there is one."""

    encoding: str | None = None
    delimiter: str = ","
    export_column: str | None = None
    export_time: Callable[[str], datetime | None] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Proved:
    """A file that may land: how to read it again, and what its first reading found.

    `losers` are lines of rows that a newer row of the same identity replaces; `exported` the newest time in the
    declared export column; `context` as in `connectors.base.LinePass`; `tape` what was met where lines were known.
    """

    sheet: Sheet
    stamp: Stamp
    header: Header
    proof: Proof
    losers: frozenset[int] = frozenset()
    exported: datetime | None = None
    context: str | None = None
    tape: Tape[Row] | None = None
    damage: Damage = INTACT


Recall = Callable[[str], Remembered]
"""Gives the lines that landed last, when they were read in this context."""


def prove(path: Path, name: str, plan: Plan, dialect: Dialect, recall: Recall | None) -> Proved:
    """Reads a file to its end; raises Refusal for one that must not land, and OSError.

    `recall` is None where every row must be seen, whatever it was last time.
    """
    before = stamp(path)
    sheet = open_sheet(path, name, fallback=dialect.encoding, delimiter=dialect.delimiter)
    rows = sheet.rows()
    first = next(rows, None)
    if first is None:
        raise Refusal(name, "empty_file", "it holds nothing, not even a header; export the file again")
    header = read_header(first[1], plan, name, dialect.export_column)
    head = list(islice(rows, HEAD))
    damage = find_damage(head, header, plan, name)
    code_of = site_of(plan, header, damage)
    if recall is not None and dialect.export_column is None and plan.identity is None and sheet.by_lines:
        context = "\x1f".join((str(sheet.encoding), sheet.delimiter, *header.names, damage.context))
        tape = Tape[Row](recall(context))
        found = _count_lines(sheet, code_of, tape)
    else:
        context, tape, found = None, None, _count_rows(damage.mend(chain(head, rows)), plan, header, dialect)
    sha256 = file_hash(path)
    proof = Proof(
        sha256=sha256, rows=found.rows, header=header.fingerprint, sites=found.sites, kinds={plan.kind: found.rows}
    )
    return Proved(
        sheet=sheet,
        stamp=before,
        header=header,
        proof=proof,
        losers=found.losers,
        exported=found.exported,
        context=context,
        tape=tape,
        damage=damage,
    )


def site_of(plan: Plan, header: Header, damage: Damage) -> Callable[[list[str]], str]:
    """Takes the code of its site from a row, mended; "" where there is none."""
    place = next((header.at(column) for column in plan.site_columns(header.names)), None)
    width = len(header.names)
    if place is None:
        return lambda _cells: ""
    if damage.context:
        return lambda cells: damage.mended(cells)[place].strip() if len(cells) == width else ""
    return lambda cells: cells[place].strip() if len(cells) == width else ""


class _Found(NamedTuple):
    rows: int
    sites: Mapping[str, int]
    losers: frozenset[int] = frozenset()
    exported: datetime | None = None


def _count_lines(sheet: Sheet, site_of_row: Callable[[list[str]], str], tape: Tape[Row]) -> _Found:
    legend = tape.legend
    rows, sites = 0, Counter[str]()
    for stretch in sheet.lines().stretches(tape.trail, lambda cells: legend.place(site_of_row(cells))):
        tape.note(stretch)
        rows += stretch.rows
        sites.update(legend.counts(stretch.lines.labels))
        sites.update(site_of_row(row.cells) for row in stretch.fresh if row.digest is None)
    return _Found(rows, {site: number for site, number in sites.items() if site})


def _count_rows(rows: Rows, plan: Plan, header: Header, dialect: Dialect) -> _Found:
    rivals, site_of_row = Rivals(plan, header), site_of(plan, header, INTACT)
    export = header.at(dialect.export_column) if dialect.export_column is not None else None
    number, sites, dates = 0, Counter[str](), set[str]()
    for line, cells in rows:
        number += 1
        sites[site_of_row(cells)] += 1
        if len(cells) != len(header.names):
            continue
        rivals.see(line, cells)
        if export is not None and len(dates) < _DATES:
            dates.add(cells[export])
    read = dialect.export_time
    exported = max(filter(None, map(read, dates)), default=None) if read is not None else None
    counted = {site: rows for site, rows in sites.items() if site}
    return _Found(number, counted, frozenset(rivals.losers), exported)
