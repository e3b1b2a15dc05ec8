"""What arrives at a FHIR server and what it answers."""

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

FHIR_JSON = "application/fhir+json"
NDJSON = "application/fhir+ndjson"
BASE = "/fhir"


class Call(NamedTuple):
    """One request that arrived: method, path template, parameters (query and form), headers by lower-case name, the
    status that it was answered with (0: none), and whether it came to the other origin."""

    method: str
    template: str
    params: Sequence[tuple[str, str]]
    headers: Mapping[str, str]
    status: int
    elsewhere: bool = False

    def get(self, name: str) -> str | None:
        """The parameter's last value."""
        return next((value for key, value in reversed(self.params) if key == name), None)

    def all(self, name: str) -> list[str]:
        return [value for key, value in self.params if key == name]


class Answer(NamedTuple):
    """What is sent when nothing goes wrong."""

    status: int
    body: bytes = b""
    kind: str = FHIR_JSON
    headers: Mapping[str, str] = {}


class Asked(NamedTuple):
    """What came with a request."""

    method: str
    params: Sequence[tuple[str, str]]
    headers: Mapping[str, str]


class Route(NamedTuple):
    """Where a path leads."""

    template: str
    ids: Mapping[str, str]


_PATHS = tuple(
    (re.compile(pattern), template)
    for pattern, template in (
        (r"/metadata", "/metadata"),
        (r"/\.well-known/smart-configuration", "/.well-known/smart-configuration"),
        (r"/\$export", "/$export"),
        (r"/Patient/\$export", "/Patient/$export"),
        (r"/Group/(?P<id>[^/]+)/\$export", "/Group/{id}/$export"),
        (r"/jobs/(?P<id>[^/]+)", "/jobs/{id}"),
        (r"/files/(?P<id>[^/]+)", "/files/{id}"),
        (r"/signed/(?P<id>[^/]+)", "/signed/{id}"),
        (r"/(?P<kind>[A-Z]\w+)", "/{kind}"),
        (r"/(?P<kind>[A-Z]\w+)/_search", "/{kind}/_search"),
        (r"/(?P<kind>[A-Z]\w+)/_history", "/{kind}/_history"),
        (r"/(?P<kind>[A-Z]\w+)/(?P<id>[A-Za-z0-9\-.]+)", "/{kind}/{id}"),
        (r"/?", "/"),
    )
)


def route_of(path: str) -> Route:
    """The template names the type, as an error may: `/Patient/{id}`."""
    for pattern, template in _PATHS:
        found = pattern.fullmatch(path)
        if found is not None:
            ids = found.groupdict()
            return Route(template.replace("{kind}", ids.get("kind", "")), ids)
    return Route("", {})
