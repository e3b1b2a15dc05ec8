"""Over what a window is fanned out, where a server wants one place or person with each: the configured ones, else all."""

from datetime import datetime, timedelta
from typing import Final

from connectors.base import Memo, Misconfigured, Unavailable
from connectors.fhir_search.ask import Asker, Declined
from connectors.fhir_search.query import Part
from connectors.fhir_search.settings import FanOut, FhirSearchSettings
from connectors.settings import SiteMap

_KEPT: Final = timedelta(days=1)
_MOST_PAGES: Final = 1000
_TYPES: Final = {"location": "Location", "practitioner": "Practitioner"}


class Fans:
    """The ids of one source, without their type: Millennium knows them so."""

    def __init__(self, name: str, settings: FhirSearchSettings, asker: Asker, memo: Memo) -> None:
        self._name, self._settings, self._asker, self._memo = name, settings, asker, memo

    def ids(self, over: FanOut, at: datetime) -> list[str]:
        """All ids in a stable order; raises Misconfigured when there is none."""
        found = [*self._settings.fan_out_over] or self._mapped(over) or self._listed(over, at)
        if not found:
            raise Misconfigured(
                f"sources.{self._name}.fan_out_over", f"name the {over}s by id: the server lists none of them"
            )
        return sorted({each.rpartition("/")[2] for each in found})

    def _mapped(self, over: FanOut) -> list[str]:
        site = self._settings.site
        if over != "location" or not isinstance(site, SiteMap):
            return []
        return [key for key in site.map if key.startswith("Location/")]

    def _listed(self, over: FanOut, at: datetime) -> list[str]:
        """What the server lists, kept for a day."""
        key = f"listed:{over}"
        held = self._memo.get(key)
        if held is not None and timedelta() <= at - datetime.fromisoformat(held["at"]) < _KEPT:
            return [str(each) for each in held["ids"]]
        found = self._read(_TYPES[over])
        self._memo.put(key, {"at": at.isoformat(), "ids": found})
        return found

    def _read(self, resource: str) -> list[str]:
        part, found, visited = Part(resource, {"_count": "200"}), set[str](), set[str]()
        try:
            page = self._asker.first(part, part.params).page
            while True:
                found |= {entry.id for entry in page.matches if entry.resource == resource}
                if page.next is None:
                    return sorted(found - {""})
                if page.next in visited or len(visited) >= _MOST_PAGES:
                    raise Unavailable(f"/{resource}: the links to further pages do not end")
                visited.add(page.next)
                page = self._asker.link(page.next, part).page
        except Declined:
            return []
