"""One workbook: read with python-calamine, written with XlsxWriter, never while somebody has it open."""

import os
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import xlsxwriter
from python_calamine import CalamineWorkbook

from connectors.base import Unavailable
from connectors.private_files import make_private, safe_cells, sync_folder
from connectors.worklist.answers import ANSWERS
from connectors.worklist.columns import ANSWER, CONTACT

_DRAFT: Final = ".draft"
_OPEN_FOR: Final = 12 * 3600.0
"""Seconds after which a lock file is taken for one that a crashed program left behind."""
_WIDEST: Final = 50

Row = tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """A workbook's rows as text, the header first, and what the file looked like when it was read."""

    rows: tuple[Row, ...]
    stamp: tuple[int, int, int]

    def typed(self) -> dict[str, str]:
        """What stands in the answer column, by contact; empty cells left out."""
        contact, answer = self.column(CONTACT), self.column(ANSWER)
        return {row[contact]: row[answer] for row in self.rows[1:] if row[contact] and row[answer]}

    def row_of(self, contact: str) -> dict[str, str]:
        """The cells of a contact by column; empty where there is none."""
        place = self.column(CONTACT)
        row = next((row for row in self.rows[1:] if row[place] == contact), ())
        return dict(zip(self.rows[0], row, strict=False))

    def column(self, name: str) -> int:
        """Where a column stands; raises ValueError when there is none."""
        return self.rows[0].index(name) if self.rows else -1


def read(path: Path) -> Contents | None:
    """Reads a workbook; None when there is none. Raises Unavailable for one that cannot be read: it may hold answers."""
    stamp = _stamp(path)
    if stamp is None:
        return None
    try:
        rows = tuple(
            tuple(map(_text, row)) for row in CalamineWorkbook.from_path(path).get_sheet_by_index(0).iter_rows()
        )
        contents = Contents(rows=rows, stamp=stamp)
        contents.typed()
    except BaseException as error:
        # A panic of the library is no Exception, and its class cannot be imported.
        if not isinstance(error, Exception) and type(error).__module__ != "pyo3_runtime":
            raise
        advice = f"save it as .xlsx with its columns {CONTACT} and {ANSWER}, or delete it"
        raise Unavailable(f"{path} is no readable worklist; {advice}") from None
    return contents


def is_open(path: Path) -> bool:
    """True while a spreadsheet program has the file open: Excel and LibreOffice leave a lock file beside it."""
    return any(_is_recent(path.parent / name) for name in (f"~${path.name}", f".~lock.{path.name}#"))


def _is_recent(path: Path) -> bool:
    try:
        return time.time() - path.stat().st_mtime < _OPEN_FOR
    except OSError:
        return False


def put(path: Path, rows: Sequence[Row], before: Contents | None) -> bool | None:
    """Puts a workbook in its place; False where it holds these rows already, None where it must be left alone.

    That is while it is open, and when it has been saved since it was read.
    """
    safe = tuple(tuple(safe_cells(row)) for row in rows)
    if before is not None and before.rows == safe:
        return False
    make_private(path.parent)
    for dead in path.parent.glob(f".{path.name}.*{_DRAFT}"):
        dead.unlink()
    # mkstemp makes it for its owner alone (0600).
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=_DRAFT)
    draft = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            _write(file, safe)
            file.flush()
            os.fsync(file.fileno())
        if is_open(path) or _stamp(path) != (before.stamp if before is not None else None):
            return None
        draft.replace(path)
        sync_folder(path.parent)
    finally:
        draft.unlink(missing_ok=True)
    return True


def _write(file: Any, rows: Sequence[Row]) -> None:
    """Writes text cells only: nothing in them is ever a formula, a link or a number."""
    book = xlsxwriter.Workbook(file, {"in_memory": True})
    sheet = book.add_worksheet("Worklist")
    text, bold = book.add_format({"num_format": "@"}), book.add_format({"num_format": "@", "bold": True})
    for number, row in enumerate(rows):
        for place, cell in enumerate(row):
            sheet.write_string(number, place, cell, text if number else bold)
    last = len(rows[0]) - 1
    for place, width in enumerate(_widths(rows)):
        sheet.set_column(place, place, width, text)
    sheet.freeze_panes(1, 0)
    sheet.autofilter(0, 0, max(len(rows) - 1, 1), last)
    if len(rows) > 1:
        choices = {"validate": "list", "source": list(ANSWERS), "error_type": "warning"}
        sheet.data_validation(1, last, len(rows) - 1, last, choices)
    book.close()


def _widths(rows: Sequence[Row]) -> Iterator[int]:
    for column in zip(*rows, strict=True):
        yield min(max(len(cell) for cell in column) + 2, _WIDEST)


def _text(cell: object) -> str:
    """A cell as text; a whole number without the .0 that spreadsheets store it with."""
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return str(cell).strip() if cell is not None else ""


def _stamp(path: Path) -> tuple[int, int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size
