"""Tries a FHIR server out, step by step, for `check --live`; changes nothing anywhere."""

import socket
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final
from urllib.request import getproxies, proxy_bypass

from requests.utils import DEFAULT_CA_BUNDLE_PATH

from connectors.auth.discovery import Discovered, missing
from connectors.auth.smart import AssertionGrant, TokenCredentials
from connectors.base import Finding, Misconfigured, Unavailable, failure
from connectors.fhir.capability import Capability, read_capability, release_of
from connectors.fhir.server import FhirServer
from connectors.http import Request
from connectors.http.origin import Origin, origin_of
from connectors.http.retry import http_date
from connectors.http.trust import trust_of

_SECONDS: Final = 10.0
_SKEW: Final = 60.0
"""An assertion is good for 240 s, of at most 300 (SMART); a clock that is further off than this will be refused somewhere."""
_FEW_DAYS: Final = 14
POINTLESS_AFTER: Final = frozenset({"name", "TLS", "server", "discovery", "token", "credentials"})
"""The steps of `probe_server` without which nothing can be read."""


def probe_server(server: FhirServer, at: datetime) -> Iterator[Finding]:
    """Yields name, TLS, clock, discovery, token and scopes; ends where the following steps would be pointless.

    A person asks, so earlier refusals of the token endpoint do not count, nor does an open circuit.
    """
    origin = origin_of(server.settings.base_url)
    assert origin is not None  # noqa: S101 - the settings have read it
    server.door.allowance.granted()
    for finding in _way(server, origin, at):
        yield finding
        if not finding.ok:
            return
    try:
        found = server.door.discovered()
    except Unavailable as error:
        yield failure("server", error, "; check base_url and that this machine may reach it")
        return
    yield _clock(http_date(found.date), at)
    yield from _identity(server, found)


def _way(server: FhirServer, origin: Origin, at: datetime) -> Iterator[Finding]:
    """Name and certificate; a proxy looks both up itself."""
    if origin.scheme in getproxies() and not proxy_bypass(origin.host):
        yield Finding("name", ok=True, hint=f"{origin.host} is reached through a proxy, which looks its name up")
        return
    try:
        socket.getaddrinfo(origin.host, origin.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        hint = f"{origin.host} is not known; check base_url and this machine's DNS"
        yield Finding("name", ok=False, hint=hint, cause="system")
        return
    yield Finding("name", ok=True, hint=f"{origin.host} is known")
    if origin.scheme == "https":
        yield _certificate(server, origin, at)


def _certificate(server: FhirServer, origin: Origin, at: datetime) -> Finding:
    context = trust_of(server.settings.ca_file, f"sources.{server.name}.ca_file") or ssl.create_default_context()
    context.load_verify_locations(DEFAULT_CA_BUNDLE_PATH)
    try:
        with (
            socket.create_connection((origin.host, origin.port), timeout=_SECONDS) as plain,
            context.wrap_socket(plain, server_hostname=origin.host) as secured,
        ):
            ends = str((secured.getpeercert() or {}).get("notAfter"))
    except ssl.SSLError:
        hint = "its certificate is not accepted; where the server has its own authority, name it in ca_file"
        return Finding("TLS", ok=False, hint=hint, cause="system")
    except OSError:
        hint = f"no connection to port {origin.port}; is a firewall in between?"
        return Finding("TLS", ok=False, hint=hint, cause="system")
    days = (datetime.fromtimestamp(ssl.cert_time_to_seconds(ends), UTC) - at).days
    warning = "; have it renewed" if days < _FEW_DAYS else ""
    hint = f"the certificate is good for {days} more days{warning}"
    return Finding("TLS", ok=days >= 0, hint=hint, cause="system")


def _clock(date: datetime | None, at: datetime) -> Finding:
    if date is None:
        return Finding("clock", ok=True, hint="the server does not tell its time")
    skew = (date - at).total_seconds()
    if abs(skew) <= _SKEW:
        return Finding("clock", ok=True, hint="this machine's clock and the server's agree")
    which = "behind" if skew > 0 else "ahead of"
    hint = f"this machine's clock is {abs(skew):.0f} s {which} the server's; switch on time synchronization"
    return Finding("clock", ok=False, hint=hint, cause="system")


def _identity(server: FhirServer, found: Discovered) -> Iterator[Finding]:
    credentials = server.door.credentials
    if not isinstance(credentials, TokenCredentials):
        yield _fixed(server)
        return
    auth = server.settings.auth
    if found.token_url:
        yield Finding("discovery", ok=True, hint=f"the token endpoint is named by {found.found_in}")
    else:
        written = getattr(auth, "token_url", None) is not None
        yield Finding(
            "discovery",
            ok=written,
            hint="no token endpoint is named" + ("" if written else "; write token_url"),
            cause="system",
        )
        if not written:
            return
    try:
        yield from _algorithm(credentials, found)
        token = credentials.token()
    except (Misconfigured, Unavailable) as error:
        yield failure("token", error)
        return
    yield Finding("token", ok=True, hint=f"granted, for {token.lifetime:.0f} s")
    yield _scopes(missing(credentials.endpoint.scopes, token.scope))


def _fixed(server: FhirServer) -> Finding:
    """Credentials that are no token request are tried on the statement, which the server may show to anybody."""
    if server.settings.auth is None:
        return Finding("credentials", ok=True, hint="none are configured")
    try:
        status = server.door.client.send(Request(method="GET", path="/metadata", template="/metadata")).status
    except (Misconfigured, Unavailable) as error:
        return failure("credentials", error)
    refused = status in (401, 403)
    return Finding(
        "credentials",
        ok=not refused,
        hint=f"/metadata answers {status}" + ("; replace them" if refused else ""),
        cause="credentials",
    )


def _algorithm(credentials: TokenCredentials, found: Discovered) -> Iterator[Finding]:
    grant = credentials.endpoint.grant
    if isinstance(grant, AssertionGrant) and found.algorithms:
        ours = grant.key().algorithm
        if ours not in found.algorithms:
            hint = (
                f"the server lists {', '.join(sorted(found.algorithms))}, the key signs with {ours}; make another key"
            )
            yield Finding("key", ok=False, hint=hint, cause="credentials")


def _scopes(lacking: tuple[str, ...]) -> Finding:
    if lacking:
        hint = f"not granted: {' '.join(lacking)}; have the registration amended"
        return Finding("scopes", ok=False, hint=hint, cause="credentials")
    return Finding("scopes", ok=True, hint="all that were asked for are granted")


def statement(server: FhirServer) -> tuple[Finding, Capability | None]:
    """What the CapabilityStatement says; None instead of it where nothing more can be learned."""
    try:
        answer = server.get("/metadata", "/metadata")
    except (Unavailable, Misconfigured) as error:
        return failure("statement", error), None
    able = read_capability(answer.body) if answer.status == 200 else None
    if able is None:
        hint = f"/metadata answers {answer.status}, no CapabilityStatement; set profile and fhir_version by hand"
        return Finding("statement", ok=False, hint=hint), Capability()
    release = release_of(able.version) if able.version else "R4B"
    if release is None:
        hint = "the server speaks another FHIR release; R4, R4B and R5 are read"
        return Finding("statement", ok=False, hint=hint), None
    said = f"FHIR {'R5' if release == 'R5' else 'R4'}; it offers {len(able.types)} types that are of use"
    return Finding("statement", ok=True, hint=said), able
