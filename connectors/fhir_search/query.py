"""What is asked: the searches of a pass as paths and parameters, and whether an answer shows that they were applied."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Literal, NamedTuple
from urllib.parse import parse_qs, urlsplit
from zoneinfo import ZoneInfo

from connectors.base import Window
from connectors.fhir.capability import Capability
from connectors.fhir_search.profiles import Knobs
from connectors.fhir_search.settings import DATED, DateWindow

Means = Literal["last_updated", "history", "window", "full"]
"""How a type can be asked for what has changed."""

_DAY = timedelta(days=1)
_NO_FILTERS = frozenset({"_count", "_sort", "_include"})


class Part(NamedTuple):
    """One search of a pass. `role`: search, history (a type's versions) or deleted (what is no longer there)."""

    resource: str
    params: Mapping[str, str | Sequence[str]]
    role: Literal["search", "history", "deletions", "deleted"] = "search"

    @property
    def path(self) -> str:
        return f"/{self.resource}/_history" if self.role in ("history", "deletions") else f"/{self.resource}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Traits:
    """What a server's answers have shown of a type: it will not sort, refuses `_lastUpdated`, passes it over, or `date`."""

    unsorted: bool = False
    refuses: bool = False
    unfiltered: bool = False
    undated: bool = False


def means_of(resource: str, knobs: Knobs, able: Capability, traits: Traits) -> Means:
    """How to ask for changes of a type, by the settings and else by what the server says that it can do."""
    chosen = knobs.changes[resource]
    if chosen == "window":
        return "full" if traits.undated else "window"
    if chosen in ("history", "full"):
        return chosen
    if traits.unfiltered:
        return "full"
    if not traits.refuses and (chosen == "last_updated" or able.searches(resource, "_lastUpdated") is not False):
        return "last_updated"
    dated = resource in DATED and able.searches(resource, "date") is not False and not traits.undated
    return "window" if dated else "full"


def window_of(days: DateWindow, at: datetime, zone: ZoneInfo) -> Window:
    """The first and last local day that a window speaks of."""
    today = at.astimezone(zone).date()
    return Window(first=today - days.back, last=today + days.ahead)


def window_params(window: Window, zone: ZoneInfo) -> dict[str, list[str]]:
    """The days as search values, and a day more at either end: sites may lie in other zones."""
    return {"date": [f"ge{_midnight(window.first - _DAY, zone)}", f"lt{_midnight(window.last + 2 * _DAY, zone)}"]}


def _midnight(day: date, zone: ZoneInfo) -> str:
    return datetime.combine(day, time.min, zone).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def batches(values: Sequence[str], size: int) -> list[str]:
    """Values joined by commas, so many at a time: each is one alternative of a search parameter."""
    return [",".join(values[start : start + size]) for start in range(0, len(values), size)]


def ignored(params: Mapping[str, object], link: str | None) -> set[str]:
    """The filters that the answer's own link does not repeat; none where there is no such link.

    A server may pass over parameters that it does not know, and must say so in that link
    (https://hl7.org/fhir/R4/search.html#conformance).
    """
    if link is None:
        return set()
    repeated = {name.partition(":")[0] for name in parse_qs(urlsplit(link).query, keep_blank_values=True)}
    return {name.partition(":")[0] for name in params} - _NO_FILTERS - repeated


def page_size_of(link: str | None) -> int | None:
    """The page size that the answer's own link names; None where it names none."""
    said = parse_qs(urlsplit(link).query).get("_count", [""])[-1] if link is not None else ""
    return int(said) if said.isascii() and said.isdigit() else None
