"""The lifecycle read a second time: slow, day by day, one function a sentence, written without a look at the product.

It exists to disagree. Where it and `sync.lifecycle.judge` differ, one of them has misread the rules.
"""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import NamedTuple

from mappings.facts import OPEN, Open
from mappings.records import Status
from sync.person import Person, Row, World
from tests.fakes.second_reading_marks import Mark, Meaning, Place, days_of, last_of, mark_of, one_a_day, records_of
from tests.fakes.second_reading_plans import (
    Judged,
    first_day_of,
    is_horizon_open,
    judged_plan,
    lateness,
    plans_of,
    rhythm_of,
)

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


def read(person: Person, world: World, now: datetime) -> Reading:
    """The contact's status and the facts that come with it."""
    place = Place(world, now)
    judged = [each for plan in plans_of(person, place) if (each := judged_plan(plan, place))]
    deciding = None if _inactive(person, place) else _deciding(judged, place)
    clock = deciding.clock if deciding else _clock_without_episode(person, place)
    marks = one_a_day(mark_of(each, clock, place) for each in records_of(person))
    site = _site(person, place, marks)
    status: Status
    status = "inactive" if _inactive(person, place) else deciding.status if deciding else _lead(person, place, clock)
    return Reading(
        status=status,
        site=site,
        returning=deciding is not None and _returning(deciding, judged),
        visits_attended=_count(deciding, "attended"),
        visits_missed=_count(deciding, "missed"),
        days_between_visits=rhythm_of(deciding.marks) if deciding else None,
        next_visit=_next_visit(marks, any(is_horizon_open(each.marks, each.plan, place) for each in judged)),
        last_visit=max(days_of(marks, "attended"), default=None),
    )


def _count(deciding: Judged | None, meaning: Meaning) -> int | None:
    return None if deciding is None else sum(mark.meaning == meaning for mark in deciding.marks)


def _inactive(person: Person, place: Place) -> bool:
    patients = [row for row in person.rows if place.world.feeds[row.source].role == "emr"]
    asked = [row for row in patients or person.rows if not row.merged_away]
    return (
        person.suppressed_by_hand
        or any(row.deceased for row in person.rows)
        or all(not row.active or not row.present for row in asked)
    )


def _deciding(judged: Sequence[Judged], place: Place) -> Judged | None:
    for status in ("active", "scheduled", "at_risk"):
        several = sorted((each for each in judged if each.status == status), key=lambda each: each.plan.id)
        if several:
            return max(several, key=lambda each: lateness(each.marks, each.plan))
    ended = sorted(judged, key=lambda each: each.plan.id)
    return min(ended, key=lambda each: _from_the_latest(each, place), default=None)


def _from_the_latest(each: Judged, place: Place) -> tuple[int, int]:
    """Latest attended, missed or closing day, not after today, first; ties: discharged, dropped_out, dormant."""
    past = [mark for mark in each.marks if mark.day <= place.day(each.clock, mark.site)]
    days = days_of(past, "attended", "missed") | ({each.closing} if each.closing else set())
    return -max(days, default=date.min).toordinal(), CLOSED.index(each.status)


def _returning(deciding: Judged, judged: Sequence[Judged]) -> bool:
    first = first_day_of(deciding.plan, deciding.marks)
    earlier = [each for each in judged if first_day_of(each.plan, each.marks) < first]
    return any(days_of(each.marks, "attended") for each in earlier)


def _clock_without_episode(person: Person, place: Place) -> datetime:
    return place.clock(row.source for row in person.rows if place.world.feeds[row.source].role == "emr")


def _lead(person: Person, place: Place, clock: datetime) -> Status:
    """Lost more than so many days after the later of the day it became known and its last visit that was not to be."""
    known = _known_since(person, place)
    since = [each for each in known if each[0] == max(known)[0]]
    marks = [mark_of(each, clock, place) for each in records_of(person) if getattr(each, "status", None) != "proposed"]
    off = [mark for mark in marks if mark.meaning == "nothing"]
    since += [(mark.day, mark.site or "") for mark in off if mark.day == max(days_of(off, "nothing"))]
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
    last = last_of(placed, "attended")
    rows = _leading(person)
    leads = [row for row in rows if place.world.feeds[row.source].role == "leads"]
    told = [row.site for row in [*leads, *rows] if row.site]
    return last.site if last else told[0] if told else None


def _next_visit(marks: Sequence[Mark], horizon: bool) -> date | Open | None:
    """A visit on the books makes it known; only otherwise do a horizon, an unresolved or a quarantined one open it."""
    coming = min(days_of(marks, "booked"), default=None)
    return coming or (OPEN if horizon or days_of(marks, "open") else None)
