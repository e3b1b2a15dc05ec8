"""One type of an export as a pass that comes over a network."""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from typing import Final, Literal, NamedTuple

from msgspec.structs import replace

from connectors.base import Page, Proof, RawRow, Refusal, SnapshotRule, Window
from connectors.fhir.entry import Entry, plain_entry
from connectors.fhir.stream import lines
from connectors.fhir_bulk.cursor import Cursor, Running, as_json, proof_of
from connectors.fhir_bulk.files import Fetched
from connectors.fhir_bulk.scan import OUTCOME, removals
from mappings.fhir.mapping import KINDS, row_ids, unreadable_id
from mappings.fhir.terms import Terms
from mappings.records import Kind

PAGE_ROWS: Final = 1000
Prepare = Callable[[Sequence[RawRow]], None]
"""Looks up what the mapping of a page's rows will want to know."""


class Held(NamedTuple):
    """The files that tell of a type: what is `gone` of it, and what it is now."""

    gone: Sequence[Fetched] = ()
    files: Sequence[Fetched] = ()

    @property
    def contents(self) -> str:
        """What stands for the files' contents in their order: a landing goes on only where they are the same."""
        hashes = "".join(file.scan.sha256 for each in self for file in each)
        return hashlib.sha256(f"{len(self.gone)} {hashes}".encode()).hexdigest()[:32]


@dataclass(slots=True, kw_only=True)
class Delivery:
    """What an export brings of one type; see `connectors.base.Pass`.

    Deletions are read first, so that what came back after them is there. A pass that was read to its end, and of which it
    is not certain that it landed as a whole, brings nothing but its end.
    """

    feed: str
    cursor: Cursor
    running: Running
    held: Held
    terms: Terms
    prepare: Prepare
    stream: Literal["anew", "resumed"] | None = "anew"
    notices: Sequence[str] = ()
    refusal: Refusal | None = None
    skipped: str | None = None
    proof: Proof | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        if self.running.done:
            self.proof = self._proof(self.running)

    @property
    def name(self) -> str:
        """What the pass is, for reports."""
        return f"{self.feed} export, {'all' if self.running.every else 'what has changed'}"

    @property
    def snapshot(self) -> SnapshotRule:
        return "full" if self.running.whole else "delta"

    @property
    def data_as_of(self) -> datetime:
        """The server's time when the export began."""
        return self.running.as_of

    @property
    def kinds(self) -> frozenset[Kind]:
        return frozenset((KINDS[self.feed],))

    def window(self) -> Window | None:
        """No export is a window."""
        return None

    def pages(self) -> Iterator[Page]:
        """Yields the rows by the thousand lines, each page with the place from which to go on."""
        if self.running.done:
            return
        running = self.running
        for index, file in enumerate((*self.held.gone, *self.held.files)):
            if index < running.file:
                continue
            after = running.line if index == running.file else 0
            running = replace(running, file=index, line=after)
            numbered = (each for each in lines(file.path, file.name) if each[0] > after)
            while page := list(islice(numbered, PAGE_ROWS)):
                told = index < len(self.held.gone)
                rows = list(self._rows(page, told=told))
                counted = 0 if told else len(rows)
                running = replace(running, line=page[-1][0], rows=running.rows + counted)
                self.prepare(rows)
                yield Page(rows=rows, cursor=as_json(replace(self.cursor, running=running)))
        self.proof = self._proof(running)
        yield Page(rows=(), cursor=as_json(replace(self.cursor, running=replace(running, done=True))))

    def _rows(self, page: Sequence[tuple[int, bytes]], *, told: bool) -> Iterator[RawRow]:
        for number, line in page:
            if told:
                for gone in removals(line, number):
                    yield from self._of_entry(gone)
                continue
            entry = plain_entry(line, number, proved=True)
            if entry is None:
                yield RawRow(KINDS[self.feed], unreadable_id(hashlib.sha256(line).hexdigest()), line, number)
            elif entry.resource != OUTCOME:
                yield from self._of_entry(entry)

    def _of_entry(self, entry: Entry) -> Iterator[RawRow]:
        resource, resource_id, body, place = entry
        if resource != self.feed:
            return
        if not resource_id:
            yield RawRow(KINDS[self.feed], unreadable_id(hashlib.sha256(body).hexdigest()), body, place)
            return
        for external_id in row_ids(resource, resource_id, body, self.terms):
            yield RawRow(KINDS[self.feed], external_id, body, place)

    def _proof(self, running: Running) -> Proof:
        digest = proof_of(self.cursor.search, running)
        return Proof(sha256=digest, rows=running.rows, kinds={KINDS[self.feed]: running.rows})
