"""The days on which time alone may change what a test says of a fact.

Covered: dates against a moving today, today itself, age, minority, days in a status, the month of birth, and a next
visit that passes (which moves the site too). Not covered, because it hangs on visit days that are not among the
facts: the counts of the last 30 days, the status of the last visit, and everything that the lifecycle derives;
sync/facts.py and sync/lifecycle.py add those instants to the contact's next change themselves.
"""

import math
from collections.abc import Callable, Iterable
from datetime import date, timedelta
from typing import Final

from mappings.facts import FACTS, Facts
from mappings.points import MonthDay, Point, add_months
from mappings.predicates import Dates, Days, Months, Number, OneOf, Predicate
from mappings.rules import Test
from sync.leaves import value_of
from sync.spans import turns_of_day

Turns = Callable[[Facts], Iterable[date]]

_YEARS_AHEAD: Final = 3  # this year, the next and the one after: what comes back every year is given that far
_WITH_NEXT_VISIT: Final = frozenset({"next_visit", "next_visit_kind", "next_visit_booked", "site", "brand"})


def turns_of(test: Test) -> tuple[Turns, ...]:
    """What yields the days for this test; a day may come twice, lie in the past or change nothing."""
    found: list[Turns] = []
    if test.fact in _WITH_NEXT_VISIT:
        found.append(_next_visit_passes)
    own = _MOVING.get(test.fact)
    if own is not None:
        found.append(own(test))
    elif FACTS[test.fact].type == "date" and isinstance(test.predicate, Days | Dates):
        found.append(_date_turns(test))
    return tuple(found)


def _date_turns(test: Test) -> Turns:
    turns = turns_of_day(test.predicate)

    def of(facts: Facts) -> Iterable[date]:
        value = value_of(test, facts)
        return turns(value) if isinstance(value, date) else ()

    return of


def _next_visit_passes(facts: Facts) -> Iterable[date]:
    visit = facts.get("next_visit")
    return (_day_after(visit),) if isinstance(visit, date) else ()


def _today_turns(test: Test) -> Turns:
    points = _points(test.predicate)

    def of(facts: Facts) -> Iterable[date]:
        for point in points:
            if isinstance(point, MonthDay):
                for new_year in (date(year, 1, 1) for year in _years(facts)):
                    yield from (new_year, *_and_next(point.on(new_year)))  # the day of this year is another one then
            elif isinstance(point, date):
                yield from _and_next(point)

    return of


def _points(predicate: Predicate) -> tuple[Point | None, ...]:
    if isinstance(predicate, Days):
        return predicate.points
    if isinstance(predicate, Dates):
        return (predicate.over, predicate.within, *(predicate.between or ()))
    return ()


def _status_turns(test: Test) -> Turns:
    numbers = steps(test.predicate)

    def of(facts: Facts) -> Iterable[date]:
        days = facts.get("days_in_status")
        if isinstance(days, int):
            yield from (_today(facts) + timedelta(days=number - days) for number in numbers if number > days)

    return of


def _age_turns(test: Test) -> Turns:
    numbers = (18,) if test.fact == "is_minor" else steps(test.predicate)

    def of(facts: Facts) -> Iterable[date]:
        born = facts.get("birth_date")
        if isinstance(born, date):
            return (day for number in numbers if 0 < number < 200 for day in _birthday(born, number))
        month = facts.get("birthday")
        return _days_of(month, facts) if numbers and isinstance(month, int) else ()

    return of


def _birthday(born: date, years: int) -> tuple[date, date]:
    """The birthday and the day after: who was born on February 29 may be counted a year older on either."""
    return _and_next(add_months(born, 12 * years))


def coming_of_age(facts: Facts) -> Iterable[date]:
    """The days on which a minor becomes an adult."""
    born = facts.get("birth_date")
    return _birthday(born, 18) if facts.get("is_minor") and isinstance(born, date) else ()


def _days_of(month: int, facts: Facts) -> Iterable[date]:
    """Every day of the month of birth: without the date of birth any of them may be the birthday."""
    for year in _years(facts):
        first = date(year, month, 1)
        yield from (first + timedelta(days=number) for number in range(31))


def _month_turns(test: Test) -> Turns:
    if not (isinstance(test.predicate, Months) and test.predicate.this_month):
        return lambda _: ()

    def of(facts: Facts) -> Iterable[date]:
        month = facts.get("birthday")
        if isinstance(month, int):
            for year in _years(facts):
                first = date(year, month, 1)
                yield from (first, add_months(first, 1))

    return of


_MOVING: Final[dict[str, Callable[[Test], Turns]]] = {
    "today": _today_turns,
    "days_in_status": _status_turns,
    "age": _age_turns,
    "is_minor": _age_turns,
    "birthday": _month_turns,
}


def steps(predicate: Predicate) -> tuple[int, ...]:
    """The whole numbers at which a predicate may change its verdict on a number that grows by one."""
    if isinstance(predicate, OneOf):
        exact = [value for value in predicate.values if not isinstance(value, str)]
        return tuple(sorted({step for value in exact for step in (math.ceil(value), math.floor(value) + 1)}))
    if not isinstance(predicate, Number):
        return ()
    low, high = predicate.between or (None, None)
    found = {math.ceil(value) for value in (predicate.at_least, predicate.under, low) if value is not None}
    found |= {math.floor(value) + 1 for value in (predicate.at_most, predicate.over, high) if value is not None}
    return tuple(sorted(found))


def _years(facts: Facts) -> range:
    year = _today(facts).year
    return range(year, year + _YEARS_AHEAD)


def _today(facts: Facts) -> date:
    today = facts["today"]
    if not isinstance(today, date):
        raise TypeError("the fact 'today' is not a date")
    return today


def _day_after(day: date) -> date:
    return min(day, date.max - timedelta(days=1)) + timedelta(days=1)


def _and_next(day: date) -> tuple[date, date]:
    return day, _day_after(day)
