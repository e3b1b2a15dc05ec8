"""The HTTP clients of one FHIR server: with its credentials, without any, and for tokens and files that lie elsewhere."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from threading import Lock

from connectors.auth.allowance import Allowance
from connectors.auth.credentials import Credentials, NoCredentials, fixed
from connectors.auth.discovery import Discovered, discover
from connectors.auth.settings import AnyAuth, Basic, Bearer, ClientSecret, SmartBackend
from connectors.auth.smart import AssertionGrant, Doors, Grant, SecretGrant, TokenCredentials, TokenEndpoint
from connectors.base import Memo, Unavailable
from connectors.http import Account, Authorize, HttpClient, Limits
from connectors.http.origin import is_inside, origin_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """Limits of a request, how to wait, and the present instant."""

    limits: Limits
    sleep: Callable[[float], None]
    clock: Callable[[], datetime]


class Door:
    """Makes clients as they are needed. `account` names the server; its own `authorize` and `renew` are not used."""

    def __init__(self, account: Account, auth: AnyAuth | None, memo: Memo, timing: Timing) -> None:
        self._timing, self._auth = timing, auth
        self._named = account
        self._account = replace(account, authorize=NoCredentials().authorize, renew=None)
        self.allowance = Allowance(memo, timing.clock, f"{account.setting}.auth")
        self.credentials: Credentials = self._made()
        self.open = self._client(self._account)
        self.client = self._client(replace(account, authorize=self.credentials.authorize, renew=self.credentials.renew))
        self._others: dict[tuple[str, bool], HttpClient] = {}
        self._lock = Lock()

    @cached_property
    def wide(self) -> HttpClient:
        """The client, with credentials, of the whole origin: jobs and their files may lie beside the base URL."""
        origin = origin_of(self._account.base_url)
        assert origin is not None  # noqa: S101 - the client has read it
        credentials = self.credentials
        return self._client(
            replace(self._named, base_url=origin.root, authorize=credentials.authorize, renew=credentials.renew)
        )

    def elsewhere(self, url: str) -> HttpClient:
        """The client of another origin, which learns nothing of who we are; raises Unavailable.

        It must be https, and on the public internet unless the server itself is not.
        """
        return self._other(url, None)

    def tokens(self, url: str, authorize: Authorize) -> HttpClient:
        """The client of a token endpoint; raises Unavailable. One that the operator has written may lie anywhere."""
        return self._other(url, authorize)

    def discovered(self) -> Discovered:
        """What the server says of its authorization; raises Unavailable."""
        return discover(self.open)

    def close(self) -> None:
        """Closes the connections that were kept open."""
        for client in (self.open, self.client, *self._others.values()):
            client.close()

    def _other(self, url: str, authorize: Authorize | None) -> HttpClient:
        origin = origin_of(url)
        if origin is None or not origin.is_trusted_transport:
            raise Unavailable(f"{self._account.setting}: a link to another host is not https")
        key = origin.root, authorize is not None
        with self._lock:
            if key not in self._others:
                account = replace(
                    self._account,
                    base_url=origin.root,
                    headers={},
                    authorize=authorize or self._account.authorize,
                    public_only=not (url == getattr(self._auth, "token_url", None) or self._is_inside()),
                )
                self._others[key] = self._client(account)
            return self._others[key]

    def _is_inside(self) -> bool:
        base = origin_of(self._account.base_url)
        return base is not None and is_inside(base.host)

    def _client(self, account: Account) -> HttpClient:
        return HttpClient(account, self._timing.limits, self._timing.sleep)

    def _made(self) -> Credentials:
        place, clock = self._account.setting, self._timing.clock
        match self._auth:
            case None:
                return NoCredentials()
            case Bearer() | Basic() as auth:
                return fixed(auth, place)
            case SmartBackend() as auth:
                grant: Grant = AssertionGrant(auth, place, clock)
            case ClientSecret() as auth:
                grant = SecretGrant(auth, place)
        doors = Doors(self.tokens, self.discovered, clock)
        return TokenCredentials(TokenEndpoint(auth, place, grant, self.allowance, doors))
