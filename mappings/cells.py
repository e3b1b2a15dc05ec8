"""Reads the text of one cell as a typed value; what cannot be read raises ValueError without the value in it."""

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import TypeVar
from zoneinfo import ZoneInfo

Day = TypeVar("Day", date, datetime)
Formats = tuple[str, ...]
Moment = tuple[datetime, date]
"""An instant in UTC, and its local day in the zone that it was read for."""

_ISO_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_ISO_MOMENT = re.compile(
    r"\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}(?::\d{2}(?:[.,]\d{1,6})?)?\s?(?:Z|[+-]\d{2}:?\d{2})?)?", re.IGNORECASE
)
_WHOLE = re.compile(r"(\d{1,9})(?:\.0+)?")
_GROUPED = re.compile(r"\d{1,3}(?:,\d{3})+(?:\.0+)?")
_MONEY = re.compile(r"[$€£]\s?|\s?[$€£]")
_PERCENT = re.compile(r"(\d{1,7})00(?:\.0+)?\s?%")
_SCIENTIFIC = re.compile(r"\s*\d(?:[.,]\d+)?E[+-]\d{2,3}\s*", re.IGNORECASE)
_FOUR_DIGITS = re.compile(r"\d{4}")
_SERIAL = re.compile(r"(\d{1,6})(\.\d+)?")
_EPOCHS = {"excel": datetime(1899, 12, 30), "excel-1904": datetime(1904, 1, 1)}  # noqa: DTZ001  a day of a sheet has no zone
"""Day 0 of a spreadsheet's day numbers. Those of 1900 count a 29 February 1900 that never was, so they are right from
1 March 1900 on (learn.microsoft.com/office/troubleshoot/excel/1900-and-1904-date-system)."""
_YES = frozenset({"yes", "true", "1", "y", "t"})
_NO = frozenset({"no", "false", "0", "n", "f"})
_FLAGS = dict.fromkeys(_YES, True) | dict.fromkeys(_NO, False)
_YEARS = range(1800, 2200)
"""Other years are stand-ins (0001-01-01, 9999-12-31) or slips; from these no reckoning leaves the calendar."""
LONGEST_NAME = 250
LONGEST_TEXT = 600
"""Characters of an id or a name, and of any other text; PostgreSQL indexes no more than 2,704 bytes."""
_BIRTH_PLACEHOLDERS = frozenset({date(1900, 1, 1), date(1901, 1, 1)})


class Placeholder(ValueError):
    """The cell holds a stand-in for a missing value (1900-01-01, 000-000-0000)."""


@lru_cache(maxsize=8192)
def read_day(text: str, formats: Formats = ()) -> date:
    """Reads a day: the declared formats in order, then ISO; a time of day after an ISO day is dropped."""
    for pattern in formats:
        try:
            return of_our_times(_by_format(text, pattern).date())
        except ValueError:
            continue
    if _ISO_DAY.match(text) and _ISO_MOMENT.fullmatch(text):
        return of_our_times(date.fromisoformat(text[:10]))
    raise ValueError("not a date")


def _by_format(text: str, pattern: str) -> datetime:
    """The moment that a text names in a strptime pattern, or as a spreadsheet's day number; raises ValueError."""
    epoch = _EPOCHS.get(pattern)
    return datetime.strptime(text, pattern) if epoch is None else day_of_serial(text, epoch)  # noqa: DTZ007  read_moment gives it the site's zone


def day_of_serial(text: str, epoch: datetime = _EPOCHS["excel"]) -> datetime:
    """The moment of a spreadsheet's day number, to the second; raises ValueError.

    Numbers below 61 name days around a leap day that never was, and nobody's visit or birth.
    """
    if _SERIAL.fullmatch(text) is None or float(text) < 61:
        raise ValueError("not a day number")
    return epoch + timedelta(seconds=round(float(text) * 86_400))


def of_our_times(day: Day) -> Day:
    """The day (or instant) itself; raises ValueError for a year in which no visit, birth or plan can lie."""
    if day.year not in _YEARS:
        raise ValueError("not a date of our times")
    return day


def read_birth_day(text: str, formats: Formats = (), today: date | None = None) -> date:
    """Reads a birth date; years before 1900, days after `today` and the usual stand-ins are no birth dates.

    Of a declared year of two digits (%y) strptime takes 00 to 68 for this century: nobody is born in its future.
    """
    day = read_day(text, formats)
    if today is not None and day > today:
        if _FOUR_DIGITS.search(text) or not any("%y" in pattern for pattern in formats):
            raise ValueError("not a birth date")
        day = day.replace(year=day.year - 100)
    if day in _BIRTH_PLACEHOLDERS:
        raise Placeholder("a stand-in for a missing date")
    if day.year < 1900:
        raise ValueError("not a birth date")
    return day


@lru_cache(maxsize=8192)
def read_moment(text: str, zone: ZoneInfo, formats: Formats = ()) -> Moment:
    """Reads an instant and its local day.

    A naive time is the zone's: of two occurrences the first; one that does not exist moves forward by the gap
    (PEP 495: fold=0 takes the offset before the change). A day alone is its midnight.
    """
    instant = of_our_times(_parse_moment(text, formats))
    if instant.tzinfo is None:
        instant = instant.replace(tzinfo=zone)
    instant = instant.astimezone(UTC)
    return instant, instant.astimezone(zone).date()


def _parse_moment(text: str, formats: Formats) -> datetime:
    for pattern in formats:
        try:
            return _by_format(text, pattern)
        except ValueError:
            continue
    if _ISO_MOMENT.fullmatch(text):
        return datetime.fromisoformat(text.replace(",", ".").upper())
    raise ValueError("not a time")


def read_name(text: str) -> str:
    """Takes an id or a name; one without end is none."""
    return _no_longer_than(LONGEST_NAME, text)


def read_id(text: str) -> str:
    """Takes an id; raises ValueError for one that a spreadsheet has cut down to its leading digits (1.23E+15)."""
    if is_scientific(text):
        raise ValueError("an id in scientific notation")
    return read_name(text)


def is_scientific(text: str) -> bool:
    """True for a number as spreadsheets show long ones: its last digits are lost."""
    return ("+" in text or "-" in text) and _SCIENTIFIC.fullmatch(text) is not None


def read_text(text: str) -> str:
    """Takes any other text."""
    return _no_longer_than(LONGEST_TEXT, text)


def _no_longer_than(most: int, text: str) -> str:
    if len(text) > most:
        raise ValueError("too long")
    return text


def read_flag(text: str) -> bool:
    """Reads yes/no/true/false/1/0 (y, n, t, f too), in any case."""
    try:
        return _FLAGS[text.casefold()]
    except KeyError:
        raise ValueError("not yes or no") from None


def read_active(text: str) -> bool:
    """Reads a flag, or the words active and inactive."""
    word = text.casefold()
    return word == "active" if word in ("active", "inactive") else read_flag(text)


def death_reader(formats: Formats) -> Callable[[str], bool]:
    """A reader of a flag or a date of death: exports carry either, and a missed death writes to the bereaved."""

    def read(text: str) -> bool:
        word = text.casefold()
        if word in _FLAGS:
            return _FLAGS[word]
        read_day(text, formats)
        return True

    return read


def read_whole(text: str) -> int:
    """Reads a whole number, not negative, as spreadsheets write it: `12.0`, `1,200`, `$12.00` and `1200%` (12) too."""
    match = _WHOLE.fullmatch(text) or _WHOLE.fullmatch(_without_noise(text))
    if match is None:
        raise ValueError("not a whole number")
    return int(match[1])


def _without_noise(text: str) -> str:
    """A number without what a cell's format adds to it; percent shows a hundred times the number."""
    text = _MONEY.sub("", text, count=1)
    text = text.replace(",", "") if _GROUPED.fullmatch(text) else text
    percent = _PERCENT.fullmatch(text)
    return percent[1] if percent is not None else text
