"""Follows a pass over its searches page by page; the next page is fetched while the present one lands.

What goes wrong on the way: a link that no longer leads anywhere (the server forgot the search: it is begun again from
what was read last), a link that leads in a circle, and pages without end.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

from msgspec.structs import replace

from connectors.base import RawRow, Unavailable
from connectors.fhir.instants import instant
from connectors.fhir_search.ahead import Ahead
from connectors.fhir_search.ask import Answer, Asker, Declined, Form
from connectors.fhir_search.cursor import Running
from connectors.fhir_search.page import SearchPage
from connectors.fhir_search.query import Part, page_size_of
from connectors.fhir_search.rows import Rows

GONE: Final = frozenset({400, 404, 410})
"""What servers answer to a link whose search they have forgotten (HAPI 410, others 404 or 400)."""
MOST_RESTARTS: Final = 3
ROUNDING: Final = timedelta(seconds=1)


class Stuck(Unavailable):
    """The walk cannot go on from where it is; the pass is to be begun anew."""


class Step(NamedTuple):
    """A page, the search that it belongs to, its rows, and how far the pass is after it."""

    page: SearchPage
    part: Part
    rows: list[RawRow]
    running: Running


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """How a walk is done. `tail` are parameters of every first page, such as _count."""

    tail: Form
    page_size: int
    overlap: timedelta
    max_pages: int


class Walk:
    """One pass: `parts` are its searches in order."""

    def __init__(self, asker: Asker, parts: Sequence[Part], rows: Rows, terms: Terms) -> None:
        self._asker, self._parts, self._rows, self._terms = asker, parts, rows, terms
        self._visited: set[int] = set()

    def part(self, running: Running) -> Part:
        """The search that the pass is at."""
        return self._parts[running.part]

    def first(self, running: Running) -> Answer:
        """Asks for the first page of the present part; raises Declined or Unavailable."""
        return self._asker.first(self._parts[running.part], self.params(running))

    def params(self, running: Running) -> Form:
        """What the present part asks for, with its lower bound."""
        part = self._parts[running.part]
        bound: Form = {}
        if part.role in ("history", "deletions"):
            since = running.polled if part.role == "deletions" else running.bound
            bound = {"_since": instant(since)} if since is not None else {}
        elif part.role == "deleted":
            bound = {"_deleted": "true"} | ({"_lastUpdated": f"ge{instant(running.polled)}"} if running.polled else {})
        elif running.bound is not None:
            bound = {"_lastUpdated": f"{'gt' if running.after else 'ge'}{instant(running.bound)}"}
        return {**part.params, **bound, **self._tail(part)}

    def _tail(self, part: Part) -> Form:
        return self._terms.tail if part.role == "search" else {"_count": str(self._terms.page_size)}

    def steps(self, running: Running, opened: Answer | None = None) -> Iterator[Step]:
        """Yields the pages from where the pass is; `opened` is the first of them where it is here already."""
        self._visited = {hash(running.next)}
        ahead = None
        while running.part < len(self._parts):
            part = self._parts[running.part]
            answer = opened
            try:
                if answer is None:
                    answer = ahead.result() if ahead is not None else self._fetch(running)
                opened = ahead = None
            except Declined as declined:
                running, ahead = self._after(declined, running), None
                continue
            rows, counted = self._rows.of(answer.page, part)
            running = self._advanced(running, answer.page, counted)
            ahead = self._ahead(running)
            yield Step(answer.page, part, rows, running)

    def _ahead(self, running: Running) -> Ahead[Answer] | None:
        return Ahead(lambda: self._fetch(running)) if running.part < len(self._parts) else None

    def _fetch(self, running: Running) -> Answer:
        part = self._parts[running.part]
        if running.next is None:
            return self.first(running)
        return self._asker.link(running.next, part)

    def _after(self, declined: Declined, running: Running) -> Running:
        """Where to go on after a refusal: past searches for deletions, and from what was read last for a dead link."""
        part = self._parts[running.part]
        if running.next is None and part.role in ("deletions", "deleted"):
            return replace(_next_part(running), polled=None)
        if running.next is None or declined.status not in GONE:
            raise Unavailable(f"{part.path}: the server refuses a page ({declined.why})")
        if self._is_end(running):
            return _next_part(running)
        return self._restarted(running, part)

    @staticmethod
    def _is_end(running: Running) -> bool:
        """A last page may link to one that is not there (hapi-fhir#1300).

        It was the last when all that the server counts has come, or when it was not full and asking again came to the
        same end.
        """
        if running.total is not None and running.matches >= running.total:
            return True
        return running.restarts > 0 and running.short and running.stopped == _mark(running)

    def _restarted(self, running: Running, part: Part) -> Running:
        if running.restarts >= MOST_RESTARTS:
            raise Stuck(f"{part.path}: the links to further pages expire before they can be read")
        self._visited.clear()
        bound, after, rows = running.bound, running.after, running.rows - running.counted
        if running.ordered and running.seen is not None and part.role == "search" and running.way != "window":
            again = running.seen - self._terms.overlap
            if bound is None or again > bound:
                bound, after = again, False
            rows = running.rows
        return replace(
            running,
            next=None,
            bound=bound,
            after=after,
            rows=rows,
            counted=0,
            matches=0,
            stopped=_mark(running),
            restarts=running.restarts + 1,
        )

    def _advanced(self, running: Running, page: SearchPage, counted: int) -> Running:
        part = self._parts[running.part]
        if part.role == "search" and running.way == "changes":
            self._check_bound(running, page, part)
        after = replace(
            running,
            pages=running.pages + 1,
            gaps=running.gaps + sum(issue.severe for issue in page.issues),
            **(self._reached(running, page, counted) if part.role in ("search", "history") else {}),
        )
        if page.next is None:
            return _next_part(after)
        link = self._asker.near(page.next)
        self._check_way(after, link, part)
        return replace(after, next=link)

    def _reached(self, running: Running, page: SearchPage, counted: int) -> dict[str, Any]:
        seen, ordered = _newest(running, page)
        size = page_size_of(page.self) or max(running.longest, len(page.matches))
        return {
            "seen": seen,
            "ordered": ordered,
            "unstamped": running.unstamped or None in page.changed,
            "rows": running.rows + counted,
            "counted": running.counted + counted,
            "matches": running.matches + len(page.matches),
            "total": page.total,
            "short": len(page.matches) < size,
            "longest": max(running.longest, len(page.matches)),
            "restarts": 0 if seen != running.seen else running.restarts,
        }

    def _check_bound(self, running: Running, page: SearchPage, part: Part) -> None:
        if running.bound is None:
            return
        oldest = min((each for each in page.changed if each is not None), default=running.bound)
        if oldest < running.bound - ROUNDING:
            raise Stuck(f"{part.path}: the server answers with more than what was asked for")

    def _check_way(self, running: Running, link: str, part: Part) -> None:
        key = hash(link)
        if key in self._visited:
            raise Stuck(f"{part.path}: the links to further pages lead in a circle")
        if running.pages >= self._terms.max_pages:
            raise Stuck(f"{part.path}: there are more pages than max_pages allows")
        self._visited.add(key)


def _next_part(running: Running) -> Running:
    return replace(running, part=running.part + 1, next=None, counted=0, matches=0, total=None, stopped="")


def _mark(running: Running) -> str:
    """How far a search came: its newest change, where it is in that order, else the number of its matches."""
    return running.seen.isoformat() if running.ordered and running.seen is not None else str(running.matches)


def _newest(running: Running, page: SearchPage) -> tuple[datetime | None, bool]:
    """The newest change so far, times in the future left out, and whether all came in the order of change."""
    newest, ordered = running.seen, running.ordered
    for changed in page.changed:
        if changed is None:
            ordered = False
        elif changed <= running.server_date:
            if newest is None or changed >= newest:
                newest = changed
            else:
                ordered = False
    return newest, ordered
