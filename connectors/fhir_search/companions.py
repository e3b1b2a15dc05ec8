"""Resources that are asked for by the patients whom visits name, where a server cannot be asked for them otherwise."""

import re
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Final

from connectors.base import RawRow, Unavailable
from connectors.fhir.entry import removal_of
from connectors.fhir_search.ask import Answer, Asker, Declined, Form
from connectors.fhir_search.query import Part, batches
from connectors.fhir_search.rows import Rows

_PATIENT: Final = re.compile(
    rb'"reference"\s*:\s*"(?:[^"\\]*/)?Patient/([A-Za-z0-9\-.]{1,64})(?:/_history/[A-Za-z0-9\-.]+)?"'
)
AT_A_TIME: Final = 50
MOST_PAGES: Final = 1000


class Companions:
    """Asks for each patient's resources, at most once in `refresh` as long as this process lives."""

    def __init__(self, asker: Asker, resources: Sequence[str], refresh: timedelta) -> None:
        self._asker, self._resources, self._refresh = asker, resources, refresh
        self._asked: dict[str, datetime] = {}

    def of(self, rows: Sequence[RawRow], make: Rows, at: datetime) -> tuple[list[RawRow], Callable[[], None]]:
        """What belongs to the patients whom these rows name, and what to call when it has landed."""
        if not self._resources:
            return [], lambda: None
        named = {
            match[1].decode(): None
            for row in rows
            if isinstance(row.body, bytes)
            for match in _PATIENT.finditer(row.body)
        }
        due = [
            id_
            for id_ in named
            if (last := self._asked.get(id_)) is None or not timedelta() <= at - last < self._refresh
        ]
        found = [row for resource in self._resources for row in self._asked_for(resource, due, make)]
        return found, lambda: self._asked.update(dict.fromkeys(due, at))

    def _asked_for(self, resource: str, ids: Sequence[str], make: Rows) -> Iterator[RawRow]:
        if resource == "Patient":
            for batch in batches(ids, AT_A_TIME):
                yield from self._patients(batch, make)
            return
        for id_ in ids:
            yield from self._searched(resource, {"patient": id_}, make)

    def _patients(self, batch: str, make: Rows) -> Iterator[RawRow]:
        wanted = set(batch.split(","))
        for row in self._searched("Patient", {"_id": batch, "_count": str(AT_A_TIME)}, make):
            wanted.discard(row.external_id)
            yield row
        for id_ in sorted(wanted):
            answer = self._asker.read("Patient", id_)
            removal = removal_of(f"Patient/{id_}", 1) if answer.status == 410 else None
            if removal is not None:
                yield from make.row(removal, "Patient")

    def _searched(self, resource: str, form: Form, make: Rows) -> Iterator[RawRow]:
        part = Part(resource, {})
        answer: Answer | None = self._declining(resource, lambda: self._asker.quietly(resource, form))
        seen: set[str] = set()
        while answer is not None:
            if any(issue.severe for issue in answer.page.issues):
                raise Unavailable(f"/{resource}/_search: the answer has gaps")
            for entry in answer.page.matches:
                yield from make.row(entry, resource)
            link = answer.page.next
            if link is None:
                return
            if link in seen or len(seen) >= MOST_PAGES:
                raise Unavailable(f"/{resource}/_search: the links to further pages do not end")
            seen.add(link)
            answer = self._declining(resource, lambda link=link: self._asker.link(link, part))  # type: ignore[misc]

    @staticmethod
    def _declining(resource: str, ask: Callable[[], Answer]) -> Answer:
        try:
            return ask()
        except Declined as declined:
            raise Unavailable(
                f"/{resource}/_search: the server refuses to search by patient ({declined.why})"
            ) from None
