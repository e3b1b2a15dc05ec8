"""One resource type of one file, or of one whole export, as a pass."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Literal

from connectors.base import Page, Proof, RawRow, Refusal, SnapshotRule, Unavailable, Window
from connectors.fhir.entry import Entry
from connectors.fhir.stream import entries, entries_on
from connectors.fhir_files.folder import File, stamp_of
from connectors.fhir_files.reading import PAGE_ROWS, Line, pages_beside
from connectors.lines import NOTHING, Remembered
from connectors.tape import Stretch, Tape
from mappings.fhir.mapping import KINDS, row_ids, unreadable_id
from mappings.fhir.terms import Terms
from mappings.records import Kind

OTHER = "other"
"""The feed of files that hold nothing that is read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """Resources of one type that may land, or with `refusal` a file that must not; see `connectors.base.Pass`.

    `with_junk`: what is no resource at all comes with this pass, to be quarantined. `context`: given where every line
    is a resource of this type; `tape`: what the proof met there.
    """

    feed: str
    name: str
    snapshot: SnapshotRule
    data_as_of: datetime
    terms: Terms
    files: tuple[File, ...]
    proof: Proof | None = None
    context: str | None = None
    tape: Tape[Line] | None = None
    repeated: bool = False
    labels: Sequence[str] = ("",)
    refusal: Refusal | None = None
    skipped: str | None = None
    notices: Sequence[str] = ()
    with_junk: bool = False
    stream: Literal["anew", "resumed"] | None = None

    @property
    def kinds(self) -> frozenset[Kind]:
        """The kind of the type's rows; none for files without any."""
        return frozenset((KINDS[self.feed],)) if self.feed in KINDS else frozenset()

    def window(self) -> Window | None:
        """No FHIR file is a window."""
        return None

    def pages(self, remembered: Remembered = NOTHING) -> Iterator[Page]:
        """Yields the rows by the thousand; raises Refusal or Unavailable when a file is no longer the proved one."""
        if self.refusal is not None:
            raise self.refusal
        if self.context is not None:
            yield from self._line_pages(remembered)
            return
        rows = self._rows()
        while page := list(islice(rows, PAGE_ROWS)):
            yield Page(rows=page)

    def _line_pages(self, remembered: Remembered) -> Iterator[Page]:
        replayed = self.tape is not None and self.tape.replays(remembered)
        tape = self.tape if self.tape is not None and replayed else Tape[Line](remembered)
        for stretch in self._proved(tape) if replayed else self._stretches(tape):
            yield Page(
                rows=[row for line in stretch.fresh for row in self._rows_on(line)],
                unchanged=stretch.rows - len(stretch.fresh),
                lines=stretch.lines,
                gone=stretch.gone,
            )
        yield from (Page(rows=(), gone=gone) for gone in tape.trail.rest())

    def _proved(self, tape: Tape[Line]) -> Iterator[Stretch[Line]]:
        for file in self.files:
            _same(file)
        yield from tape.stretches()

    def _stretches(self, tape: Tape[Line]) -> Iterator[Stretch[Line]]:
        for file in self.files:
            _same(file)
            for _, stretch in pages_beside(file.path, file.name, tape.trail):
                yield stretch
            _same(file)

    def _rows(self) -> Iterator[RawRow]:
        for file in self.files:
            _same(file)
            for entry in entries(file.path, file.name, proved=True):
                yield from self._rows_of_entry(entry)
            _same(file)

    def _rows_on(self, line: Line) -> Iterator[RawRow]:
        for entry in entries_on(line.body, line.number, proved=True):
            for row in self._rows_of_entry(entry):
                yield row._replace(digest=line.digest)

    def _rows_of_entry(self, entry: Entry) -> Iterator[RawRow]:
        resource, resource_id, body, place = entry
        kind = KINDS.get(self.feed, "supplements")
        if resource == self.feed and resource_id:
            for external_id in row_ids(self.feed, resource_id, body, self.terms):
                yield RawRow(kind, external_id, body, place)
        elif resource == self.feed or (self.with_junk and not resource):
            yield RawRow(kind, _digest(entry), body, place)


def _digest(entry: Entry) -> str:
    return unreadable_id(hashlib.sha256(entry.body).hexdigest())


def _same(file: File) -> None:
    try:
        same = stamp_of(file.path) == file.stamp
    except OSError:
        same = False
    if not same:
        raise Unavailable(f"{file.name}: the file changed while it was read; it is read again at the next run")
