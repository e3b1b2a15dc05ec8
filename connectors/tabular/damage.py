"""What a spreadsheet program did to a table that it saved: found in the first rows, then mended or refused.

Mended is only what the whole of those rows shows: ids that all end in `.0`, and texts kept as `="00123"`.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from connectors.base import Refusal
from connectors.tabular.header import Header
from mappings.canonical import CANONICAL
from mappings.cells import is_scientific
from mappings.plan import Plan

HEAD: Final = 2000
"""Rows that are looked at."""
_FLOAT = re.compile(r"\s*(\d+)\.0\s*")
_GUARDED = re.compile(r'="(.*)"', re.DOTALL)
_CUT = (
    "ids stand there in scientific notation, so their last digits are lost; export again, and open it in no spreadsheet"
)

Row = tuple[int, list[str]]


class Damage(NamedTuple):
    """Where cells are mended: columns of ids with `.0`, and whether texts are guarded as formulas."""

    floats: tuple[int, ...] = ()
    guarded: bool = False
    notices: tuple[str, ...] = ()

    @property
    def context(self) -> str:
        """Changes when the same line would be mended otherwise."""
        return f"{self.floats}{self.guarded}" if self.floats or self.guarded else ""

    def mend(self, rows: Iterator[Row]) -> Iterator[Row]:
        """The rows, mended where anything has to be."""
        return ((line, self.mended(cells)) for line, cells in rows) if self.floats or self.guarded else rows

    def mended(self, cells: list[str]) -> list[str]:
        """The cells of one row, mended."""
        if self.guarded:
            cells = [found[1] if (found := _GUARDED.fullmatch(cell)) is not None else cell for cell in cells]
        for at in self.floats:
            found = _FLOAT.fullmatch(cells[at]) if at < len(cells) else None
            if found is not None:
                cells = [*cells[:at], found[1], *cells[at + 1 :]]
        return cells


INTACT: Final = Damage()


def find_damage(head: Sequence[Row], header: Header, plan: Plan, name: str) -> Damage:
    """Looks at a file's first rows; raises Refusal where ids have lost digits."""
    guarded = any('="' in "\n".join(cells) and any(map(_GUARDED.fullmatch, cells)) for _, cells in head)
    floats, notices = [], []
    for at in _id_columns(header, plan):
        filled = [(line, cells[at].strip()) for line, cells in head if at < len(cells) and cells[at].strip()]
        cut = next((line for line, cell in filled if is_scientific(cell)), None)
        if cut is not None:
            raise Refusal(name, "unreadable", _CUT, line=cut, column=header.names[at])
        texts = [cell for _, cell in filled]
        if texts and all(map(_FLOAT.fullmatch, texts)):
            floats.append(at)
        elif _lost_zeros(texts):
            notices.append(f"lost_zeros: some ids of {header.names[at]!r} begin with zeros and others are shorter")
    return Damage(tuple(floats), guarded, tuple(notices))


def _id_columns(header: Header, plan: Plan) -> list[int]:
    types = CANONICAL[plan.kind]
    named = [column.column for name, column in plan.columns.items() if types[name] in ("id", "site")]
    joined = plan.identity.columns if plan.identity is not None else ()
    places = (header.at(column) for column in dict.fromkeys([*named, *joined, *plan.site_columns(header.names)]))
    return [place for place in places if place is not None]


def _lost_zeros(texts: Sequence[str]) -> bool:
    """Ids of one length that begin with zeros, beside shorter numbers: a part of the file went through a spreadsheet."""
    padded = {len(text) for text in texts if text.isdigit() and text.startswith("0") and len(text) > 1}
    return len(padded) == 1 and any(text.isdigit() and len(text) < max(padded) for text in texts)
