"""A first look at a file that no source knows yet. Only here are encoding and delimiter guessed."""

import codecs
import csv
from collections.abc import Iterator
from itertools import islice, zip_longest
from pathlib import Path
from typing import Final, NamedTuple

from connectors.base import Refusal
from connectors.tabular.sheet import open_sheet

ROWS: Final = 10_000
_DELIMITERS: Final = (",", ";", "\t", "|")
_PROBE: Final = 50


class Look(NamedTuple):
    """What a file seems to be: its titles, the cells of its first ten thousand rows by column, and how it is written.

    `encoding` and `delimiter` are what a source must state, None where its defaults read the file (UTF-8 and comma).
    """

    titles: list[str]
    columns: list[tuple[str, ...]]
    rows: int
    encoding: str | None
    delimiter: str | None


def look_at(path: Path) -> Look:
    """Reads the beginning of a CSV, XLSX or JSON Lines file; raises Refusal and OSError."""
    encoding, delimiter = _dialect(path)
    sheet = open_sheet(path, path.name, fallback=encoding, delimiter=delimiter or ",")
    rows = sheet.rows()
    first = next(rows, None)
    if first is None:
        raise Refusal(path.name, "empty_file", "it holds nothing, not even a header")
    titles = [title.strip() for title in first[1]]
    cells = [row[: len(titles)] for _, row in islice(rows, ROWS)]
    columns = list(zip_longest(*cells, fillvalue="")) if cells else []
    columns += [()] * (len(titles) - len(columns))
    return Look(titles, columns, len(cells), encoding, delimiter)


def _dialect(path: Path) -> tuple[str | None, str | None]:
    if path.suffix.lower() not in (".csv", ".txt", ".tsv", ".tab"):
        return None, None
    encoding = _encoding(path)
    delimiter = _delimiter(path, encoding or _marked(path) or "utf-8-sig")
    return encoding, None if delimiter == "," else delimiter


def _marked(path: Path) -> str | None:
    with path.open("rb") as file:
        start = file.read(2)
    return "utf-16" if start in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE) else None


def _encoding(path: Path) -> str | None:
    """None for UTF-8 and for files with a mark; else cp1252, or latin-1 where that has no letter for a byte."""
    if _marked(path) is not None:
        return None
    for encoding in ("utf-8", "cp1252"):
        if _decodes(path, encoding):
            return None if encoding == "utf-8" else encoding
    return "latin-1"


def _decodes(path: Path, encoding: str) -> bool:
    try:
        with path.open(encoding=encoding, newline="") as file:
            while file.read(1 << 20):
                pass
    except UnicodeDecodeError:
        return False
    return True


def _delimiter(path: Path, encoding: str) -> str:
    """The one that cuts the most rows into as many cells as the header, and into the most."""
    return max(_DELIMITERS, key=lambda delimiter: _width(path, encoding, delimiter))


def _width(path: Path, encoding: str, delimiter: str) -> tuple[float, int]:
    with path.open(encoding=encoding, newline="") as file:
        widths = [len(row) for row in islice(_rows(file, delimiter), _PROBE)]
    if not widths or widths[0] == 1:
        return 0, 0
    return widths.count(widths[0]) / len(widths), widths[0]


def _rows(lines: Iterator[str], delimiter: str) -> Iterator[list[str]]:
    try:
        yield from csv.reader(lines, delimiter=delimiter, strict=True)
    except csv.Error:
        return
