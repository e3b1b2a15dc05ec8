"""The body of a tabular raw row: table, folder, then the cells of the plan's layout.

The table travels in the body so that a row that waits in quarantine can be mapped again by itself.
"""

from typing import Final

FIRST_CELL: Final = 2
ABSENT: Final = "(no such column)"
"""The cell of a site column that the file's header lacks; any other column that is lacking gives empty cells."""

_BROKEN: Final = "!"


def broken(table: str, cells: list[str]) -> tuple[str, ...]:
    """The body of a row whose number of cells is not the header's: its cells as they stand."""
    return (_BROKEN + table, "", *cells)


def is_broken(body: tuple[str, ...]) -> bool:
    """True for a body made by `broken`."""
    return body[0].startswith(_BROKEN)
