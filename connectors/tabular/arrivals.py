"""What is to be said of the files in the folder before one of them is read: not ready, or waiting for the others."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Literal, NamedTuple

from connectors.base import Known, Memo
from connectors.expected import INCOMPLETE
from connectors.tabular.export_sets import Dated, Gap, SetSettings, gaps, is_over, lacking
from connectors.tabular.files import Found
from connectors.tabular.readiness import Readiness
from connectors.tabular.settings import TabularSettings

Tables = Sequence[tuple[str, Sequence[Found]]]
"""Every table with its files."""

ExportTime = Callable[[Found, datetime], datetime]
"""When a file was exported, as its name or its last change tells; not after the given instant."""


class Remark(NamedTuple):
    """What is to be said of a file, and what follows: it may still be written, it waits for others, or it lands."""

    notice: str
    act: Literal["leave", "wait", "land"]


Remarks = Mapping[tuple[str, str], Remark]
"""By table and name of the file."""


class Arrivals:
    """Judges what lies in a source's folder by its `ready:` and `sets:`."""

    def __init__(self, settings: TabularSettings, memo: Memo, export_time: ExportTime) -> None:
        self._readiness = Readiness(settings.ready, memo)
        self._set = settings.set_of_tables()
        self._stated = settings.sets is not None
        self._export_time = export_time
        self._by_folder = settings.by_folder

    def remarks(self, tables: Tables, known: Known, at: datetime) -> Remarks:
        """Looks at all files; those of which nothing is to be said are left out."""
        unready = self._readiness.unready(dict.fromkeys(found for _, files in tables for found in files), at)
        return self._incomplete(tables, known, at) | {
            (table, found.name): Remark(unready[found.path], "leave")
            for table, files in tables
            for found in files
            if found.path in unready
        }

    def _incomplete(self, tables: Tables, known: Known, at: datetime) -> dict[tuple[str, str], Remark]:
        dated = [
            Dated(table, found.folder if self._by_folder else "", found.name, self._export_time(found, at))
            for table, files in tables
            if table in self._set.together
            for found in files
        ]
        wanted = {folder: self._wanted(folder, dated, known) for folder in {each.folder for each in dated}}
        found = gaps(dated, wanted, self._set.wait)
        return {(file.table, file.name): _remark(gap, self._set, at) for file, gap in found.items()}

    def _wanted(self, folder: str, dated: Sequence[Dated], known: Known) -> list[str]:
        """A preset does not know which tables a practice gets: it waits for those that have come before."""
        there = {file.table for file in dated if file.folder == folder}
        return [
            table
            for table in self._set.together
            if self._stated or table in there or known.newest(f"{table}/{folder}" if folder else table) is not None
        ]


def _remark(gap: Gap, rule: SetSettings, at: datetime) -> Remark:
    if not is_over(gap, rule.wait, at):
        return Remark(f"waiting: for {lacking(gap)} of the same export", "wait")
    if gap.overtaken:
        return Remark(f"part_of_export: {lacking(gap)} of the same export never came; a later export is whole", "land")
    late = f"{INCOMPLETE}{lacking(gap)}; not come in time with the rest of the export"
    return (
        Remark(f"{late}; what is there lands", "land") if rule.then == "land" else Remark(f"{late}; it waits", "wait")
    )
