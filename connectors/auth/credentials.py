"""What is put on each request to prove who asks."""

import base64
from collections.abc import Callable
from typing import Protocol

from requests import PreparedRequest

from connectors.auth.settings import Basic, Bearer
from connectors.base import Misconfigured
from connectors.settings import read_secret


class Credentials(Protocol):
    """`authorize` adds them to a request that goes to their origin; `renew` is told which header was refused."""

    def authorize(self, prepared: PreparedRequest) -> PreparedRequest: ...

    def renew(self, refused: str) -> bool: ...


class NoCredentials:
    """For what is open to anybody."""

    def authorize(self, prepared: PreparedRequest) -> PreparedRequest:
        """Leaves the request as it is."""
        return prepared

    def renew(self, _refused: str) -> bool:
        """There are no others."""
        return False


class FixedCredentials:
    """A token or password that someone handed out; read again when it was refused, since it may have been replaced."""

    def __init__(self, header: Callable[[], str]) -> None:
        self._header = header
        self._held: str | None = None

    def authorize(self, prepared: PreparedRequest) -> PreparedRequest:
        """Adds it; raises Misconfigured (credentials) when it cannot be read."""
        if self._held is None:
            self._held = self._header()
        prepared.headers["Authorization"] = self._held
        return prepared

    def renew(self, refused: str) -> bool:
        """True when there is another one now."""
        self._held = self._header()
        return self._held != refused


def fixed(auth: Bearer | Basic, place: str) -> FixedCredentials:
    """The credentials of a configured token or password."""
    if isinstance(auth, Bearer):
        return FixedCredentials(lambda: f"Bearer {_printable(auth, place)}")
    return FixedCredentials(lambda: f"Basic {_pair(auth, place)}")


def _printable(auth: Bearer, place: str) -> str:
    token = read_secret(auth.token, f"{place}.auth.token").strip()
    if not (token.isascii() and token.isprintable()) or " " in token:
        raise Misconfigured(
            f"{place}.auth.token", "is no token: it holds blanks or control characters", credentials=True
        )
    return token


def _pair(auth: Basic, place: str) -> str:
    password = read_secret(auth.password, f"{place}.auth.password")
    return base64.b64encode(f"{auth.user}:{password}".encode()).decode()
