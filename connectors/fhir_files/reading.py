"""NDJSON of one resource type, read beside the lines of its feed that landed last."""

from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Final, NamedTuple

from connectors.base import Known
from connectors.fhir.entry import Entry, head_of
from connectors.fhir.stream import entries, entries_on, lines
from connectors.lines import Trail, digest_of, unlabelled
from connectors.tape import Stretch, Tape

PAGE_ROWS: Final = 1000
CONTEXT: Final = "NDJSON"
"""What the reading of a line depends on beside the mapping: nothing, where every line is a resource of one type."""


class Line(NamedTuple):
    """A line that is not known: its number in the file, without its end, and its digest."""

    number: int
    body: bytes
    digest: bytes


class Tapes:
    """What the proof of one export's files meets, by feed; the files are proved in the order in which they land."""

    def __init__(self, known: Known) -> None:
        self._known = known
        self._tapes: dict[str, Tape[Line]] = {}

    def of(self, feed: str) -> Tape[Line]:
        """The tape of a feed, made when its first file is read."""
        if feed not in self._tapes:
            self._tapes[feed] = Tape(self._known.lines(feed, CONTEXT))
        return self._tapes[feed]

    def pass_over(self, feeds: Iterable[str]) -> None:
        """A file of these feeds was proved before: what it holds is met when it lands."""
        for feed in feeds:
            self.of(feed).tear()


def pages_beside(path: Path, name: str, trail: Trail) -> Iterator[tuple[list[tuple[int, bytes]], Stretch[Line]]]:
    """Yields the numbered lines of a file by the thousand, and what of them is not known; raises Refusal."""
    numbered, take = lines(path, name), trail.known.pop
    while page := list(islice(numbered, PAGE_ROWS)):
        trail.move(len(page))
        digests = [digest_of(line) for _, line in page]
        fresh = [place for place, digest in enumerate(digests) if take(digest, None) is None]
        unknown = [Line(*page[place], digests[place]) for place in fresh]
        yield page, Stretch(unknown, len(page), unlabelled(b"".join(digests)), trail.gone())


def entries_beside(path: Path, name: str, tapes: Tapes, bundles: Counter[str]) -> Iterator[Entry]:
    """Yields every resource of an NDJSON file; of lines that are known, nothing but the type. Raises Refusal."""
    feed = _first_type(path, name)
    known, tape = Entry(feed, "", b"", 0), tapes.of(feed)
    if tape.is_first:
        yield from entries(path, name, bundles=bundles)
        return
    for page, stretch in pages_beside(path, name, tape.trail):
        tape.note(stretch)
        fresh = {line.number for line in stretch.fresh}
        for number, line in page:
            if number in fresh:
                yield from entries_on(line, number, bundles=bundles)
            else:
                yield known


def _first_type(path: Path, name: str) -> str:
    _, line = next(lines(path, name), (0, b""))
    return head_of(line)[0]
