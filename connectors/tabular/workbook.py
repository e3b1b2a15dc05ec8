"""XLSX workbooks: the first sheet's cells as text, through python-calamine."""

import re
import zipfile
import zlib
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from pathlib import Path

from python_calamine import CalamineError, CalamineWorkbook

from connectors.base import Refusal

SUFFIXES = frozenset({".xlsx", ".xlsm"})
_UNREADABLE = "it is no readable workbook; save it again as .xlsx, or as CSV"
_NO_RESULTS = "it holds formulas without their results; open it in the spreadsheet program and save it, or export CSV"
_LARGEST = 512 << 20
_RATIO = 100
_SMALL = 1 << 20
"""Below this many bytes a high ratio is harmless: empty sheets compress that well."""

_CELLS = 32 << 20
"""Calamine holds the whole rectangle between the outermost cells, 32 bytes for each cell in it."""
_PLACE = re.compile(rb"""\sr=["']([A-Za-z]+)([0-9]+)["']""")
"""The place of a cell, such as B7, as the attribute of its tag."""
_UNCOUNTED = re.compile(rb"<c\b([^>]*)>\s*<f\b[^>]*?(?:/>|>[^<]*</f>)\s*(?:<v\s*/>|<v>\s*</v>)?\s*</c>")
"""A cell with a formula and no result, as programs write it that do not reckon. A result that is an empty text (t="str")
is one."""
_CHUNK = 1 << 20
_TAIL = 4096
"""More than a cell's tag is long: what a chunk cuts in two is read again with the next."""

Cell = int | float | str | bool | time | date | datetime | timedelta


def workbook_rows(path: Path, name: str) -> Iterator[tuple[int, list[str]]]:
    """Yields (row number, cells) of the first sheet, the header first, empty rows left out; raises Refusal.

    Whole numbers lose the `.0` that a spreadsheet stores them with; dates and times come as ISO.
    """
    _refuse_bomb(path, name)
    try:
        sheet = CalamineWorkbook.from_path(path).get_sheet_by_index(0)
        first = sheet.start[0] + 1 if sheet.start is not None else 1
        for number, cells in enumerate(sheet.iter_rows(), start=first):
            texts = list(map(cell_text, cells))
            if any(texts):
                yield number, texts
    except CalamineError:
        raise Refusal(name, "unreadable", _UNREADABLE) from None
    except BaseException as error:
        # A panic of the library is no Exception, and its class cannot be imported.
        if type(error).__module__ != "pyo3_runtime":
            raise
        raise Refusal(name, "unreadable", _UNREADABLE) from None


def cell_text(cell: Cell) -> str:
    """A cell as the text that an export would hold."""
    if isinstance(cell, str):
        return cell
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, float):
        return str(int(cell)) if cell.is_integer() and abs(cell) < 2**53 else repr(cell)
    if isinstance(cell, datetime):
        day_only = cell.time() == time.min
        return cell.date().isoformat() if day_only else cell.isoformat(sep=" ", timespec="seconds")
    return cell.isoformat() if isinstance(cell, date | time) else str(cell)


def _refuse_bomb(path: Path, name: str) -> None:
    """Refuses a workbook that would unpack to more than 512 MiB or 100 times its size, or spans 32 million cells."""
    try:
        with zipfile.ZipFile(path) as archive:
            unpacked = sum(entry.file_size for entry in archive.infolist())
            if unpacked > _LARGEST or (unpacked > _SMALL and unpacked > _RATIO * path.stat().st_size):
                raise Refusal(name, "too_large", "it unpacks to far more than a patient list needs; export it as CSV")
            parts = [entry for entry in archive.namelist() if entry.lower().endswith((".xml", ".rels"))]
            if any(_cells(archive, part, name) > _CELLS for part in parts):
                raise Refusal(name, "too_large", "a cell lies far from all others; delete it, or export CSV")
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError):
        raise Refusal(name, "unreadable", _UNREADABLE) from None


def _cells(archive: zipfile.ZipFile, entry: str, name: str) -> int:
    """How many cells the rectangle from the first one to the outermost has; raises Refusal for formulas without results.

    Every part is read to its end, so one that unpacks to more than it says fails its checksum here.
    """
    columns, last = set[bytes](), 0
    with archive.open(entry) as file:
        text = b""
        while chunk := file.read(_CHUNK):
            text = text[-_TAIL:] + chunk
            if b"<f" in text and any(b't="str"' not in found for found in _UNCOUNTED.findall(text)):
                raise Refusal(name, "unreadable", _NO_RESULTS)
            places = _PLACE.findall(text)
            columns.update(column for column, _ in places)
            last = max(last, max((int(row[:12]) for _, row in places), default=0))
    return last * max(map(_number_of, columns), default=0)


def _number_of(column: bytes) -> int:
    """A = 1, Z = 26, AA = 27."""
    number = 0
    for letter in column[:12].upper():
        number = number * 26 + letter - 64
    return number
