"""What is odd about a rule: tests that can never hold, and sets one day wide."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from math import ceil, floor, inf, nextafter
from typing import Final, NamedTuple

from mappings.facts import FACTS
from mappings.points import Offset, Point
from mappings.predicates import Dates, Days, Flag, Months, NoneValue, Number, OneOf, Predicate
from mappings.rules import All, AnyOf, Not, Rule, Test

_PAST: Final = frozenset({"first_visit", "last_visit", "last_missed", "evaluated", "entered", "nps", "last_nudged"})
_FRACTIONAL: Final = frozenset({"days_between_visits"})


class Range(NamedTuple):
    """Numbers from low to high, both included; for dates days from today."""

    low: float = -inf
    high: float = inf

    def meet(self, other: "Range") -> "Range":
        return Range(max(self.low, other.low), min(self.high, other.high))


@dataclass(frozen=True, slots=True)
class _Asked:
    """What is asked of one fact (of one segment's entry) in one conjunction."""

    fact: str
    of: str | None
    predicates: tuple[Predicate, ...]

    @property
    def label(self) -> str:
        return self.fact if self.of is None else f"{self.fact}.{self.of}"


def warnings(rule: Rule) -> tuple[str, ...]:
    """One sentence for each oddity; the sentences name facts, never values."""
    return tuple(dict.fromkeys(_doubts(rule, (), True)))


def _doubts(rule: Rule, given: tuple[Rule, ...], positive: bool) -> Iterator[str]:
    """`given` also holds around this rule; `positive`: no `not` stands around it."""
    parts = tuple(_flat(rule.parts)) if isinstance(rule, All) else (rule,)
    tests = [part for part in parts if isinstance(part, Test)]
    around = [part for part in given if isinstance(part, Test)]
    for key in dict.fromkeys((test.fact, test.of) for test in tests):
        same = tuple(test.predicate for test in (*around, *tests) if (test.fact, test.of) == key)
        yield from _of_fact(_Asked(*key, same), positive)
    known = frozenset(parts) | frozenset(given)
    for part in parts:
        if isinstance(part, Not):
            if known.issuperset(_flat((part.part,))):
                yield "not: asks for the contrary of what the same rule demands, so it can never hold"
            yield from _doubts(part.part, (), False)
        elif isinstance(part, AnyOf):
            for choice in part.parts:
                yield from _doubts(choice, (*given, *(other for other in parts if other is not part)), positive)


def _flat(parts: Iterable[Rule]) -> Iterator[Rule]:
    for part in parts:
        if isinstance(part, All):
            yield from _flat(part.parts)
        else:
            yield part


def _of_fact(asked: _Asked, positive: bool) -> Iterator[str]:
    if _never(asked):
        yield f"{asked.label}: this can never hold"
    elif positive and _one_day_wide(asked):
        yield (
            f"{asked.label}: the set is one day wide; whoever is not reviewed on that very day never comes into it "
            "(give it some days, such as within or between)"
        )


def _never(asked: _Asked) -> bool:
    kinds = {type(predicate) for predicate in asked.predicates}
    if NoneValue in kinds and kinds != {NoneValue}:
        return True
    bounds = _range(asked)
    return bounds.low > bounds.high or any(not choices for choices in _choices(asked.predicates))


def _choices(predicates: tuple[Predicate, ...]) -> Iterator[frozenset[object]]:
    """The values that exact tests leave, one set for each kind of test."""
    words = [frozenset(p.values) for p in predicates if isinstance(p, OneOf)]
    flags = [frozenset({p.value}) for p in predicates if isinstance(p, Flag)]
    months = [frozenset(p.numbers) for p in predicates if isinstance(p, Months) and not p.this_month]
    for sets in (words, flags, months):
        if sets:
            yield frozenset[object]().union(*sets).intersection(*sets)


def _one_day_wide(asked: _Asked) -> bool:
    if asked.fact == "days_in_status":
        bounds = _range(asked)
        return bounds.low == bounds.high
    if asked.fact == "today":
        return any(_single(predicate) for predicate in asked.predicates)
    if FACTS[asked.fact].type != "date":
        return False
    if any(isinstance(_single(predicate), Offset) for predicate in asked.predicates):
        return True
    bounds = _range(asked)
    exact = all(isinstance(point, Offset) and point.unit in ("day", "week") for point in _points(asked.predicates))
    return exact and bounds.low == bounds.high


def _single(predicate: Predicate) -> Point | None:
    """The only day that the predicate allows, if there is one."""
    if isinstance(predicate, Days) and len(predicate.points) == 1:
        return predicate.points[0]
    if isinstance(predicate, Dates) and predicate.between is not None and len(set(predicate.between)) == 1:
        return predicate.between[0]
    return None


def _points(predicates: tuple[Predicate, ...]) -> Iterator[Point]:
    for predicate in predicates:
        if isinstance(predicate, Days):
            yield from predicate.points
        elif isinstance(predicate, Dates):
            between = predicate.between or ()
            yield from (point for point in (predicate.over, predicate.within, *between) if point is not None)


# ---------------------------------------------------------------- how far a value can lie


def _range(asked: _Asked) -> Range:
    """The loosest range in which a value must lie to pass all."""
    bounds = _natural(asked.fact)
    whole = FACTS[asked.fact].type == "number" and asked.fact not in _FRACTIONAL
    for predicate in asked.predicates:
        if isinstance(predicate, Number):
            bounds = bounds.meet(_number_range(predicate))
        elif isinstance(predicate, Dates):
            bounds = bounds.meet(_date_range(predicate))
        elif isinstance(predicate, Days):
            bounds = bounds.meet(_hull(map(_offset, predicate.points)))
        elif isinstance(predicate, OneOf):
            bounds = bounds.meet(_hull(Range(v, v) for v in predicate.values if not isinstance(v, str)))
    if not whole or bounds.low > bounds.high:
        return bounds
    return Range(_whole(bounds.low, up=True), _whole(bounds.high, up=False))


def _natural(fact: str) -> Range:
    if fact == "today":
        return Range(0, 0)
    if fact in _PAST:
        return Range(high=0)
    return Range(low=0) if fact == "next_visit" or FACTS[fact].type == "number" else Range()


def _whole(value: float, *, up: bool) -> float:
    return value if value in (inf, -inf) else (ceil(value) if up else floor(value))


def _number_range(number: Number) -> Range:
    bounds = Range(*number.between) if number.between is not None else Range()
    if number.at_least is not None:
        bounds = bounds.meet(Range(low=number.at_least))
    if number.over is not None:
        bounds = bounds.meet(Range(low=nextafter(number.over, inf)))
    if number.at_most is not None:
        bounds = bounds.meet(Range(high=number.at_most))
    return bounds if number.under is None else bounds.meet(Range(high=nextafter(number.under, -inf)))


def _date_range(dates: Dates) -> Range:
    bounds = Range()
    if isinstance(dates.over, Offset):
        low, high = dates.over.span()
        bounds = bounds.meet(Range(low=low + 1) if dates.over.ahead else Range(high=high - 1))
    if isinstance(dates.within, Offset):
        low, high = dates.within.span()
        bounds = bounds.meet(Range(min(low, 0), max(high, 0)))
    if dates.between is None:
        return bounds
    first, last = dates.between
    if _reversed(first, last):
        return Range(inf, -inf)
    return bounds.meet(Range(_offset(first).low, _offset(last).high))


def _reversed(first: Point, last: Point) -> bool:
    if isinstance(first, Offset) or isinstance(last, Offset):
        return False  # the ranges tell
    if isinstance(first, date):
        return isinstance(last, date) and first > last
    return not isinstance(last, date) and (first.month, first.day) > (last.month, last.day)


def _offset(point: Point) -> Range:
    return Range(*point.span()) if isinstance(point, Offset) else Range()


def _hull(ranges: Iterable[Range]) -> Range:
    found = tuple(ranges)
    return Range(min(r.low for r in found), max(r.high for r in found)) if found else Range()
