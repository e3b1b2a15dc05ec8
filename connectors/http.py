"""The one HTTP client: deadlines, size limits, retries, and credentials that never leave their origin.

Errors name the host and the path's template only; never a query, a header or a body.
"""

import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, NamedTuple
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import orjson
import requests
from pydantic import AfterValidator
from requests import PreparedRequest
from requests.exceptions import ConnectTimeout, ProxyError, RequestException, SSLError
from urllib3.exceptions import HTTPError, NewConnectionError

from connectors.base import Misconfigured, Unavailable
from connectors.deadline import DeadlineAdapter, begin, remaining
from connectors.retry import Patience, Trouble, retry_after, retrying
from connectors.traffic import Traffic

_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_PORTS = {"http": 80, "https": 443}
_CHUNK = 64 * 1024
_FORBIDDEN_IN_PATH = ("/../", "/./", "//", "\\")

Authorize = Callable[[PreparedRequest], PreparedRequest]


class Unsettled(Exception):
    """A write was sent and its answer did not arrive: it may have taken effect. Read again before repeating it."""

    def __init__(self, message: str, *, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


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
    origin, parts = origin_of(url), urlsplit(url)
    if origin is None or parts.query or parts.fragment:
        raise ValueError("write a URL such as https://host/path, without user, query or fragment")
    if origin.scheme == "http" and origin.host not in _LOOPBACK:
        raise ValueError("plain http is for this machine only; write https://")
    return url.rstrip("/")


BaseUrl = Annotated[str, AfterValidator(checked_base_url)]
"""A base URL in a connector's settings."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What to ask. `path` starts at the base URL (or is a whole URL within it); `template` is what errors may name.

    `idempotent` says that repeating it after an unknown outcome does no harm. `seconds`: how long its answer may
    take, where that is not the client's own limit.
    """

    method: str
    path: str
    template: str
    params: Mapping[str, str | int] = field(default_factory=dict)
    json: Any = None
    idempotent: bool = True
    seconds: float | None = None

    @property
    def writes(self) -> bool:
        return self.method not in {"GET", "HEAD"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """An answer, whole. `headers` holds the few that anyone asks for, by lower-case name."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    place: str
    writes: bool = False

    def json(self) -> Any:
        """Reads the body as JSON; raises Unavailable (after a write Unsettled) without any of its content."""
        value = _parsed(self.body)
        if value is _NO_JSON:
            raise (Unsettled if self.writes else Unavailable)(f"{self.place}: the answer is not JSON")
        return value

    def json_object(self) -> dict[str, Any] | None:
        """Reads the body as a JSON object; None when it is anything else."""
        value = _parsed(self.body)
        return value if isinstance(value, dict) else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Seconds to connect, seconds to the next byte, seconds for one request in all, and bytes of one answer.

    The bytes are counted as received and as inflated; either may reach `max_bytes`.
    """

    connect: float = 5.0
    read: float = 20.0
    total: float = 60.0
    max_bytes: int = 64 * 1024 * 1024
    patience: Patience = field(default_factory=Patience)


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """Whom the client talks to. `setting` is the connector's place in the configuration, for error messages.

    `bare_403_is_busy`: a 403 without a JSON body means "too many requests" there. `slot` is held during each call,
    never while waiting to repeat one.
    """

    setting: str
    base_url: str
    authorize: Authorize
    slot: Callable[[], AbstractContextManager[None]]
    bare_403_is_busy: bool = False
    ca_file: Path | None = None
    traffic: Traffic = field(default_factory=Traffic)


_NO_JSON = object()
_KEPT_HEADERS = ("date", "retry-after", "content-type", "content-location", "x-progress", "etag", "expires")


def _parsed(body: bytes) -> Any:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        return _NO_JSON


class HttpClient:
    """Talks to one account; safe for several threads. Raises Misconfigured for a base URL that must not be used."""

    def __init__(
        self, account: Account, limits: Limits = Limits(), sleep: Callable[[float], None] = time.sleep
    ) -> None:
        try:
            self._base = checked_base_url(account.base_url)
        except ValueError as error:
            raise Misconfigured(f"{account.setting}.base_url", str(error)) from None
        if account.ca_file is not None and not account.ca_file.is_file():
            raise Misconfigured(f"{account.setting}.ca_file", f"{account.ca_file} is not a file")
        origin = origin_of(self._base)
        assert origin is not None  # noqa: S101 - checked_base_url has just read it
        self._origin = origin
        self._account, self._limits, self._sleep = account, limits, sleep
        self._adapter = DeadlineAdapter(pool_maxsize=16)

    def close(self) -> None:
        """Closes the connections that were kept open."""
        self._adapter.close()

    def send(self, request: Request) -> Response:
        """Returns the answer, whatever its status, save those that mean "later".

        Raises Unavailable when it did not take effect (or was a read), Unsettled when a write may have.
        """
        place, acted = f"{request.method} {self._origin.host}{request.template}", False

        def attempt() -> Response | Trouble:
            nonlocal acted
            found = self._attempt(request)
            if isinstance(found, Trouble):
                acted = acted or found.acted
                return found._replace(again=found.again and (request.idempotent or not acted))
            return found

        result = retrying(self._limits.patience, self._sleep)(attempt)
        if isinstance(result, Trouble):
            error = Unsettled if acted and request.writes else Unavailable
            raise error(f"{place}: {result.reason}", retry_after=result.retry_after)
        return Response(
            status=result.status, headers=result.headers, body=result.body, place=place, writes=request.writes
        )

    def _attempt(self, request: Request) -> Response | Trouble:
        """Makes one call; what went wrong is returned, since the libraries' own errors hold whole URLs."""
        total = self._limits.total if request.seconds is None else request.seconds
        read = self._limits.read if request.seconds is None else request.seconds
        prepared = self._prepared(request)
        with self._account.slot():
            self._account.traffic.count(request.method)
            begin(total)
            try:
                answer = self._adapter.send(
                    prepared,
                    stream=True,
                    timeout=(min(self._limits.connect, total), min(read, total)),
                    verify=str(self._account.ca_file) if self._account.ca_file else True,
                    proxies=self._proxies(),
                )
            except (RequestException, HTTPError, OSError) as error:
                return _unanswered(error)
            try:
                return self._read(answer)
            finally:
                answer.close()

    def _prepared(self, request: Request) -> PreparedRequest:
        """Builds the request; credentials are added last, to a final URL that lies within the origin."""
        url = request.path if "://" in request.path else self._base + request.path
        body = None if request.json is None else orjson.dumps(request.json)
        headers = {"Accept": "application/json", "Accept-Encoding": "gzip", "User-Agent": "prm-sync"}
        if body is not None:
            headers["Content-Type"] = "application/json"
        prepared = requests.Request(request.method, url, headers=headers, params=request.params, data=body).prepare()
        if not (self._origin.holds(url) and self._origin.holds(str(prepared.url))):
            raise Unavailable(f"{self._origin.host}{request.template}: a link leads away from the configured base URL")
        return self._account.authorize(prepared)

    def _proxies(self) -> dict[str, str]:
        return {} if self._origin.host in _LOOPBACK or proxy_bypass(self._origin.host) else getproxies()

    def _read(self, answer: requests.Response) -> Response | Trouble:
        status = answer.status_code
        headers = {name: answer.headers[name] for name in _KEPT_HEADERS if name in answer.headers}
        if 300 <= status < 400:
            return Trouble(f"answered {status}, a redirect; redirects are not followed", again=False, acted=False)
        body = self._body(answer)
        if isinstance(body, Trouble):
            return body
        wait = retry_after(headers.get("retry-after"), headers.get("date"))
        if status == 429 or (status == 403 and self._account.bare_403_is_busy and not isinstance(_parsed(body), dict)):
            return Trouble(f"too many requests ({status})", again=True, acted=False, retry_after=wait)
        if status == 408 or status >= 500:
            return Trouble(f"answered {status}", again=True, acted=True, retry_after=wait)
        return Response(status=status, headers=headers, body=body, place="")

    def _body(self, answer: requests.Response) -> bytes | Trouble:
        body, limit = bytearray(), self._limits.max_bytes
        try:
            for chunk in answer.iter_content(_CHUNK):
                body += chunk
                if len(body) > limit or answer.raw.tell() > limit:
                    return Trouble(f"the answer is larger than {limit} bytes", again=False, acted=True)
                if remaining() <= 0:
                    return Trouble("took too long", again=True, acted=True)
        except (RequestException, HTTPError, OSError):
            return Trouble("the answer broke off" if remaining() else "took too long", again=True, acted=True)
        return bytes(body)


def _unanswered(error: Exception) -> Trouble:
    if isinstance(error, SSLError):
        return Trouble("the server's certificate is not accepted", again=False, acted=False)
    reason = getattr(error.args[0], "reason", None) if error.args else None
    if isinstance(error, ConnectTimeout | ProxyError) or isinstance(reason, NewConnectionError):
        return Trouble("no connection", again=True, acted=False)
    return Trouble("no answer" if remaining() else "took too long", again=True, acted=True)
