"""The one HTTP client: deadlines, size limits, retries, and credentials that never leave their origin.

Errors name the host and the path's template only; never a query, a header or a body. Nothing is taken from the
environment but proxies: no netrc, no bundle of certificates. Certificates are always verified.
"""

import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol, TypeVar
from urllib.request import getproxies, proxy_bypass

import orjson
import requests
from requests import PreparedRequest
from requests.exceptions import ConnectTimeout, ProxyError, RequestException, SSLError
from requests.utils import select_proxy
from urllib3.exceptions import HTTPError, NewConnectionError

from connectors.base import Misconfigured, Unavailable
from connectors.http.answer import USUAL, Limits, kept, read_whole, saved
from connectors.http.deadline import DeadlineAdapter, begin, remaining, turned_back
from connectors.http.download import Downloaded
from connectors.http.message import Request, Response, Unsettled, is_document, parsed
from connectors.http.origin import Origin, checked_base_url, is_inside, is_loopback, origin_of
from connectors.http.retry import Trouble, retry_after, retrying
from connectors.http.trust import trust_of
from connectors.traffic import Traffic

Authorize = Callable[[PreparedRequest], PreparedRequest]


class _Answered(Protocol):
    @property
    def status(self) -> int: ...


_T = TypeVar("_T", bound=_Answered)


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """Whom the client talks to. `setting` is the connector's place in the configuration, for error messages.

    `renew` is told the Authorization header that was answered with 401; True: there are other credentials now, and
    the request is made once more with them. `bare_403_is_busy`: a 403 without a JSON body means "too many requests"
    there. `slot` is held during each call, never while waiting to repeat one. `ca_file` holds certificates that are
    trusted beside the public ones. `public_only`: refuse addresses that are not on the public internet. `headers`
    go out with every request.
    """

    setting: str
    base_url: str
    authorize: Authorize
    slot: Callable[[], AbstractContextManager[None]]
    renew: Callable[[str], bool] | None = None
    bare_403_is_busy: bool = False
    ca_file: Path | None = None
    public_only: bool = False
    headers: Mapping[str, str] = field(default_factory=dict)
    traffic: Traffic = field(default_factory=Traffic)


class HttpClient:
    """Talks to one account; safe for several threads. Raises Misconfigured for a base URL that must not be used."""

    def __init__(self, account: Account, limits: Limits = USUAL, sleep: Callable[[float], None] = time.sleep) -> None:
        try:
            self._base = checked_base_url(account.base_url)
        except ValueError as error:
            raise Misconfigured(f"{account.setting}.base_url", str(error)) from None
        origin = origin_of(self._base)
        assert origin is not None  # noqa: S101 - checked_base_url has just read it
        self._origin: Origin = origin
        self._account, self._limits, self._sleep = account, limits, sleep
        self._adapter = DeadlineAdapter(trust_of(account.ca_file, f"{account.setting}.ca_file"))

    def close(self) -> None:
        """Closes the connections that were kept open."""
        self._adapter.close()

    def send(self, request: Request) -> Response:
        """Returns the answer, whatever its status, save those that mean "later".

        Raises Unavailable when it did not take effect (or was a read), Unsettled when a write may have.
        """
        found = self._repeated(request, lambda answer: self._read(answer, request))
        return replace(found, place=self._place(request), writes=request.writes)

    def download(self, request: Request, to: Path) -> Downloaded:
        """Streams the body of a 200 to a file, which is there only when it is whole; raises Unavailable."""
        try:
            return self._repeated(request, lambda answer: self._save(answer, request, to))
        except OSError as error:
            reason = f"the file cannot be written ({error.strerror})"
            raise Unavailable(f"{self._place(request)}: {reason}") from None

    def _place(self, request: Request) -> str:
        return f"{request.method} {self._origin.host}{request.template}"

    def _repeated(self, request: Request, take: Callable[[requests.Response], _T | Trouble]) -> _T:
        """Makes the request until it is answered; new credentials are tried once, and count as no attempt."""
        acted = renewed = False

        def attempt() -> _T | Trouble:
            nonlocal acted, renewed
            prepared = self._prepared(request)
            found = self._attempt(prepared, request, take)
            if not renewed and not isinstance(found, Trouble) and found.status == 401 and self._renewed(prepared):
                renewed = True
                found = self._attempt(self._prepared(request), request, take)
            if isinstance(found, Trouble):
                acted = acted or found.acted
                return found._replace(again=found.again and (request.idempotent or not acted))
            return found

        result: _T | Trouble = retrying(self._limits.patience, self._sleep)(attempt)
        if isinstance(result, Trouble):
            error = Unsettled if acted and request.writes else Unavailable
            raise error(f"{self._place(request)}: {result.reason}", retry_after=result.retry_after)
        return result

    def _renewed(self, prepared: PreparedRequest) -> bool:
        renew = self._account.renew
        return renew is not None and renew(str(prepared.headers.get("Authorization", "")))

    def _attempt(
        self, prepared: PreparedRequest, request: Request, take: Callable[[requests.Response], _T | Trouble]
    ) -> _T | Trouble:
        """Makes one call; what went wrong is returned, since the libraries' own errors hold whole URLs."""
        total = self._limits.total if request.seconds is None else request.seconds
        read = self._limits.read if request.seconds is None else request.seconds
        proxies = self._proxies()
        proxied = select_proxy(str(prepared.url), proxies) is not None
        if proxied and self._account.public_only and is_inside(self._origin.host):
            return _TURNED_BACK
        with self._account.slot():
            self._account.traffic.count(request.method)
            begin(total, public_only=self._account.public_only and not proxied)
            try:
                answer = self._adapter.send(
                    prepared,
                    stream=True,
                    timeout=(min(self._limits.connect, total), min(read, total)),
                    verify=True,
                    proxies=proxies,
                )
            except (RequestException, HTTPError, OSError) as error:
                return _unanswered(error)
            try:
                return take(answer)
            finally:
                answer.close()

    def _prepared(self, request: Request) -> PreparedRequest:
        """Builds the request; credentials are added last, to a final URL that lies within the origin."""
        url = request.path if "://" in request.path else self._base + request.path
        headers = {
            "Accept": request.accept,
            "Accept-Encoding": "gzip",
            "User-Agent": "prm-sync",
            **self._account.headers,
        }
        body = None if request.json is None else orjson.dumps(request.json)
        if body is not None:
            headers["Content-Type"] = "application/json"
        if request.prefer:
            headers["Prefer"] = request.prefer
        form = None if request.form is None else request.form()
        prepared = requests.Request(
            request.method, url, headers=headers, params=request.params, data=body if form is None else form
        ).prepare()
        if not (self._origin.holds(url) and self._origin.holds(str(prepared.url))):
            raise Unavailable(f"{self._origin.host}{request.template}: a link leads away from the configured base URL")
        return self._account.authorize(prepared)

    def _proxies(self) -> dict[str, str]:
        return {} if is_loopback(self._origin.host) or proxy_bypass(self._origin.host) else getproxies()

    def _read(self, answer: requests.Response, request: Request) -> Response | Trouble:
        status, headers = answer.status_code, kept(answer)
        if 300 <= status < 400:
            return Trouble(f"answered {status}, a redirect; redirects are not followed", again=False, acted=False)
        body = read_whole(answer, self._limits.max_bytes)
        if isinstance(body, Trouble):
            return body
        wait = retry_after(headers.get("retry-after"), headers.get("date"))
        if status == 429 or (status == 403 and self._account.bare_403_is_busy and not isinstance(parsed(body), dict)):
            return Trouble(f"too many requests ({status})", again=True, acted=False, retry_after=wait)
        if status == 408 or status >= 500:
            return Trouble(f"answered {status}", again=True, acted=True, retry_after=wait)
        if status == 200 and request.document and not is_document(body):
            return Trouble("the answer is not JSON (a log-in or error page?)", again=True, acted=True)
        passing = request.passing(body) if status == 200 and request.passing is not None else None
        if passing is not None:
            return Trouble(f"answered 200 with an error{passing}", again=True, acted=True, retry_after=wait)
        return Response(status=status, headers=headers, body=body, place="")

    def _save(self, answer: requests.Response, request: Request, to: Path) -> Downloaded | Trouble:
        if answer.status_code == 200:
            return saved(answer, to, self._limits)
        found = self._read(answer, request)
        return found if isinstance(found, Trouble) else Downloaded(status=found.status, headers=found.headers)


_TURNED_BACK = Trouble("leads to an address that is not on the public internet", again=False, acted=False)


def _unanswered(error: Exception) -> Trouble:
    if turned_back():
        return _TURNED_BACK
    if isinstance(error, SSLError):
        return Trouble("the server's certificate is not accepted", again=False, acted=False)
    reason = getattr(error.args[0], "reason", None) if error.args else None
    if isinstance(error, ConnectTimeout | ProxyError) or isinstance(reason, NewConnectionError):
        return Trouble("no connection", again=True, acted=False)
    return Trouble("no answer" if remaining() else "took too long", again=True, acted=True)
