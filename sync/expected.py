"""Whether an export that was to come by a time of the day has come: days off left out, in the practice's own time."""

from collections.abc import Collection, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from connectors.expected import DAYS, ExpectedSettings

_LOOK_BACK: Final = 60
"""Days; a practice that is closed for longer expects nothing."""

GRACE: Final = timedelta(hours=1)
"""A pull after the deadline tells whether the export has come; where none succeeds for so long, it counts as late."""


class Deadline(NamedTuple):
    """An export exported after `since` was to come by `due` on a local `day`."""

    day: date
    since: datetime
    due: datetime


def deadline(expected: ExpectedSettings, holidays: Collection[date], zone: ZoneInfo, at: datetime) -> Deadline | None:
    """The last deadline that has passed at an instant; None where all days of two months were off.

    A time that the clocks leave out moves forward by the gap; of one that comes twice the first counts.
    """
    today = at.astimezone(zone).date()
    for day in (today - timedelta(days=back) for back in range(_LOOK_BACK)):
        due = _instant(day, expected, zone)
        if due <= at and not _is_off(day, expected, holidays):
            return Deadline(day, _instant(day - timedelta(days=1), expected, zone), due)
    return None


def _instant(day: date, expected: ExpectedSettings, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, expected.daily_by, tzinfo=zone).astimezone(UTC)


def _is_off(day: date, expected: ExpectedSettings, holidays: Collection[date]) -> bool:
    return DAYS[day.weekday()] in expected.skip or ("holidays" in expected.skip and day in holidays)


def is_known(due: datetime, last_success: datetime | None, at: datetime) -> bool:
    """True when it can be said whether the export has come: the source was read since, or for too long it was not."""
    return last_success is not None and (last_success >= due or at >= due + GRACE)


def late(feeds: Collection[str], newest: Mapping[str, datetime], deadline: Deadline) -> list[str]:
    """The feeds that nothing was exported for since the deadline before; `newest` is their newest export."""
    return [feed for feed in feeds if feed not in newest or newest[feed] <= deadline.since]
