"""When a file was exported: a time in its name, a declared column, or the time it was last changed. Sources share it."""

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, time
from typing import Protocol
from zoneinfo import ZoneInfo

_IN_NAME = re.compile(
    r"(?<!\d)(?:(\d{4})-(\d{2})-(\d{2})|(\d{4})(\d{2})(\d{2}))(?:[T_-]?(\d{2})(\d{2})(\d{2})?(Z)?)?(?!\d)"
)
_TIME_OF_DAY = re.compile(r"%-?[HIMSXcfT]")


class NameRule(Protocol):
    """A regular expression on a file's name (its first group, else all of it), and the strptime format of what it finds."""

    @property
    def name(self) -> str | None: ...
    @property
    def format(self) -> str: ...


def time_in_name(name: str, rule: NameRule | None, zone: ZoneInfo) -> datetime | None:
    """The export time that a file's name states, in UTC; None where it states none.

    Naive times are of `zone`; a date alone is the end of that day.
    """
    if rule is not None and rule.name is not None:
        match = re.search(rule.name, name)
        text = match[1] if match and match.re.groups else match[0] if match else None
        return stated_time(rule.format, zone)(text) if text is not None else None
    found = (_from_match(match, zone) for match in _IN_NAME.finditer(name))
    return next((moment for moment in found if moment is not None), None)


def stated_time(pattern: str, zone: ZoneInfo) -> Callable[[str], datetime | None]:
    """A reader of export times in one strptime format; it gives None for what does not fit."""
    day_only = _TIME_OF_DAY.search(pattern) is None

    def read(text: str) -> datetime | None:
        try:
            moment = datetime.strptime(text.strip(), pattern)  # noqa: DTZ007  a naive one is of the practice's zone
        except ValueError:
            return None
        if day_only:
            return end_of_day(moment.date(), zone)
        return (moment if moment.tzinfo else moment.replace(tzinfo=zone)).astimezone(UTC)

    return read


def end_of_day(day: date, zone: ZoneInfo) -> datetime:
    """The last instant of a local day, in UTC."""
    return datetime.combine(day, time.max, tzinfo=zone).astimezone(UTC)


def _from_match(match: re.Match[str], zone: ZoneInfo) -> datetime | None:
    year, month, day = match.groups()[:3] if match[1] else match.groups()[3:6]
    hour, minute, second, utc = match.groups()[6:]
    try:
        on = date(int(year), int(month), int(day))
        if hour is None:
            return end_of_day(on, zone)
        at = time(int(hour), int(minute), int(second or 0), tzinfo=UTC if utc else zone)
    except ValueError:
        return None
    return datetime.combine(on, at).astimezone(UTC)
