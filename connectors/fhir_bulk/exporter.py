"""Has files exported: begins the job, asks how it stands at the server's pace, reads its manifest, ends it.

https://hl7.org/fhir/uv/bulkdata/export.html
"""

import re
from collections.abc import Iterator, Sequence
from datetime import datetime
from secrets import token_hex
from typing import Final, NamedTuple

from connectors.base import Misconfigured, Unavailable
from connectors.fhir.instants import instant
from connectors.fhir.outcome import issues_of, said
from connectors.fhir.server import FhirServer
from connectors.fhir_bulk.job import Job
from connectors.fhir_bulk.manifest import Manifest, joined, read_manifest
from connectors.fhir_bulk.settings import FhirBulkSettings
from connectors.http import Response
from connectors.http.retry import http_date, retry_after

STATUS: Final = "/(export status)"
_REFUSED: Final = frozenset({400, 422})
_PAUSE: Final = 1.0
_LONGEST_PAUSE: Final = 30.0
_MOST_PARTS: Final = 1000
_PERCENT: Final = re.compile(r"(?<!\d)(\d{1,3})(?:\.\d+)?\s?%")


class Gone(Exception):
    """The server does not know the job, or says that it has failed: `why` holds status and codes."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


class StillRunning(Unavailable):
    """The job takes longer than a run waits; the next one goes on with it."""


class Wish(NamedTuple):
    """What to export: types, changes since when (None: everything). `named`: the operator chose the types.
    `listed` are those of the types that the server's statement lists."""

    types: tuple[str, ...]
    since: datetime | None
    named: bool
    listed: tuple[str, ...]


class _Try(NamedTuple):
    types: tuple[str, ...]
    since: datetime | None
    lenient: bool = False


class Exporter:
    """One server's exports at the configured level."""

    def __init__(self, name: str, settings: FhirBulkSettings, server: FhirServer) -> None:
        self._name, self._settings, self._server = name, settings, server

    @property
    def path(self) -> str:
        """The operation's path."""
        group = self._settings.group
        return {"system": "/$export", "patient": "/Patient/$export", "group": f"/Group/{group}/$export"}[
            self._settings.export
        ]

    @property
    def template(self) -> str:
        """The path as errors may name it."""
        return "/Group/{id}/$export" if self._settings.export == "group" else self.path

    # ------------------------------------------------------------ begin

    def begin(self, wish: Wish, asked: str, at: datetime) -> Job:
        """Begins a job; raises Unavailable, or Misconfigured for a server that will not export this.

        What a server refuses is asked for with less: types that it does not have, then `_since`.
        """
        response = None
        for each in self._tries(wish):
            response = self._asked(each)
            if response.status == 202:
                return self._begun(response, each, asked, at)
            if response.status not in _REFUSED:
                break
        assert response is not None  # noqa: S101 - there is always something to try
        raise self._refusal(response)

    def _tries(self, wish: Wish) -> Iterator[_Try]:
        yield _Try(wish.types, wish.since)
        types = wish.types
        if not wish.named and not self._settings.type_filters:
            yield _Try(wish.types, wish.since, lenient=True)
            if wish.listed and set(wish.listed) < set(wish.types):
                types = wish.listed
                yield _Try(types, wish.since)
        if wish.since is not None:
            yield _Try(types, None)

    def _asked(self, each: _Try) -> Response:
        params: dict[str, str | Sequence[str]] = {"_type": ",".join(each.types)}
        if each.since is not None:
            params["_since"] = instant(each.since)
        filters = [f"{name}?{query}" for name, queries in self._settings.type_filters.items() for query in queries]
        if filters:
            params["_typeFilter"] = filters
        prefer = "respond-async, handling=lenient" if each.lenient else "respond-async"
        return self._server.get(self.path, self.template, params, prefer=prefer)

    def _begun(self, response: Response, each: _Try, asked: str, at: datetime) -> Job:
        location = response.headers.get("content-location")
        if not location:
            raise Unavailable(f"{response.place}: the server took the export on but does not say where to ask for it")
        date = http_date(response.headers.get("date"))
        return Job(
            name=token_hex(8),
            url=self._server.placed(location, self.template),
            asked=asked,
            types=each.types,
            begun=at,
            as_of=min(date, at) if date is not None else at,
            date=date,
            since=each.since,
        )

    def _refusal(self, response: Response) -> Exception:
        settings, place = self._settings, f"sources.{self._name}"
        codes = f"{response.status}{said(issues_of(response.body))}"
        if response.status in (404, 405):
            if settings.export == "group":
                return Misconfigured(f"{place}.group", f"the server exports no such group ({codes}); check its id")
            return Misconfigured(
                f"{place}.export", f"the server has no export of this level ({codes}); try system, patient or group"
            )
        if response.status in _REFUSED and settings.type_filters:
            return Misconfigured(
                f"{place}.type_filters", f"the server refuses the export ({codes}); try it without type_filters"
            )
        if response.status in _REFUSED:
            hint = "name under resources the types that it has"
            return Misconfigured(f"{place}.resources", f"the server refuses the export ({codes}); {hint}")
        return Unavailable(f"{response.place}: no export was begun ({codes})")

    # ------------------------------------------------------------ wait

    def manifest(self, job: Job) -> Manifest:
        """Waits for the job and reads its manifest, in all its parts; raises Gone, StillRunning or Unavailable."""
        parts: list[Manifest] = []
        seen: set[str] = set()
        patience = self._settings.wait.total_seconds()
        link: str | None = job.url
        while link is not None:
            if link in seen or len(parts) >= _MOST_PARTS:
                raise Unavailable("the links between the parts of the manifest do not end")
            seen.add(link)
            response, patience = self._done(link, patience)
            part = read_manifest(response.body, response.place)
            parts.append(part)
            link = self._server.placed(part.next, STATUS) if part.next is not None else None
        return joined(parts)

    def _done(self, link: str, patience: float) -> tuple[Response, float]:
        """The answer to a poll that finds the job done, and the patience that is left; asks from a second up."""
        pause = _PAUSE
        while True:
            response = self._server.job(link, STATUS)
            if response.status == 200:
                return response, patience
            if response.status != 202:
                raise Gone(f"{response.status}{said(issues_of(response.body))}")
            told = retry_after(response.headers.get("retry-after"), response.headers.get("date"))
            wait = told if told is not None else pause
            if wait > patience:
                raise StillRunning(
                    f"the server is still at the export{progress(response)}; the next run goes on with it",
                    retry_after=told,
                )
            self._server.sleep(wait)
            patience, pause = patience - wait, min(pause * 2, _LONGEST_PAUSE)

    # ------------------------------------------------------------ end

    def end(self, job: Job) -> bool:
        """Tells the server that its files are not wanted any more; False when it could not be told now.

        A server that does not know the job, or ends none, has been told.
        """
        try:
            self._server.delete(job.url, STATUS)
        except Unavailable:
            return False
        except Misconfigured:
            # The credentials may not end jobs; the server ends them by itself some day.
            return True
        return True


def progress(response: Response) -> str:
    """How far a job is, for a message: ` (40 %)`; else "". Nothing else of this free text is repeated."""
    found = _PERCENT.search(response.headers.get("x-progress", ""))
    return f" ({found[1]} %)" if found is not None else ""
