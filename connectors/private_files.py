"""Files that hold patients: for their owner alone, replaced as a whole, and safe to open in a spreadsheet."""

import hashlib
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Final

FORMULA: Final = frozenset("=+-@\t\r\n\0")
"""A spreadsheet takes a cell that begins so for a formula (OWASP, CSV Injection)."""


def safe_cells(cells: Iterable[str]) -> list[str]:
    """The cells of a row, with an apostrophe before each that a spreadsheet would take for a formula."""
    return ["'" + text if text[:1] in FORMULA else text for text in cells]


def hash_of(path: Path) -> str | None:
    """The sha256 of a file; None when it cannot be read."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return None


def make_private(folder: Path) -> None:
    """Makes a folder and the one above it, if need be, for their owner alone."""
    folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.mkdir(mode=0o700, exist_ok=True)


def sync_folder(folder: Path) -> None:
    """Brings a folder's entries to the disk."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
