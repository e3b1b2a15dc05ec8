"""Five cron fields as cron(5) reads them: weekdays from Sunday = 0 (and 7), a day of the month or a weekday."""

from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from apscheduler.triggers.base import BaseTrigger
from apscheduler.triggers.combining import OrTrigger
from apscheduler.triggers.cron import CronTrigger

_WEEKDAYS: Final = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")


def cron_trigger(cron: str, zone: ZoneInfo, jitter: float | None = None) -> Any:
    """APScheduler's trigger of a cron line, read in `zone`; raises ValueError for one that cannot be read.

    Where both day and weekday are restricted, a day fits that fits either (crontab(5): "DAY" notes); where either
    begins with `*`, it must fit both. `jitter` in seconds.
    """
    fields = cron.split()
    if len(fields) != len(("minute", "hour", "day", "month", "weekday")):
        raise ValueError("a cron line has five fields")
    minute, hour, day, month, weekday = fields
    common = {"minute": minute, "hour": hour, "month": month, "timezone": zone}
    days = _weekdays(weekday)
    if day.startswith("*") or weekday.startswith("*"):
        made = CronTrigger(**common, day=day, day_of_week=days)
    else:
        made = OrTrigger([CronTrigger(**common, day=day), CronTrigger(**common, day_of_week=days)])
    return _Local(made, jitter, once="*" not in minute + hour)


class _Local(BaseTrigger):  # type: ignore[misc]  # APScheduler ships no types
    """Fires as another trigger does, up to `jitter` seconds later.

    `once`: not again in the hour that clocks go through twice (cron(8) of Debian: a job at a fixed time is not re-run).
    """

    __slots__ = ("_inner", "_jitter", "_once")

    def __init__(self, inner: Any, jitter: float | None, *, once: bool) -> None:
        self._inner, self._jitter, self._once = inner, jitter, once

    def get_next_fire_time(self, previous_fire_time: datetime | None, now: datetime) -> datetime | None:
        """The next instant after the previous one; None for never again."""
        found: datetime | None = self._inner.get_next_fire_time(previous_fire_time, now)
        while found is not None and self._once and found.fold:
            found = self._inner.get_next_fire_time(found, found)
        jittered: datetime | None = self._apply_jitter(found, self._jitter, now)
        return jittered


def _weekdays(field: str) -> str:
    """Names weekdays: APScheduler counts from Monday = 0, cron from Sunday = 0."""
    return ",".join(",".join(_named(part)) for part in field.split(","))


def _named(part: str) -> list[str]:
    span, _, step = part.partition("/")
    first, _, last = ("0-6" if span == "*" and step else span).partition("-")
    if not first.isdigit():
        return [part]
    stop = int(last) if last.isdigit() else 6 if step else int(first)
    numbers = range(int(first), stop + 1, int(step or 1))
    if not numbers or stop > len(_WEEKDAYS):
        raise ValueError("a weekday is 0 to 7 or a name, a range goes upwards")
    return [_WEEKDAYS[number % 7] for number in numbers]
