"""Where a request may go: origins that credentials are bound to, and addresses that a link must not reach."""

import socket
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Annotated, NamedTuple
from urllib.parse import urlsplit

from pydantic import AfterValidator

_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_PORTS = {"http": 80, "https": 443}
_FORBIDDEN_IN_PATH = ("/../", "/./", "//", "\\")


class Origin(NamedTuple):
    """Where credentials may be sent: scheme, host, port and base path."""

    scheme: str
    host: str
    port: int
    path: str

    def holds(self, url: str) -> bool:
        """True when the URL lies at this origin and below its base path."""
        other = origin_of(url)
        if other is None or other[:3] != self[:3] or any(part in other.path + "/" for part in _FORBIDDEN_IN_PATH):
            return False
        return other.path == self.path or other.path.startswith(self.path + "/")

    @property
    def root(self) -> str:
        """Scheme, host and port, without the path."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}"

    @property
    def is_trusted_transport(self) -> bool:
        """True for https, and for http that does not leave this machine."""
        return self.scheme == "https" or is_loopback(self.host)


def origin_of(url: str) -> Origin | None:
    """Reads a URL; None when it is no http or https URL, or carries a user name."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    if parts.scheme not in _PORTS or not parts.hostname or "@" in parts.netloc:
        return None
    return Origin(parts.scheme, parts.hostname, port or _PORTS[parts.scheme], parts.path.rstrip("/"))


def checked_base_url(url: str) -> str:
    """Returns the URL without its last slash; raises ValueError when credentials must not be sent there."""
    origin = origin_of(checked_name(url))
    if origin is None or not origin.is_trusted_transport:
        raise ValueError("plain http is for this machine only; write https://")
    return url.rstrip("/")


def checked_name(url: str) -> str:
    """Returns a URL that something is called by, without its last slash; raises ValueError when it is none."""
    if origin_of(url) is None or urlsplit(url).query or urlsplit(url).fragment:
        raise ValueError("write a URL such as https://host/path, without user, query or fragment")
    return url.rstrip("/")


BaseUrl = Annotated[str, AfterValidator(checked_base_url)]
"""A base URL in a connector's settings."""
UrlName = Annotated[str, AfterValidator(checked_name)]
"""A URL in a connector's settings that nothing is ever sent to; plain http will do."""


def is_loopback(host: str) -> bool:
    """True for this machine's own names, as they are written in URLs."""
    return host in _LOOPBACK


def is_inside(host: str) -> bool:
    """True when a host is, or resolves to, an address that is not on the public internet.

    Private, loopback, link-local and reserved addresses by the IANA registries (`ipaddress.is_global`). A host that
    does not resolve is not inside.
    """
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return False
    return any(not is_public(str(address[0])) for *_, address in found)


def is_public(address: str) -> bool:
    """True for an IP address on the public internet; IPv4 inside IPv6 counts as what it carries."""
    try:
        found: IPv4Address | IPv6Address = ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(found, IPv6Address):
        found = found.ipv4_mapped or found.sixtofour or found
    return found.is_global and not found.is_multicast
