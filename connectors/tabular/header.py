"""A header checked against a plan: which cell of a row goes where."""

import difflib
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from operator import itemgetter

from connectors.base import Refusal
from mappings.body import ABSENT
from mappings.plan import Plan


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """The columns of one file: trimmed names in order."""

    names: tuple[str, ...]

    @property
    def fingerprint(self) -> str:
        """Changes when a column is renamed, added or lost; not when one only stands elsewhere."""
        return hashlib.sha256("\x1f".join(sorted(self.names)).encode()).hexdigest()[:16]

    def at(self, column: str) -> int | None:
        """Where a column stands; None where the header lacks it."""
        return self.names.index(column) if column in self.names else None

    def getter(self, plan: Plan) -> Callable[[list[str]], tuple[str, ...]]:
        """Takes a raw row's body (table, folder, the layout's cells) from cells that `padding` was appended to."""
        width = len(self.names)
        sites = {plan.columns["site"].column if "site" in plan.columns else None, plan.site.column}
        places = [self.names.index(name) if name in self.names else width + (name in sites) for name in plan.layout()]
        return itemgetter(width + 2, width + 3, *places)

    def unmapped(self, plan: Plan, *also: str | None) -> list[str]:
        """The columns that nothing reads."""
        read = {*plan.layout(), *also, ""}
        return [name for name in self.names if name not in read]


def padding(plan: Plan, folder: str) -> list[str]:
    """What stands behind a row's own cells: an absent column, an absent site column, the table, the folder."""
    return ["", ABSENT, plan.table, folder]


def read_header(cells: Sequence[str], plan: Plan, name: str, export_column: str | None) -> Header:
    """Checks a header: every required column is there, and none twice; raises Refusal."""
    names = tuple(cell.strip() for cell in cells)
    wanted = plan.missing(names)
    if export_column is not None and export_column not in names:
        wanted.append(export_column)
    if wanted:
        raise Refusal(name, "missing_column", _advice(wanted, names), line=1, column=wanted[0])
    twice = next((each for at, each in enumerate(names) if each and each in names[:at]), None)
    if twice is not None:
        raise Refusal(name, "duplicate_header", "rename or drop one of the two columns", line=1, column=twice)
    return Header(names=names)


def _advice(wanted: Sequence[str], names: Sequence[str]) -> str:
    if len(names) == 1 and any(mark in names[0] for mark in ";\t|"):
        return "the header is one single column; state the source's delimiter:"
    near = difflib.get_close_matches(wanted[0], names, n=1)
    also = f" (as well as {', '.join(map(repr, wanted[1:]))})" if len(wanted) > 1 else ""
    hint = f"; the file has {near[0]!r}" if near else ""
    return f"the header lacks it{also}{hint}; name the file's columns under columns: in the config"
