"""What a FHIR server says of its own authorization (hl7.org/fhir/smart-app-launch/conformance.html)."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from connectors.http import HttpClient, Request
from connectors.http.origin import origin_of

_OAUTH_URIS: Final = "http://fhir-registry.smarthealthit.org/StructureDefinition/oauth-uris"
_SYSTEM: Final = re.compile(r"system/([A-Za-z*]+)\.(read|write|\*|c?r?u?d?s?)(\?.*)?")


class Discovered(NamedTuple):
    """`token_url` "" where none is named. `date` is the answer's Date header."""

    token_url: str = ""
    capabilities: frozenset[str] = frozenset()
    scopes: frozenset[str] = frozenset()
    algorithms: frozenset[str] = frozenset()
    found_in: str = ""
    date: str | None = None


def discover(client: HttpClient) -> Discovered:
    """Asks without credentials: smart-configuration first, then the CapabilityStatement; raises Unavailable."""
    response = client.send(_request("/.well-known/smart-configuration", "application/json"))
    document = response.json_object() if response.status == 200 else None
    if document is not None and isinstance(document.get("token_endpoint"), str):
        return _configuration(document, response.headers.get("date"))
    response = client.send(_request("/metadata", "application/fhir+json"))
    document = response.json_object() if response.status == 200 else None
    token_url = _oauth_uri(document or {})
    return Discovered(
        token_url, found_in="the CapabilityStatement" if token_url else "", date=response.headers.get("date")
    )


def _request(path: str, accept: str) -> Request:
    return Request(method="GET", path=path, template=path, accept=accept)


def _configuration(document: Mapping[str, Any], date: str | None) -> Discovered:
    return Discovered(
        token_url=document["token_endpoint"],
        capabilities=_texts(document.get("capabilities")),
        scopes=_texts(document.get("scopes_supported")),
        algorithms=_texts(document.get("token_endpoint_auth_signing_alg_values_supported")),
        found_in="smart-configuration",
        date=date,
    )


def _texts(value: Any) -> frozenset[str]:
    return frozenset(each for each in value if isinstance(each, str)) if isinstance(value, list) else frozenset()


def _dicts(value: Any) -> Sequence[dict[str, Any]]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def _oauth_uri(statement: Mapping[str, Any]) -> str:
    """The token endpoint in rest.security's extension, as servers wrote it before smart-configuration."""
    for rest in _dicts(statement.get("rest")):
        security = rest.get("security")
        for extension in _dicts(security.get("extension")) if isinstance(security, dict) else ():
            for part in _dicts(extension.get("extension")) if extension.get("url") == _OAUTH_URIS else ():
                if part.get("url") == "token" and isinstance(part.get("valueUri"), str):
                    return str(part["valueUri"])
    return ""


def is_token_url(url: str) -> bool:
    """True for a URL that an assertion or a secret may be sent to: https, or this machine; without a fragment."""
    origin = origin_of(url)
    return origin is not None and origin.is_trusted_transport and "#" not in url and url.isprintable()


def scopes_for(written: Sequence[str], found: Discovered) -> tuple[str, ...]:
    """The scopes in the version that the server speaks (`.rs` is v2 of `.read`); as written where both or neither is told.

    https://hl7.org/fhir/smart-app-launch/scopes-and-launch-context.html#scopes-for-requesting-fhir-resources
    """
    version = _version(found)
    return tuple(_translated(scope, version) for scope in written)


def _version(found: Discovered) -> int | None:
    told = {n for n, name in ((1, "permission-v1"), (2, "permission-v2")) if name in found.capabilities}
    if not told:
        ends = {match[2] for match in map(_SYSTEM.fullmatch, found.scopes) if match is not None}
        told = {1 if end in ("read", "write", "*") else 2 for end in ends}
    return told.pop() if len(told) == 1 else None


def _translated(scope: str, version: int | None) -> str:
    match = _SYSTEM.fullmatch(scope)
    if match is None or match[3] or version is None:
        return scope
    if version == 2 and match[2] == "read":
        return f"system/{match[1]}.rs"
    if version == 1 and match[2] in ("r", "s", "rs"):
        return f"system/{match[1]}.read"
    return scope


def missing(asked: Sequence[str], granted: str) -> tuple[str, ...]:
    """Which of the scopes asked for were not granted, in either version and with what a wildcard covers."""
    have = [grant for grant in map(_read_grant, granted.split()) if grant is not None]
    return tuple(scope for scope in asked if not _covered(scope, have, granted.split()))


def _covered(scope: str, have: Sequence[tuple[str, frozenset[str]]], words: Sequence[str]) -> bool:
    wanted = _read_grant(scope)
    if wanted is None or scope in words:
        return scope in words
    letters = {letter for resource, allowed in have if resource in ("*", wanted[0]) for letter in allowed}
    return wanted[1] <= letters


def _read_grant(scope: str) -> tuple[str, frozenset[str]] | None:
    match = _SYSTEM.fullmatch(scope)
    if match is None or match[3]:
        return None
    return match[1], frozenset({"read": "rs", "write": "cud", "*": "cruds"}.get(match[2], match[2]))
