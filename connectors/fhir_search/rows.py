"""From a page's entries to rows: what was asked for, what came with it, and what is told to be gone."""

import hashlib
from collections.abc import Callable, Iterator
from functools import partial
from itertools import repeat

from connectors.base import RawRow
from connectors.fhir.entry import Entry, removal_of
from connectors.fhir_search.page import SearchPage
from connectors.fhir_search.query import Part
from mappings.fhir.mapping import BARE, KINDS, REMOVAL, row_ids, unreadable_id
from mappings.fhir.terms import Terms
from mappings.records import Kind

_as_row: Callable[[tuple[Kind, str, bytes, int, None]], RawRow] = partial(tuple.__new__, RawRow)


class Rows:
    """Makes the rows of a pass. It knows the page before: where paging is unstable, rows come on two pages."""

    def __init__(self, terms: Terms) -> None:
        self._terms = terms
        self._before: dict[str, bytes] = {}
        self._heard: set[tuple[str, str]] = set()

    def of(self, page: SearchPage, part: Part) -> tuple[list[RawRow], int]:
        """The rows of a page, and how many of them count as held by the pass."""
        if part.role != "search":
            return self._told(page, part), 0
        quick = self._all_new(page, part.resource)
        if quick is not None:
            return quick, len(quick)
        expected, before, terms = part.resource, self._before, self._terms
        kind = KINDS[expected]
        rows: list[RawRow] = []
        held: dict[str, bytes] = {}
        repeated = 0
        for entry in page.matches:
            resource, resource_id, body, place = entry
            if resource != expected or not resource_id:
                rows += self.row(entry, expected)
                continue
            again = held.get(resource_id) or before.get(resource_id)
            if again == body:
                continue
            held[resource_id] = body
            for external_id in row_ids(resource, resource_id, body, terms):
                rows.append(RawRow(kind, external_id, body, place))
                repeated += again is not None
        self._before = held
        counted = len(rows) - repeated
        return rows + [row for entry in page.others for row in self.row(entry, "")], counted

    def _all_new(self, page: SearchPage, expected: str) -> list[RawRow] | None:
        """The rows of a page of resources that are a row each, and of which none has come before; None for any other."""
        if expected not in BARE or page.others or not page.matches:
            return None
        types, ids, bodies, places = zip(*page.matches, strict=True)
        held = dict(zip(ids, bodies, strict=True))
        if len(held) != len(ids) or not self._before.keys().isdisjoint(ids) or {*types} != {expected} or "" in held:
            return None
        self._before = held
        return list(map(_as_row, zip(repeat(KINDS[expected]), ids, bodies, places, repeat(None))))

    def _told(self, page: SearchPage, part: Part) -> list[RawRow]:
        """Of a history, each resource as it is now, the newest version first; of the others, those that are gone."""
        rows: list[RawRow] = []
        for entry in page.matches:
            key = (entry.resource, entry.id)
            if key in self._heard:
                continue
            self._heard.add(key)
            gone = removal_of(f"{entry.resource}/{entry.id}", entry.place) if part.role == "deleted" else entry
            if gone is not None and (part.role == "history" or gone.body.startswith(REMOVAL)):
                rows += self.row(gone, part.resource)
        return rows

    def row(self, entry: Entry, expected: str) -> Iterator[RawRow]:
        """The rows of one resource; what is no resource of the type that is expected is quarantined under it."""
        resource, resource_id, body, place = entry
        kind = KINDS.get(resource)
        if kind is not None and resource_id:
            for external_id in row_ids(resource, resource_id, body, self._terms):
                yield RawRow(kind, external_id, body, place)
        elif expected and resource in ("", expected):
            yield RawRow(KINDS[expected], unreadable_id(hashlib.sha256(body).hexdigest()), body, place)
