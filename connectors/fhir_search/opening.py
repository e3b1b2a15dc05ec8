"""Begins a pass, or goes on with one: chooses how a type is asked, and tries the first question.

A server says what it can do in its CapabilityStatement, and shows it by its answers.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final, NamedTuple, Protocol

import msgspec

from connectors.base import Json, Memo, Misconfigured, Window
from connectors.fhir.capability import Capability
from connectors.fhir_search import traits as shown
from connectors.fhir_search.ask import Answer, Asker, Declined
from connectors.fhir_search.cursor import Running, Way, is_due, lower_bound, question, read_cursor, resumable, settled
from connectors.fhir_search.delivery import Delivery, Prepare
from connectors.fhir_search.fans import Fans
from connectors.fhir_search.page import SearchPage
from connectors.fhir_search.profiles import Knobs
from connectors.fhir_search.query import Means, Part, Traits, batches, ignored, means_of, window_of, window_params
from connectors.fhir_search.rows import Rows
from connectors.fhir_search.settings import FhirSearchSettings
from connectors.fhir_search.walk import ROUNDING, Terms, Walk
from connectors.settings import Surroundings
from mappings.fhir.terms import Terms as MappingTerms

_REFUSED: Final = frozenset({400, 422})
_ATTEMPTS: Final = 5


class NotOffered(Exception):
    """The server does not search this type, and nobody asked for it by name."""


class NothingKnown:
    """What is known of a source that is only tried out."""

    def landed(self, _feed: str, _sha256: str) -> bool:
        """Nothing has landed."""
        return False

    def newest(self, _feed: str) -> None:
        """Nothing has landed."""

    def cursor(self, _feed: str) -> None:
        """Nothing is stored."""


class Past(Protocol):
    """As much of `connectors.base.Known` as is asked here."""

    def landed(self, feed: str, sha256: str, /) -> bool: ...
    def newest(self, feed: str, /) -> datetime | None: ...
    def cursor(self, feed: str, /) -> Json | None: ...


class Opened(NamedTuple):
    """The answer to a pass's first question, and what it has shown."""

    running: Running
    walk: Walk
    answer: Answer
    notices: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """Whatever all openings of one pull share."""

    name: str
    settings: FhirSearchSettings
    knobs: Knobs
    surroundings: Surroundings
    memo: Memo
    asker: Asker
    fans: Fans
    able: Capability
    terms: MappingTerms
    at: datetime


class Opening:
    """The beginning of the pass of one type that is due now."""

    def __init__(self, desk: Desk, resource: str, known: Past) -> None:
        self._desk, self._resource = desk, resource
        settings = desk.settings
        asked = question(resource, settings.base_url, dict(_query(settings, resource)), _includes(desk, resource))
        self._cursor = settled(read_cursor(known.cursor(resource), asked), known.newest(resource))
        proof = self._cursor.full_proof
        # A full pass that a brake held, and a person has released since, is to be made again.
        self._released = bool(proof) and not known.landed(resource, proof)
        self._traits = shown.recalled(desk.memo, resource, desk.at)

    def delivery(self, prepare: Prepare) -> Delivery:
        """The pass; raises NotOffered, Unavailable or Misconfigured."""
        resumed = self._resumed()
        if resumed is not None:
            return Delivery(
                feed=self._resource,
                cursor=self._cursor,
                running=resumed[0],
                walk=resumed[1],
                prepare=prepare,
                stream="resumed",
            )
        opened = self._opened()
        shown.keep(self._desk.memo, self._resource, self._traits, self._desk.at)
        return Delivery(
            feed=self._resource,
            cursor=msgspec.structs.replace(self._cursor, running=None),
            running=opened.running,
            walk=opened.walk,
            prepare=prepare,
            opened=opened.answer,
            notices=opened.notices,
        )

    def sample(self) -> SearchPage:
        """One record, by the question with which the first pass would begin; raises Declined, Unavailable …"""
        means = self._means()
        running, walk = self._walk(self._started(self._way(means)), means)
        params = {name: value for name, value in walk.params(running).items() if name not in ("_sort", "_include")}
        return self._desk.asker.first(walk.part(running), {**params, "_count": "1"}).page

    # ------------------------------------------------------------ what to ask

    def _way(self, means: Means) -> Way:
        if means == "window":
            return "window"
        every = self._desk.settings.full_every
        full = is_due(self._cursor.full_at, every if every != "never" else None, self._desk.at)
        whole = means == "full" or self._cursor.since is None or full or self._released
        return "all" if whole else "changes"

    def _started(self, way: Way) -> Running:
        """A pass that begins now; the server's Date is not known before its first answer."""
        desk, cursor = self._desk, self._cursor
        back = desk.settings.overlap
        blank = Running(way=way, shape="", as_of=desk.at, server_date=desk.at)
        if way == "window":
            days = window_of(desk.settings.window, desk.at, desk.surroundings.zone)
            return msgspec.structs.replace(blank, first=days.first, last=days.last)
        if way == "all" or cursor.since is None:
            return blank
        due = self._deletions() != "none" and is_due(cursor.deletions_at, desk.settings.deletions_every, desk.at)
        polled = (cursor.deletions_at or cursor.since) - back if due else None
        bound, after = lower_bound(cursor, cursor.since, back)
        return msgspec.structs.replace(blank, bound=bound, after=after, polled=polled)

    def _deletions(self) -> str:
        chosen, able = self._desk.knobs.deletions, self._desk.able
        if chosen != "auto":
            return chosen
        if able.offers(self._resource, "history-type"):
            return "history"
        return "deleted" if able.searches(self._resource, "_deleted") else "none"

    def _parts(self, running: Running, means: Means) -> list[Part]:
        resource = self._resource
        params = {**_query(self._desk.settings, resource), **_includes(self._desk, resource)}
        if running.way == "window":
            return self._windows(running, params)
        if running.way == "changes" and means == "history":
            return [Part(resource, {}, "history")]
        parts = [Part(resource, params)]
        if running.polled is not None and means != "history":
            parts.append(Part(resource, {}, "deletions" if self._deletions() == "history" else "deleted"))
        return parts

    def _windows(self, running: Running, params: Mapping[str, str | Sequence[str]]) -> list[Part]:
        desk = self._desk
        days = window_of(desk.settings.window, desk.at, desk.surroundings.zone)
        if running.first is not None and running.last is not None:
            days = Window(first=running.first, last=running.last)
        dated = {**params, **window_params(days, desk.surroundings.zone)}
        over = desk.knobs.fan_out
        if over == "none":
            return [Part(self._resource, dated)]
        ids = desk.fans.ids(over, desk.at)
        return [Part(self._resource, {**dated, over: batch}) for batch in batches(ids, desk.knobs.fan_out_size)]

    def _walk(self, running: Running, means: Means) -> tuple[Running, Walk]:
        desk = self._desk
        parts = self._parts(running, means)
        tail = {"_count": str(desk.knobs.page_size)}
        if desk.knobs.sort and not self._traits.unsorted and running.way != "window":
            tail["_sort"] = "_lastUpdated"
        terms = Terms(
            tail=tail,
            page_size=desk.knobs.page_size,
            overlap=desk.settings.overlap,
            max_pages=desk.settings.max_pages,
        )
        shape = question([[part.role, dict(part.params)] for part in parts])
        return msgspec.structs.replace(running, shape=shape), Walk(desk.asker, parts, Rows(desk.terms), terms)

    # ------------------------------------------------------------ going on

    def _resumed(self) -> tuple[Running, Walk] | None:
        found = resumable(self._cursor, self._desk.at)
        if found is None:
            return None
        running, walk = self._walk(found, self._means())
        same = running.shape == found.shape or found.done
        return (found, walk) if same else None

    def _means(self) -> Means:
        return means_of(self._resource, self._desk.knobs, self._desk.able, self._traits)

    # ------------------------------------------------------------ the first question

    def _opened(self) -> Opened:
        """Asks; what the server refuses or passes over is left out, and asked for otherwise."""
        for _ in range(_ATTEMPTS):
            means = self._means()
            running, walk = self._walk(self._started(self._way(means)), means)
            try:
                answer = walk.first(running)
            except Declined as declined:
                self._traits = self._weaker(declined, walk, running)
                continue
            passed_over = self._passed_over(walk, running, answer)
            if not passed_over:
                return self._begun(running, walk, answer)
            self._traits = self._without(passed_over)
        raise self._refusal("it passes over what it is asked")

    def _begun(self, running: Running, walk: Walk, answer: Answer) -> Opened:
        date, at = answer.date or self._desk.at, self._desk.at
        begun = msgspec.structs.replace(running, server_date=date, as_of=min(date, at))
        return Opened(begun, walk, answer, self._notices())

    def _notices(self) -> tuple[str, ...]:
        if self._traits.unfiltered or self._traits.undated:
            return (f"filter_ignored: {self._resource} is read whole each time; the server does not filter it",)
        return ()

    def _weaker(self, declined: Declined, walk: Walk, running: Running) -> Traits:
        weaker = None
        if declined.status in _REFUSED:
            asked = walk.params(running)
            weaker = shown.refused(self._traits, sorted_="_sort" in asked, filtered="_lastUpdated" in asked)
        if weaker is None:
            raise self._refusal(declined.why)
        return weaker

    def _refusal(self, why: str) -> Exception:
        desk, resource = self._desk, self._resource
        if not desk.knobs.explicit and resource not in ("Patient", "Appointment"):
            return NotOffered(f"not_offered: {resource} cannot be searched there ({why})")
        hint = "name it under by_patient, set the server's profile, or leave it out of resources"
        return Misconfigured(
            f"sources.{desk.name}.resources", f"the server refuses to search {resource} ({why}); {hint}"
        )

    def _passed_over(self, walk: Walk, running: Running, answer: Answer) -> set[str]:
        """The filters that the answer shows, or says, not to have been applied."""
        part = walk.part(running)
        if part.role != "search":
            return set()
        found = ignored(walk.params(running), answer.page.self)
        bound = running.bound
        if bound is not None and any(each is not None and each < bound - ROUNDING for each in answer.page.changed):
            found.add("_lastUpdated")
        return found

    def _without(self, passed_over: set[str]) -> Traits:
        if passed_over == {"_lastUpdated"} and not self._traits.unfiltered:
            return replace(self._traits, unfiltered=True)
        if passed_over == {"date"} and self._desk.knobs.fan_out == "none" and not self._traits.undated:
            return replace(self._traits, undated=True)
        names = ", ".join(sorted(passed_over))
        raise Misconfigured(
            f"sources.{self._desk.name}.query",
            f"the server passes over {names} in a search for {self._resource}; it would answer with more than is wanted",
        )


def _query(settings: FhirSearchSettings, resource: str) -> Mapping[str, str | Sequence[str]]:
    return next((params for name, params in settings.query.items() if name == resource), {})


def _includes(desk: Desk, resource: str) -> dict[str, list[str]]:
    wanted = [each for each in desk.settings.include if each.startswith(f"{resource}:")]
    if (
        desk.knobs.patients == "include"
        and "Patient" in desk.knobs.resources
        and resource in ("Appointment", "Encounter")
    ):
        wanted.append(f"{resource}:patient")
    return {"_include": sorted(set(wanted))} if wanted else {}
