"""What the daemon does and when: one job a source, one a destination, and a review whenever somebody is due."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple
from zoneinfo import ZoneInfo

from apscheduler.triggers.interval import IntervalTrigger

from config.cron import cron_trigger
from config.settings import Settings
from connectors.settings import Schedule
from sync.pipeline import Scope

REVIEW: Final = "review"
REVIEW_EVERY: Final = timedelta(minutes=1)
_MOST_JITTER_S: Final = 5.0
_JITTER_SHARE: Final = 0.02


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
    """APScheduler's trigger of a schedule; cron fields are read in `zone`, as cron(5) reads them."""
    if schedule.every is not None:
        seconds = schedule.every.total_seconds()
        delay = min(_MOST_JITTER_S, seconds * _JITTER_SHARE) if jitter else None
        return IntervalTrigger(seconds=seconds, timezone=zone, jitter=delay)
    return cron_trigger(str(schedule.cron), zone, _MOST_JITTER_S if jitter else None)


def first_run(schedule: Schedule, zone: ZoneInfo, last_success: datetime | None, now: datetime) -> datetime:
    """When a job runs first: now if it never succeeded or a run was missed, else when its next run is due.

    A success in the future (the clock was set back since) counts as none.
    """
    if last_success is None or last_success > now:
        return now
    due: datetime = trigger(schedule, zone, jitter=False).get_next_fire_time(last_success, last_success)
    return max(due, now)


def next_run(schedule: Schedule, zone: ZoneInfo, last_attempt: datetime) -> datetime:
    """When a job is due that ran last at an instant, whatever came of it."""
    due: datetime = trigger(schedule, zone, jitter=False).get_next_fire_time(last_attempt, last_attempt)
    return due
