"""Days as rules write them: `21 days ago`, `2 months ahead`, `today`, `Nov 1`, `2026-03-01`."""

import calendar
import re
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final, Literal, get_args

Unit = Literal["day", "week", "month", "year"]

_OFFSET: Final = re.compile(r"(\d{1,6})\s+(day|week|month|year)s?\s+(ago|ahead)", re.IGNORECASE)
_MONTH_DAY: Final = re.compile(r"([A-Za-z]{3,9})\.?\s+(\d{1,2})")
_DAYS_IN: Final[dict[Unit, tuple[int, int]]] = {"day": (1, 1), "week": (7, 7), "month": (28, 31), "year": (365, 366)}
_LIMIT_DAYS: Final = 36_600  # a hundred years: beyond it a rule is a slip of the pen

MONTHS: Final[dict[str, int]] = {
    name.lower(): number
    for names in (calendar.month_name, calendar.month_abbr)
    for number, name in enumerate(names)
    if name
}


@dataclass(frozen=True, slots=True)
class Offset:
    """A day counted from today; months and years are calendar months, cut to the month's last day."""

    amount: int
    unit: Unit
    ahead: bool

    def on(self, today: date) -> date:
        """The day meant, seen from `today`."""
        amount = self.amount if self.ahead else -self.amount
        if self.unit in ("day", "week"):
            return today + timedelta(days=amount * _DAYS_IN[self.unit][0])
        return add_months(today, amount if self.unit == "month" else 12 * amount)

    def span(self) -> tuple[int, int]:
        """The fewest and the most days from today (negative: back) that this can mean."""
        low, high = (self.amount * days for days in _DAYS_IN[self.unit])
        return (low, high) if self.ahead else (-high, -low)


@dataclass(frozen=True, slots=True)
class MonthDay:
    """A day of the current year; February 29 is the 28th in a year that has none."""

    month: int
    day: int

    def on(self, today: date) -> date:
        """The day meant, seen from `today`."""
        return date(today.year, self.month, min(self.day, calendar.monthrange(today.year, self.month)[1]))


Point = Offset | MonthDay | date
TODAY: Final = Offset(0, "day", False)


def day_of(point: Point, today: date) -> date:
    """The day that `point` means, seen from `today`."""
    return point if isinstance(point, date) else point.on(today)


def add_months(day: date, months: int) -> date:
    """The same day `months` later (earlier if negative), cut to the last day of a shorter month."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))


def parse_point(raw: object) -> Point:
    """Reads one day as rules write it; raises ValueError with what to write instead."""
    if isinstance(raw, date):
        return date(raw.year, raw.month, raw.day)
    text = raw.strip() if isinstance(raw, str) else ""
    if text.lower() == "today":
        return TODAY
    point = _offset(text) or _month_day(text) or _iso(text)
    if point is None:
        raise ValueError("write a day such as 21 days ago, 2 months ahead, today, Nov 1 or 2026-03-01")
    return point


def _offset(text: str) -> Offset | None:
    match = _OFFSET.fullmatch(text)
    if match is None:
        return None
    unit = next(unit for unit in get_args(Unit) if unit == match[2].lower())
    amount = int(match[1])
    if amount * _DAYS_IN[unit][1] > _LIMIT_DAYS:
        raise ValueError("a rule reaches at most 100 years back or ahead")
    return Offset(amount, unit, match[3].lower() == "ahead")


def _month_day(text: str) -> MonthDay | None:
    match = _MONTH_DAY.fullmatch(text)
    month = MONTHS.get(match[1].lower()) if match else None
    if match is None or month is None:
        return None
    day = int(match[2])
    if not 1 <= day <= calendar.monthrange(2024, month)[1]:  # a leap year: Feb 29 is a day
        raise ValueError("that month has no such day")
    return MonthDay(month, day)


def _iso(text: str) -> date | None:
    if re.fullmatch(r"\d{4}-\d{2}-\d{2}", text) is None:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ValueError("the calendar has no such day") from None
