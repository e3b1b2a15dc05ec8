"""One file of one feed as a pass: proved, dated, and read in pages."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from itertools import islice
from typing import Literal

from connectors.base import Page, Proof, RawRow, Refusal, SnapshotRule, Unavailable, Window
from connectors.lines import NOTHING, Remembered
from connectors.tabular.csv_lines import Row
from connectors.tabular.header import padding
from connectors.tabular.identity import id_reader
from connectors.tabular.proof import Proved, site_of, stamp
from connectors.tabular.sheet import Rows
from connectors.tape import Stretch, Tape
from mappings.body import broken
from mappings.plan import Plan
from mappings.records import Kind

PAGE_ROWS = 1000
DayOf = Callable[[tuple[str, ...]], date | None]


@dataclass(kw_only=True)
class Delivery:
    """A file that may land, or with `refusal` one that must not; see `connectors.base.Pass`.

    `exported` orders the files of a feed; `data_as_of` is the same, but never later than now. `day_of` is given for
    windows; `horizon` is the last day that a window may speak of. `same` is the proof of the same bytes, landed
    last.
    """

    feed: str
    name: str
    snapshot: SnapshotRule
    plan: Plan
    folder: str
    exported: datetime
    data_as_of: datetime
    proved: Proved | None = None
    same: Proof | None = None
    refusal: Refusal | None = None
    skipped: str | None = None
    notices: Sequence[str] = ()
    day_of: DayOf | None = None
    horizon: date | None = None
    stream: Literal["anew", "resumed"] | None = None
    kinds: frozenset[Kind] = field(init=False)
    proof: Proof | None = field(init=False)
    labels: Sequence[str] = field(default=("",), init=False)
    _days: tuple[date, date] | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        self.kinds = frozenset((self.plan.kind,))
        self.proof = self.proved.proof if self.proved is not None else self.same

    @property
    def context(self) -> str | None:
        """What the reading of a line depends on beside the mapping."""
        return self.proved.context if self.proved is not None else None

    @property
    def repeated(self) -> bool:
        """True when these very bytes are what landed last."""
        return self.same is not None

    def pages(self, remembered: Remembered = NOTHING) -> Iterator[Page]:
        """Yields the rows by the thousand; raises Refusal or Unavailable when the file is no longer the proved one."""
        if self.proved is None:
            raise self.refusal or Unavailable(f"{self.name}: not proved")
        self._same(self.proved)
        yield from self._row_pages(self.proved) if self.context is None else self._line_pages(self.proved, remembered)
        self._same(self.proved)

    def _row_pages(self, proved: Proved) -> Iterator[Page]:
        rows = self._rows(proved, islice(proved.sheet.rows(), 1, None))
        while page := list(islice(rows, PAGE_ROWS)):
            self._note_days(page)
            yield Page(rows=page)

    def _line_pages(self, proved: Proved, remembered: Remembered) -> Iterator[Page]:
        replayed = proved.tape is not None and proved.tape.replays(remembered)
        tape = proved.tape if proved.tape is not None and replayed else Tape[Row](remembered)
        self.labels = tape.legend.names
        for stretch in tape.stretches() if replayed else self._stretches(proved, tape):
            fresh = {row.line: row.digest for row in stretch.fresh}
            rows = self._rows(proved, ((row.line, row.cells) for row in stretch.fresh))
            yield Page(
                rows=[row._replace(digest=fresh[row.place]) for row in rows],
                unchanged=stretch.rows - len(stretch.fresh),
                lines=stretch.lines,
                gone=stretch.gone,
            )
        yield from (Page(rows=(), gone=gone) for gone in tape.trail.rest())

    def _stretches(self, proved: Proved, tape: Tape[Row]) -> Iterator[Stretch[Row]]:
        code_of = site_of(self.plan, proved.header, proved.damage)
        return proved.sheet.lines().stretches(tape.trail, lambda cells: tape.legend.place(code_of(cells)))

    def window(self) -> Window | None:
        """The days that the file speaks of; known after the last page, None for other snapshots and empty files."""
        if self._days is None:
            return None
        first, last = self._days
        last = min(last, self.horizon) if self.horizon is not None else last
        return Window(first=first, last=last) if first <= last else None

    def _rows(self, proved: Proved, rows: Rows) -> Iterator[RawRow]:
        kind, table, width = self.plan.kind, self.plan.table, len(proved.header.names)
        body_of, behind = proved.header.getter(self.plan), padding(self.plan, self.folder)
        id_of, losers = id_reader(self.plan, proved.header), proved.losers
        for line, cells in proved.damage.mend(rows):
            if line in losers:
                continue
            external_id = id_of(cells)
            body = body_of(cells + behind) if len(cells) == width else broken(table, cells)
            yield RawRow(kind, external_id, body, line)

    def _note_days(self, page: Sequence[RawRow]) -> None:
        if self.day_of is None:
            return
        for row in page:
            day = self.day_of(row.body) if isinstance(row.body, tuple) else None
            if day is not None:
                first, last = self._days or (day, day)
                self._days = (min(first, day), max(last, day))

    def _same(self, proved: Proved) -> None:
        try:
            same = stamp(proved.sheet.path) == proved.stamp
        except OSError:
            same = False
        if not same:
            raise Unavailable(f"{self.name}: the file changed while it was read; it is read again at the next run")


def horizon_of(data_as_of: datetime, sees_ahead: timedelta | None) -> date | None:
    """The last day that an export which sees so far ahead can speak of (a day more, for zones)."""
    return None if sees_ahead is None else (data_as_of + sees_ahead + timedelta(days=1)).date()
