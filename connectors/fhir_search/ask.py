"""Asks a server for one page, and tells apart what it may answer."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from connectors.base import Unavailable
from connectors.fhir.directory import escaped
from connectors.fhir.entry import Entry
from connectors.fhir.outcome import issues_of, said
from connectors.fhir.server import FhirServer
from connectors.fhir_search.page import SearchPage, read_page
from connectors.fhir_search.query import Part
from connectors.http import Response
from connectors.http.retry import http_date

_NO_POST = frozenset({404, 405, 415, 501})
Form = Mapping[str, str | Sequence[str]]


class Declined(Exception):
    """The server will not answer this question (4xx): `why` holds status and codes, never what was asked."""

    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status, self.why = status, why


class Answer(NamedTuple):
    """A page, and the server's Date; None where it sends none."""

    page: SearchPage
    date: datetime | None


class Asker:
    """Asks one server. `strict`: that it refuse what it does not know (hl7.org/fhir/R4/search.html#conformance)."""

    def __init__(self, server: FhirServer, *, strict: bool) -> None:
        self._server = server
        self._prefer = "handling=strict" if strict else ""
        self._posts = True

    def first(self, part: Part, params: Form) -> Answer:
        """The first page of a search; raises Declined or Unavailable."""
        response = self._server.get(part.path, part.path, params, prefer=self._prefer)
        return _answer(response, part.resource)

    def near(self, url: str) -> str:
        """A link as a URL at the server; raises Unavailable for one that leads elsewhere."""
        return self._server.rewritten(url)

    def link(self, url: str, part: Part) -> Answer:
        """The page that a link leads to; raises Declined or Unavailable."""
        response = self._server.get(self.near(url), f"{part.path} (next page)", prefer=self._prefer)
        return _answer(response, part.resource)

    def quietly(self, resource: str, form: Form) -> Answer:
        """A search whose parameters name a person: they travel in the body, save where a server knows no such search."""
        if self._posts:
            response = self._server.post_form(f"/{resource}/_search", f"/{resource}/_search", form, prefer=self._prefer)
            self._posts = response.status not in _NO_POST
        if not self._posts:
            response = self._server.get(f"/{resource}", f"/{resource}", form, prefer=self._prefer)
        return _answer(response, resource)

    def read(self, resource: str, id_: str) -> Response:
        """Reads one resource; 404 and 410 are answers."""
        return self._server.get(f"/{resource}/{id_}", f"/{resource}/{{id}}")


class Shelves:
    """A server that is searched, as a directory asks it (`connectors.fhir.directory.Library`)."""

    def __init__(self, asker: Asker) -> None:
        self._asker = asker

    def read(self, resource: str, id_: str) -> bytes | None:
        """A resource by its id; None when there is none to be had."""
        answer = self._asker.read(resource, id_)
        return answer.body if answer.status == 200 else None

    def find(self, resource: str, token: str) -> Sequence[Entry]:
        """The resources of a type with that identifier; none where the server will not look for it."""
        try:
            return self._asker.quietly(resource, {"identifier": escaped(token)}).page.matches
        except Declined:
            return []


def _answer(response: Response, resource: str) -> Answer:
    if 400 <= response.status < 500:
        raise Declined(response.status, f"{response.status}{said(issues_of(response.body))}")
    if response.status != 200:
        raise Unavailable(f"{response.place}: answered {response.status}")
    page = read_page(response.body, resource, response.place)
    return Answer(page, http_date(response.headers.get("date")))
