"""When a file was exported: by a time in its name or its folder's, else when it was last changed."""

import re
from collections.abc import Iterable
from datetime import UTC, date, datetime, time
from pathlib import Path
from zoneinfo import ZoneInfo

from connectors.fhir_files.settings import ExportedInName

_IN_NAME = re.compile(
    r"(?<!\d)(?:(\d{4})-(\d{2})-(\d{2})|(\d{4})(\d{2})(\d{2}))(?:[T_-]?(\d{2})(\d{2})(\d{2})?(Z)?)?(?!\d)"
)
_CLOCK = re.compile(r"%-?[HIMSXcfT]")


def stated_time(names: Iterable[str], rule: ExportedInName | None, zone: ZoneInfo) -> datetime | None:
    """The export time that the first of the names states, in UTC; naive ones are of `zone`, a day alone is its end."""
    read = _by_rule if rule is not None else _by_pattern
    return next((moment for name in names if (moment := read(name, rule, zone)) is not None), None)


def changed_time(path: Path) -> datetime:
    """When the file was last changed, in UTC."""
    return datetime.fromtimestamp(path.stat().st_mtime, UTC)


def _by_rule(name: str, rule: ExportedInName | None, zone: ZoneInfo) -> datetime | None:
    match = re.search(rule.name, name) if rule is not None else None
    if rule is None or match is None:
        return None
    try:
        moment = datetime.strptime(match[1], rule.format)  # noqa: DTZ007  a naive one is given the practice's zone
    except ValueError:
        return None
    if not _CLOCK.search(rule.format):
        return _end_of(moment.date(), zone)
    return (moment if moment.tzinfo else moment.replace(tzinfo=zone)).astimezone(UTC)


def _by_pattern(name: str, _rule: ExportedInName | None, zone: ZoneInfo) -> datetime | None:
    found = (_from_match(match, zone) for match in _IN_NAME.finditer(name))
    return next((moment for moment in found if moment is not None), None)


def _from_match(match: re.Match[str], zone: ZoneInfo) -> datetime | None:
    year, month, day = match.groups()[:3] if match[1] else match.groups()[3:6]
    hour, minute, second, utc = match.groups()[6:]
    try:
        on = date(int(year), int(month), int(day))
        if hour is None:
            return _end_of(on, zone)
        at = time(int(hour), int(minute), int(second or 0), tzinfo=UTC if utc else zone)
    except ValueError:
        return None
    return datetime.combine(on, at).astimezone(UTC)


def _end_of(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time.max, tzinfo=zone).astimezone(UTC)
