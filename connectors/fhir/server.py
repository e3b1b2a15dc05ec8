"""A FHIR server: its settings, and the calls that a source makes on it."""

import re
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Annotated, Final, TypeVar

from pydantic import Field

from connectors.auth.settings import AuthSettings
from connectors.base import Lent, Misconfigured, Unavailable
from connectors.fhir.door import Door, Timing
from connectors.fhir.entry import head_of
from connectors.fhir.links import Links
from connectors.fhir.outcome import passing
from connectors.fhir.settings import FhirSettings
from connectors.http import Account, HttpClient, Limits, Params, Request, Response
from connectors.http.circuit import Circuit, utc_now
from connectors.http.download import Downloaded
from connectors.http.message import NO_PARAMS
from connectors.http.origin import BaseUrl, UrlName
from connectors.http.retry import Patience
from connectors.settings import ConfigPath, SecretRef
from connectors.traffic import Traffic

LIMITS: Final = Limits(read=60.0, total=120.0, patience=Patience(attempts=5, window=30.0, seconds=120.0))
"""An EMR may think for long about a search; a Retry-After beyond two minutes ends the pass, which goes on later."""
FHIR_JSON: Final = "application/fhir+json"
_BEGINNING: Final = re.compile(rb'\s*\{\s*"resourceType"\s*:\s*"[A-Z]')
_T = TypeVar("_T", Response, Downloaded)


class FhirServerSettings(FhirSettings):
    """Keys of every source that asks a FHIR server.

    `ca_file`: certificates (PEM) that are trusted beside the public ones. `also_called`: other URLs under which the
    server, behind a proxy, names itself in links; nothing is ever sent there. `epic_client_id` goes out as the header
    Epic-Client-ID, which Epic wants where a client does not identify itself by OAuth.
    """

    base_url: BaseUrl
    auth: AuthSettings | None = None
    ca_file: ConfigPath | None = None
    also_called: tuple[UrlName, ...] = ()
    epic_client_id: Annotated[str, Field(pattern=r"^[!-~]+$", max_length=128)] | None = None

    def secrets(self) -> Iterator[tuple[tuple[str, ...], SecretRef]]:
        """Where secrets are, by their path below the source; for `check`."""
        for name in ("key", "secret", "token", "password"):
            ref = getattr(self.auth, name, None)
            if isinstance(ref, SecretRef):
                yield ("auth", name), ref


class FhirServer:
    """One server; safe for several threads.

    A target is a path below the base URL that begins with "/" (`/Patient`), or a whole URL as the server gave it
    (`https://…`, mapped by `rewritten`); `template` is what errors may name. Every call raises Unavailable (after its
    retries, or at once while the circuit is open) or Misconfigured (`credentials=True` for a second 401, or a 403).
    Any other status is the caller's to judge. `clock` gives the present instant; `sleep` waits between attempts.
    """

    def __init__(
        self,
        name: str,
        settings: FhirServerSettings,
        lent: Lent,
        *,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], datetime] = utc_now,
        limits: Limits = LIMITS,
    ) -> None:
        self.name, self.settings, self.sleep = name, settings, sleep
        self.traffic = Traffic()
        self.links = Links(settings.base_url, settings.also_called)
        self.door = Door(self._account(lent), settings.auth, lent.memo, Timing(limits=limits, sleep=sleep, clock=clock))
        self._circuit = Circuit(lent.memo, clock)

    def _account(self, lent: Lent) -> Account:
        return Account(
            setting=f"sources.{self.name}",
            base_url=self.settings.base_url,
            authorize=lambda prepared: prepared,
            headers={"Epic-Client-ID": self.settings.epic_client_id} if self.settings.epic_client_id else {},
            slot=lent.budget.slot,
            ca_file=self.settings.ca_file,
            traffic=self.traffic,
        )

    def get(self, target: str, template: str, params: Params = NO_PARAMS, *, prefer: str = "") -> Response:
        """Reads. A 200 whose body is no FHIR resource is Unavailable. `prefer` is the header of this name."""
        return self._sent(
            Request(
                method="GET",
                path=self._url(target),
                template=template,
                params=params,
                accept=FHIR_JSON,
                prefer=prefer,
                document=True,
                passing=passing,
            )
        )

    def post_form(
        self, target: str, template: str, form: Mapping[str, str | Sequence[str]], *, prefer: str = ""
    ) -> Response:
        """Searches by POST (`_search`): the parameters travel in the body. It changes nothing and is repeated."""
        return self._sent(
            Request(
                method="POST",
                path=self._url(target),
                template=template,
                form=lambda: form,
                accept=FHIR_JSON,
                prefer=prefer,
                safe=True,
                document=True,
                passing=passing,
            )
        )

    def job(self, url: str, template: str) -> Response:
        """Asks how a job stands. Its URL, as of what belongs to it, may lie anywhere at the server's origin."""
        client, near = self._at_origin(url, template)
        accept = "application/json, application/fhir+json"
        request = Request(method="GET", path=near, template=template, accept=accept, document=True)
        return self._judged(template, lambda: client.send(request), {401, 403})

    def delete(self, url: str, template: str) -> Response:
        """Deletes (a bulk job); may be repeated, so that 404 can mean that it is done."""
        client, near = self._at_origin(url, template)
        request = Request(method="DELETE", path=near, template=template, accept=FHIR_JSON, safe=True)
        return self._judged(template, lambda: client.send(request), {401, 403})

    def download(self, url: str, template: str, to: Path, *, bearer: bool) -> Downloaded:
        """Streams a body to the file `to` (0600, in its place only when whole); see `Downloaded`.

        Without `bearer` nothing that identifies us is sent and the URL may lie at another origin: https, on the public
        internet unless the server itself is not. A status other than 200 leaves no file; 403 and 404 may mean that
        the URL has expired.
        """
        if bearer:
            client, near = self._at_origin(url, template)
        else:
            below = self.links.near(url)
            client, near = (self.door.elsewhere(url), url) if below is None else (self.door.open, below)
        accept = "application/fhir+ndjson, */*;q=0.5"
        request = Request(method="GET", path=near, template=template, accept=accept)
        return self._judged(template, lambda: client.download(request, to), {401} if bearer else set())

    def rewritten(self, url: str) -> str:
        """A link of the server's (absolute or relative) as a URL below the base URL; raises Unavailable for any other.

        A plus sign in a time's offset is written %2B, since servers read a bare one as a blank.
        """
        near = self.links.near(url)
        if near is None:
            raise self._leads_away("")
        return near

    def placed(self, url: str, template: str) -> str:
        """A link to a job or its file as a whole URL at the server's origin; raises Unavailable for any other."""
        found = self.links.near(url) or self.links.beside(url)
        if found is None:
            raise self._leads_away(template)
        return found

    def close(self) -> None:
        """Closes the connections that were kept open."""
        self.door.close()

    def _at_origin(self, url: str, template: str) -> tuple[HttpClient, str]:
        placed = self.placed(url, template) if "://" in url else url
        below = "://" not in url or self.links.near(placed) is not None
        return (self.door.client if below else self.door.wide), placed

    def _url(self, target: str) -> str:
        return self.rewritten(target) if "://" in target else target

    def _sent(self, request: Request) -> Response:
        def ask() -> Response:
            response = self.door.client.send(request)
            if response.status == 200 and not _is_resource(response.body):
                raise Unavailable(f"{response.place}: the answer is no FHIR resource")
            return response

        return self._judged(request.template, ask, {401, 403})

    def _judged(self, template: str, ask: Callable[[], _T], refusals: Collection[int]) -> _T:
        with self._circuit.call():
            found = ask()
        if found.status in refusals:
            why = "refuses these credentials" if found.status == 401 else "does not allow this; have the scope granted"
            raise Misconfigured(
                f"sources.{self.name}.auth", f"the server {why} ({found.status} for {template})", credentials=True
            )
        return found

    def _leads_away(self, template: str) -> Unavailable:
        return Unavailable(
            f"{self.links.host}{template}: a link leads away from the configured base URL; if it is the same server,"
            f" write its name under sources.{self.name}.also_called"
        )


def _is_resource(body: bytes) -> bool:
    """True for a body, known to be JSON, that says which resource it is; nearly all say so first."""
    return _BEGINNING.match(body) is not None or bool(head_of(body)[0])
