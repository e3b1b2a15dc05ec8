"""Reads the text of one cell as a typed value; what cannot be read raises ValueError without the value in it."""

import re
from collections.abc import Callable
from datetime import UTC, date, datetime
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


@lru_cache(maxsize=32_768)
def read_day(text: str, formats: Formats = ()) -> date:
    """Reads a day: the declared formats in order, then ISO; a time of day after an ISO day is dropped."""
    for pattern in formats:
        try:
            return of_our_times(datetime.strptime(text, pattern).date())  # noqa: DTZ007  a day of a form has no zone
        except ValueError:
            continue
    if _ISO_DAY.match(text) and _ISO_MOMENT.fullmatch(text):
        return of_our_times(date.fromisoformat(text[:10]))
    raise ValueError("not a date")


def of_our_times(day: Day) -> Day:
    """The day (or instant) itself; raises ValueError for a year in which no visit, birth or plan can lie."""
    if day.year not in _YEARS:
        raise ValueError("not a date of our times")
    return day


def read_birth_day(text: str, formats: Formats = ()) -> date:
    """Reads a birth date; years before 1900 and the usual stand-ins are no birth dates."""
    day = read_day(text, formats)
    if day in _BIRTH_PLACEHOLDERS:
        raise Placeholder("a stand-in for a missing date")
    if day.year < 1900:
        raise ValueError("not a birth date")
    return day


@lru_cache(maxsize=32_768)
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
            return datetime.strptime(text, pattern)  # noqa: DTZ007  read_moment gives it the site's zone
        except ValueError:
            continue
    if _ISO_MOMENT.fullmatch(text):
        return datetime.fromisoformat(text.replace(",", ".").upper())
    raise ValueError("not a time")


def read_name(text: str) -> str:
    """Takes an id or a name; one without end is none."""
    return _no_longer_than(LONGEST_NAME, text)


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
    """Reads a whole number, not negative; `12.0` is 12 (spreadsheets write it so)."""
    match = _WHOLE.fullmatch(text)
    if match is None:
        raise ValueError("not a whole number")
    return int(match[1])
