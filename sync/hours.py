"""Hours of sending in clinic time: open or not, what comes next, and until when something stays fresh."""

from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from mappings.series import Hours

_MOST_DAYS: Final = 800


class Opening(NamedTuple):
    """A stretch of open time; `end` is the first instant after it."""

    start: datetime
    end: datetime


def openings(hours: Hours, zone: ZoneInfo, after: datetime) -> Iterator[Opening]:
    """Stretches that end after an instant, in order; days that the clocks change are as long as they are."""
    day = after.astimezone(zone).date() - timedelta(days=1)
    for number in range(_MOST_DAYS):
        each = day + timedelta(days=number)
        if each.weekday() not in hours.days:
            continue
        start = datetime.combine(each, hours.opens, zone).astimezone(UTC)
        closes = (each + timedelta(days=1), time.min) if hours.closes == time.max else (each, hours.closes)
        end = datetime.combine(*closes, zone).astimezone(UTC)
        if end > after and start < end:
            yield Opening(start, end)


def opening(hours: Hours, zone: ZoneInfo, at: datetime) -> Opening:
    """The stretch that is open at an instant, else the next one."""
    return next(openings(hours, zone, at))


def fresh_until(hours: Hours | None, zone: ZoneInfo, since: datetime, left: timedelta) -> datetime:
    """The instant until which what was found at `since` is fresh, with `left` to go; closed hours do not count."""
    if hours is None or left <= timedelta():
        return since + left
    end = since
    for stretch in openings(hours, zone, since):
        start = max(stretch.start, since)
        end = stretch.end
        if start + left <= end:
            return start + left
        left -= end - start
    return end
