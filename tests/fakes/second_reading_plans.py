"""The second reading: which records make up which plan of care, and the status of each."""

import itertools
from collections.abc import Sequence
from datetime import date, datetime
from statistics import median
from typing import NamedTuple

from mappings.records import Status
from sync.person import Episode, Person, Thresholds, Visit, Withheld
from tests.fakes.second_reading_marks import Mark, Place, days_of, last_of, mark_of, one_a_day, records_of


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


def plans_of(person: Person, place: Place) -> list[Plan]:
    plans = [Plan(each.external_id, each, []) for each in person.episodes]
    loose: list[Visit | Withheld] = []
    adrift: list[Withheld] = []
    for record in records_of(person):
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
    return mark_of(record, place.clock([record.source]), place).day


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
    return mark_of(record, place.clock([record.source]), place)


def _starts_new(day: date, running: Plan, closings: Sequence[date], place: Place) -> bool:
    marks = [_at_own_clock(each, place) for each in running.records]
    counting = days_of(marks, "attended", "missed", "booked", "open")
    if any(max(counting) <= closing < day for closing in closings):
        return True
    since = max(days_of(marks, "attended"), default=min(counting))
    return (day - since).days > place.thresholds(_plan_site(running, marks)).new_episode_after_days


def _closed_on(episode: Episode, site: str | None, place: Place, clock: datetime) -> date | None:
    """`discharged_on`, when it is not after today."""
    end = episode.discharged_on
    return end if end and end <= place.day(clock, site) else None


def _settle(withheld: Withheld, plans: list[Plan], place: Place) -> None:
    """Without a readable day: today, in the latest episode; without any it is one."""
    if _at_own_clock(withheld, place).meaning == "nothing":
        return
    latest = max((lateness(_marks(plan, place), plan) for plan in plans), default=date.min)
    fitting = [plan for plan in plans if lateness(_marks(plan, place), plan) == latest]
    if fitting:
        min(fitting, key=lambda plan: plan.id).records.append(withheld)
    else:
        plans.append(Plan(_day_of(withheld, place).isoformat(), None, [withheld]))


def first_day_of(plan: Plan, marks: Sequence[Mark]) -> date:
    """The EMR's start, else its first visit, else its closing."""
    if plan.episode and plan.episode.started_on:
        return plan.episode.started_on
    first = min(days_of(marks, "attended", "missed", "booked", "open"), default=None)
    return first or (plan.episode and plan.episode.discharged_on) or date.max


def lateness(marks: Sequence[Mark], plan: Plan) -> date:
    """By latest attended or missed day, else latest booked (else its beginning)."""
    return (
        max(days_of(marks, "attended", "missed"), default=None)
        or max(days_of(marks, "booked", "open"), default=None)
        or first_day_of(plan, marks)
    )


def _plan_clock(plan: Plan, place: Place) -> datetime:
    """The minimum over the sources of its row and visits."""
    return place.clock(_fed_by(plan))


def _fed_by(plan: Plan) -> set[str]:
    return {each.source for each in plan.records} | ({plan.episode.source} if plan.episode else set())


def _marks(plan: Plan, place: Place) -> list[Mark]:
    return one_a_day(mark_of(each, _plan_clock(plan, place), place) for each in plan.records)


def _plan_site(plan: Plan, marks: Sequence[Mark]) -> str | None:
    """Its EMR site, else that of its last attended, else missed, else booked visit."""
    if plan.episode and plan.episode.site:
        return plan.episode.site
    last = last_of(marks, "attended") or last_of(marks, "missed") or last_of(marks, "booked", "open")
    return last.site if last else None


def rhythm_of(marks: Sequence[Mark]) -> float | None:
    """The median of the three gaps between the last four attended days; fewer gaps if fewer."""
    days = sorted(days_of(marks, "attended"))[-4:]
    gaps = [(after - before).days for before, after in itertools.pairwise(days)]
    return median(gaps) if gaps else None


def is_horizon_open(marks: Sequence[Mark], plan: Plan, place: Place) -> bool:
    """Any source feeding it cannot see yet whether there is a next visit."""
    last, rhythm, missed = last_of(marks, "attended"), rhythm_of(marks), days_of(marks, "missed")
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
    last = last_of(marks, "attended") or last_of(marks, "missed")
    day, where = (last.day, last.site) if last else (closing, site)
    return 0 if day is None else max(0, (place.day(clock, where) - day).days)


def _two_missed(marks: Sequence[Mark]) -> bool:
    """Two missed days among the 30 days that end with the last attended or missed day."""
    end = max(days_of(marks, "attended", "missed"), default=date.min)
    return sum((end - day).days < 30 for day in days_of(marks, "missed")) >= 2


def judged_plan(plan: Plan, place: Place) -> Judged | None:
    """The plan's status, or None where it counts as no episode."""
    clock, marks = _plan_clock(plan, place), _marks(plan, place)
    closing = plan.episode and _closed_on(plan.episode, _plan_site(plan, marks), place, clock)
    happened, booked = days_of(marks, "attended", "missed"), days_of(marks, "booked", "open")
    told = plan.episode is not None and plan.episode.outcome in ("completed", "transferred", "self_discharged")
    if not happened and not (told if closing else booked):
        return None
    return Judged(_plan_status(plan, place, clock, marks, closing), plan, clock, marks, closing)


def _plan_status(plan: Plan, place: Place, clock: datetime, marks: list[Mark], closing: date | None) -> Status:
    site = _plan_site(plan, marks)
    limits = place.thresholds(site, plan.episode.kind if plan.episode else None)
    booked = bool(days_of(marks, "booked", "open")) or is_horizon_open(marks, plan, place)
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
    last = max(days_of(marks, "attended", "missed"), default=None)
    return bool(closing and last and (closing - last).days > limits.dropout_after_days)
