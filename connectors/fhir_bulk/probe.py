"""Tries a server out: whether its statement offers the export, and whether the group is there. Starts no export."""

from collections.abc import Iterator
from typing import Final

import msgspec

from connectors.base import Finding, Misconfigured, Unavailable, failure
from connectors.fhir.entry import UNREADABLE
from connectors.fhir.server import FhirServer
from connectors.fhir_bulk.settings import FhirBulkSettings

_LEVELS: Final = {"": "system", "Patient": "patient", "Group": "group"}
_UNSAID: Final = "the statement does not say whether there is one; the first run will tell"


class _Operation(msgspec.Struct):
    name: str = ""


class _Type(msgspec.Struct):
    type: str = ""
    operation: list[_Operation] | None = None


class _Rest(msgspec.Struct):
    resource: list[_Type] | None = None
    operation: list[_Operation] | None = None


class _Statement(msgspec.Struct):
    rest: list[_Rest] | None = None


_read = msgspec.json.Decoder(_Statement).decode


def levels(body: bytes) -> set[str]:
    """The levels of export that a CapabilityStatement offers; none where it does not say."""
    try:
        statement = _read(body)
    except UNREADABLE:
        return set()
    offering = [each for rest in statement.rest or () for each in (_Type("", rest.operation), *(rest.resource or ()))]
    return {
        _LEVELS[each.type]
        for each in offering
        if each.type in _LEVELS and any("export" in one.name for one in each.operation or ())
    }


def export(server: FhirServer, settings: FhirBulkSettings) -> Iterator[Finding]:
    """Yields what is said of the export, and whether the group may be read."""
    step = f"{settings.export} export"
    try:
        offered = levels(server.get("/metadata", "/metadata").body)
    except (Unavailable, Misconfigured) as error:
        yield failure(step, error)
        return
    if offered and settings.export not in offered:
        hint = f"the server offers exports of {', '.join(sorted(offered))} only; set export"
        yield Finding(step, ok=False, hint=hint)
        return
    yield Finding(step, ok=True, hint="the server offers it; none was started" if offered else _UNSAID)
    if settings.group is not None:
        yield _group(server, settings.group)


def _group(server: FhirServer, group: str) -> Finding:
    step = "the group"
    try:
        status = server.get(f"/Group/{group}", "/Group/{id}").status
    except Unavailable as error:
        return failure(step, error)
    except Misconfigured as error:
        if "403" in str(error):
            return Finding(
                step, ok=True, hint="it may not be read with these credentials, which an export does not need"
            )
        return failure(step, error)
    if status in (404, 410):
        return Finding(step, ok=False, hint="the server knows no such group; check its id")
    said = "it is there" if status == 200 else f"the server does not show it ({status}); the first run will tell"
    return Finding(step, ok=True, hint=said)
