"""What a configuration must also satisfy, across its parts; reads plain data, so that one problem hides no other."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import timedelta
from os.path import normpath
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from config.cases import case_faults
from config.cron import cron_trigger
from config.database import holds_password, url_fault
from config.lifecycle import disorders
from config.problem import Path, did_you_mean
from connectors.expected import longest_gap
from connectors.settings import parse_duration
from mappings.facts import CANONICAL, FACTS

Fault = tuple[Path, str]
_FEEDS = ("patients", "appointments", "episodes", "surveys", "consents")


class Findings(NamedTuple):
    """Faults refuse the configuration; warnings are only said."""

    faults: list[Fault]
    warnings: list[Fault]


def cross_check(data: Mapping[str, Any]) -> Findings:
    """Checks what no single key can tell; ignores values of a wrong type, which are reported elsewhere."""
    checks: tuple[Callable[[Mapping[str, Any]], Iterator[Fault]], ...] = (
        _database,
        _sites_of_sources,
        _sites_of_destinations,
        _folders_of_destinations,
        _asked_by_worklists,
        _segments_listed,
        _events,
        _fields,
        _codes,
        _cases,
        _schedules,
        _thresholds,
    )
    warnings = (*_segments_off(data), *_without_site(data), *_stale_by_plan(data))
    return Findings([fault for check in checks for fault in check(data)], list(warnings))


def mapping(value: Any, *keys: str) -> Mapping[str, Any]:
    """The mapping under some keys, without keys that are no text; an empty one where there is none."""
    for key in keys:
        value = value.get(key) if isinstance(value, Mapping) else None
    return {key: below for key, below in value.items() if isinstance(key, str)} if isinstance(value, Mapping) else {}


def _texts(value: Any) -> Iterator[tuple[int, str]]:
    if isinstance(value, Sequence) and not isinstance(value, str):
        yield from ((index, item) for index, item in enumerate(value) if isinstance(item, str))


def _database(data: Mapping[str, Any]) -> Iterator[Fault]:
    url = mapping(data, "database").get("url")
    if not isinstance(url, str):
        return
    if holds_password(url):
        yield ("database", "url"), "never write a password here; write {env: NAME}, {file: PATH} or {credential: NAME}"
    elif (fault := url_fault(url)) is not None:
        yield ("database", "url"), fault


def _sites_of_sources(data: Mapping[str, Any]) -> Iterator[Fault]:
    for name in mapping(data, "sources"):
        path: Path = ("sources", name)
        yield from _site_rule(data, (*path, "site"), mapping(data, "sources", name).get("site"))
        for steps, column in _site_columns(mapping(data, "sources", name)):
            if not isinstance(column, str):
                yield from _site_rule(data, (*path, *steps), column)


def _site_columns(source: Mapping[str, Any]) -> Iterator[tuple[Path, Any]]:
    """What each feed of a tabular source says of its `site` column."""
    feeds: dict[Path, Mapping[str, Any]] = {(feed,): mapping(source, feed) for feed in _FEEDS}
    feeds |= {("tables", table): mapping(value) for table, value in mapping(source, "tables").items()}
    for steps, feed in feeds.items():
        column = mapping(feed, "columns").get("site")
        if column is not None:
            yield (*steps, "columns", "site"), column


def _site_rule(data: Mapping[str, Any], path: Path, rule: Any) -> Iterator[Fault]:
    if isinstance(rule, str):
        yield from _site(data, path, rule)
    for key, site in mapping(rule, "map").items():
        yield from _site(data, (*path, "map", key), site)
    default = mapping(rule).get("default")
    if default is not None:
        yield from _site(data, (*path, "default"), default)


def _site(data: Mapping[str, Any], path: Path, site: Any) -> Iterator[Fault]:
    known = mapping(data, "sites")
    if isinstance(site, str) and site not in known:
        yield path, f"no such site under sites:{did_you_mean(site, known)}"


def _sites_of_destinations(data: Mapping[str, Any]) -> Iterator[Fault]:
    for name, destination in mapping(data, "destinations").items():
        for index, site in _texts(mapping(destination).get("sites")):
            yield from _site(data, ("destinations", name, "sites", index), site)


def _folders_of_destinations(data: Mapping[str, Any]) -> Iterator[Fault]:
    first: dict[str, str] = {}
    for name in mapping(data, "destinations"):
        folder = mapping(data, "destinations", name).get("folder")
        if isinstance(folder, str) and (other := first.setdefault(normpath(folder), name)) != name:
            path = ("destinations", name, "folder")
            yield path, f"destination {other!r} writes here already; give each its own folder"


def _asked_by_worklists(data: Mapping[str, Any]) -> Iterator[Fault]:
    known = mapping(data, "destinations")
    for name in known:
        only = mapping(data, "destinations", name, "only")
        for index, other in _texts(only.get("not_reached_by")):
            path: Path = ("destinations", name, "only", "not_reached_by", index)
            if other == name:
                yield path, "name another destination; a list cannot ask itself"
            elif other not in known:
                yield path, f"no such destination{did_you_mean(other, known)}"


def _segments_listed(data: Mapping[str, Any]) -> Iterator[Fault]:
    known = mapping(data, "segments")
    for path, segment in _listed(data):
        if segment not in known:
            yield path, f"no such segment{did_you_mean(segment, known)}"


def _events(data: Mapping[str, Any]) -> Iterator[Fault]:
    for name, destination in mapping(data, "destinations").items():
        listed = mapping(destination).get("segments")
        known = mapping(data, "segments") if listed == "all" else [segment for _, segment in _texts(listed)]
        for index, event in _texts(mapping(destination).get("events")):
            segment = event.removeprefix("entered:")
            if segment != event and segment not in known:
                message = f"this segment is not under segments: of the destination{did_you_mean(segment, known)}"
                yield ("destinations", name, "events", index), message


def _segments_off(data: Mapping[str, Any]) -> Iterator[Fault]:
    for path, segment in _listed(data):
        if mapping(data, "segments", segment).get("off") is True:
            yield path, "this segment is off; nobody will be in it"


def _listed(data: Mapping[str, Any]) -> Iterator[tuple[Path, str]]:
    for name, destination in mapping(data, "destinations").items():
        for index, segment in _texts(mapping(destination).get("segments")):
            yield ("destinations", name, "segments", index), segment


def _fields(data: Mapping[str, Any]) -> Iterator[Fault]:
    known = {*CANONICAL, *FACTS, "greeting"}
    for name in mapping(data, "destinations"):
        for field, source in mapping(data, "destinations", name, "fields").items():
            if isinstance(source, str) and source not in known:
                message = f"no canonical name, fact or greeting{did_you_mean(source, known)}"
                yield ("destinations", name, "fields", field), message


def _codes(data: Mapping[str, Any]) -> Iterator[Fault]:
    first: dict[str, str] = {}
    for name in mapping(data, "segments"):
        code = mapping(data, "segments", name).get("code")
        if isinstance(code, str) and first.setdefault(code, name) != name:
            yield ("segments", name, "code"), f"segment {first[code]!r} has this code already; a code names one thing"


def _cases(data: Mapping[str, Any]) -> Iterator[Fault]:
    known = {group: mapping(data, group) for group in ("segments", "sites", "sources")}
    places: list[tuple[Path, Any]] = [(("tests",), data.get("tests"))]
    places += [
        (("segments", name, "tests"), mapping(data, "segments", name).get("tests")) for name in known["segments"]
    ]
    for path, cases in places:
        for index, case in enumerate(cases if isinstance(cases, list) else ()):
            yield from case_faults((*path, index), case, known)


def _schedules(data: Mapping[str, Any]) -> Iterator[Fault]:
    for group in ("sources", "destinations"):
        for name in mapping(data, group):
            cron = mapping(data, group, name, "schedule").get("cron")
            if isinstance(cron, str) and not _readable(cron):
                message = 'write five cron fields (minute hour day month weekday), such as "5 */2 * * *"'
                yield (group, name, "schedule", "cron"), message


def _readable(cron: str) -> bool:
    try:
        cron_trigger(cron, ZoneInfo("UTC"))
    except ValueError:
        return False
    return True


def _thresholds(data: Mapping[str, Any]) -> Iterator[Fault]:
    sites = {name: mapping(site, "lifecycle") for name, site in mapping(data, "sites").items()}
    yield from disorders(mapping(data, "lifecycle"), sites)


def _without_site(data: Mapping[str, Any]) -> Iterator[Fault]:
    if len(mapping(data, "sites")) < 2:
        return
    for name in mapping(data, "sources"):
        source = mapping(data, "sources", name)
        told = source.get("site") is not None or any(_site_columns(source))
        if source.get("role", "emr") == "emr" and not told:
            yield ("sources", name), "says no site; rows without a site column of their own will belong to none"


def _stale_by_plan(data: Mapping[str, Any]) -> Iterator[Fault]:
    """A source that exports nothing on weekends goes stale on every one of them when its max_age is shorter."""
    for name in mapping(data, "sources"):
        source = mapping(data, "sources", name)
        skip = {day for _, day in _texts(mapping(source, "expected").get("skip"))}
        given = source.get("max_age") or ("48h" if source.get("role", "emr") == "emr" else None)
        gap = longest_gap(skip)
        if skip and given is not None and _shorter(given, gap):
            hours = round(gap.total_seconds() / 3600) + 2
            message = f"by expected: nothing comes for {gap.days} days, longer than max_age; write max_age: {hours}h"
            yield ("sources", name, "max_age" if "max_age" in source else "expected"), message


def _shorter(duration: object, than: timedelta) -> bool:
    try:
        return parse_duration(duration) < than
    except ValueError:
        return False
