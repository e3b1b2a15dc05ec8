"""The lifecycle: one contact's rows and a clock decide its one status; the status before plays no part."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final, NamedTuple

from mappings.records import Status
from sync.attendance import Heard, Meaning, Record, heard
from sync.clock import Clock, Clocks, local_day, midnight, zone_of
from sync.course import Course
from sync.due import Due, Wait
from sync.history import History, history_of
from sync.leads import lead_days, lead_status
from sync.person import Person, Row, World
from sync.standing import current_site, is_lead, is_prospect, leading_rows, preferred_site

__all__ = ["Judgement", "Wait", "judge", "midnight"]

_FIRST_THAT_FITS: Final[tuple[Status, ...]] = ("active", "scheduled", "at_risk")
_TIES: Final[tuple[Status, ...]] = ("discharged", "dropped_out", "dormant")
_WINDOW_DAYS: Final = 30
_OPENING: Final = (Meaning.UNRESOLVED, Meaning.WITHHELD)


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """What a contact is at its own clock, why, and when time alone may change it.

    `rule` is a stable word, `inputs` are the ids (source:external_id) that decided. `today` is the day at the
    contact's site. `heard` are the records that speak for each site and day at the contact's clock, `next_open`
    says that a next visit may exist that no record shows. `next_change_at` is the earliest instant at which time
    alone may change status, site or any fact of past and coming visits; None = never.
    """

    status: Status
    rule: str
    inputs: tuple[str, ...]
    deciding: Course | None
    returning: bool
    site: str | None
    sites: frozenset[str]
    today: date
    own_clock: Clock
    heard: Sequence[Heard]
    next_open: bool
    next_change_at: datetime | None
    waits: tuple[Wait, ...]

    @property
    def clock(self) -> datetime:
        """The instant that the contact's clock shows."""
        return self.own_clock.time

    @property
    def stopped(self) -> bool:
        """True while the feed behind the contact is stale."""
        return self.own_clock.stopped


class _Verdict(NamedTuple):
    status: Status
    rule: str
    inputs: tuple[str, ...]


def judge(person: Person, world: World, at: datetime) -> Judgement:
    """Judges a contact at an instant (aware, UTC)."""
    clocks = Clocks(world, at)
    history = history_of(person, clocks)
    inactive = _inactive(person, world)
    deciding = _deciding(history.courses) if inactive is None else None
    clock = deciding.clock if deciding else _clock_without_episode(person, clocks)
    due = _due(history, clock, at)
    verdict = inactive or _verdict(deciding) or _Verdict(*_lead(person, history, clocks, clock, due))
    speaking = heard(history.records, clock.time)
    preferred = preferred_site(leading_rows(person), world)
    site = current_site(speaking, preferred)
    return Judgement(
        status=verdict.status,
        rule=verdict.rule,
        inputs=verdict.inputs,
        deciding=deciding,
        returning=_is_returning(deciding, history.courses),
        site=site,
        sites=frozenset([v.site for v in person.visits if v.site is not None and v.status != "cancelled"]),
        today=local_day(clock.time, zone_of(site, world)),
        own_clock=clock,
        heard=speaking,
        next_open=_is_next_open(speaking, history.courses),
        next_change_at=due.next_change_at,
        waits=due.waits,
    )


def _inactive(person: Person, world: World) -> _Verdict | None:
    """Deceased, suppressed by hand, or inactive or absent in every EMR row (of a prospect: in every row)."""
    deceased = [row for row in person.rows if row.deceased]
    if deceased:
        return _Verdict("inactive", "contact.deceased", _refs(deceased))
    if person.suppressed_by_hand:
        return _Verdict("inactive", "contact.suppressed_by_hand", ())
    prospect = is_prospect(person, world)
    asked = [row for row in person.rows if not row.merged_away and (prospect or not is_lead(row, world))]
    if any(row.active and row.present for row in asked):
        return None
    return _Verdict("inactive", "contact.inactive_or_absent", _refs(asked))


def _refs(rows: Sequence[Row]) -> tuple[str, ...]:
    return tuple(sorted(f"{row.source}:{row.external_id}" for row in rows))


def _clock_without_episode(person: Person, clocks: Clocks) -> Clock:
    """The least over the EMR rows' sources; a prospect's clock never stops."""
    return clocks.least({row.source for row in person.rows if not is_lead(row, clocks.world)})


def _deciding(courses: Sequence[Course]) -> Course | None:
    """The episode whose status the contact has; of several the latest."""
    for status in _FIRST_THAT_FITS:
        fitting = [course for course in courses if course.status == status]
        if fitting:
            return min(fitting, key=_by_latest)
    ended = [course for course in courses if course.status is not None]
    return min(ended, key=_by_last_day) if ended else None


def _by_latest(course: Course) -> tuple[int, str, str]:
    return course.order


def _by_last_day(course: Course) -> tuple[int, int, str, str]:
    """The latest attended, missed or closing day that is not after today; then the status, then the lowest id."""
    time = course.clock.time
    records = (*course.counted.attended, *course.counted.missed)
    days = [record.day for record in records if record.day <= local_day(time, record.zone)]
    if course.closing is not None:
        days.append(course.closing)
    last = max(days).toordinal() if days else 0
    rank = _TIES.index(course.status) if course.status in _TIES else len(_TIES)
    return -last, rank, *course.order[1:]


def _verdict(deciding: Course | None) -> _Verdict | None:
    if deciding is None or deciding.status is None:
        return None
    return _Verdict(deciding.status, deciding.rule, deciding.inputs)


def _lead(
    person: Person, history: History, clocks: Clocks, clock: Clock, due: Due
) -> tuple[Status, str, tuple[str, ...]]:
    found = lead_days(person, history.records, clocks.world, clock)
    return lead_status(found, clocks.world, clock, due)


def _is_returning(deciding: Course | None, courses: Sequence[Course]) -> bool:
    """True if an earlier episode, one whose first day is earlier, has an attended visit."""
    if deciding is None:
        return False
    return any(course.first_day < deciding.first_day and course.counted.attended for course in courses)


def _is_next_open(speaking: Sequence[Heard], courses: Sequence[Course]) -> bool:
    return any(course.next_open for course in courses) or any(found.meaning in _OPENING for found in speaking)


def _due(history: History, clock: Clock, at: datetime) -> Due:
    """Every instant at which something may change, at every clock that plays a part."""
    due = Due(clock)
    clocks = {clock.source: clock}
    for course in history.courses:
        clocks[course.clock.source] = course.clock
        for source, until in course.waits:
            due.wait(source, until)
    for record in history.records:
        clocks[record.clock.source] = record.clock
        if _waits_for_data(record, at):
            due.wait(record.source, midnight(record.lapses, record.zone))
    instants = {instant for course in history.courses for instant in course.instants}
    instants.update(instant for record in history.records for instant in _turns(record))
    for each in clocks.values():
        for instant in instants:
            due.add(instant, each)
    return due


def _waits_for_data(record: Record, at: datetime) -> bool:
    """True of an unresolved booking: the day of its source's data decides when it is settled or comes to nothing."""
    if record.status != "booked" or record.counted is None:
        return False
    return record.counted < record.lapses and record.day < local_day(at, record.zone)


def _turns(record: Record) -> Iterator[datetime]:
    """When a record may come to count as something else, become past, or enter or leave the last 30 days."""
    if record.status == "withheld":
        yield midnight(record.day, record.zone, 1)  # one whose day could not be read moves with today
        yield midnight(record.lapses, record.zone)
        return
    if record.status == "proposed":
        return
    if record.status == "booked":
        yield midnight(record.day, record.zone, 1)
        if record.counted is None:
            yield midnight(record.lapses, record.zone)
    else:
        yield midnight(record.day, record.zone)
        yield record.starts_at
    if record.status in ("noshow", "cancelled") or record.past_booked == "missed":
        yield midnight(record.day, record.zone, _WINDOW_DAYS)
