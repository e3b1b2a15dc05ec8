"""How a segment speaks: its steps, how often it may be entered loudly, its group, its hours; as operators write them."""

import re
from collections.abc import Mapping, Sequence
from datetime import time, timedelta
from typing import Final, Literal, NamedTuple, get_args

from mappings.points import Offset, Unit

Repeat = Literal["once", "once per episode"] | Offset
"""Once for good, once in an episode, or (an Offset) once within so long before today."""

_SPAN: Final = re.compile(r"(\d{1,4})\s+(day|week|month|year)s?", re.IGNORECASE)
_TIME: Final = re.compile(r"([01]\d|2[0-3]):([0-5]\d)|24:00")
_DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_LONGEST_DAYS: Final = 3700


class Hours(NamedTuple):
    """When loud entries may go, in clinic time: weekdays (0 = Monday), from `opens` until before `closes`."""

    days: frozenset[int]
    opens: time
    closes: time


class Cap(NamedTuple):
    """At most so many nudges of one address within a time."""

    nudges: int
    per: timedelta


class Manner(NamedTuple):
    """How a segment speaks. `repeat` None: patients once per episode, leads once. `count_from` None: from entering.

    `hours` None: those of the site, else of the practice. `counts` False: outside the cap.
    """

    steps: tuple[Offset, ...] = ()
    count_from: str | None = None
    repeat: Repeat | None = None
    group: str | None = None
    priority: int = 0
    counts: bool = True
    hours: Hours | None = None


USUAL: Final = Manner()
"""How a segment speaks that says nothing of it."""


def step_name(segment: str, number: int) -> str:
    """The plain name of a segment's step; steps count from 1."""
    return f"{segment}:{number}"


def parse_span(raw: object, *, ahead: bool) -> Offset:
    """Reads `3 days`, `2 months`; raises ValueError with what to write instead."""
    match = _SPAN.fullmatch(raw.strip()) if isinstance(raw, str) else None
    if match is None:
        raise ValueError("write a number of days, weeks, months or years, such as 3 days")
    unit = next(unit for unit in get_args(Unit) if unit == match[2].lower())
    found = Offset(int(match[1]), unit, ahead)
    if max(map(abs, found.span())) > _LONGEST_DAYS:
        raise ValueError("write at most ten years")
    return found


def parse_repeat(raw: object) -> Repeat:
    """Reads `once`, `once per episode`, `once per 12 months`; raises ValueError with what to write instead."""
    words = " ".join(raw.lower().split()) if isinstance(raw, str) else ""
    if words == "once":
        return "once"
    if words == "once per episode":
        return "once per episode"
    try:
        return parse_span(words.removeprefix("once per "), ahead=False) if words.startswith("once per ") else _bad()
    except ValueError:
        return _bad()


def _bad() -> Repeat:
    raise ValueError("write once, once per episode, or a time such as once per 12 months")


def parse_days(raw: object) -> frozenset[int]:
    """Reads `mon-fri`, `mon, wed, fri` or a list of days; raises ValueError with what to write instead."""
    parts: Sequence[object] = raw.split(",") if isinstance(raw, str) else raw if isinstance(raw, list | tuple) else ()
    found: set[int] = set()
    for part in parts:
        first, _, last = str(part).strip().lower().partition("-")
        low, high = _weekday(first), _weekday(last or first)
        found |= {day % 7 for day in range(low, high + 1 if low <= high else high + 8)}
    if not found:
        raise ValueError("write weekdays such as mon-fri, or [mon, wed]")
    return frozenset(found)


def _weekday(word: str) -> int:
    if word.strip()[:3] not in _DAYS:
        raise ValueError("write weekdays such as mon-fri, or [mon, wed]")
    return _DAYS.index(word.strip()[:3])


def parse_time(raw: object) -> time:
    """Reads `09:00`; `24:00` is the end of the day. Raises ValueError with what to write instead."""
    if not isinstance(raw, str) or not _TIME.fullmatch(raw):
        raise ValueError('write a time of day with quotes, such as "09:00"')
    return time.max if raw == "24:00" else time.fromisoformat(raw)


def plain(manner: Manner) -> Mapping[str, object]:
    """A manner as JSON knows it, so that a change of it can be noticed."""
    return {name: str(value) for name, value in manner._asdict().items()}


def english(manner: Manner) -> str:
    """What a manner adds to the sentence of a rule; "" for the usual one."""
    parts = []
    if manner.steps:
        steps = ", ".join(f"{s.amount} {s.unit}{'' if s.amount == 1 else 's'}" for s in manner.steps)
        origin = f"the fact {manner.count_from}" if manner.count_from else "entering"
        parts.append(f"Steps {steps} after {origin}.")
    if manner.group:
        parts.append(f"One at a time of the group {manner.group}, priority {manner.priority}.")
    return " ".join(parts)
