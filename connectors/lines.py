"""Which lines of a file were there when its feed landed last: they need neither parsing nor a look-up.

Most of an export is as it was. A line is known by its digest alone, whatever it holds; the digests of the last
landed file are read along with the new one, in its order, so that memory stays flat.
"""

from array import array
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from itertools import islice, repeat
from struct import iter_unpack
from typing import Final, NamedTuple

DIGEST: Final = 12
"""Bytes of a line's digest: no two lines of any export share 96 bits of SHA-256 by accident."""
BLOCK: Final = 16_384
"""Lines whose digests are stored together."""
AHEAD: Final = 4 * BLOCK
"""How many lines of the last file are held ready beyond the place where the new one is read."""
BEHIND: Final = 8 * BLOCK
"""How many may wait to be met again; the oldest of more count as gone, and are parsed if they come after all."""


def digest_of(line: bytes) -> bytes:
    """What a line is known by."""
    return sha256(line).digest()[:DIGEST]


class Block(NamedTuple):
    """Lines in the order of their file: their digests one after the other, and a label each (an index; 0 = none)."""

    digests: bytes
    labels: "array[int]"

    def __len__(self) -> int:
        return len(self.labels)


NO_LINES: Final = Block(b"", array("H"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Remembered:
    """The lines of a feed's last landed file. `labels` are what its lines' labels stand for; the first stands for none.

    `generation` counts the files of the feed whose lines were kept; -1 for nothing.
    """

    labels: Sequence[str]
    blocks: Callable[[], Iterator[Block]]
    generation: int = -1


NOTHING: Final = Remembered(labels=("",), blocks=lambda: iter(()))


class Trail:
    """Follows the last file as the new one is read; `known` holds what may be met next, with its label."""

    def __init__(self, remembered: Remembered) -> None:
        self.known: dict[bytes, int] = {}
        self._blocks = remembered.blocks()
        self._read = self._met = 0
        self._gone = bytearray()

    def move(self, lines: int) -> None:
        """Goes on by so many lines, which are read of the new file next."""
        self._met += lines
        while self._read < self._met + AHEAD:
            block = next(self._blocks, None)
            if block is None:
                break
            self._read += len(block)
            # A line that stands there twice is met once; the second time it is parsed.
            digests = (digest for (digest,) in iter_unpack(f"{DIGEST}s", block.digests))
            self.known.update(zip(digests, block.labels, strict=True))
        if len(self.known) > BEHIND + AHEAD:
            self._give_up(len(self.known) - BEHIND)

    def gone(self) -> bytes:
        """The digests of lines that were not met again, as far as that is known; each is told once."""
        told, self._gone = bytes(self._gone), bytearray()
        return told

    def rest(self) -> Iterator[bytes]:
        """Ends the reading: yields the digests of everything that was not met."""
        yield self.gone() + b"".join(self.known)
        self.known.clear()
        for block in self._blocks:
            yield block.digests

    def _give_up(self, number: int) -> None:
        for digest in list(islice(self.known, number)):
            del self.known[digest]
            self._gone += digest


class Legend:
    """What labels stand for: those of the last file, and what the new one adds."""

    def __init__(self, remembered: Remembered) -> None:
        self.names = list(remembered.labels)
        self._places = {name: place for place, name in enumerate(self.names)}

    def place(self, name: str) -> int:
        """The label of a name; 0, none, once there are more names than a label can count."""
        place = self._places.get(name)
        if place is None:
            if len(self.names) > 0xFFFF:
                return 0
            place = self._places[name] = len(self.names)
            self.names.append(name)
        return place

    def counts(self, labels: "array[int]") -> Counter[str]:
        """How often each name stands among labels."""
        return Counter({self.names[place]: number for place, number in Counter(labels).items() if place})


def unlabelled(digests: bytes) -> Block:
    """Lines that need no label."""
    return Block(digests, array("H", repeat(0, len(digests) // DIGEST)))
