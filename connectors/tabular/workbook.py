"""XLSX workbooks: the first sheet's cells as text, through python-calamine."""

import zipfile
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from pathlib import Path

from python_calamine import CalamineError, CalamineWorkbook

from connectors.base import Refusal

SUFFIXES = frozenset({".xlsx", ".xlsm"})
_LARGEST = 512 << 20
_RATIO = 100
_SMALL = 1 << 20
"""Below this many bytes a high ratio is harmless: empty sheets compress that well."""

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
        raise Refusal(name, "unreadable", "it is no readable workbook; save it again as .xlsx, or as CSV") from None


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
    """Refuses a workbook that would unpack to more than 512 MiB, or to 100 times its size."""
    try:
        with zipfile.ZipFile(path) as archive:
            unpacked = sum(entry.file_size for entry in archive.infolist())
    except zipfile.BadZipFile:
        raise Refusal(name, "unreadable", "it is no readable workbook; save it again as .xlsx, or as CSV") from None
    if unpacked > _LARGEST or (unpacked > _SMALL and unpacked > _RATIO * path.stat().st_size):
        raise Refusal(name, "too_large", "it unpacks to far more than a patient list needs; export it as CSV")
