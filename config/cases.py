"""Operators' cases: a person as it might be, and what must be found of it at noon of a day."""

from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

from pydantic import Field

from config.names import Text
from config.problem import Path, did_you_mean
from connectors.settings import Day, Strict
from mappings.canonical import CANONICAL
from mappings.fact_values import read_fact_value
from mappings.facts import FACTS

Fault = tuple[Path, str]

_BESIDE: Final = ("site", "source", "visits", "episodes")
_LISTS: Final = ("segments", "not_segments")
_ROWS: Final[dict[str, tuple[str, ...]]] = {
    "visits": (*CANONICAL["appointments"], "date"),
    "episodes": (*CANONICAL["episodes"], "outcome"),
}


class CaseSettings(Strict):
    """One case. `as_of` left out: today.

    `given`: canonical names of one patient row, facts by name (then not computed), `site`, `source`, `visits`,
    `episodes`. `expect`: facts exactly, `segments` that are all entered, `not_segments` of which none is.
    """

    name: Text
    as_of: Day | None = None
    given: dict[Text, Any] = Field(default_factory=dict)
    expect: dict[Text, Any] = Field(min_length=1)


class Case(NamedTuple):
    """A case, where it stands, and the segment that it stands under (None: under none)."""

    settings: CaseSettings
    path: Path
    segment: str | None

    @property
    def named(self) -> frozenset[str]:
        """The segments that the case speaks of."""
        return frozenset(str(name) for key in _LISTS for name in _items(self.settings.expect.get(key)))


def case_faults(path: Path, case: Any, known: Mapping[str, Any]) -> Iterator[Fault]:
    """What is wrong with a case, beyond its shape; `known` holds the names under segments, sites and sources."""
    given, expect = (case.get(key) if isinstance(case, Mapping) else None for key in ("given", "expect"))
    for key, value in given.items() if isinstance(given, Mapping) else ():
        yield from _given((*path, "given", str(key)), str(key), value, known)
    for key, value in expect.items() if isinstance(expect, Mapping) else ():
        yield from _expected((*path, "expect", str(key)), str(key), value, known)


def _given(path: Path, key: str, value: Any, known: Mapping[str, Any]) -> Iterator[Fault]:
    if key in _ROWS:
        yield from _rows(path, key, value, known)
    elif key in ("site", "source"):
        yield from _configured(path, key, value, known)
    elif key in FACTS and key not in CANONICAL["patients"]:
        yield from _fact(path, key, value)
    elif key not in CANONICAL["patients"]:
        names = (*CANONICAL["patients"], *FACTS, *_BESIDE)
        yield path, f"no canonical name of a patient, no fact, none of {', '.join(_BESIDE)}{did_you_mean(key, names)}"
    elif isinstance(value, list | Mapping):
        yield path, "write one value"


def _rows(path: Path, key: str, value: Any, known: Mapping[str, Any]) -> Iterator[Fault]:
    if not isinstance(value, list):
        yield path, f"write a list of {key}: [{{…}}, {{…}}]"
        return
    for index, row in enumerate(value):
        yield from _row((*path, index), key, row, known)


def _row(path: Path, key: str, row: Any, known: Mapping[str, Any]) -> Iterator[Fault]:
    if not isinstance(row, Mapping):
        yield path, "write keys and values here (key: value)"
        return
    for name, value in row.items():
        if str(name) not in _ROWS[key]:
            yield (*path, str(name)), f"no name of {key}{did_you_mean(name, _ROWS[key])}"
        elif name == "site":
            yield from _configured((*path, "site"), "site", value, known)
    if key == "visits" and "status" not in row:
        yield path, "give the visit's status"
    if key == "visits" and ("date" in row) == ("starts_at" in row):
        yield path, "give either date or starts_at"


def _expected(path: Path, key: str, value: Any, known: Mapping[str, Any]) -> Iterator[Fault]:
    if key in _LISTS:
        for name in _items(value):
            if name not in known["segments"]:
                yield path, f"names a segment that is not configured{did_you_mean(name, known['segments'])}"
    elif key not in FACTS:
        yield path, f"no fact, nor segments or not_segments{did_you_mean(key, (*FACTS, *_LISTS))}"
    else:
        yield from _fact(path, key, value)


def _fact(path: Path, key: str, value: Any) -> Iterator[Fault]:
    try:
        read_fact_value(FACTS[key], value)
    except ValueError as error:
        yield path, str(error)


def _configured(path: Path, key: str, value: Any, known: Mapping[str, Any]) -> Iterator[Fault]:
    if value not in known[f"{key}s"]:
        yield path, f"no such {key} under {key}s:{did_you_mean(value, known[f'{key}s'])}"


def _items(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]
