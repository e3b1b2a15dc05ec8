"""The external id of a raw row: one cell, or several columns joined where no single id lasts."""

import hashlib
from collections.abc import Callable

from connectors.tabular.header import Header
from mappings.cells import LONGEST_NAME
from mappings.plan import Identity, Plan

Cells = list[str]
IdOf = Callable[[Cells], str]
UNNAMED = "?"
"""Begins the stand-in id of a row that has none: a hash of its cells, the same on every reading."""


def id_reader(plan: Plan, header: Header) -> IdOf:
    """A reader of a row's id; rows without one, or with one without end, get a stand-in, and are rejected by the mapping."""
    if plan.identity is not None:
        return _joined(plan.identity, header)
    at = header.names.index(plan.columns["external_id"].column)

    def single(cells: Cells) -> str:
        external_id = cells[at].strip() if at < len(cells) else ""
        return external_id if 0 < len(external_id) <= LONGEST_NAME else unnamed(cells)

    return single


def _joined(identity: Identity, header: Header) -> IdOf:
    places = [place for column in identity.columns if (place := header.at(column)) is not None]
    day = header.at(identity.day) if identity.day is not None else None

    def joined(cells: Cells) -> str:
        if len(cells) < len(header.names):
            return unnamed(cells)
        parts = [cells[at].strip() for at in places]
        if not any(parts) or max(map(len, parts)) > LONGEST_NAME:
            return unnamed(cells)
        return ":".join(parts) + ("@" + day_part(cells[day]) if day is not None else "")

    return joined


def day_part(text: str) -> str:
    """What stands before the time of day."""
    return text.strip().replace("T", " ").partition(" ")[0]


def unnamed(cells: Cells) -> str:
    """A stand-in id."""
    return UNNAMED + hashlib.sha256("\x1f".join(cells).encode()).hexdigest()[:20]


class Rivals:
    """Of several rows with one joined identity, finds those that do not count: all but the highest number."""

    def __init__(self, plan: Plan, header: Header) -> None:
        newest = plan.identity.newest if plan.identity is not None else None
        self._at = header.at(newest) if newest is not None else None
        self._id_of = id_reader(plan, header)
        self._best: dict[str, tuple[int, int]] = {}
        self.losers: set[int] = set()

    def see(self, line: int, cells: Cells) -> None:
        """Takes note of a row; the later of equals counts."""
        if self._at is None:
            return
        key, mine = self._id_of(cells), (_number(cells[self._at]), line)
        best = self._best.setdefault(key, mine)
        if best is not mine:
            self._best[key], loser = (mine, best) if mine >= best else (best, mine)
            self.losers.add(loser[1])


def _number(text: str) -> int:
    try:
        return int(text.strip())
    except ValueError:
        return -(2**63)
