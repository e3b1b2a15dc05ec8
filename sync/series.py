"""A segment's steps: which one a member is at, since when, and when the next falls due."""

from datetime import date, datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo

from mappings.facts import Facts
from mappings.series import Manner
from sync.clock import midnight


class At(NamedTuple):
    """Where a member stands: `number` 0 = before the first step. `since` and `next_at` are the beginnings of days."""

    number: int
    since: datetime | None
    next_at: datetime | None


def step_at(manner: Manner, entered: date, facts: Facts, zone: ZoneInfo) -> At:
    """The step of a member at its own today; without a day to count from it is at none."""
    today, origin = facts["today"], facts.get(manner.count_from) if manner.count_from else entered
    if not isinstance(origin, date) or not isinstance(today, date):
        return At(0, None, None)
    days = [step.on(origin) for step in manner.steps]
    number = sum(day <= today for day in days)
    return At(
        number,
        midnight(days[number - 1], zone) if number else None,
        midnight(days[number], zone) if number < len(days) else None,
    )
