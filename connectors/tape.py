"""What the proof of a file met, kept until the file lands: lines that are known are not read a second time."""

from array import array
from collections.abc import Iterator, Sequence
from tempfile import SpooledTemporaryFile
from typing import Final, Generic, NamedTuple, TypeVar
from weakref import finalize

from connectors.lines import BLOCK, DIGEST, Block, Legend, Remembered, Trail

IN_MEMORY: Final = 4 * 2**20
"""Bytes of digests that are held in memory; more of them wait in a file without a name. Digests tell nothing of a line."""
MOST_FRESH: Final = BLOCK
"""Lines that are not known and are held; where a file has more, it is read again."""

Fresh = TypeVar("Fresh")


class Stretch(NamedTuple, Generic[Fresh]):
    """What a stretch of a file holds: what is not known, how many rows there are in all, every line that is a row, and
    the digests of lines that are not met again."""

    fresh: Sequence[Fresh]
    rows: int
    lines: Block
    gone: bytes


class Tape(Generic[Fresh]):
    """The stretches of a feed's new files in their order, as `trail` and `legend` met them beside what is remembered.

    `is_first`: nothing is remembered, and nothing is kept.
    """

    def __init__(self, remembered: Remembered) -> None:
        self.legend, self.trail = Legend(remembered), Trail(remembered)
        self.is_first = remembered.generation < 0
        self._generation = remembered.generation
        self._heads: list[tuple[Sequence[Fresh], int, int, bytes]] = []
        self._spool = SpooledTemporaryFile(max_size=IN_MEMORY)  # noqa: SIM115  it lives as long as the tape
        finalize(self, self._spool.close)
        self._room = -1 if self.is_first else MOST_FRESH

    def note(self, stretch: Stretch[Fresh]) -> None:
        """Keeps a stretch, unless there is too much that is not known."""
        self._room -= len(stretch.fresh)
        if self._room < 0:
            self.tear()
            return
        fresh, rows, lines, gone = stretch
        self._heads.append((fresh, rows, len(lines), gone))
        self._spool.write(lines.digests + lines.labels.tobytes())

    def replays(self, remembered: Remembered) -> bool:
        """True when nothing has landed since and everything was kept; a tape is replayed once."""
        return self._room >= 0 and self._generation == remembered.generation

    def stretches(self) -> Iterator[Stretch[Fresh]]:
        """Yields what was noted, in order."""
        self._spool.seek(0)
        for fresh, rows, lines, gone in self._heads:
            digests = self._spool.read(lines * DIGEST)
            labels = array("H", self._spool.read(lines * array("H").itemsize))
            yield Stretch(fresh, rows, Block(digests, labels), gone)
        self.tear()

    def tear(self) -> None:
        """Keeps nothing: the files are read again."""
        self._room = -1
        self._heads.clear()
        self._spool.close()
