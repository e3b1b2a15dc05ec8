"""A CSV file read line by line: lines that were there last time are passed over, the others are parsed.

A line that was a whole row once is one wherever a row begins, so what is passed over needs no parser.
"""

import csv
import re
from array import array
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Final, NamedTuple

from connectors.base import Refusal
from connectors.lines import Block, Trail, digest_of
from connectors.tape import Stretch

PAGE_LINES: Final = 1000
QUOTE_ADVICE: Final = "the quotes of the row that begins here do not close properly; export the file again"
_BARE_RETURN = re.compile(r"(?<=\r)(?!\n)")
_BYTEWISE: Final = re.compile(r"utf-8(-sig)?|ascii|latin[-_]?1|(windows-|cp)125\d|iso-?8859-\d+", re.IGNORECASE)
"""Encodings in which the byte 0x0A is always a line's end and nothing else."""


class Row(NamedTuple):
    """A parsed row: the line where it begins, its cells, and the digest of its lines (None: several on one line)."""

    line: int
    cells: list[str]
    digest: bytes | None


def is_bytewise(encoding: str) -> bool:
    """True when a file in this encoding can be cut into lines before it is decoded."""
    return _BYTEWISE.fullmatch(encoding) is not None


class CsvLines:
    """One file; `name` is what errors call it."""

    def __init__(self, path: Path, name: str, encoding: str, delimiter: str) -> None:
        self._path, self._name, self._delimiter = path, name, delimiter
        self._encoding = encoding.removesuffix("-sig")
        self._mark = 3 if encoding.endswith("-sig") else 0

    def stretches(self, trail: Trail, label_of: Callable[[list[str]], int]) -> Iterator[Stretch[Row]]:
        """Yields the file behind its header, a thousand lines at a time; raises Refusal for quotes that do not close."""
        with self._path.open("rb") as file:
            file.seek(self._mark)
            parser = _Parser(file, self._encoding, self._delimiter, self._name)
            _header(parser)
            while True:
                stretch, read = _stretch(parser, trail, label_of)
                if not read:
                    return
                yield stretch


def _header(parser: "_Parser") -> None:
    while not any(row.cells for row in parser.parse(parser.next_line())):
        pass


def _stretch(parser: "_Parser", trail: Trail, label_of: Callable[[list[str]], int]) -> tuple[Stretch[Row], int]:
    trail.move(PAGE_LINES)
    take, before = trail.known.pop, parser.line
    fresh: list[Row] = []
    digests: list[bytes] = []
    labels = array("H")
    unlisted = 0
    for line in islice(parser.lines, PAGE_LINES):
        digest = digest_of(line)
        label = take(digest, None)
        if label is not None:
            parser.line += 1
            digests.append(digest)
            labels.append(label)
            continue
        parser.line += 1
        for row in parser.parse(line):
            if row.digest is None:
                unlisted += 1
                fresh.append(row)
                continue
            label = take(row.digest, None)
            if label is None:
                label = label_of(row.cells)
                fresh.append(row)
            digests.append(row.digest)
            labels.append(label)
    block = Block(b"".join(digests), labels)
    return Stretch(fresh, len(labels) + unlisted, block, trail.gone()), parser.line - before


class _Parser:
    """csv.reader over lines that are handed to it one by one; it takes further ones itself where a row goes on."""

    def __init__(self, lines: Iterator[bytes], encoding: str, delimiter: str, name: str) -> None:
        self.lines, self.line = lines, 0
        self._encoding, self._name = encoding, name
        self._pieces: list[str] = []
        self._taken: list[bytes] = []
        self._reader = csv.reader(iter(self._next_piece, None), delimiter=delimiter, strict=True)

    def next_line(self) -> bytes:
        """The next line of the file; raises Refusal at its end."""
        line = next(self.lines, None)
        if line is None:
            raise Refusal(self._name, "empty_file", "it holds nothing, not even a header; export the file again")
        self.line += 1
        return line

    def parse(self, line: bytes) -> list[Row]:
        """The rows that begin on a line: one as a rule, none for an empty line. Raises Refusal."""
        first, self._taken = self.line, [line]
        self._pieces = self._text(line)
        found: list[list[str]] = []
        try:
            while self._pieces:
                found.append(next(self._reader))
        except csv.Error as error:
            code = "too_large" if "field limit" in str(error) else "unclosed_quote"
            raise Refusal(self._name, code, QUOTE_ADVICE, line=first) from None
        rows = [cells for cells in found if cells]
        digest = digest_of(b"".join(self._taken)) if len(found) == 1 else None
        return [Row(first, cells, digest) for cells in rows]

    def _next_piece(self) -> str | None:
        if not self._pieces:
            line = next(self.lines, None)
            if line is None:
                return None
            self.line += 1
            self._taken.append(line)
            self._pieces = self._text(line)
        return self._pieces.pop(0)

    def _text(self, line: bytes) -> list[str]:
        """A line as csv.reader wants it: a lone carriage return ends a line too."""
        text = line.decode(self._encoding)
        return [piece for piece in _BARE_RETURN.split(text) if piece] if "\r" in text else [text]
