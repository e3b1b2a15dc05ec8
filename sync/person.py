"""Everything that is known of one contact, as the deciders read it: plain tuples, filled straight from the store."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Literal, NamedTuple
from zoneinfo import ZoneInfo

from mappings.records import Outcome, PayerClass, Sex, VisitStatus


class Row(NamedTuple):
    """A patient row of the contact. `present` is False when its snapshot no longer holds it; `merged_away` when the
    EMR merged it into another row. `first_pull`: it came with its source's first complete pull. `seen_minor`: the
    person was under 18 when first seen. Supplements (payer, referral, guardian) are already filled in."""

    id: int
    source: str
    external_id: str
    present: bool
    merged_away: bool
    first_seen_at: datetime
    first_pull: bool
    seen_minor: bool
    given_name: str | None
    family_name: str | None
    preferred_name: str | None
    birth_date: date | None
    sex: Sex | None
    email: str | None
    email_invalid: bool
    phone: str | None
    city: str | None
    region: str | None
    postal_code: str | None
    language: str | None
    site: str | None
    active: bool
    deceased: bool
    payer_class: PayerClass | None
    referral_source: str | None
    referred_by: str | None
    referral_received: date | None
    lead_source: str | None
    lead_since: date | None
    campaign: str | None
    guardian_email: str | None
    created_at: datetime | None
    address_line: str | None = None
    country: str | None = None
    guardian_name: str | None = None


class Visit(NamedTuple):
    """A visit of one of the contact's rows; an absent visit arrives here as cancelled. `row` is the Row's id."""

    source: str
    external_id: str
    row: int
    status: VisitStatus
    day: date
    starts_at: datetime
    site: str | None
    kind: str | None
    provider: str | None
    episode_id: str | None
    created_at: datetime | None


class Episode(NamedTuple):
    """An EMR episode of one of the contact's rows; supplements (authorizations) are already filled in."""

    source: str
    external_id: str
    row: int
    site: str | None
    kind: str | None
    started_on: date | None
    discharged_on: date | None
    discharge_reason: str | None
    outcome: Outcome | None
    visits_prescribed: int | None
    visits_authorized: int | None
    authorization_ends: date | None


class Score(NamedTuple):
    """A score that the contact, or somebody at its address, gave."""

    answered_on: date
    score: int


class Withheld(NamedTuple):
    """A quarantined visit of a known patient: counts as booked until replayed or for `quarantine_days`.

    `since` is when it was first quarantined; day, episode and site where they could be read."""

    source: str
    row: int
    since: datetime
    day: date | None
    episode_id: str | None
    site: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """One contact with all that its sources say."""

    contact: str
    rows: Sequence[Row]
    visits: Sequence[Visit] = ()
    episodes: Sequence[Episode] = ()
    withheld: Sequence[Withheld] = ()
    scores: Sequence[Score] = ()
    suppressed_by_hand: bool = False


class Feed(NamedTuple):
    """What is known of a source as a feed of time. `data_as_of` None = nothing landed yet; `max_age` None = never stale."""

    role: Literal["emr", "leads"]
    data_as_of: datetime | None
    max_age: timedelta | None
    sees_ahead: int | None
    past_booked: Literal["attended", "missed"] | None


class Thresholds(NamedTuple):
    """The lifecycle thresholds in days; all exclusive (more than n days)."""

    at_risk_after_days: int = 7
    dropout_after_days: int = 21
    dormant_after_days: int = 365
    lost_lead_after_days: int = 90
    new_episode_after_days: int = 60
    unresolved_after_days: int = 3
    quarantine_days: int = 14


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """What does not belong to a person: feeds, zones, thresholds (practice, by site, by type, by both)."""

    feeds: Mapping[str, Feed]
    zone: ZoneInfo
    site_zones: Mapping[str, ZoneInfo]
    thresholds: Thresholds
    by_site: Mapping[str, Thresholds]
    by_type: Mapping[str, Thresholds]
    by_site_type: Mapping[tuple[str, str], Thresholds]


class Stored(NamedTuple):
    """A contact as the last review left it."""

    id: str
    state: str
    status: str | None
    status_since: datetime | None
    site: str | None
    address: str | None
    phone: str | None
    household_size: int
    suppressed_by_hand: bool
    rule: str | None
    came_back: bool
