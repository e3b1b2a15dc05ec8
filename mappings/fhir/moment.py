"""FHIR's dates and times: a year, a month, a day or an instant (https://hl7.org/fhir/R4/datatypes.html#date)."""

import re
from datetime import UTC, date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

from mappings.cells import of_our_times

_DATE = re.compile(r"\d{4}(-\d{2}(-\d{2})?)?\Z", re.ASCII)
_INSTANT = re.compile(
    r"\d{4}-\d{2}-\d{2}T([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d+)?(Z|[+-](0\d|1[0-3]):[0-5]\d|[+-]14:00)\Z", re.ASCII
)


class Moment:
    """One date or time as far as the EMR states it: `day` or `instant` is set, neither for a year or month alone."""

    __slots__ = ("day", "instant")

    def __init__(self, day: date | None = None, instant: datetime | None = None) -> None:
        self.day = day
        self.instant = instant

    def on(self, zone: ZoneInfo) -> date | None:
        """The day in that zone; None for a year or a month alone."""
        return self.instant.astimezone(zone).date() if self.instant is not None else self.day

    def at(self, zone: ZoneInfo) -> datetime | None:
        """The instant in UTC; a day alone starts at its midnight in that zone; None for a year or a month alone."""
        if self.instant is not None:
            return self.instant
        return datetime.combine(self.day, time.min, zone).astimezone(UTC) if self.day is not None else None


class Date(Moment):
    """FHIR `date`: YYYY, YYYY-MM or YYYY-MM-DD."""

    __slots__ = ()


class DateTime(Moment):
    """FHIR `dateTime`: a date, or a time with seconds and offset."""

    __slots__ = ()


class Instant(Moment):
    """FHIR `instant`: a time with seconds and offset."""

    __slots__ = ()


def read_moment(kind: type[Any], value: object) -> Any:
    """Reads a value of one of the kinds above (msgspec's `dec_hook`); raises ValueError without the value."""
    if isinstance(value, str):
        if kind is not Date and _INSTANT.match(value):
            return kind(instant=of_our_times(datetime.fromisoformat(value)).astimezone(UTC))
        if kind is not Instant and _DATE.match(value):
            return kind(day=_calendar_day(value))
    raise ValueError("not a FHIR date or time")


def _calendar_day(text: str) -> date | None:
    if len(text) == 10:
        return of_our_times(date.fromisoformat(text))
    date.fromisoformat(f"{text}-01-01"[:10])
    return None
