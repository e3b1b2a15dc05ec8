"""What a visit counts as at a given time: attended, missed, booked, or nothing."""

from collections.abc import Iterable
from datetime import date, datetime
from enum import IntEnum
from functools import reduce
from typing import Final, Literal, NamedTuple
from zoneinfo import ZoneInfo

from mappings.records import VisitStatus
from sync.clock import Clock, Clocks, local_day, midnight, zone_of
from sync.person import Thresholds, Visit, Withheld


class Meaning(IntEnum):
    """What a record counts as; of the records of one site and day the lowest speaks.

    UNRESOLVED (a past visit still booked) and WITHHELD (a visit in quarantine) count as booked; CANCELLED, LAPSED (a
    booking or quarantined visit that came to nothing) and PROPOSED count as nothing.
    """

    ATTENDED = 0
    MISSED = 1
    BOOKED = 2
    UNRESOLVED = 3
    WITHHELD = 4
    CANCELLED = 5
    LAPSED = 6
    PROPOSED = 7


LAST_THAT_COUNTS: Final = Meaning.WITHHELD
"""What is attended, missed or booked is at most this."""

_SETTLED: Final[dict[str, Meaning]] = {
    "arrived": Meaning.ATTENDED,
    "fulfilled": Meaning.ATTENDED,
    "noshow": Meaning.MISSED,
    "cancelled": Meaning.CANCELLED,
    "proposed": Meaning.PROPOSED,
}
_PAST_BOOKED: Final = {"attended": Meaning.ATTENDED, "missed": Meaning.MISSED}


class Record(NamedTuple):
    """A visit, or one in quarantine, with all that its meaning hangs on.

    `lapses` is the first day on which it is settled, as `past_booked` says or as nothing: of a booking by the day of
    its source's `data_as_of` (`counted`; None: by the clock), of a quarantined visit by the clock. `row` is the patient
    row's id.
    """

    source: str
    external_id: str
    row: int
    day: date
    site: str | None
    starts_at: datetime
    status: VisitStatus | Literal["withheld"]
    episode_id: str | None
    zone: ZoneInfo
    clock: Clock
    lapses: date
    counted: date | None
    past_booked: Literal["attended", "missed"] | None
    visit: Visit | None

    @property
    def ref(self) -> str:
        """The record's id for the books: source:external_id."""
        return f"{self.source}:{self.external_id}"


class Heard(NamedTuple):
    """The record that speaks for a site and day, and what it counts as."""

    meaning: Meaning
    record: Record


def visit_record(visit: Visit, thresholds: Thresholds, clocks: Clocks) -> Record:
    """A visit as a record; an unresolved booking counts to the day of its source's `data_as_of`, not of the clock."""
    zone = zone_of(visit.site, clocks.world)
    feed = clocks.world.feeds.get(visit.source)
    as_of = feed.data_as_of if feed else None
    lapses = visit.day
    if visit.status == "booked":
        lapses = _later(lapses, 1 if feed and feed.past_booked else thresholds.unresolved_after_days + 1)
    return Record(  # by position: this is made for every visit of a review, and names would double its cost
        visit.source,
        visit.external_id,
        visit.row,
        visit.day,
        visit.site,
        visit.starts_at,
        visit.status,
        visit.episode_id,
        zone,
        clocks.own(visit.source),
        lapses,
        local_day(as_of, zone) if as_of else None,
        feed.past_booked if feed else None,
        visit,
    )


def withheld_record(withheld: Withheld, thresholds: Thresholds, clocks: Clocks) -> Record:
    """A quarantined visit as a record: on its own day, or (while it counts) today where its day could not be read."""
    zone = zone_of(withheld.site, clocks.world)
    clock = clocks.own(withheld.source)
    lapses = _later(local_day(withheld.since, zone), thresholds.quarantine_days)
    day = withheld.day or min(local_day(clock.time, zone), _later(lapses, -1))
    return Record(
        source=withheld.source,
        external_id="quarantined",
        row=withheld.row,
        day=day,
        site=withheld.site,
        starts_at=midnight(day, zone),
        status="withheld",
        episode_id=withheld.episode_id,
        zone=zone,
        clock=clock,
        lapses=lapses,
        counted=None,
        past_booked=None,
        visit=None,
    )


def _later(day: date, days: int) -> date:
    return date.fromordinal(min(day.toordinal() + days, date.max.toordinal()))


def meaning_of(record: Record, time: datetime) -> Meaning:
    """What a record counts as when a clock shows `time`; a visit is booked to the end of its local day."""
    settled = _SETTLED.get(record.status)
    if settled is not None:
        return settled
    today = local_day(time, record.zone)
    if record.status == "withheld":
        return Meaning.WITHHELD if today < record.lapses else Meaning.LAPSED
    if record.day >= today:
        return Meaning.BOOKED
    if (record.counted or today) < record.lapses:
        return Meaning.UNRESOLVED
    return _PAST_BOOKED[record.past_booked] if record.past_booked is not None else Meaning.LAPSED


def heard(records: Iterable[Record], time: datetime) -> list[Heard]:
    """One record for each site and local day, in the order of days: attended beats missed beats booked beats the rest."""
    best: dict[tuple[date, str | None], Heard] = {}
    for record in records:
        found = Heard(meaning_of(record, time), record)
        place = (record.day, record.site)
        rival = best.setdefault(place, found)
        if rival is not found and _rank(found) < _rank(rival):
            best[place] = found
    return sorted(best.values(), key=lambda found: _order(found.record))


def _rank(found: Heard) -> tuple[Meaning, datetime, str, str]:
    meaning, record = found
    return meaning, record.starts_at, record.source, record.external_id


def latest(records: Iterable[Record]) -> Record | None:
    """The record of the latest day; of several the one that starts first, then by the site's name."""
    return reduce(latest_of, records, None)


def latest_of(one: Record | None, other: Record) -> Record:
    """The later of two records, in the same sense."""
    if one is None or one.day != other.day:
        return other if one is None or one.day < other.day else one
    return min(one, other, key=_order)


def _order(record: Record) -> tuple[date, datetime, str, str, str]:
    return record.day, record.starts_at, record.site or "", record.source, record.external_id
