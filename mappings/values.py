"""The grammar of one value of a rule: what stands after a fact's name, typed by the fact."""

import math
from collections.abc import Callable, Iterable, Mapping
from datetime import date
from difflib import get_close_matches
from typing import Final, TypeVar

from mappings.facts import Fact, FactType
from mappings.points import MONTHS, Point, parse_point
from mappings.predicates import Dates, Days, Flag, Has, Known, Months, NoneValue, Number, OneOf, Predicate

Path = tuple[str | int, ...]
T = TypeVar("T")

_NUMBER_KEYS: Final = ("at_least", "at_most", "over", "under", "between")
_DATE_KEYS: Final = ("over", "within", "between")
_SHAPES: Final[dict[FactType, str]] = {
    "text": "write the value, a list of values, none or known",
    "number": "write a number, a list of numbers, none, known or bounds such as {at_least: 2}",
    "date": "write a day, none, known or bounds such as {over: 21 days ago}, {within: 7 days ahead}",
    "month": "write a month such as Nov, this month, a list of months, none or known",
    "flag": "write true, false, none or known",
    "list": "write a value, {has: value}, none or known",
}


class RuleProblem(ValueError):
    """What is wrong with a rule, all of it; a path holds the keys and indices that lead to the place.

    No message repeats what was written there.
    """

    def __init__(self, problems: Iterable[tuple[Path, str]]) -> None:
        self.problems: list[tuple[Path, str]] = list(problems)
        super().__init__("; ".join(f"{'.'.join(map(str, path))}: {message}" for path, message in self.problems))


def problem(message: str, *path: str | int) -> RuleProblem:
    """One problem at one place."""
    return RuleProblem([(path, message)])


def close_to(raw: object, known: Iterable[str]) -> str:
    """` (did you mean …?)` where a known word is close to what was written, else nothing."""
    near = get_close_matches(str(raw).strip().lower(), list(known), n=1)
    return f" (did you mean {near[0]!r}?)" if near else ""


def read_each(items: Iterable[tuple[str | int, object]], read: Callable[[str | int, object], T]) -> list[T]:
    """Reads all items and raises their problems together, each under its key."""
    values: list[T] = []
    problems: list[tuple[Path, str]] = []
    for key, raw in items:
        try:
            values.append(read(key, raw))
        except RuleProblem as error:
            problems += [((key, *path), message) for path, message in error.problems]
    if problems:
        raise RuleProblem(problems)
    return values


def parse_value(fact: Fact, raw: object) -> tuple[Predicate, ...]:
    """Reads what stands after a fact's name: predicates of which any one may hold; raises RuleProblem."""
    if not isinstance(raw, list | tuple):
        return (_one(fact, raw),)
    if not raw:
        raise problem("the list is empty; give at least one value")
    return _joined(read_each(enumerate(raw), lambda _, item: _one(fact, item)))


def _joined(found: list[Predicate]) -> tuple[Predicate, ...]:
    """Exact values of a list become one predicate, which is quicker to test and to read."""
    words = [v for p in found if isinstance(p, OneOf) for v in p.values]
    points = [v for p in found if isinstance(p, Days) for v in p.points]
    has = [v for p in found if isinstance(p, Has) for v in p.values]
    months = [p for p in found if isinstance(p, Months)]
    joined: list[Predicate] = [p for p in found if not isinstance(p, OneOf | Days | Has | Months)]
    if words:
        joined.append(OneOf(tuple(dict.fromkeys(words))))  # type: ignore[arg-type]  # one fact's values are of one type
    if points:
        joined.append(Days(tuple(dict.fromkeys(points))))
    if has:
        joined.append(Has(tuple(dict.fromkeys(has))))
    if months:
        numbers = sorted({number for p in months for number in p.numbers})
        joined.append(Months(tuple(numbers), any(p.this_month for p in months)))
    return tuple(joined)


def _one(fact: Fact, raw: object) -> Predicate:
    if raw is None:
        raise problem("there is no value; write none if it must be missing")
    word = raw.strip().lower() if isinstance(raw, str) else ""
    if word == "none":
        return NoneValue()
    if word == "known":
        return Known()
    return _READERS[fact.type](fact, raw)


def _text(fact: Fact, raw: object) -> Predicate:
    if isinstance(raw, Mapping):
        raise problem(f"{fact.name} is text: {_SHAPES['text']}")
    return OneOf((_word(fact, raw),))


def _word(fact: Fact, raw: object) -> str:
    if isinstance(raw, bool | int | float | date):
        raise problem("this reads as a number, a date or true/false; quote it")
    if not isinstance(raw, str) or not raw.strip():
        raise problem(_SHAPES[fact.type])
    word = raw.strip()
    if fact.choices and word not in fact.choices:
        raise problem(f"is no {fact.noun}: one of {', '.join(fact.choices)}{close_to(word, fact.choices)}")
    return word


def _number(fact: Fact, raw: object) -> Predicate:
    if not isinstance(raw, Mapping):
        return OneOf((_amount(raw),))
    bounds = _bounds(fact, raw, _NUMBER_KEYS, _amount)
    return Number(**bounds)  # type: ignore[arg-type]  # _bounds keeps pairs under between and single values elsewhere


def _amount(raw: object) -> float:
    if isinstance(raw, bool) or not isinstance(raw, int | float) or not math.isfinite(raw):
        hint = "; write it without quotes" if isinstance(raw, str) and raw.strip().isdigit() else ""
        raise problem(f"is not a number{hint}")
    return raw


def _date(fact: Fact, raw: object) -> Predicate:
    if not isinstance(raw, Mapping):
        return Days((_point(raw),))
    bounds = _bounds(fact, raw, _DATE_KEYS, _point)
    return Dates(**bounds)  # type: ignore[arg-type]  # as in _number


def _point(raw: object) -> Point:
    try:
        return parse_point(raw)
    except ValueError as error:
        raise problem(str(error)) from None


def _bounds(
    fact: Fact, raw: Mapping[object, object], keys: tuple[str, ...], read: Callable[[object], T]
) -> dict[str, T | tuple[T, T]]:
    if not raw:
        raise problem(f"the bounds are empty; {_SHAPES[fact.type]}")

    def bound(key: str | int, value: object) -> tuple[str, T | tuple[T, T]]:
        if key not in keys:
            raise problem(f"is no bound of a {fact.type}: one of {', '.join(keys)}{close_to(key, keys)}")
        return str(key), _pair(value, read) if key == "between" else read(value)

    return dict(read_each(((str(key), value) for key, value in raw.items()), bound))


def _pair(raw: object, read: Callable[[object], T]) -> tuple[T, T]:
    if not isinstance(raw, list | tuple) or len(raw) != 2:
        raise problem("between takes two ends: [from, to]")
    low, high = read_each(enumerate(raw), lambda _, end: read(end))
    return low, high


def _month(fact: Fact, raw: object) -> Predicate:
    word = " ".join(raw.lower().split()) if isinstance(raw, str) else raw
    if word == "this month":
        return Months((), True)
    number = MONTHS.get(word) if isinstance(word, str) else word
    if isinstance(number, bool) or not isinstance(number, int) or not 1 <= number <= 12:
        raise problem(_SHAPES[fact.type] + close_to(raw, MONTHS))
    return Months((number,))


def _flag(fact: Fact, raw: object) -> Predicate:
    if not isinstance(raw, bool):
        raise problem(f"{fact.name} is yes or no: {_SHAPES['flag']}")
    return Flag(raw)


def _list(fact: Fact, raw: object) -> Predicate:
    if not isinstance(raw, Mapping):
        return Has((_word(fact, raw),))
    if set(raw) != {"has"}:
        key = next((key for key in raw if key != "has"), None)
        raise problem(f"{fact.name} is a list: {_SHAPES['list']}", *([] if key is None else [str(key)]))
    has = raw["has"]
    if not isinstance(has, list | tuple):
        return Has(tuple(read_each([("has", has)], lambda _, item: _word(fact, item))))
    if not has:
        raise problem("the list is empty; give at least one value", "has")
    words = read_each([("has", has)], lambda _, _items: read_each(enumerate(has), lambda _, item: _word(fact, item)))
    return Has(tuple(dict.fromkeys(words[0])))


_READERS: Final[dict[FactType, Callable[[Fact, object], Predicate]]] = {
    "text": _text,
    "number": _number,
    "date": _date,
    "month": _month,
    "flag": _flag,
    "list": _list,
}
