"""How many rows a delivery usually has, by site and weekday, and which numbers are far outside of that."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from statistics import median
from typing import Final, NamedTuple

WEEKS: Final = 8
"""How far back the same weekdays are looked at."""

FEWEST: Final = 3
"""A weekday with fewer deliveries so far is only learned from."""

NUMBER: Final = 25
"""A difference of so many rows or fewer is never far outside, as with the other brakes."""

FACTOR: Final = 2
"""Far outside is less than half of the least, or more than twice the most."""


class Count(NamedTuple):
    """A day's largest delivery of a site, and how many deliveries the day had."""

    day: date
    rows: int
    deliveries: int = 1


History = Mapping[str, Sequence[Count]]
"""By site, oldest first."""


class Unusual(NamedTuple):
    """A site's number of rows that is far from the usual one (the median of the same weekdays)."""

    site: str
    rows: int
    usual: int


def unusual(history: History, counts: Mapping[str, int], day: date) -> list[Unusual]:
    """The sites whose rows are far outside of what this weekday has had; sites that are gone have none."""
    judged = (_judged(site, history.get(site, ()), counts.get(site, 0), day) for site in sorted({*history, *counts}))
    return [found for found in judged if found is not None]


def _judged(site: str, past: Sequence[Count], rows: int, day: date) -> Unusual | None:
    like = [count for count in past if count.day < day and count.day.weekday() == day.weekday()]
    if len(like) < FEWEST:
        return None
    least, most = min(count.rows for count in like), max(count.rows for count in like)
    # Of several deliveries a day none need be a large one.
    steady = all(count.deliveries == 1 for count in like)
    few = steady and rows * FACTOR < least and least - rows > NUMBER
    many = rows > most * FACTOR and rows - most > NUMBER
    return Unusual(site, rows, round(median(count.rows for count in like))) if few or many else None


def learned(history: History, counts: Mapping[str, int], day: date) -> dict[str, list[Count]]:
    """The history with one more delivery, without what is older than eight weeks."""
    found = {}
    for site in sorted({*history, *counts}):
        past = [count for count in history.get(site, ()) if count.day > day - timedelta(weeks=WEEKS, days=1)]
        same = next((count for count in past if count.day == day), Count(day, 0, 0))
        now = Count(day, max(same.rows, counts.get(site, 0)), same.deliveries + 1)
        found[site] = sorted([*(count for count in past if count.day != day), now])
    return {site: past for site, past in found.items() if any(count.rows for count in past)}
