"""A body that is streamed to a file: beside its place while it grows, in its place when it is whole."""

import os
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

_STEP: Final = 2**20
GZIP: Final = b"\x1f\x8b"
"""How gzip begins, whether or not a header says so; no NDJSON does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Downloaded:
    """What came of a download. `headers` as in Response (etag, content-type, expires, …; lower-case names).

    `received` bytes came over the wire; the file has `size` bytes, inflated where the server or the file itself was
    gzip. `lines` counts line ends; `ended`: the last byte is one (True for an empty file), so that no line is cut.
    For a status other than 200 there is no file, and the numbers are 0.
    """

    status: int
    headers: Mapping[str, str]
    received: int = 0
    size: int = 0
    lines: int = 0
    ended: bool = True


@contextmanager
def beside(to: Path) -> Iterator[IO[bytes]]:
    """Opens `<to>.part` (0600) for writing; it takes its place when `finish` is called inside the block, else it goes."""
    part = _part(to)
    part.unlink(missing_ok=True)
    try:
        with os.fdopen(os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as file:
            yield file
    finally:
        part.unlink(missing_ok=True)


def finish(file: IO[bytes], to: Path) -> None:
    """Puts the file that `beside` has opened into its place."""
    file.flush()
    _part(to).replace(to)


def _part(to: Path) -> Path:
    return to.with_name(to.name + ".part")


class Inflating:
    """Inflates gzip a MiB at a time, one member after the other; `whole` when the last one has ended."""

    def __init__(self) -> None:
        self._member = zlib.decompressobj(wbits=31)
        self.whole = False

    def __call__(self, chunk: bytes) -> Iterator[bytes]:
        """Yields what the bytes inflate to; raises zlib.error for damaged ones."""
        while chunk:
            if self._member.eof:
                self._member, self.whole = zlib.decompressobj(wbits=31), False
            yield self._member.decompress(chunk, _STEP)
            chunk = self._member.unused_data if self._member.eof else self._member.unconsumed_tail
        self.whole = self._member.eof
