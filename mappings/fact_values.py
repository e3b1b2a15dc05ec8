"""A fact's own value as a case writes it: typed by the table of facts, `none` for a missing one."""

from collections.abc import Callable, Mapping
from datetime import date
from typing import Final

from mappings.facts import OPEN, Fact, FactType, FactValue
from mappings.points import MONTHS


def read_fact_value(fact: Fact, raw: object) -> FactValue:
    """Reads the value of a fact; raises ValueError with what to write instead, which never repeats the value."""
    if raw is None or (isinstance(raw, str) and raw.strip().lower() == "none"):
        return None
    if raw == OPEN.value and fact.type == "date":
        return OPEN
    return _entered(raw) if fact.name == "entered" else _READERS[fact.type](fact, raw)


def _text(fact: Fact, raw: object) -> str:
    if not isinstance(raw, str) or not raw.strip():
        raise ValueError(f"{fact.name} is text; quote what reads as a number")
    word = raw.strip()
    if fact.choices and word not in fact.choices:
        raise ValueError(f"is no {fact.noun}: one of {', '.join(fact.choices)}")
    return word


def _number(fact: Fact, raw: object) -> int | float:
    if isinstance(raw, bool) or not isinstance(raw, int | float):
        raise ValueError(f"{fact.name} is a number; write it without quotes")
    return raw


def _date(fact: Fact, raw: object) -> date:
    try:
        return date.fromisoformat(raw if isinstance(raw, str) else "")
    except ValueError:
        raise ValueError(f"{fact.name} is a day; write it as year-month-day, such as 2026-03-01") from None


def _month(fact: Fact, raw: object) -> int:
    number = MONTHS.get(raw.strip().lower()) if isinstance(raw, str) else raw
    if isinstance(number, bool) or not isinstance(number, int) or not 1 <= number <= 12:
        raise ValueError(f"{fact.name} is a month, such as Nov")
    return number


def _flag(fact: Fact, raw: object) -> bool:
    if not isinstance(raw, bool):
        raise ValueError(f"{fact.name} is true or false")
    return raw


def _list(fact: Fact, raw: object) -> frozenset[str]:
    items = raw if isinstance(raw, list) else [raw]
    if not all(isinstance(item, str) and item.strip() for item in items):
        raise ValueError(f"{fact.name} is a list of texts, such as [a, b]")
    return frozenset(str(item).strip() for item in items)


def _entered(raw: object) -> Mapping[str, date]:
    if not isinstance(raw, Mapping):
        raise ValueError("write the segment and the day of entering: {SEGMENT: 2026-03-01}")
    try:
        return {str(name): date.fromisoformat(str(day)) for name, day in raw.items()}
    except ValueError:
        raise ValueError("write each day of entering as year-month-day, such as 2026-03-01") from None


_READERS: Final[dict[FactType, Callable[[Fact, object], FactValue]]] = {
    "text": _text,
    "number": _number,
    "date": _date,
    "month": _month,
    "flag": _flag,
    "list": _list,
}
