"""The first reading of a file: it decodes, parses, is whole, and its header carries what the plan needs."""

import hashlib
import os
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from connectors.base import Proof, Refusal
from connectors.tabular.header import Header, read_header
from connectors.tabular.identity import Rivals
from connectors.tabular.sheet import Rows, Sheet, open_sheet
from mappings.plan import Plan


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
    declared export column.
    """

    sheet: Sheet
    stamp: Stamp
    header: Header
    proof: Proof
    losers: frozenset[int] = frozenset()
    exported: datetime | None = None


def prove(path: Path, name: str, plan: Plan, dialect: Dialect) -> Proved:
    """Reads a file to its end; raises Refusal for one that must not land, and OSError."""
    before = stamp(path)
    sheet = open_sheet(path, name, fallback=dialect.encoding, delimiter=dialect.delimiter)
    rows = sheet.rows()
    first = next(rows, None)
    if first is None:
        raise Refusal(name, "empty_file", "it holds nothing, not even a header; export the file again")
    header = read_header(first[1], plan, name, dialect.export_column)
    count = _Count(plan, header, dialect)
    count.see(rows)
    proof = Proof(
        sha256=file_hash(path),
        rows=count.rows,
        header=header.fingerprint,
        sites=dict(count.sites),
        kinds={plan.kind: count.rows},
    )
    return Proved(
        sheet=sheet,
        stamp=before,
        header=header,
        proof=proof,
        losers=frozenset(count.rivals.losers),
        exported=count.exported(),
    )


class _Count:
    """What is counted while the rows go by."""

    def __init__(self, plan: Plan, header: Header, dialect: Dialect) -> None:
        self.rows = 0
        self.sites: Counter[str] = Counter()
        self.rivals = Rivals(plan, header)
        self._width = len(header.names)
        self._joined = plan.identity is not None
        self._site = next((header.at(column) for column in plan.site_columns(header.names)), None)
        self._export = header.at(dialect.export_column) if dialect.export_column is not None else None
        self._export_cells: set[str] = set()
        self._export_time = dialect.export_time

    def see(self, rows: Rows) -> None:
        """Reads all rows."""
        width, site, export = self._width, self._site, self._export
        sites: Counter[str] = Counter()
        for line, cells in rows:
            self.rows += 1
            if len(cells) != width:
                continue
            if site is not None:
                sites[cells[site]] += 1
            if self._joined:
                self.rivals.see(line, cells)
            if export is not None and len(self._export_cells) < 10_000:
                self._export_cells.add(cells[export])
        for cell, number in sites.items():
            self.sites[cell.strip()] += number

    def exported(self) -> datetime | None:
        if self._export_time is None:
            return None
        return max(filter(None, map(self._export_time, self._export_cells)), default=None)
