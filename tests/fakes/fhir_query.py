"""FHIR search parameters over plain resources: dates with prefixes, tokens, references (hl7.org/fhir/R4/search.html)."""

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Final, NamedTuple

from tests.fakes.fhir_profiles import Profile
from tests.fakes.fhir_store import Json, Version

RESULT_PARAMS: Final = frozenset(
    {"_count", "_sort", "_include", "_total", "_format", "_summary", "_elements", "_cursor", "_offset", "_deleted"}
)
_DATED: Final = {
    "Appointment": ("start",), "Encounter": ("period", "start"), "EpisodeOfCare": ("period", "start"),
    "ServiceRequest": ("authoredOn",), "Consent": ("dateTime",), "Patient": ("birthDate",),
}  # fmt: skip
_DATES: Final = frozenset({"date", "_lastUpdated", "birthdate", "authored", "-date-or-req-period"})
_ACTORS: Final = {"patient": "Patient", "location": "Location", "practitioner": "Practitioner", "actor": ""}
_SUBJECTS: Final = {"patient": "Patient", "subject": "Patient", "beneficiary": "Patient"}
_SPAN: Final = re.compile(
    r"\A(eq|ne|ge|gt|le|lt|sa|eb)?(\d{4}-\d\d-\d\d(?:T\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:\d\d)?)?)\Z"
)


class Problem(Exception):
    """An answer with an OperationOutcome."""

    def __init__(self, status: int, code: str) -> None:
        super().__init__(code)
        self.status, self.code = status, code


class Asked(NamedTuple):
    """One parameter; values joined by commas are alternatives."""

    name: str
    value: str


def filters(kind: str, params: Sequence[tuple[str, str]], profile: Profile, *, strict: bool) -> list[Asked]:
    """The parameters that select; what the server does not know is refused or passed over, as it does."""
    known = profile.params.get(kind)
    if known is None:
        raise Problem(404, "not-supported")
    found = []
    for name, value in params:
        if name in RESULT_PARAMS:
            continue
        if name.partition(":")[0] in known:
            found.append(Asked(name.partition(":")[0], value))
        elif profile.unknown == "refuse" or (strict and profile.strict):
            raise Problem(400, "invalid")
    if profile.narrow and kind == "Appointment":
        _check_narrow(found)
    return found


def _check_narrow(asked: Sequence[Asked]) -> None:
    """Oracle Millennium: `_id`, or exactly one of three, not repeated, with a date."""
    names = [one.name for one in asked]
    one_of = [name for name in names if name in ("patient", "practitioner", "location")]
    dated = "date" in names or "-date-or-req-period" in names
    if "_id" not in names and (len(one_of) != 1 or not dated):
        raise Problem(400, "required")


def matches(version: Version, asked: Sequence[Asked]) -> bool:
    """True when a resource fits every parameter."""
    return all(any(_fits(version, one.name, value) for value in one.value.split(",")) for one in asked)


def _fits(version: Version, name: str, value: str) -> bool:
    resource = version.resource or {}
    if name == "_id":
        return version.id == value
    if name == "_lastUpdated":
        return _compares(version.updated.replace(microsecond=version.updated.microsecond // 1000 * 1000), value)
    if name in _DATES:
        return _fits_date(resource, value)
    if name == "identifier":
        return any(_token(one) == value or one.get("value") == value for one in resource.get("identifier", ()))
    if name in ("status", "active"):
        return str(resource.get(name, "")).lower() == value
    return _wanted(name, value) in set(references(resource))


def _fits_date(resource: Json, value: str) -> bool:
    found: object = resource
    for step in _DATED.get(resource["resourceType"], ()):
        found = found.get(step) if isinstance(found, dict) else None
    if not isinstance(found, str):
        _bounds(value)
        return False
    try:
        start = datetime.fromisoformat(found)
    except ValueError:
        return False
    return _compares(start if start.tzinfo else start.replace(tzinfo=UTC), value)


def _compares(moment: datetime, value: str) -> bool:
    prefix, first, after = _bounds(value)
    return {
        "eq": first <= moment < after,
        "ne": not first <= moment < after,
        "ge": moment >= first,
        "gt": moment >= after,
        "sa": moment >= after,
        "lt": moment < first,
        "eb": moment < first,
        "le": moment < after,
    }[prefix]


def _bounds(value: str) -> tuple[str, datetime, datetime]:
    """Prefix, first instant and the first instant after; a blank where a plus sign was is an error."""
    match = _SPAN.match(value)
    if match is None:
        raise Problem(400, "invalid")
    text = match[2]
    if "T" not in text:
        day = datetime.combine(date.fromisoformat(text), datetime.min.time(), UTC)
        return match[1] or "eq", day, day + timedelta(days=1)
    moment = datetime.fromisoformat(text)
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    step = timedelta(milliseconds=1) if "." in text else timedelta(seconds=1 if text.count(":") > 1 else 60)
    return match[1] or "eq", moment, moment + step


def _wanted(name: str, value: str) -> str:
    kind = _ACTORS.get(name) or _SUBJECTS.get(name) or ""
    return value if "/" in value else f"{kind}/{value}"


def _token(identifier: Json) -> str:
    return f"{identifier.get('system', '')}|{identifier.get('value', '')}"


def references(value: object) -> Iterator[str]:
    """Every `Type/id` that a resource refers to."""
    if isinstance(value, dict):
        text = value.get("reference")
        if isinstance(text, str):
            yield "/".join(text.split("/_history/")[0].split("/")[-2:])
        for below in value.values():
            yield from references(below)
    elif isinstance(value, list):
        for below in value:
            yield from references(below)
