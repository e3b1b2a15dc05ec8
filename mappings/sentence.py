"""A rule read back as an English sentence, so that an operator sees what was understood."""

import calendar
from collections.abc import Sequence
from datetime import date
from typing import Final

from mappings.facts import FACTS
from mappings.points import TODAY, MonthDay, Offset, Point
from mappings.predicates import Dates, Days, Flag, Has, Known, Months, NoneValue, Number, OneOf, Predicate
from mappings.rules import All, AnyOf, Not, Rule, Test

_FLAGS: Final[dict[str, tuple[str, str]]] = {
    "returning": ("who had an earlier episode of care", "who had no earlier episode of care"),
    "is_minor": ("who is under 18", "who is 18 or older"),
    "has_email": ("who has a usable e-mail address", "who has no usable e-mail address"),
    "has_mobile": ("who has a phone number", "who has no phone number"),
    "referred_by_patient": ("whom another patient referred", "whom no other patient referred"),
}


def english(rule: Rule) -> str:
    """The whole rule as a sentence that starts with Everyone."""
    clauses = [phrase(part) for part in (rule.parts if isinstance(rule, All) else (rule,))]
    return f"Everyone {', and '.join(clauses)}."


def phrase(rule: Rule) -> str:
    """A part of a rule as a clause: `whose status is at_risk or dropped_out`."""
    if isinstance(rule, Test):
        return _test(rule)
    if isinstance(rule, Not):
        return f"not anyone {_grouped(rule.part)}"
    if isinstance(rule, AnyOf):
        return "either " + " or ".join(map(_grouped, rule.parts))
    return " and ".join(map(_grouped, rule.parts))


def _grouped(rule: Rule) -> str:
    return phrase(rule) if isinstance(rule, Test) else f"({phrase(rule)})"


def _test(test: Test) -> str:
    predicate, noun = test.predicate, FACTS[test.fact].noun
    if test.fact == "in_segment" and isinstance(predicate, Has):
        return f"who is in the segment {_or(predicate.values)}"
    if test.of is not None:
        return _entry(test.of, predicate)
    if isinstance(predicate, Flag):
        return _FLAGS[test.fact][0 if predicate.value else 1]
    if isinstance(predicate, NoneValue):
        return f"who has no {noun} on record"
    if isinstance(predicate, Known):
        return f"whose {noun} is known"
    if test.fact == "today":
        return f"as long as today {_predicate(predicate)}"
    return f"whose {noun} {_predicate(predicate)}"


def _entry(segment: str, predicate: Predicate) -> str:
    if isinstance(predicate, NoneValue):
        return f"who is not in the segment {segment}"
    if isinstance(predicate, Known):
        return f"who is in the segment {segment}"
    return f"whose entry into the segment {segment} {_predicate(predicate)}"


def _predicate(predicate: Predicate) -> str:
    if isinstance(predicate, OneOf):
        return f"is {_or([_quoted(value) for value in predicate.values])}"
    if isinstance(predicate, Has):
        return f"include {_or(predicate.values)}"
    if isinstance(predicate, Number):
        return " and ".join(_bounds(predicate))
    if isinstance(predicate, Days):
        return f"is {_or([_point(point) for point in predicate.points])}"
    if isinstance(predicate, Months):
        this = ["the present month"] if predicate.this_month else []
        return f"is in {_or([calendar.month_name[number] for number in predicate.numbers] + this)}"
    return " and ".join(_day_bounds(predicate)) if isinstance(predicate, Dates) else ""


def _bounds(number: Number) -> list[str]:
    low, high = number.between or (None, None)
    bounds = (
        ("is at least", number.at_least),
        ("is over", number.over),
        ("is at most", number.at_most),
        ("is under", number.under),
    )
    between = [] if low is None or high is None else [f"is between {low:g} and {high:g} (both included)"]
    return [f"{words} {value:g}" for words, value in bounds if value is not None] + between


def _day_bounds(dates: Dates) -> list[str]:
    found = []
    if dates.over is not None:
        found.append(_over(dates.over))
    if dates.within is not None:
        found.append(_within(dates.within))
    if dates.between is not None:
        low, high = dates.between
        found.append(f"is between {_point(low)} and {_point(high)} (both included)")
    return found


def _over(point: Point) -> str:
    if not isinstance(point, Offset) or point == TODAY:
        return f"is before {_point(point)}"
    return f"is more than {_amount(point)} {'ahead' if point.ahead else 'ago'}"


def _within(point: Point) -> str:
    if not isinstance(point, Offset):
        return f"is between today and {_point(point)} (both included)"
    if point.amount == 0:
        return "is today"
    return f"is today or within the {'next' if point.ahead else 'last'} {_amount(point)}"


def _point(point: Point) -> str:
    if isinstance(point, date):
        return point.isoformat()
    if isinstance(point, MonthDay):
        return f"{calendar.month_name[point.month]} {point.day} of this year"
    if point.amount == 0:
        return "today"
    return f"{_amount(point)} {'ahead' if point.ahead else 'ago'}"


def _amount(offset: Offset) -> str:
    return f"{offset.amount} {offset.unit}{'' if offset.amount == 1 else 's'}"


def _quoted(value: str | float) -> str:
    return value if isinstance(value, str) else f"{value:g}"


def _or(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"
