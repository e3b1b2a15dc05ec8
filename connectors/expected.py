"""When an export should have come: every day by a time of the practice's clock, days off left out."""

import re
from collections.abc import Collection, Sequence
from datetime import time, timedelta
from typing import Annotated, Literal, Protocol, runtime_checkable

from pydantic import BeforeValidator, Field

from connectors.settings import Strict

DAYS: tuple[str, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
DayOff = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun", "holidays"]
INCOMPLETE = "incomplete_set: "
"""Begins the notice of a pass whose export is not whole; what it lacks follows, feed by feed (`, `), up to a `;`."""

_CLOCK = re.compile(r"([01]\d|2[0-3]):([0-5]\d)")


def _clock(value: object) -> object:
    if isinstance(value, time):
        return value
    match = _CLOCK.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise ValueError('write a time of the day in quotes, such as "07:00"')
    return time(int(match[1]), int(match[2]))


def longest_gap(skip: Collection[str]) -> timedelta:
    """The time from one expected export to the next over the longest run of weekdays off; none where all are off."""
    off = [day in skip for day in DAYS] * 2
    if all(off):
        return timedelta()
    runs = (len(run) for run in "".join("x" if each else " " for each in off).split())
    return timedelta(days=max(runs, default=0) + 1)


class ExpectedSettings(Strict):
    """An export of every feed comes daily by `daily_by` in the practice's zone, but not on the days under `skip`.

    `tables` names the feeds that are waited for (default: all that say how fresh the source is).
    """

    daily_by: Annotated[time, BeforeValidator(_clock, json_schema_input_type=str)]
    skip: tuple[DayOff, ...] = ()
    tables: Annotated[tuple[str, ...], Field(min_length=1)] | None = None

    def feeds(self, feeds: Sequence[str]) -> list[str]:
        """The feeds of a source (`table`, or `table/folder`) that are waited for."""
        return [feed for feed in feeds if self.tables is None or feed.partition("/")[0] in self.tables]


@runtime_checkable
class Expecting(Protocol):
    """Settings of a source that may say when its exports come."""

    @property
    def expected(self) -> ExpectedSettings | None: ...
