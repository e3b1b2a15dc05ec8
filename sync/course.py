"""How a plan of care stands: its days at its own clock, and the status that follows from them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from mappings.records import Outcome, Status
from sync.attendance import LAST_THAT_COUNTS, Heard, Meaning, Record, heard, latest
from sync.clock import Clock, Clocks, local_day, midnight, zone_of
from sync.due import Wait
from sync.episodes import Draft, thresholds_of
from sync.horizon import closes_on, rhythm_of
from sync.person import Episode, Thresholds

_CARED_FOR: Final = ("completed", "transferred", "self_discharged")
_MISSES_WITHIN_DAYS: Final = 30


class Counted(NamedTuple):
    """The records that speak, one a site and day, in the order of days."""

    attended: Sequence[Record]
    missed: Sequence[Record]
    booked: Sequence[Record]


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """An episode at its own clock. Days are sorted; a site and day is one visit.

    `id`: the EMR's, of a derived episode its first day. `last`: the latest attended or missed day. `closing`: the
    EMR's closing, once it has come. `outcome` is None while open. `next_open`: a horizon leaves the next visit open.
    `status` None = counts as no episode. `instants` are those at which time alone may change any of this; `waits`
    likewise for the data's own time.
    """

    id: str
    emr: Episode | None
    clock: Clock
    site: str | None
    zone: ZoneInfo
    first_day: date
    counted: Counted
    last: date | None
    closing: date | None
    closed: bool
    outcome: Outcome | None
    rhythm: float | None
    next_open: bool
    status: Status | None
    rule: str
    instants: tuple[datetime, ...]
    waits: tuple[Wait, ...]

    @property
    def kind(self) -> str | None:
        """The episode's type."""
        return self.emr.kind if self.emr else None

    @property
    def attended_days(self) -> tuple[date, ...]:
        """The days on which somebody came, each once."""
        return _days(self.counted.attended)

    @property
    def missed_days(self) -> tuple[date, ...]:
        """The days on which a visit was missed, each once."""
        return _days(self.counted.missed)

    @property
    def booked_days(self) -> tuple[date, ...]:
        """The days with a visit that counts as booked, each once."""
        return _days(self.counted.booked)

    @property
    def latest_day(self) -> date:
        """What makes one episode later than another: its latest attended or missed day, else its latest booked."""
        if self.last is not None:
            return self.last
        return self.counted.booked[-1].day if self.counted.booked else self.first_day

    @property
    def order(self) -> tuple[int, str, str]:
        """The latest episode first, then the lowest id."""
        return -self.latest_day.toordinal(), self.id, self.emr.source if self.emr else ""

    @property
    def inputs(self) -> tuple[str, ...]:
        """The ids of what decided: the EMR episode, and the last record of each meaning."""
        own = (f"{self.emr.source}:{self.emr.external_id}",) if self.emr else ()
        return own + tuple(records[-1].ref for records in self.counted if records)


class _Standing(NamedTuple):
    """What the status rules read."""

    counted: Counted
    gap: int
    two_missed: bool
    next_open: bool


def course_of(draft: Draft, clocks: Clocks) -> Course:
    """An episode at the clock of the sources that feed it: those of its row and of its visits."""
    emr = draft.emr
    sources = {record.source for record in draft.records} | ({emr.source} if emr else set())
    clock = clocks.least(sources)
    counted = _counted(heard(draft.records, clock.time))
    site = _site(emr, counted)
    zone = zone_of(site, clocks.world)
    limits = thresholds_of(clocks.world, site, emr.kind if emr else None)
    closing = _closing(emr, zone, clock)
    last = max((records[-1].day for records in counted[:2] if records), default=None)
    outcome = _outcome(emr, closing, last, limits)
    reference = _reference(counted, closing, zone)
    rhythm = rhythm_of(_days(counted.attended)) if len(counted.attended) > 1 else None
    views = _views(counted, rhythm, sources, clocks)
    standing = _Standing(counted, _gap(reference, clock), _two_missed(counted.missed, last), bool(views))
    by_count = closing is None and _by_count(emr, standing, limits)
    closed = closing is not None or by_count
    status, rule = _status(standing, limits, closed, outcome)
    first_day = _first_day(emr, counted, clock, zone)
    return Course(
        id=emr.external_id if emr else first_day.isoformat(),
        emr=emr,
        clock=clock,
        site=site,
        zone=zone,
        first_day=first_day,
        counted=counted,
        last=last,
        closing=closing,
        closed=closed,
        outcome=(outcome or "unknown") if closed else None,
        rhythm=rhythm,
        next_open=bool(views),
        status=status,
        rule=rule,
        instants=_instants(emr, zone, reference, limits),
        waits=views,
    )


def _days(records: Sequence[Record]) -> tuple[date, ...]:
    return tuple(dict.fromkeys([record.day for record in records]))


def _counted(speaking: Sequence[Heard]) -> Counted:
    counted: tuple[list[Record], list[Record], list[Record]] = ([], [], [])
    for meaning, record in speaking:
        if meaning <= LAST_THAT_COUNTS:
            counted[min(meaning, Meaning.BOOKED)].append(record)
    return Counted(*counted)


def _site(emr: Episode | None, counted: Counted) -> str | None:
    """The EMR's site, else that of the last attended, else missed, else booked visit."""
    if emr is not None and emr.site is not None:
        return emr.site
    for records in counted:
        last = latest(records)
        if last is not None:
            return last.site
    return None


def _closing(emr: Episode | None, zone: ZoneInfo, clock: Clock) -> date | None:
    if emr is None or emr.discharged_on is None:
        return None
    return emr.discharged_on if emr.discharged_on <= local_day(clock.time, zone) else None


def _outcome(emr: Episode | None, closing: date | None, last: date | None, limits: Thresholds) -> Outcome | None:
    """The EMR's word; closed without any long after the last visit, the person had left by themselves."""
    if emr is None or emr.outcome is not None:
        return emr.outcome if emr else None
    long_gone = closing is not None and last is not None and (closing - last).days > limits.dropout_after_days
    return "self_discharged" if long_gone else None


def _reference(counted: Counted, closing: date | None, zone: ZoneInfo) -> tuple[date, ZoneInfo] | None:
    """What the gap counts from: the last attended day, else the last missed one, else the closing."""
    last = latest(counted.attended) or latest(counted.missed)
    if last is not None:
        return last.day, last.zone
    return (closing, zone) if closing is not None else None


def _gap(reference: tuple[date, ZoneInfo] | None, clock: Clock) -> int:
    if reference is None:
        return 0
    day, zone = reference
    return max(0, (local_day(clock.time, zone) - day).days)


def _two_missed(missed: Sequence[Record], last: date | None) -> bool:
    """Two missed days among the 30 that end with the last attended or missed day."""
    if last is None or len(missed) < 2:
        return False
    return len([day for day in _days(missed) if (last - day).days < _MISSES_WITHIN_DAYS]) >= 2


def _views(counted: Counted, rhythm: float | None, sources: set[str], clocks: Clocks) -> tuple[Wait, ...]:
    """The sources that cannot see yet whether there is a next visit, each until its data are of that instant."""
    last = latest(counted.attended)
    if rhythm is None or last is None or (counted.missed and counted.missed[-1].day > last.day):
        return ()
    waits = []
    for source in sources:
        feed = clocks.world.feeds.get(source)
        if feed is None or feed.sees_ahead is None or feed.data_as_of is None:
            continue
        closes = closes_on(last.day, rhythm, feed.sees_ahead)
        if local_day(feed.data_as_of, last.zone) < closes:
            waits.append(Wait(source, midnight(closes, last.zone)))
    return tuple(waits)


def _by_count(emr: Episode | None, standing: _Standing, limits: Thresholds) -> bool:
    """All prescribed visits attended, nothing booked, and some days gone by."""
    prescribed = emr.visits_prescribed if emr else None
    if prescribed is None or not len(standing.counted.attended) >= prescribed >= 1:
        return False
    return not standing.counted.booked and not standing.next_open and standing.gap > limits.at_risk_after_days


def _status(
    standing: _Standing, limits: Thresholds, closed: bool, outcome: Outcome | None
) -> tuple[Status | None, str]:
    attended, missed, booked = standing.counted
    if closed:
        empty = not attended and not missed and outcome not in _CARED_FOR
        return (None, "episode.empty") if empty else _closed(standing.gap, limits, outcome)
    if attended:
        return _attending(standing, limits)
    if booked:
        return "scheduled", "episode.first_visit_booked"
    return _never_came(standing.gap, limits) if missed else (None, "episode.empty")


def _closed(gap: int, limits: Thresholds, outcome: Outcome | None) -> tuple[Status, str]:
    if gap > limits.dormant_after_days:
        return "dormant", "episode.closed_long_ago"
    if outcome == "self_discharged":
        return "dropped_out", "episode.closed_without_end_of_care"
    return "discharged", "episode.closed"


def _never_came(gap: int, limits: Thresholds) -> tuple[Status, str]:
    if gap > limits.dormant_after_days:
        return "dormant", "episode.never_came_long_ago"
    if gap > limits.dropout_after_days:
        return "dropped_out", "episode.never_came_dropout"
    return "at_risk", "episode.first_visit_missed"


def _attending(standing: _Standing, limits: Thresholds) -> tuple[Status, str]:
    if standing.counted.booked or standing.next_open:
        return ("at_risk", "episode.missed_twice") if standing.two_missed else ("active", "episode.next_visit_booked")
    if standing.gap > limits.dormant_after_days:
        return "dormant", "episode.gap_dormant"
    if standing.gap > limits.dropout_after_days:
        return "dropped_out", "episode.gap_dropout"
    if standing.gap > limits.at_risk_after_days:
        return "at_risk", "episode.gap_at_risk"
    return ("at_risk", "episode.missed_twice") if standing.two_missed else ("active", "episode.attending")


def _first_day(emr: Episode | None, counted: Counted, clock: Clock, zone: ZoneInfo) -> date:
    """The EMR's start, else the first visit, else the closing."""
    if emr is not None and emr.started_on is not None:
        return emr.started_on
    days = [records[0].day for records in counted if records]
    if days:
        return min(days)
    return (emr.discharged_on if emr else None) or local_day(clock.time, zone)


def _instants(
    emr: Episode | None, zone: ZoneInfo, reference: tuple[date, ZoneInfo] | None, limits: Thresholds
) -> tuple[datetime, ...]:
    """When the closing comes, and when the gap passes each threshold."""
    closing = () if emr is None or emr.discharged_on is None else (midnight(emr.discharged_on, zone),)
    if reference is None:
        return closing
    day, there = reference
    return (
        *closing,
        midnight(day, there, limits.at_risk_after_days + 1),
        midnight(day, there, limits.dropout_after_days + 1),
        midnight(day, there, limits.dormant_after_days + 1),
    )
