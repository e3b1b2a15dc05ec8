"""Playbooks: segments that ship, off until an operator names them, put in among the operator's own."""

from collections.abc import Iterator, Mapping
from functools import cache
from importlib import resources
from typing import Annotated, Any, Final, NamedTuple

from pydantic import Field
from ruamel.yaml import YAML

from config.cases import CaseSettings
from config.names import Name, Text
from config.problem import Path, did_you_mean
from config.segments import SegmentKeys
from connectors.settings import Strict
from mappings.records import Purpose

Fault = tuple[Path, str]
Number = int | Text
Numbers = Annotated[dict[Text, Number], Field(alias="with")]

_OWN: Final = ("with", "by_site")
_RULES: Final = ("who", "leave_when")


class SiteOverride(Strict):
    """What differs at one clinic."""

    numbers: Numbers


class PlaybookEntry(SegmentKeys):
    """An entry as an operator switches it on: its published numbers (also for single sites), and any key of a segment."""

    numbers: Numbers = Field(default_factory=dict)
    by_site: dict[Name, SiteOverride] = Field(default_factory=dict)
    purpose: Purpose | None = None
    who: dict[Text, Any] | None = None


class Entry(Strict):
    """An entry as it ships: what it is for, the facts that it needs, what to set up at the provider, its numbers."""

    about: Text
    needs: Text
    provider: Text
    numbers: Numbers = Field(default_factory=dict)
    segment: dict[Text, Any]
    tests: tuple[CaseSettings, ...]


class Playbook(Strict):
    """A playbook that ships."""

    about: Text
    entries: dict[Name, Entry]


def playbook_names() -> list[str]:
    """The names of the playbooks that ship."""
    names = (entry.name for entry in resources.files("config").joinpath("playbooks").iterdir())
    return sorted(name.removesuffix(".yaml") for name in names if name.endswith(".yaml"))


@cache
def load_playbook(name: str) -> Playbook:
    """Loads a playbook that ships; raises KeyError for a name that none has."""
    if name not in playbook_names():
        raise KeyError(name)
    text = resources.files("config").joinpath("playbooks", f"{name}.yaml").read_text(encoding="utf-8")
    yaml = YAML(typ="safe", pure=True)
    yaml.version = (1, 2)
    return Playbook.model_validate(_days_as_text(yaml.load(text)))


def _days_as_text(value: Any) -> Any:
    """YAML reads days as dates; a configuration holds them as text."""
    if isinstance(value, dict):
        return {key: _days_as_text(below) for key, below in value.items()}
    if isinstance(value, list):
        return [_days_as_text(item) for item in value]
    return value.isoformat() if hasattr(value, "isoformat") else value


class Named(NamedTuple):
    """An entry that an operator has named: where, in which playbook, and with what."""

    playbook: str
    name: str
    given: Mapping[str, Any]

    @property
    def path(self) -> Path:
        """Where it stands."""
        return "playbook", self.playbook, self.name


def named_entries(playbook: Any) -> Iterator[Named | Fault]:
    """The entries that a configuration switches on; a fault for each playbook or entry that does not ship."""
    for name, entries in playbook.items() if isinstance(playbook, Mapping) else ():
        if name not in playbook_names():
            yield ("playbook", str(name)), f"no such playbook ships{did_you_mean(name, playbook_names())}"
            continue
        known = load_playbook(name).entries
        for entry, given in entries.items() if isinstance(entries, Mapping) else ():
            if entry not in known:
                yield ("playbook", str(name), str(entry)), f"no such entry{did_you_mean(entry, known)}"
            else:
                yield Named(str(name), str(entry), given if isinstance(given, Mapping) else {})


def segment_of(named: Named, own: Mapping[str, Any]) -> dict[str, Any]:
    """The segment of a named entry: as it ships, under what `playbook:` says, under what `segments:` says (`own`)."""
    shipped = load_playbook(named.playbook).entries[named.name]
    numbers = _numbers(named.given.get("with"))
    segment = _filled(shipped.segment, {**shipped.numbers, **numbers})
    for key in _RULES:
        sites = named.given.get("by_site")
        if isinstance(sites, Mapping) and sites and key in shipped.segment:
            by_site = {str(site): {**shipped.numbers, **numbers, **_numbers_at(what)} for site, what in sites.items()}
            segment[key] = _by_site(shipped.segment[key], segment[key], by_site)
    stated = {key: value for key, value in named.given.items() if key not in _OWN and value is not None}
    return {**segment, **stated, **own}


def shipped_segment(entry: Entry) -> dict[str, Any]:
    """The segment of an entry with its own numbers."""
    return dict(_filled(entry.segment, entry.numbers))


def entry_faults(named: Named, sites: Mapping[str, Any]) -> Iterator[Fault]:
    """Numbers that an entry does not publish, sites that are not configured."""
    published = load_playbook(named.playbook).entries[named.name].numbers
    given = named.given
    places: list[tuple[Path, Any]] = [((*named.path, "with"), given.get("with"))]
    by_site = given.get("by_site")
    for site, what in by_site.items() if isinstance(by_site, Mapping) else ():
        if site not in sites:
            yield (*named.path, "by_site", str(site)), f"no such site under sites:{did_you_mean(site, sites)}"
        inner = what.get("with") if isinstance(what, Mapping) else None
        places.append(((*named.path, "by_site", str(site), "with"), inner))
    for path, numbers in places:
        for name in numbers if isinstance(numbers, Mapping) else ():
            if name not in published:
                known = f"it publishes {', '.join(published)}" if published else "it publishes none"
                yield (*path, str(name)), f"no number of this entry; {known}{did_you_mean(name, published)}"


def _numbers(value: Any) -> dict[str, Any]:
    return {str(name): number for name, number in value.items()} if isinstance(value, Mapping) else {}


def _numbers_at(value: Any) -> dict[str, Any]:
    return _numbers(value.get("with")) if isinstance(value, Mapping) else {}


def _by_site(shipped: Any, usual: Any, by_site: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """A rule with other numbers at some clinics; everywhere else, and without a clinic, the usual one."""
    own = [{"site": site, **_filled(shipped, numbers)} for site, numbers in by_site.items()]
    return {"any": [*own, {"not": {"site": list(by_site)}, "any": [usual]}]}


def _filled(value: Any, numbers: Mapping[str, Any]) -> Any:
    """A copy with `{NAME}` replaced; a text that is nothing but a name becomes the number itself."""
    if isinstance(value, dict):
        return {key: _filled(below, numbers) for key, below in value.items()}
    if isinstance(value, list | tuple):
        return [_filled(item, numbers) for item in value]
    if not isinstance(value, str) or "{" not in value:
        return value
    whole = value.removeprefix("{").removesuffix("}")
    return numbers[whole] if whole in numbers and value == f"{{{whole}}}" else value.format(**numbers)
