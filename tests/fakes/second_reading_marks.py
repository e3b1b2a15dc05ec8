"""The second reading: what each record says for its site and day."""

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Literal, NamedTuple

from sync.person import Person, Thresholds, Visit, Withheld, World

Meaning = Literal["attended", "missed", "booked", "open", "nothing"]
"""`open` counts as booked but is not on the books: unresolved or quarantined."""

BEST: Sequence[Meaning] = ("attended", "missed", "booked", "open", "nothing")


class Mark(NamedTuple):
    """What one record says for its site and day."""

    meaning: Meaning
    day: date
    start: datetime
    site: str | None


class Place(NamedTuple):
    """A world, seen at an instant."""

    world: World
    now: datetime

    def clock(self, sources: Iterable[str]) -> datetime:
        """min(now, data_as_of + max_age), the minimum over the sources."""
        known = [self.world.feeds[source] for source in sources]
        return min(
            [self.now, *(f.data_as_of + f.max_age for f in known if f.data_as_of is not None and f.max_age is not None)]
        )

    def day(self, instant: datetime, site: str | None) -> date:
        """The local day of an instant at a site."""
        zone = self.world.zone if site is None else self.world.site_zones.get(site, self.world.zone)
        return instant.astimezone(zone).date()

    def thresholds(self, site: str | None, kind: str | None = None) -> Thresholds:
        """Type over site over practice."""
        at_site = self.world.by_site.get(site or "", self.world.thresholds)
        of_type = self.world.by_type.get(kind or "", at_site)
        return self.world.by_site_type.get((site or "", kind or ""), of_type)


def records_of(person: Person) -> list[Visit | Withheld]:
    records: list[Visit | Withheld] = [*person.visits]
    return [*records, *person.withheld]


def mark_of(record: Visit | Withheld, clock: datetime, place: Place) -> Mark:
    today = place.day(clock, record.site)
    if isinstance(record, Withheld):
        held_for = (today - place.day(record.since, record.site)).days
        left = place.thresholds(record.site).quarantine_days - held_for
        day = record.day or today + timedelta(days=min(0, left - 1))
        start = datetime.combine(day, time.min, UTC)
        return Mark("open" if left > 0 else "nothing", day, start, record.site)
    return Mark(_meaning(record, today, place), record.day, record.starts_at, record.site)


def _meaning(visit: Visit, today: date, place: Place) -> Meaning:
    if visit.status in ("arrived", "fulfilled"):
        return "attended"
    if visit.status == "noshow":
        return "missed"
    if visit.status != "booked":
        return "nothing"
    return "booked" if visit.day >= today else _unresolved(visit, place)


def _unresolved(visit: Visit, place: Place) -> Meaning:
    """Counted to the day of its source's `data_as_of`, not of the clock."""
    feed = place.world.feeds[visit.source]
    waited = (place.day(feed.data_as_of or place.now, visit.site) - visit.day).days
    if feed.past_booked:
        return feed.past_booked if waited >= 1 else "open"
    return "open" if waited <= place.thresholds(visit.site).unresolved_after_days else "nothing"


def one_a_day(marks: Iterable[Mark]) -> list[Mark]:
    """Records at one site on one local day are one visit: attended beats missed beats booked beats the rest."""
    best: dict[tuple[str | None, date], Mark] = {}
    for mark in sorted(marks, key=lambda each: (BEST.index(each.meaning), each.start)):
        best.setdefault((mark.site, mark.day), mark)
    return list(best.values())


def days_of(marks: Iterable[Mark], *meanings: Meaning) -> set[date]:
    return {mark.day for mark in marks if mark.meaning in meanings}


def last_of(marks: Iterable[Mark], *meanings: Meaning) -> Mark | None:
    """The latest visit; ties: earliest start, then name."""
    found = [mark for mark in marks if mark.meaning in meanings]
    latest = max((mark.day for mark in found), default=None)
    return min(
        (mark for mark in found if mark.day == latest), key=lambda each: (each.start, each.site or ""), default=None
    )
