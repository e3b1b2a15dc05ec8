"""The lifecycle read a second time: slow, day by day, one function a sentence, written without a look at the product.

It exists to disagree. Where it and `sync.lifecycle.judge` differ, one of them has misread the rules.
"""

import itertools
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, time, timedelta
from statistics import median
from typing import Literal, NamedTuple

from mappings.facts import OPEN, Open
from mappings.records import Status
from sync.person import Episode, Person, Row, Thresholds, Visit, Withheld, World

Meaning = Literal["attended", "missed", "booked", "open", "nothing"]
"""`open` counts as booked but is not on the books: unresolved or quarantined."""

BEST: Sequence[Meaning] = ("attended", "missed", "booked", "open", "nothing")
CLOSED: Sequence[Status] = ("discharged", "dropped_out", "dormant")


class Reading(NamedTuple):
    """What the second reading says of a contact; the names are those of the facts."""

    status: Status
    site: str | None
    returning: bool
    visits_attended: int | None
    visits_missed: int | None
    days_between_visits: float | None
    next_visit: date | Open | None
    last_visit: date | None


class Mark(NamedTuple):
    """What one record says for its site and day."""

    meaning: Meaning
    day: date
    start: datetime
    site: str | None


class Plan(NamedTuple):
    """A plan of care: an EMR episode, or one of the chain (`episode` None, `id` its first day)."""

    id: str
    episode: Episode | None
    records: list[Visit | Withheld]


class Judged(NamedTuple):
    """A plan that counts as an episode, at its own clock."""

    status: Status
    plan: Plan
    clock: datetime
    marks: list[Mark]
    closing: date | None


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


def read(person: Person, world: World, now: datetime) -> Reading:
    """The contact's status and the facts that come with it."""
    place = Place(world, now)
    judged = [each for plan in _plans(person, place) if (each := _judged(plan, place))]
    deciding = None if _inactive(person, place) else _deciding(judged)
    clock = deciding.clock if deciding else _clock_without_episode(person, place)
    marks = _one_a_day(_mark(each, clock, place) for each in _records(person))
    site = _site(person, place, marks)
    status: Status
    status = "inactive" if _inactive(person, place) else deciding.status if deciding else _lead(person, place, clock)
    return Reading(
        status=status,
        site=site,
        returning=deciding is not None and _returning(deciding, judged),
        visits_attended=_count(deciding, "attended"),
        visits_missed=_count(deciding, "missed"),
        days_between_visits=_rhythm(deciding.marks) if deciding else None,
        next_visit=_next_visit(marks, any(_horizon_open(each.marks, each.plan, place) for each in judged)),
        last_visit=max(_days(marks, "attended"), default=None),
    )


def _records(person: Person) -> list[Visit | Withheld]:
    records: list[Visit | Withheld] = [*person.visits]
    return [*records, *person.withheld]


def _count(deciding: Judged | None, meaning: Meaning) -> int | None:
    return None if deciding is None else sum(mark.meaning == meaning for mark in deciding.marks)


# attended, missed, booked, unresolved, quarantined


def _mark(record: Visit | Withheld, clock: datetime, place: Place) -> Mark:
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


def _one_a_day(marks: Iterable[Mark]) -> list[Mark]:
    """Records at one site on one local day are one visit: attended beats missed beats booked beats the rest."""
    best: dict[tuple[str | None, date], Mark] = {}
    for mark in sorted(marks, key=lambda each: (BEST.index(each.meaning), each.start)):
        best.setdefault((mark.site, mark.day), mark)
    return list(best.values())


def _days(marks: Iterable[Mark], *meanings: Meaning) -> set[date]:
    return {mark.day for mark in marks if mark.meaning in meanings}


def _last(marks: Iterable[Mark], *meanings: Meaning) -> Mark | None:
    """The latest visit; ties: earliest start, then name."""
    found = [mark for mark in marks if mark.meaning in meanings]
    latest = max((mark.day for mark in found), default=None)
    return min(
        (mark for mark in found if mark.day == latest), key=lambda each: (each.start, each.site or ""), default=None
    )


# plans of care


def _plans(person: Person, place: Place) -> list[Plan]:
    plans = [Plan(each.external_id, each, []) for each in person.episodes]
    loose: list[Visit | Withheld] = []
    adrift: list[Withheld] = []
    for record in _records(person):
        owner = _named(record, plans, place) or _by_dates(record, plans)
        if owner:
            owner.records.append(record)
        elif isinstance(record, Withheld) and record.day is None:
            adrift.append(record)
        else:
            loose.append(record)
    plans += _chain(loose, person.episodes, place)
    for withheld in adrift:
        _settle(withheld, plans, place)
    return plans


def _day_of(record: Visit | Withheld, place: Place) -> date:
    return _mark(record, place.clock([record.source]), place).day


def _named(record: Visit | Withheld, plans: Sequence[Plan], place: Place) -> Plan | None:
    """The episode that the visit names, unless it comes after its `discharged_on`."""
    for plan in plans:
        if plan.episode and (plan.episode.source, plan.episode.external_id) == (record.source, record.episode_id):
            end = plan.episode.discharged_on
            return None if end and _day_of(record, place) > end else plan
    return None


def _by_dates(record: Visit | Withheld, plans: Sequence[Plan]) -> Plan | None:
    """Those of its patient row and site without a name that fall in its dates, both ends included."""
    named = [plan for plan in plans if plan.episode and plan.episode.source == record.source]
    if record.day is None or (record.episode_id and record.episode_id not in {plan.id for plan in named}):
        return None
    fitting = [plan for plan in named if _falls_in(record, record.day, plan.episode)]
    latest = max((_started(plan) for plan in fitting), default=date.min)
    return min((plan for plan in fitting if _started(plan) == latest), key=lambda plan: plan.id, default=None)


def _started(plan: Plan) -> date:
    return (plan.episode.started_on if plan.episode else None) or date.min


def _falls_in(record: Visit | Withheld, day: date, episode: Episode | None) -> bool:
    """What the episode (or the quarantined visit) does not say, a site or a date, shuts nothing out."""
    if episode is None or (episode.source, episode.row) != (record.source, record.row):
        return False
    anywhere = episode.site is None or (isinstance(record, Withheld) and record.site is None)
    if not anywhere and episode.site != record.site:
        return False
    return (episode.started_on or date.min) <= day <= (episode.discharged_on or date.max)


def _chain(loose: Sequence[Visit | Withheld], episodes: Sequence[Episode], place: Place) -> list[Plan]:
    """All others form one chain, by day, each visit at its own source's clock."""
    taking_part = [each for each in loose if _at_own_clock(each, place).meaning != "nothing"]
    plans: list[Plan] = []
    closings = [end for each in episodes if (end := _closed_on(each, each.site, place, place.clock([each.source])))]
    for day in sorted({_day_of(each, place) for each in taking_part}):
        if not plans or _starts_new(day, plans[-1], closings, place):
            plans.append(Plan(day.isoformat(), None, []))
        plans[-1].records.extend(each for each in taking_part if _day_of(each, place) == day)
    return plans


def _at_own_clock(record: Visit | Withheld, place: Place) -> Mark:
    return _mark(record, place.clock([record.source]), place)


def _starts_new(day: date, running: Plan, closings: Sequence[date], place: Place) -> bool:
    marks = [_at_own_clock(each, place) for each in running.records]
    counting = _days(marks, "attended", "missed", "booked", "open")
    if any(max(counting) <= closing < day for closing in closings):
        return True
    since = max(_days(marks, "attended"), default=min(counting))
    return (day - since).days > place.thresholds(_plan_site(running, marks)).new_episode_after_days


def _closed_on(episode: Episode, site: str | None, place: Place, clock: datetime) -> date | None:
    """`discharged_on`, when it is not after today."""
    end = episode.discharged_on
    return end if end and end <= place.day(clock, site) else None


def _settle(withheld: Withheld, plans: list[Plan], place: Place) -> None:
    """Without a readable day: today, in the latest episode; without any it is one."""
    if _at_own_clock(withheld, place).meaning == "nothing":
        return
    latest = max((_lateness(_marks(plan, place), plan) for plan in plans), default=date.min)
    fitting = [plan for plan in plans if _lateness(_marks(plan, place), plan) == latest]
    if fitting:
        min(fitting, key=lambda plan: plan.id).records.append(withheld)
    else:
        plans.append(Plan(_day_of(withheld, place).isoformat(), None, [withheld]))


def _lateness(marks: Sequence[Mark], plan: Plan) -> date:
    """By latest attended or missed day, else latest booked (else its beginning)."""
    return (
        max(_days(marks, "attended", "missed"), default=None)
        or max(_days(marks, "booked", "open"), default=None)
        or _first_day(plan, marks)
    )


# one episode


def _plan_clock(plan: Plan, place: Place) -> datetime:
    """The minimum over the sources of its row and visits."""
    return place.clock(_fed_by(plan))


def _fed_by(plan: Plan) -> set[str]:
    return {each.source for each in plan.records} | ({plan.episode.source} if plan.episode else set())


def _marks(plan: Plan, place: Place) -> list[Mark]:
    return _one_a_day(_mark(each, _plan_clock(plan, place), place) for each in plan.records)


def _plan_site(plan: Plan, marks: Sequence[Mark]) -> str | None:
    """Its EMR site, else that of its last attended, else missed, else booked visit."""
    if plan.episode and plan.episode.site:
        return plan.episode.site
    last = _last(marks, "attended") or _last(marks, "missed") or _last(marks, "booked", "open")
    return last.site if last else None


def _rhythm(marks: Sequence[Mark]) -> float | None:
    """The median of the three gaps between the last four attended days; fewer gaps if fewer."""
    days = sorted(_days(marks, "attended"))[-4:]
    gaps = [(after - before).days for before, after in itertools.pairwise(days)]
    return median(gaps) if gaps else None


def _horizon_open(marks: Sequence[Mark], plan: Plan, place: Place) -> bool:
    """Any source feeding it cannot see yet whether there is a next visit."""
    last, rhythm, missed = _last(marks, "attended"), _rhythm(marks), _days(marks, "missed")
    if last is None or rhythm is None or any(day > last.day for day in missed):
        return False
    for feed in (place.world.feeds[source] for source in _fed_by(plan)):
        if feed.sees_ahead is not None:
            as_of = place.day(feed.data_as_of or place.now, last.site)
            if (last.day - as_of).days + 1.5 * rhythm >= feed.sees_ahead:
                return True
    return False


def _gap(marks: Sequence[Mark], closing: date | None, clock: datetime, site: str | None, place: Place) -> int:
    """Days since the last attended day, with none attended since the last missed one, with neither since closing."""
    last = _last(marks, "attended") or _last(marks, "missed")
    day, where = (last.day, last.site) if last else (closing, site)
    return 0 if day is None else max(0, (place.day(clock, where) - day).days)


def _two_missed(marks: Sequence[Mark]) -> bool:
    """Two missed days among the 30 days that end with the last attended or missed day."""
    end = max(_days(marks, "attended", "missed"), default=date.min)
    return sum((end - day).days < 30 for day in _days(marks, "missed")) >= 2


def _judged(plan: Plan, place: Place) -> Judged | None:
    """The plan's status, or None where it counts as no episode."""
    clock, marks = _plan_clock(plan, place), _marks(plan, place)
    closing = plan.episode and _closed_on(plan.episode, _plan_site(plan, marks), place, clock)
    happened, booked = _days(marks, "attended", "missed"), _days(marks, "booked", "open")
    told = plan.episode is not None and plan.episode.outcome in ("completed", "transferred", "self_discharged")
    if not happened and not (told if closing else booked):
        return None
    return Judged(_plan_status(plan, place, clock, marks, closing), plan, clock, marks, closing)


def _plan_status(plan: Plan, place: Place, clock: datetime, marks: list[Mark], closing: date | None) -> Status:
    site = _plan_site(plan, marks)
    limits = place.thresholds(site, plan.episode.kind if plan.episode else None)
    booked = bool(_days(marks, "booked", "open")) or _horizon_open(marks, plan, place)
    gap = _gap(marks, closing, clock, site, place)
    prescribed = (plan.episode.visits_prescribed if plan.episode else None) or 0
    attended = sum(mark.meaning == "attended" for mark in marks)
    by_count = attended >= prescribed >= 1 and not booked and gap > limits.at_risk_after_days
    if closing or by_count:
        left = _self_discharged(plan.episode, marks, closing, limits)
        return "dormant" if gap > limits.dormant_after_days else "dropped_out" if left else "discharged"
    if not attended and booked:
        return "scheduled"
    if booked:
        return "at_risk" if _two_missed(marks) else "active"
    if gap > limits.dropout_after_days:
        return "dormant" if gap > limits.dormant_after_days else "dropped_out"
    return "at_risk" if not attended or gap > limits.at_risk_after_days or _two_missed(marks) else "active"


def _self_discharged(episode: Episode | None, marks: list[Mark], closing: date | None, limits: Thresholds) -> bool:
    if episode and episode.outcome:
        return episode.outcome == "self_discharged"
    last = max(_days(marks, "attended", "missed"), default=None)
    return bool(closing and last and (closing - last).days > limits.dropout_after_days)


# the contact


def _inactive(person: Person, place: Place) -> bool:
    patients = [row for row in person.rows if place.world.feeds[row.source].role == "emr"]
    asked = [row for row in patients or person.rows if not row.merged_away]
    return (
        person.suppressed_by_hand
        or any(row.deceased for row in person.rows)
        or all(not row.active or not row.present for row in asked)
    )


def _deciding(judged: Sequence[Judged]) -> Judged | None:
    for status in ("active", "scheduled", "at_risk"):
        several = sorted((each for each in judged if each.status == status), key=lambda each: each.plan.id)
        if several:
            return max(several, key=lambda each: _lateness(each.marks, each.plan))
    return min(sorted(judged, key=lambda each: each.plan.id), key=_from_the_latest, default=None)


def _from_the_latest(each: Judged) -> tuple[int, int]:
    """Latest attended, missed or closing day first; ties: discharged, dropped_out, dormant."""
    days = _days(each.marks, "attended", "missed") | ({each.closing} if each.closing else set())
    return -max(days).toordinal(), CLOSED.index(each.status)


def _first_day(plan: Plan, marks: Sequence[Mark]) -> date:
    """The EMR's start, else its first visit, else its closing."""
    if plan.episode and plan.episode.started_on:
        return plan.episode.started_on
    first = min(_days(marks, "attended", "missed", "booked", "open"), default=None)
    return first or (plan.episode and plan.episode.discharged_on) or date.max


def _returning(deciding: Judged, judged: Sequence[Judged]) -> bool:
    first = _first_day(deciding.plan, deciding.marks)
    earlier = [each for each in judged if _first_day(each.plan, each.marks) < first]
    return any(_days(each.marks, "attended") for each in earlier)


def _clock_without_episode(person: Person, place: Place) -> datetime:
    return place.clock(row.source for row in person.rows if place.world.feeds[row.source].role == "emr")


def _lead(person: Person, place: Place, clock: datetime) -> Status:
    """Lost more than so many days after the later of the day it became known and its last visit that was not to be."""
    known = _known_since(person, place)
    since = [each for each in known if each[0] == max(known)[0]]
    marks = [_mark(each, clock, place) for each in _records(person) if getattr(each, "status", None) != "proposed"]
    off = [mark for mark in marks if mark.meaning == "nothing"]
    since += [(mark.day, mark.site or "") for mark in off if mark.day == max(_days(off, "nothing"))]
    return "lead" if any(_is_young(day, site or None, place, clock) for day, site in since) else "lost_lead"


def _is_young(day: date, site: str | None, place: Place, clock: datetime) -> bool:
    return (place.day(clock, site) - day).days <= place.thresholds(site).lost_lead_after_days


def _known_since(person: Person, place: Place) -> list[tuple[date, str]]:
    """Days, each with the site of the row that gives it."""
    rows = person.rows
    dated = [(day, row.site or "") for row in rows for day in (row.lead_since, row.referral_received) if day]
    created = [(place.day(row.created_at, row.site), row.site or "") for row in rows if row.created_at]
    seen = [(place.day(row.first_seen_at, row.site), row.site or "") for row in rows if not row.first_pull]
    return dated or created or seen


def _leading(person: Person) -> list[Row]:
    """Newest visit that was not cancelled, newest created_at, lowest (source, id); merged-away ones last."""

    def newest(row: Row) -> datetime:
        starts = [each.starts_at for each in person.visits if each.row == row.id and each.status != "cancelled"]
        return max(starts, default=datetime.min.replace(tzinfo=UTC))

    rows = sorted(person.rows, key=lambda row: (row.source, row.external_id))
    rows.sort(key=lambda row: row.created_at or datetime.min.replace(tzinfo=UTC), reverse=True)
    rows.sort(key=newest, reverse=True)
    return sorted(rows, key=lambda row: row.merged_away)


def _site(person: Person, place: Place, marks: Sequence[Mark]) -> str | None:
    placed = [mark for mark in marks if mark.site]
    coming = sorted((m for m in placed if m.meaning == "booked"), key=lambda m: (m.day, m.start, m.site))
    if coming:
        return coming[0].site
    last = _last(placed, "attended")
    rows = _leading(person)
    leads = [row for row in rows if place.world.feeds[row.source].role == "leads"]
    told = [row.site for row in [*leads, *rows] if row.site]
    return last.site if last else told[0] if told else None


def _next_visit(marks: Sequence[Mark], horizon: bool) -> date | Open | None:
    """A visit on the books makes it known; only otherwise do a horizon, an unresolved or a quarantined one open it."""
    coming = min(_days(marks, "booked"), default=None)
    return coming or (OPEN if horizon or _days(marks, "open") else None)
