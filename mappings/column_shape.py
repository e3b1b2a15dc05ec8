"""What the values of one column look like: counts and forms, never a value."""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial
from typing import Final
from zoneinfo import ZoneInfo

from mappings.addresses import read_email
from mappings.cells import Formats, day_of_serial, is_scientific, read_flag, read_moment
from mappings.phones import read_phone
from mappings.words import read_sex

FORMATS: Final = (
    "%m/%d/%Y", "%d/%m/%Y", "%m-%d-%Y", "%d-%m-%Y", "%d.%m.%Y", "%Y/%m/%d", "%Y%m%d", "%d-%b-%Y", "%d %b %Y", "%b %d, %Y",
    "%B %d, %Y", "%m/%d/%y", "%d/%m/%y",
)  # fmt: skip
TIMES: Final = ("%I:%M %p", "%I:%M:%S %p", "%I:%M%p", "%H:%M", "%H:%M:%S", "%H%M%S")
TWINS: Final = {
    "%m/%d/%Y": "%d/%m/%Y", "%d/%m/%Y": "%m/%d/%Y", "%m-%d-%Y": "%d-%m-%Y", "%d-%m-%Y": "%m-%d-%Y",
    "%m/%d/%y": "%d/%m/%y", "%d/%m/%y": "%m/%d/%y",
}  # fmt: skip
"""Formats that read the same text as different days."""
MOST: Final = 2000
_UTC = ZoneInfo("UTC")
_TIME = re.compile(r"\d{1,2}:\d{2}(:\d{2})?( ?[AaPp][Mm])?")
_FLOAT = re.compile(r"\d+\.0")
_ISO = re.compile(r"\d{4}-\d{2}-\d{2}.*")


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnShape:
    """One column of a file: its title, how many cells are filled and different, and how many have which form.

    `forms` counts different values by form: email, phone, flag, sex, iso, time, serial, float, scientific. `dates` are
    formats that together read every value, `other` those that would read all of them as other days; `times` are
    formats that read every value as a time of day.
    `words` are the different values, held back from every output that is not of a closed list.
    """

    title: str
    filled: int
    different: int
    forms: Counter[str]
    dates: Formats = ()
    other: Formats = ()
    times: Formats = ()
    is_date: bool = False
    words: frozenset[str] = frozenset()

    def mostly(self, form: str) -> bool:
        """True when nine values of ten have a form."""
        return self.different > 0 and self.forms[form] >= 0.9 * min(self.different, MOST)

    @property
    def unique(self) -> bool:
        """True when every cell is filled differently."""
        return self.filled > 0 and self.different == self.filled


def shape_of(title: str, cells: Iterable[str], region: str) -> ColumnShape:
    """Looks at the cells of a column; `region` is assumed for telephone numbers (ISO 3166)."""
    filled = [text for cell in cells if (text := cell.strip())]
    different = list(dict.fromkeys(filled))
    sample = different[:MOST]
    forms = Counter(form for text in sample for form in _forms(text, region))
    dates, other = _date_formats(sample)
    return ColumnShape(
        title=title,
        filled=len(filled),
        different=len(different),
        forms=forms,
        dates=dates,
        other=other,
        times=tuple(pattern for pattern in TIMES if sample and all(_is_time(text, pattern) for text in sample)),
        is_date=bool(sample) and _reads_all(sample, dates),
        words=frozenset(sample) if len(different) <= 30 else frozenset(),
    )


def _forms(text: str, region: str) -> Iterable[str]:
    tests: dict[str, Callable[[str], object]] = {
        "email": read_email,
        "phone": partial(_phone, region=region),
        "flag": read_flag,
        "sex": read_sex,
        "serial": _serial,
    }
    for form, test in tests.items():
        try:
            test(text)
        except ValueError:
            continue
        yield form
    patterns = {"time": _TIME, "float": _FLOAT, "iso": _ISO}
    yield from (form for form, pattern in patterns.items() if pattern.fullmatch(text))
    if is_scientific(text):
        yield "scientific"


def _is_time(text: str, pattern: str) -> bool:
    return _TIME.fullmatch(text) is not None and _reads(f"2000-01-01 {text}", (f"%Y-%m-%d {pattern}",))


def _phone(text: str, region: str) -> None:
    if sum(letter.isdigit() for letter in text) < 9:
        raise ValueError("too short")
    read_phone(text, region)


def _serial(text: str) -> None:
    if not 20_000 <= day_of_serial(text).toordinal() - date(1899, 12, 30).toordinal() <= 60_000:
        raise ValueError("a number like any other")


def _date_formats(sample: Sequence[str]) -> tuple[Formats, Formats]:
    """Formats that together read all values, at most three, and those that read all of them otherwise."""
    rest = [text for text in sample if not _reads(text, ())]
    chosen: list[str] = []
    fits: dict[str, int] = {}
    while rest and len(chosen) < 3:
        counted = {pattern: sum(_fits(text, pattern) for text in rest) for pattern in _candidates(rest)}
        best = max(counted, key=lambda pattern: counted[pattern], default=None)
        if best is None or not counted[best]:
            return (), ()
        fits |= {pattern: number for pattern, number in counted.items() if number == counted[best]}
        chosen.append(best)
        rest = [text for text in rest if not _fits(text, best)]
    twins = [twin for pattern in chosen if (twin := _twin(pattern)) is not None and fits.get(twin)]
    return ((), ()) if rest else (tuple(chosen), tuple(twins))


def _candidates(values: Sequence[str]) -> list[str]:
    if all(value.isdigit() for value in values):
        return ["%Y%m%d", "excel"]
    days = [*FORMATS, *(f"{day} {time}" for day in FORMATS for time in TIMES)]
    probe = values[:3]
    return [pattern for pattern in days if any(_fits(text, pattern) for text in probe)]


def _twin(pattern: str) -> str | None:
    day, blank, time = pattern.partition(" ")
    twin = TWINS.get(day)
    return None if twin is None else f"{twin}{blank}{time}"


def _fits(text: str, pattern: str) -> bool:
    if pattern == "excel":
        try:
            _serial(text)
        except ValueError:
            return False
        return True
    if pattern == "%Y%m%d" and len(text) != 8:
        return False
    try:
        read_moment(text, _UTC, (pattern,))
    except ValueError:
        return False
    return not _ISO.fullmatch(text)


def _reads(text: str, formats: Formats) -> bool:
    try:
        read_moment(text, _UTC, formats)
    except ValueError:
        return False
    return True


def _reads_all(sample: Sequence[str], formats: Formats) -> bool:
    return all(_reads(text, formats) for text in sample)
