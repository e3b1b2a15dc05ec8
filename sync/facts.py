"""The values of a contact's facts, as segments test them and documents carry them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from operator import attrgetter
from typing import Final, NamedTuple

from mappings.facts import OPEN, FactValue
from sync.attendance import Heard, Meaning, Record, latest
from sync.clock import local_day
from sync.course import Course
from sync.lifecycle import Judgement
from sync.person import Person, Row, Score, Visit, World
from sync.standing import leading_rows, mailing_address, preferred_site

__all__ = ["Beside", "facts_of", "leading_rows", "mailing_address"]

_SPOKEN: Final = (
    "sex",
    "language",
    "city",
    "region",
    "postal_code",
    "payer_class",
    "referral_source",
    "referral_received",
    "lead_source",
    "lead_since",
    "campaign",
)
"""Facts that are what the leading row says under the same name."""

_UNFED: Final[dict[str, FactValue]] = dict.fromkeys(("body_region", "diagnosis", "last_opened", "last_clicked"))
"""Facts that no feed of today fills; `check` refuses segments that test them."""

_SAYS: Final = attrgetter(*_SPOKEN)
_WINDOW_DAYS: Final = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Beside:
    """What the store knows of a contact beside its rows.

    `status_since` is the local day on which its present status began; None: the status is new today. `has_mobile`
    None: it has one if any row gives a phone.
    """

    household_size: int = 1
    email_status: str = "missing"
    has_email: bool = False
    has_mobile: bool | None = None
    brand: str | None = None
    status_since: date | None = None
    last_nudged: date | None = None


class _Days(NamedTuple):
    """The records that speak, at the contact's clock, in the order of days."""

    attended: list[Record]
    missed: list[Record]
    cancelled: list[Record]
    booked: list[Record]


def facts_of(person: Person, judgement: Judgement, world: World, beside: Beside) -> dict[str, FactValue]:
    """Every fact that rows, visits and episodes can fill; None is a missing value.

    `birth_date` stands beside the table, for the days on which an age changes. `in_segment` and `entered` are the
    segments' own to add.
    """
    leading = leading_rows(person)
    today = judgement.today
    days = _sorted_out(judgement.heard)
    facts: dict[str, FactValue] = {
        "status": judgement.status,
        "days_in_status": 0 if beside.status_since is None else max(0, (today - beside.status_since).days),
        "returning": judgement.returning,
        "site": judgement.site,
        "sites": judgement.sites or None,
        "brand": beside.brand,
        "preferred_site": preferred_site(leading, world),
        "has_email": beside.has_email,
        "email_status": beside.email_status,
        "household_size": beside.household_size,
        "last_nudged": beside.last_nudged,
        **_scored(person.scores, today),
        **_UNFED,
        "today": today,
    }
    facts.update(_spoken(leading))
    facts.update(_personal(leading, today, beside))
    facts.update(_past(days, judgement))
    facts.update(_coming(days.booked, judgement))
    facts.update(_ever(person.visits))
    facts.update(_of_course(judgement.deciding) if judgement.deciding else _NO_COURSE)
    return facts


def _scored(scores: Sequence[Score], today: date) -> dict[str, FactValue]:
    """The last score; of several on one day the lowest."""
    said = [each for each in scores if each.answered_on <= today]
    if not said:
        return {"nps": None, "nps_score": None}
    day = max(each.answered_on for each in said)
    return {"nps": day, "nps_score": min(each.score for each in said if each.answered_on == day)}


def _spoken(leading: Sequence[Row]) -> dict[str, FactValue]:
    if len(leading) == 1:
        return dict(zip(_SPOKEN, _SAYS(leading[0]), strict=True))
    said = [_SAYS(row) for row in leading]
    return {
        name: next((value for value in values if value not in (None, "")), None)
        for name, values in zip(_SPOKEN, zip(*said, strict=True), strict=True)
    }


def _personal(leading: Sequence[Row], today: date, beside: Beside) -> dict[str, FactValue]:
    born = next((row.birth_date for row in leading if row.birth_date is not None), None)
    age = None if born is None else today.year - born.year - ((today.month, today.day) < (born.month, born.day))
    has_phone = any(row.phone for row in leading)
    return {
        "birth_date": born,
        "birthday": born.month if born else None,
        "age": age,
        "is_minor": None if age is None else age < 18,
        "referred_by_patient": any(row.referred_by for row in leading),
        "has_mobile": has_phone if beside.has_mobile is None else beside.has_mobile,
    }


def _sorted_out(speaking: Sequence[Heard]) -> _Days:
    days = _Days([], [], [], [])
    places = {
        Meaning.ATTENDED: days.attended,
        Meaning.MISSED: days.missed,
        Meaning.CANCELLED: days.cancelled,
        Meaning.BOOKED: days.booked,
    }
    for meaning, record in speaking:
        place = places.get(meaning)
        if place is not None:
            place.append(record)
    return days


def _past(days: _Days, judgement: Judgement) -> dict[str, FactValue]:
    """Over all episodes. Past is what started before the contact's clock."""
    now = judgement.clock
    last = latest(days.attended)
    cancelled = [record for record in days.cancelled if record.starts_at < now]
    return {
        "first_visit": days.attended[0].day if days.attended else None,
        "last_visit": last.day if last else None,
        "provider": last.visit.provider if last and last.visit else None,
        "last_visit_status": _last_status(days, judgement),
        "last_missed": days.missed[-1].day if days.missed else None,
        "last_cancelled": cancelled[-1].day if cancelled else None,
        "visits_missed_30d": _lately(days.missed, judgement),
        "visits_cancelled_30d": _lately(days.cancelled, judgement),
    }


def _last_status(days: _Days, judgement: Judgement) -> str | None:
    """How the latest past visit that is neither booked nor proposed ended."""
    now = judgement.clock
    past = [record for record in (*days.attended, *days.missed, *days.cancelled) if record.starts_at < now]
    if not past:
        return None
    last = max(past, key=lambda record: (record.day, record.starts_at))
    if last.status == "booked":
        return "fulfilled" if last.past_booked == "attended" else "noshow"
    return last.status


def _lately(records: Sequence[Record], judgement: Judgement) -> int:
    """How many fall into the 30 days that end today, each by the day at its own site."""
    now = judgement.clock
    return len([1 for record in records if 0 <= (local_day(now, record.zone) - record.day).days < _WINDOW_DAYS])


def _coming(booked: Sequence[Record], judgement: Judgement) -> dict[str, FactValue]:
    """The next visit on the books, today included; only without one can it be open."""
    if not booked or booked[0].visit is None:
        nothing = OPEN if judgement.next_open else None
        return {"next_visit": nothing, "next_visit_kind": nothing, "next_visit_booked": nothing}
    record, visit = booked[0], booked[0].visit
    return {
        "next_visit": record.day,
        "next_visit_kind": visit.kind,
        "next_visit_booked": local_day(visit.created_at, record.zone) if visit.created_at else None,
    }


def _ever(visits: Sequence[Visit]) -> dict[str, FactValue]:
    """Over all visits but the cancelled ones."""
    kept = [visit for visit in visits if visit.status != "cancelled"]
    return {
        "providers": frozenset([visit.provider for visit in kept if visit.provider]) or None,
        "visit_types": frozenset([visit.kind for visit in kept if visit.kind]) or None,
    }


def _of_course(course: Course) -> dict[str, FactValue]:
    """Of the deciding episode; the closing only once it has come."""
    emr = course.emr
    attended = course.counted.attended
    prescribed = emr.visits_prescribed if emr else None
    authorized = emr.visits_authorized if emr else None
    return {
        "evaluated": attended[0].day if attended else None,
        "episode_started": course.first_day,
        "episode_type": course.kind,
        "visits_attended": len(attended),
        "visits_missed": len(course.counted.missed),
        "days_between_visits": course.rhythm,
        "visits_prescribed": prescribed,
        "visits_left": None if prescribed is None else max(0, prescribed - len(attended)),
        "visits_authorized_left": None if authorized is None else max(0, authorized - len(attended)),
        "authorization_ends": emr.authorization_ends if emr else None,
        "discharged": course.closing,
        "discharge_outcome": course.outcome,
        "discharge_reason": emr.discharge_reason if emr and course.closing else None,
    }


_NO_COURSE: Final[dict[str, FactValue]] = dict.fromkeys(
    (
        "evaluated",
        "episode_started",
        "episode_type",
        "visits_attended",
        "visits_missed",
        "days_between_visits",
        "visits_prescribed",
        "visits_left",
        "visits_authorized_left",
        "authorization_ends",
        "discharged",
        "discharge_outcome",
        "discharge_reason",
    )
)
