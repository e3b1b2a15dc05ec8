"""Access tokens: asked for with a signed assertion or a secret, kept in memory, renewed before they expire.

SMART Backend Services (hl7.org/fhir/smart-app-launch/backend-services.html and client-confidential-asymmetric.html)
and OAuth client credentials (RFC 6749, 4.4).
"""

import base64
import hashlib
import re
import secrets
import time
from collections.abc import Callable, Sequence
from datetime import datetime
from threading import Lock
from typing import Any, Final, NamedTuple, Protocol
from urllib.parse import quote, urlsplit

from requests import PreparedRequest

from connectors.auth.allowance import Allowance
from connectors.auth.discovery import Discovered, is_token_url, scopes_for
from connectors.auth.settings import ClientSecret, SmartBackend
from connectors.auth.signing_key import SigningKey, read_key
from connectors.base import Misconfigured, Unavailable
from connectors.http import Authorize, HttpClient, Params, Request, Response
from connectors.http.retry import http_date
from connectors.settings import read_secret

ASSERTION_SECONDS: Final = 240
"""How far in the future an assertion expires: SMART allows 300, and clocks differ."""
_ASSERTION_TYPE: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_DEFAULT_LIFETIME: Final = 300.0
_MARGIN: Final = 30.0
_SKEW: Final = 30.0
_TOKEN: Final = re.compile(r"[!-~]{1,16384}")
_OAUTH_ERRORS: Final = {
    "invalid_client": "the client id, the key or its registration is not accepted",
    "invalid_scope": "a scope is not one that the client is registered for",
    "invalid_request": "the request is not accepted",
    "invalid_grant": "the assertion is not accepted",
    "unauthorized_client": "the client is not registered for this kind of token",
    "unsupported_grant_type": "the endpoint gives no tokens to backend services",
}
"""The error codes of RFC 6749, 5.2; nothing else of such an answer is repeated."""


class Endpoint(NamedTuple):
    """Where tokens come from, and the scopes in the server's own version."""

    url: str
    scopes: tuple[str, ...]


class Token(NamedTuple):
    """`lifetime` in seconds; `scope` as granted."""

    value: str
    lifetime: float
    scope: str


class Grant(Protocol):
    """One way to ask for a token."""

    def identity(self, endpoint: Endpoint) -> str:
        """Who asks, as a digest in which no secret can be read."""
        ...

    def form(self, endpoint: Endpoint) -> Params:
        """The fields of one request; made anew for each."""
        ...

    def authorize(self, prepared: PreparedRequest) -> PreparedRequest: ...


class AssertionGrant:
    """Signs who we are (SMART Backend Services). The key's file is read for each token, and parsed when it changed."""

    def __init__(self, auth: SmartBackend, place: str, clock: Callable[[], datetime]) -> None:
        self._auth, self._setting, self._clock = auth, f"{place}.auth.key", clock
        self._parsed: tuple[str, SigningKey] | None = None

    def key(self) -> SigningKey:
        """The key; raises Misconfigured (credentials)."""
        text = read_secret(self._auth.key, self._setting)
        if self._parsed is None or self._parsed[0] != text:
            self._parsed = text, read_key(text, self._setting, self._auth.kid)
        return self._parsed[1]

    def identity(self, endpoint: Endpoint) -> str:
        return _digest(self._auth.client_id, self.key().key.thumbprint(), endpoint)

    def form(self, endpoint: Endpoint) -> Params:
        claims = {
            "iss": self._auth.client_id,
            "sub": self._auth.client_id,
            "aud": endpoint.url,
            "exp": int(self._clock().timestamp()) + ASSERTION_SECONDS,
            "jti": secrets.token_urlsafe(24),
        }
        return {
            "grant_type": "client_credentials",
            "scope": " ".join(endpoint.scopes),
            "client_assertion_type": _ASSERTION_TYPE,
            "client_assertion": self.key().signed(claims),
        }

    def authorize(self, prepared: PreparedRequest) -> PreparedRequest:
        return prepared


class SecretGrant:
    """Sends client id and secret as HTTP Basic, each form-encoded first (RFC 6749, 2.3.1)."""

    def __init__(self, auth: ClientSecret, place: str) -> None:
        self._auth, self._setting = auth, f"{place}.auth.secret"

    def identity(self, endpoint: Endpoint) -> str:
        return _digest(self._auth.client_id, "", endpoint)

    def form(self, endpoint: Endpoint) -> Params:
        fields = {"grant_type": "client_credentials"}
        return {**fields, "scope": " ".join(endpoint.scopes)} if endpoint.scopes else fields

    def authorize(self, prepared: PreparedRequest) -> PreparedRequest:
        secret = read_secret(self._auth.secret, self._setting)
        pair = f"{quote(self._auth.client_id, safe='')}:{quote(secret, safe='')}"
        prepared.headers["Authorization"] = "Basic " + base64.b64encode(pair.encode()).decode()
        return prepared


def _digest(client_id: str, key: str, endpoint: Endpoint) -> str:
    return hashlib.sha256("\n".join((client_id, key, endpoint.url, *endpoint.scopes)).encode()).hexdigest()


class TokenEndpoint:
    """Asks for tokens, at the configured endpoint or the one that the FHIR server names."""

    def __init__(
        self,
        auth: SmartBackend | ClientSecret,
        place: str,
        grant: Grant,
        allowance: Allowance,
        doors: "Doors",
    ) -> None:
        self.grant = grant
        self._auth, self._place, self._allowance, self._doors = auth, place, allowance, doors
        self._endpoint: Endpoint | None = None

    def ask(self, *, again: bool) -> Token:
        """Asks once, and once more for a 400 that tells nothing, or any when `again`.

        Epic's endpoint answers re-authorizations with a 400 now and then (smart-on-fhir/cumulus-fhir-support, auth.py).
        Raises Unavailable, or Misconfigured (credentials) when it is refused.
        """
        endpoint = self._found()
        response = self._send(endpoint)
        if response.status == 400 and (again or _error_code(response) is None):
            response = self._send(endpoint)
        if response.status == 200:
            token = _token(response, endpoint)
            self._allowance.granted()
            return token
        self._endpoint = None
        if response.status == 404 or response.status < 400:
            raise Misconfigured(f"{self._place}.auth.token_url", f"there is no token endpoint ({response.status})")
        self._allowance.refused(self.grant.identity(endpoint))
        raise Misconfigured(f"{self._place}.auth", _refusal(response, self._doors.clock()), credentials=True)

    def _send(self, endpoint: Endpoint) -> Response:
        self._allowance.take(self.grant.identity(endpoint))
        request = Request(
            method="POST",
            path=endpoint.url,
            template=urlsplit(endpoint.url).path,
            form=lambda: self.grant.form(endpoint),
            safe=True,
        )
        return self._doors.client_for(endpoint.url, self.grant.authorize).send(request)

    def _found(self) -> Endpoint:
        if self._endpoint is None:
            self._endpoint = self._sought()
        return self._endpoint

    def _sought(self) -> Endpoint:
        url = self._auth.token_url
        if url is not None and not self._auth.scopes:
            return Endpoint(url, ())
        try:
            found = self._doors.discovered()
        except Unavailable:
            if url is None:
                raise
            found = Discovered()
        url = url or found.token_url
        if not is_token_url(url):
            why = "the server names no token endpoint" if not url else "the server's token endpoint is not https"
            raise Misconfigured(f"{self._place}.auth.token_url", f"{why}; write its URL here")
        return Endpoint(url, scopes_for(self._auth.scopes, found))

    @property
    def scopes(self) -> Sequence[str]:
        """The scopes that are asked for."""
        return self._found().scopes


class Doors(NamedTuple):
    """What a token endpoint needs of the FHIR server's client."""

    client_for: Callable[[str, Authorize], HttpClient]
    discovered: Callable[[], Discovered]
    clock: Callable[[], datetime]


class TokenCredentials:
    """Puts a token on each request; `renew` after a 401. One thread asks, the others wait for its token."""

    def __init__(self, endpoint: TokenEndpoint, monotonic: Callable[[], float] = time.monotonic) -> None:
        self.endpoint, self._monotonic = endpoint, monotonic
        self._lock = Lock()
        self._token: Token | None = None
        self._until = 0.0
        self._had_one = False

    def authorize(self, prepared: PreparedRequest) -> PreparedRequest:
        """Adds the token."""
        prepared.headers["Authorization"] = f"Bearer {self.token().value}"
        return prepared

    def renew(self, refused: str) -> bool:
        """Forgets the token if it is still the one that was refused."""
        with self._lock:
            if self._token is not None and f"Bearer {self._token.value}" == refused:
                self._token = None
        return True

    def token(self) -> Token:
        """The token in force; a new one in time before the old one expires."""
        with self._lock:
            if self._token is None or self._monotonic() >= self._until:
                begun = self._monotonic()
                token = self.endpoint.ask(again=self._had_one)
                self._until = begun + token.lifetime - min(_MARGIN, token.lifetime / 4)
                self._token, self._had_one = token, True
            return self._token


def _error_code(response: Response) -> str | None:
    code = (response.json_object() or {}).get("error")
    return code if isinstance(code, str) and code in _OAUTH_ERRORS else None


def _token(response: Response, endpoint: Endpoint) -> Token:
    answer: dict[str, Any] = response.json_object() or {}
    value, kind = answer.get("access_token"), answer.get("token_type", "bearer")
    if not isinstance(value, str) or not _TOKEN.fullmatch(value) or str(kind).lower() != "bearer":
        raise Unavailable(f"{response.place}: the answer holds no bearer token")
    scope = answer.get("scope")
    return Token(
        value, _lifetime(answer.get("expires_in")), scope if isinstance(scope, str) else " ".join(endpoint.scopes)
    )


def _lifetime(told: Any) -> float:
    try:
        seconds = float(told)
    except (TypeError, ValueError):
        return _DEFAULT_LIFETIME
    return min(max(seconds, 1.0), 86_400.0) if seconds == seconds else _DEFAULT_LIFETIME  # noqa: PLR0124 - not NaN


def _refusal(response: Response, now: datetime) -> str:
    code = _error_code(response)
    told = f"{code}: {_OAUTH_ERRORS[code]}" if code is not None else "it does not say why"
    date = http_date(response.headers.get("date"))
    skew = (date - now).total_seconds() if date is not None else 0.0
    clock = (
        f"; this machine's clock is {abs(skew):.0f} s {'behind' if skew > 0 else 'ahead'}" if abs(skew) > _SKEW else ""
    )
    return f"the token endpoint refused prm-sync ({response.status}, {told}){clock}"
