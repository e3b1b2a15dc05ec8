"""Where tables go: the terminal as wide as it is, and wide enough elsewhere."""

import sys

from rich.console import Console

WIDTH = 120


def screen() -> Console:
    """A console on stdout that colours nothing by itself."""
    return Console(width=None if sys.stdout.isatty() else WIDTH, highlight=False)
