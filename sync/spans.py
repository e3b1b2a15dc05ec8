"""Spans of days as rules mean them: ends that move with today, and when a fixed day enters or leaves them."""

from bisect import bisect_left
from collections.abc import Callable, Iterable
from datetime import date
from functools import lru_cache
from typing import Final, NamedTuple

from mappings.points import TODAY, Offset, Point, day_of
from mappings.predicates import Dates, Days, Predicate

_REACH_DAYS: Final = 36_600 + 800  # the farthest offset of a rule, and two turns of the year


class End(NamedTuple):
    """One end of a span: a function of today that never goes back as today goes on."""

    day: Callable[[date], date]
    included: bool = True


class Span(NamedTuple):
    """Days from `low` to `high`; None leaves that side open."""

    low: End | None
    high: End | None


def spans(predicate: Predicate) -> tuple[Span, ...]:
    """The spans of a predicate on dates: any one must hold the value for Days, all of them for Dates."""
    if isinstance(predicate, Days):
        return tuple(Span(_end(point), _end(point)) for point in predicate.points)
    if not isinstance(predicate, Dates):
        return ()
    found: list[Span] = []
    if predicate.over is not None:
        found.append(_over(predicate.over))
    if predicate.within is not None:
        found.append(_within(predicate.within))
    if predicate.between is not None:
        low, high = predicate.between
        found.append(Span(_end(low), _end(high)))
    return tuple(found)


def _end(point: Point) -> End:
    # One date per point and day serves all contacts; calendar arithmetic is the dear part of a leaf.
    return End(lru_cache(maxsize=256)(lambda today: day_of(point, today)))


def _over(point: Point) -> Span:
    end = _end(point)._replace(included=False)
    return Span(end, None) if isinstance(point, Offset) and point.ahead else Span(None, end)


def _within(point: Point) -> Span:
    now, end = _end(TODAY), _end(point)
    if isinstance(point, Offset):
        return Span(now, end) if point.ahead else Span(end, now)
    return Span(End(lambda today: min(today, end.day(today))), End(lambda today: max(today, end.day(today))))


def turns_of_day(predicate: Predicate) -> Callable[[date], tuple[date, ...]]:
    """For a fixed day: the days at whose beginning a predicate on dates may change its verdict on it."""
    ends = [end for span in spans(predicate) for end in span if end is not None]

    @lru_cache(maxsize=4096)  # the same few thousand days come back for all contacts
    def turns(value: date) -> tuple[date, ...]:
        return tuple(day for end in ends for day in _turns(end, value))

    return turns


def _turns(end: End, value: date) -> Iterable[date]:
    """The first day on which the end has come to `value`, and the first on which it has passed it."""
    number = value.toordinal()
    first, last = _REACH_DAYS + 1, date.max.toordinal() - _REACH_DAYS  # every end falls into the calendar
    window = range(max(first, number - _REACH_DAYS), min(last, number + _REACH_DAYS))
    for sought in (number, number + 1):
        place = bisect_left(window, sought, key=lambda day: end.day(date.fromordinal(day)).toordinal())
        if place < len(window):
            yield date.fromordinal(window[place])
