"""One search of one type as a pass that comes over a network."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from msgspec.structs import replace

from connectors.base import Page, Proof, RawRow, Refusal, SnapshotRule, Unavailable, Window
from connectors.fhir_search.ask import Answer
from connectors.fhir_search.cursor import Cursor, Running, as_json, broken, proof_of
from connectors.fhir_search.walk import Step, Stuck, Walk
from mappings.fhir.mapping import KINDS
from mappings.records import Kind

SNAPSHOTS: dict[str, SnapshotRule] = {"changes": "delta", "all": "full", "window": "window"}
Prepare = Callable[[list[RawRow]], tuple[list[RawRow], Callable[[], None]]]
"""Asks for what belongs to a page's rows; returns all rows, and what to call when they have landed."""


@dataclass(slots=True, kw_only=True)
class Delivery:
    """What a search of one type brings; see `connectors.base.Pass`.

    `opened` is its first page where that was asked for already. A pass that was read to its end, and of which it is
    not certain that it landed as a whole, brings nothing but its end.
    """

    feed: str
    cursor: Cursor
    running: Running
    walk: Walk
    prepare: Prepare
    opened: Answer | None = None
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
        """What the pass asks for, for reports."""
        said = {"changes": "what has changed", "all": "all", "window": "a window of days"}
        return f"{self.feed} search, {said[self.running.way]}"

    @property
    def snapshot(self) -> SnapshotRule:
        return SNAPSHOTS[self.running.way]

    @property
    def data_as_of(self) -> datetime:
        """The server's Date when the pass began."""
        return self.running.as_of

    @property
    def kinds(self) -> frozenset[Kind]:
        return frozenset((KINDS[self.feed],))

    def window(self) -> Window | None:
        """The days that were asked for."""
        first, last = self.running.first, self.running.last
        return Window(first=first, last=last) if first is not None and last is not None else None

    def pages(self) -> Iterator[Page]:
        """Yields a page an answer, each with the place from which to go on; raises Unavailable."""
        if self.running.done:
            return
        steps = self.walk.steps(self.running, self.opened)
        last = self.running
        try:
            for step in steps:
                last = step.running
                yield from self._landed(step)
        except Stuck:
            yield Page(rows=(), cursor=as_json(broken(self.cursor)))
            raise
        yield from self._end(last)

    def _landed(self, step: Step) -> Iterator[Page]:
        rows, landed = self.prepare(step.rows)
        warned = [issue.code for issue in step.page.issues if issue.severity == "warning"]
        yield Page(rows=rows, cursor=as_json(replace(self.cursor, running=step.running)), warned=warned)
        landed()

    def _end(self, running: Running) -> Iterator[Page]:
        """The last word: all of it was read; or there are gaps, and the same is asked again at the next run."""
        if running.gaps:
            yield Page(rows=(), cursor=as_json(broken(self.cursor)))
            raise Unavailable(
                f"/{self.feed}: the server reports {running.gaps} errors among its answers; what came is kept"
            )
        self.proof = self._proof(running)
        yield Page(rows=(), cursor=as_json(replace(self.cursor, running=replace(running, done=True))))

    def _proof(self, running: Running) -> Proof:
        digest = proof_of(self.cursor.search, running)
        return Proof(sha256=digest, rows=running.rows, kinds={KINDS[self.feed]: running.rows})
