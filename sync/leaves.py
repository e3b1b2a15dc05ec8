"""One test of a rule as a closure over facts."""

from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

from mappings.facts import OPEN, Facts, FactValue
from mappings.predicates import Dates, Flag, Has, Known, Months, NoneValue, Number, OneOf, Predicate
from mappings.rules import Test
from sync.spans import Span, spans

Value = Any  # of the type that the table of facts gives: parse() has compared the test with it
Check = Callable[[Value, Mapping[str, Any]], bool]
Verdict = Callable[[Facts], bool]


def value_of(test: Test, facts: Facts) -> FactValue:
    """The value that the test looks at; None is a missing one, and so is an empty list."""
    value = facts.get(test.fact)
    if test.of is not None:
        return value.get(test.of) if isinstance(value, Mapping) else None
    return None if isinstance(value, frozenset) and not value else value


def passing(test: Test) -> Verdict:
    """Compiles a test to a closure that is True only if the fact is there, can be read and passes."""
    name, predicate = test.fact, test.predicate
    if isinstance(predicate, NoneValue):
        return lambda facts: value_of(test, facts) is None
    if isinstance(predicate, Known):
        return lambda facts: value_of(test, facts) not in (None, OPEN)
    check = _check(predicate)
    if test.of is not None:
        return lambda facts: (value := value_of(test, facts)) is not None and check(value, facts)

    def passes(facts: Facts) -> bool:
        value = facts.get(name)
        return value is not None and value is not OPEN and check(value, facts)

    return passes


def failing(test: Test) -> Verdict:
    """Compiles a test to a closure that is True only if it surely fails: an open value neither passes nor fails."""
    name, passes = test.fact, passing(test)
    return lambda facts: not passes(facts) and facts.get(name) is not OPEN


def _check(predicate: Predicate) -> Check:
    if isinstance(predicate, OneOf | Flag):
        allowed = frozenset(predicate.values if isinstance(predicate, OneOf) else (predicate.value,))
        return lambda value, _: value in allowed
    if isinstance(predicate, Has):
        wanted = frozenset(predicate.values)
        return lambda value, _: not wanted.isdisjoint(value)
    if isinstance(predicate, Months):
        numbers, this = frozenset(predicate.numbers), predicate.this_month
        return lambda value, facts: value in numbers or (this and value == facts["today"].month)
    if isinstance(predicate, Number):
        return _within_bounds(predicate)
    checks = tuple(map(_inside, spans(predicate)))
    if len(checks) == 1:
        return checks[0]
    need = all if isinstance(predicate, Dates) else any
    return lambda value, facts: need(check(value, facts) for check in checks)


def _within_bounds(number: Number) -> Check:
    low, high = number.between or (float("-inf"), float("inf"))
    low = low if number.at_least is None else max(low, number.at_least)
    high = high if number.at_most is None else min(high, number.at_most)
    over = float("-inf") if number.over is None else number.over
    under = float("inf") if number.under is None else number.under
    return lambda value, _: low <= value <= high and over < value < under


def _inside(span: Span) -> Check:
    low, high = span
    if low is None or high is None:
        return _beyond(span)
    first, last = low.day, high.day

    def inside(value: date, facts: Mapping[str, Any]) -> bool:
        today = facts["today"]
        return first(today) <= value <= last(today)

    return inside


def _beyond(span: Span) -> Check:
    """`over`: the end itself is not included."""
    if span.high is not None:
        before = span.high.day
        return lambda value, facts: value < before(facts["today"])
    if span.low is not None:
        after = span.low.day
        return lambda value, facts: value > after(facts["today"])
    return lambda _value, _facts: True
