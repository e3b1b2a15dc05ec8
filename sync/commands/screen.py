"""Where tables go: the terminal as wide as it is, and wide enough elsewhere."""

import sys

from rich.console import Console
from rich.table import Column, Table

WIDTH = 120


def screen() -> Console:
    """A console on stdout that colours nothing by itself."""
    return Console(width=None if sys.stdout.isatty() else WIDTH, highlight=False)


def grid(*titles: str, title: str | None = None) -> Table:
    """An empty table; on a narrow terminal names are broken over lines, never cut."""
    return Table(*(Column(text, overflow="fold") for text in titles), title=title)
