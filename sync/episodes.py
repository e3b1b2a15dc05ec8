"""Which visits make up which plan of care: EMR episodes own theirs, all others form one chain of derived episodes."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from itertools import groupby

from sync.attendance import (
    LAST_THAT_COUNTS,
    Meaning,
    Record,
    latest_of,
    meaning_of,
    visit_record,
    withheld_record,
)
from sync.clock import Clocks
from sync.person import Episode, Person, Thresholds, Visit, Withheld, World

Ref = tuple[str, str]


@dataclass(slots=True)
class Draft:
    """An episode as it is gathered: its EMR row, None for a derived one, and the records it owns."""

    emr: Episode | None
    records: list[Record] = field(default_factory=list)


@dataclass(slots=True)
class Gathered:
    """A contact's records sorted out: `free` ones wait for the chain, `adrift` ones for the latest episode."""

    owned: list[Draft]
    free: list[Record]
    adrift: list[Record]
    records: list[Record]


def thresholds_of(world: World, site: str | None, kind: str | None) -> Thresholds:
    """The thresholds of an episode: its type's over its site's over the practice's."""
    if kind is not None:
        both = world.by_site_type.get((site, kind)) if site is not None else None
        found = both or world.by_type.get(kind)
        if found is not None:
            return found
    return world.by_site.get(site, world.thresholds) if site is not None else world.thresholds


def gather(person: Person, clocks: Clocks) -> Gathered:
    """Turns visits into records and gives each to the EMR episode that owns it."""
    drafts = {(episode.source, episode.external_id): Draft(episode) for episode in person.episodes}
    found = Gathered(list(drafts.values()), [], [], [])
    for visit in person.visits:
        draft = _owner(drafts, visit) if drafts else None
        record = visit_record(visit, _thresholds(draft, visit.site, clocks.world), clocks)
        found.records.append(record)
        (found.free if draft is None else draft.records).append(record)
    for withheld in person.withheld:
        _take(withheld, drafts, found, clocks)
    return found


def _take(withheld: Withheld, drafts: Mapping[Ref, Draft], found: Gathered, clocks: Clocks) -> None:
    """A quarantined visit is taken on its own day and episode; without a day, today in the latest episode."""
    record = withheld_record(withheld, thresholds_of(clocks.world, withheld.site, None), clocks)
    found.records.append(record)
    draft = _owner(drafts, record)
    if draft is not None and (withheld.day is not None or withheld.episode_id is not None):
        draft.records.append(record)
    elif withheld.day is not None:
        found.free.append(record)
    else:
        found.adrift.append(record)


def _thresholds(draft: Draft | None, site: str | None, world: World) -> Thresholds:
    if draft is None or draft.emr is None:
        return thresholds_of(world, site, None)
    return thresholds_of(world, draft.emr.site or site, draft.emr.kind)


def _owner(drafts: Mapping[Ref, Draft], visit: Visit | Record) -> Draft | None:
    """The EMR episode that a visit names, or in whose dates an unnamed one falls.

    A visit after the closing of the episode it names counts as unnamed.
    """
    if visit.episode_id is not None:
        named = drafts.get((visit.source, visit.episode_id))
        if named is None or named.emr is None:
            return None
        closing = named.emr.discharged_on
        if closing is None or visit.day <= closing:
            return named
    around = [draft for draft in drafts.values() if draft.emr is not None and _spans(draft.emr, visit)]
    return min(around, key=_precedence) if around else None


def _spans(episode: Episode, visit: Visit | Record) -> bool:
    """True if an unnamed visit of the same patient row and site falls in the dates, both ends included.

    An episode whose EMR names no site takes visits at any; so does one for a quarantined visit without a site.
    """
    if episode.row != visit.row or episode.source != visit.source:
        return False
    anywhere = episode.site is None or (visit.site is None and isinstance(visit, Record))
    if not anywhere and episode.site != visit.site:
        return False
    begun = episode.started_on is None or episode.started_on <= visit.day
    return begun and (episode.discharged_on is None or visit.day <= episode.discharged_on)


def _precedence(draft: Draft) -> tuple[int, str]:
    """The latest start first, then the lowest external id."""
    emr = draft.emr
    assert emr is not None  # noqa: S101  # only drafts of EMR episodes are compared
    return -(emr.started_on.toordinal() if emr.started_on else 0), emr.external_id


@dataclass(slots=True)
class _Running:
    """The derived episode that the chain is at; the days are those of its latest visits so far."""

    draft: Draft
    first: date
    last: date
    by_meaning: dict[Meaning, Record] = field(default_factory=dict)

    def take(self, meaning: Meaning, record: Record) -> None:
        """The records of a day may come in any order: the one that starts first speaks for it."""
        self.draft.records.append(record)
        self.last = record.day
        kind = min(meaning, Meaning.BOOKED)
        known = self.by_meaning.get(kind)
        self.by_meaning[kind] = record if known is None else latest_of(known, record)

    def too_long_before(self, day: date, world: World) -> bool:
        """More than `new_episode_after_days` after the last attended day (none attended: after the first day)."""
        attended = self.by_meaning.get(Meaning.ATTENDED)
        since = attended.day if attended else self.first
        speaking = self.by_meaning[min(self.by_meaning)]
        return (day - since).days > thresholds_of(world, speaking.site, None).new_episode_after_days


def chain(free: Iterable[Record], closings: Sequence[date], world: World) -> list[Draft]:
    """Derived episodes, over all sources and sites, by day; each record at its own source's clock.

    `closings` are the days, not after today, on which the contact's EMR episodes were closed.
    """
    meant = [(meaning_of(record, record.clock.time), record) for record in free]
    taking = [pair for pair in meant if pair[0] <= LAST_THAT_COUNTS]
    taking.sort(key=lambda pair: pair[1].day)
    drafts: list[Draft] = []
    running: _Running | None = None
    for day, group in groupby(taking, key=lambda pair: pair[1].day):
        if running is None or _closed_between(running.last, day, closings) or running.too_long_before(day, world):
            running = _Running(Draft(None), day, day)
            drafts.append(running.draft)
        for meaning, record in group:
            running.take(meaning, record)
    return drafts


def _closed_between(last: date, day: date, closings: Sequence[date]) -> bool:
    """True if this is the first visit after a closing."""
    return any(last <= closing < day for closing in closings)
