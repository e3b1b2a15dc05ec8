"""Files that belong together: the tables of one export land as a set, or are waited for."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal, NamedTuple

from pydantic import field_validator

from connectors.settings import Duration, Strict

WAIT: Final = timedelta(hours=2)
ONE_EXPORT: Final = timedelta(minutes=10)
"""Files of one table that are no further apart are parts of one export, not two of them."""


class SetSettings(Strict):
    """Tables whose files of one export land together; none (`together: []`) takes a preset's set apart.

    After `wait` from the first file of an export an alarm is raised; `then` what is there lands, or waits on.
    """

    together: tuple[str, ...]
    wait: Duration = WAIT
    then: Literal["land", "wait"] = "land"

    @field_validator("together")
    @classmethod
    def _several(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if len(value) == 1 or len(set(value)) < len(value):
            raise ValueError("name two tables or more, each once; or none, to wait for none")
        return value


class Dated(NamedTuple):
    """A file by its table, the folder of its site, its name, and when it was exported."""

    table: str
    folder: str
    name: str
    exported: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """The feeds that an export lacks. `since` is when its first file was exported; a later one is whole: `overtaken`."""

    missing: tuple[str, ...]
    since: datetime
    overtaken: bool


def gaps(files: Iterable[Dated], wanted: Mapping[str, Sequence[str]], wait: timedelta) -> dict[Dated, Gap]:
    """The files of exports that are not whole; `wanted` has the tables of a set by folder."""
    found: dict[Dated, Gap] = {}
    by_folder: dict[str, list[Dated]] = {}
    for file in files:
        by_folder.setdefault(file.folder, []).append(file)
    for folder, its in by_folder.items():
        tables = wanted.get(folder, ())
        overtaken = False
        for export in reversed(list(_exports([file for file in its if file.table in tables], wait))):
            there = {file.table for file in export}
            missing = tuple(f"{table}/{folder}" if folder else table for table in tables if table not in there)
            if missing:
                gap = Gap(missing=missing, since=export[0].exported, overtaken=overtaken)
                found |= dict.fromkeys(export, gap)
            overtaken = overtaken or not missing
    return found


def _exports(files: Sequence[Dated], wait: timedelta) -> Iterator[list[Dated]]:
    """Parts files by export: within `wait` of its first one, and up to where a table comes again."""
    export: list[Dated] = []
    last: dict[str, datetime] = {}
    for file in sorted(files, key=lambda each: (each.exported, each.name)):
        again = file.table in last and file.exported - last[file.table] > ONE_EXPORT
        if export and (again or file.exported - export[0].exported > wait):
            yield export
            export, last = [], {}
        export.append(file)
        last[file.table] = file.exported
    if export:
        yield export


def is_over(gap: Gap, wait: timedelta, at: datetime) -> bool:
    """True when the rest of an export has been waited for long enough."""
    return gap.overtaken or at - gap.since >= wait


def lacking(gap: Gap) -> str:
    """What an export lacks, as a list in words."""
    return ", ".join(gap.missing)
