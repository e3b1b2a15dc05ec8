"""How far a source sees ahead: whether a next visit may exist that its feed cannot show yet."""

from collections.abc import Sequence
from datetime import date
from itertools import pairwise
from math import floor
from statistics import median
from typing import Final

_VISITS: Final = 4
_PATIENCE: Final = 1.5


def rhythm_of(attended: Sequence[date]) -> float | None:
    """The median of the gaps, in days, between the last four attended days (distinct, sorted); None with one day."""
    gaps = [(later - earlier).days for earlier, later in pairwise(attended[-_VISITS:])]
    return float(median(gaps)) if gaps else None


def closes_on(last_attended: date, rhythm: float, sees_ahead: int) -> date:
    """The day of `data_as_of` from which on the next visit is open no longer.

    It is open while last attended day + 1.5 × rhythm >= that day + `sees_ahead`.
    """
    number = floor(last_attended.toordinal() + _PATIENCE * rhythm) - sees_ahead + 1
    return date.fromordinal(min(max(number, 1), date.max.toordinal()))
