"""What the daemon does and when: one job a source, one a destination, and a review whenever somebody is due."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple
from zoneinfo import ZoneInfo

from apscheduler.triggers.cron import CronTrigger
from apscheduler.triggers.interval import IntervalTrigger

from config.settings import Settings
from connectors.settings import Schedule
from sync.pipeline import Scope

REVIEW: Final = "review"
REVIEW_EVERY: Final = timedelta(minutes=1)
_MOST_JITTER_S: Final = 5.0
_JITTER_SHARE: Final = 0.02
_WEEKDAYS: Final = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")


class Job(NamedTuple):
    """One job: its name, when it runs, and which stretch of the line it is."""

    name: str
    schedule: Schedule
    scope: Scope


def jobs_of(settings: Settings) -> list[Job]:
    """All jobs of a configuration, in the order in which they are caught up: pull, review, then push.

    A push listens and reviews first, so that what it hears is true of what it sends.
    """
    return [*_pulls(settings), _review(), *_pushes(settings)]


def _pulls(settings: Settings) -> Iterator[Job]:
    for name, source in settings.sources.items():
        scope = Scope(sources=frozenset({name}), destinations=frozenset(), stages=frozenset({"pull", "review"}))
        yield Job(f"pull:{name}", source.schedule, scope)


def _review() -> Job:
    scope = Scope(sources=frozenset(), destinations=frozenset(), stages=frozenset({"review"}))
    return Job(REVIEW, Schedule(every=REVIEW_EVERY), scope)


def _pushes(settings: Settings) -> Iterator[Job]:
    stages = frozenset({"listen", "review", "push"})
    for name, destination in settings.destinations.items():
        scope = Scope(sources=frozenset(), destinations=frozenset({name}), stages=stages)
        yield Job(f"push:{name}", destination.schedule, scope)


def trigger(schedule: Schedule, zone: ZoneInfo, *, jitter: bool = True) -> Any:
    """APScheduler's trigger of a schedule; cron fields are read in `zone`, with 0 = Sunday as cron(5) counts."""
    if schedule.every is not None:
        seconds = schedule.every.total_seconds()
        delay = min(_MOST_JITTER_S, seconds * _JITTER_SHARE) if jitter else None
        return IntervalTrigger(seconds=seconds, timezone=zone, jitter=delay)
    minute, hour, day, month, weekday = str(schedule.cron).split()
    return CronTrigger(
        minute=minute,
        hour=hour,
        day=day,
        month=month,
        day_of_week=_weekdays(weekday),
        timezone=zone,
        jitter=_MOST_JITTER_S if jitter else None,
    )


def _weekdays(field: str) -> str:
    """Names weekdays: APScheduler counts from Monday = 0, cron from Sunday = 0."""
    return ",".join(",".join(_named(part)) for part in field.split(","))


def _named(part: str) -> list[str]:
    span, _, step = part.partition("/")
    first, _, last = ("0-6" if span == "*" and step else span).partition("-")
    if not first.isdigit():
        return [part]
    stop = int(last) if last.isdigit() else 6 if step else int(first)
    return [_WEEKDAYS[number % 7] for number in range(int(first), stop + 1, int(step or 1))]


def first_run(schedule: Schedule, zone: ZoneInfo, last_success: datetime | None, now: datetime) -> datetime:
    """When a job runs first: now if it never succeeded or a run was missed, else when its next run is due.

    A success in the future (the clock was set back since) counts as none.
    """
    if last_success is None or last_success > now:
        return now
    due: datetime = trigger(schedule, zone, jitter=False).get_next_fire_time(last_success, last_success)
    return max(due, now)
