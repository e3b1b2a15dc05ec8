"""Patient rows beside each other, as `contacts show` and `matches show` set them."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.markup import escape
from rich.table import Table

from sync.commands.screen import grid


def side_by_side(rows: Sequence[Mapping[str, Any]]) -> Table:
    """A column a row, a line for each value that any of them has."""
    table = grid("", *(escape(f"{row['source']}:{row['external_id']}") for row in rows))
    for name in rows[0]:
        values = [row[name] for row in rows]
        if name not in ("source", "external_id") and any(value not in (None, False) for value in values):
            table.add_row(name.replace("_", " "), *("" if value is None else escape(str(value)) for value in values))
    return table
