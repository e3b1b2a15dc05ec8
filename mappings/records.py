"""The nouns of the line: what a source row says once it has been read.

Records are frozen, slotted and keyword-only. An instant is always aware (UTC);
a day is a plain date in the zone of the site that it belongs to.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Literal, NamedTuple

Kind = Literal["patients", "appointments", "episodes", "consents", "surveys", "supplements", "locations"]
"""Feeds, named as in the configuration; supplements and locations come from FHIR and EMR side tables only."""

VisitStatus = Literal["proposed", "booked", "arrived", "fulfilled", "cancelled", "noshow"]
Outcome = Literal["completed", "self_discharged", "transferred", "unknown"]
PayerClass = Literal["commercial", "medicare", "medicaid", "workers_comp", "auto", "tricare_va", "self_pay", "other"]
Sex = Literal["female", "male", "other", "unknown"]
Channel = Literal["email", "sms", "phone", "mail"]
Purpose = Literal["treatment", "operations", "marketing"]
Status = Literal[
    "lead", "lost_lead", "scheduled", "active", "at_risk", "dropped_out", "discharged", "dormant", "inactive"
]

STATUSES: tuple[Status, ...] = (
    "lead",
    "lost_lead",
    "scheduled",
    "active",
    "at_risk",
    "dropped_out",
    "discharged",
    "dormant",
    "inactive",
)


class Identifier(NamedTuple):
    """An id that an authority vouches for: the same pair names the same person in every source."""

    authority: str
    value: str


class PatientLink(NamedTuple):
    """What the EMR says of another patient of its own, by external id: merged into this one (`replaces`), or another
    row of the same person that stays in use (`refer`, `seealso`)."""

    kind: str
    other: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Consent:
    """One decision of a person on being contacted, as the source states it.

    `decided_on` is None when the source gives no date; `basis` is True for a lead list's stated basis
    (`always:`), which is no decision of the person's own.
    """

    channel: Channel
    purpose: Purpose
    decision: Literal["yes", "no"]
    decided_on: date | None = None
    evidence: str | None = None
    basis: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PatientRow:
    """One patient as one source knows them.

    `email` is lower-cased and syntactically valid or None (`email_invalid` then says that a value was there);
    `phone` is E.164; `language` BCP 47; `site` a site's key in the configuration.
    `replaced_by` is the external id of the row that the EMR merged this one into.
    """

    external_id: str
    identifiers: tuple[Identifier, ...] = ()
    given_name: str | None = None
    family_name: str | None = None
    preferred_name: str | None = None
    birth_date: date | None = None
    sex: Sex | None = None
    email: str | None = None
    email_invalid: bool = False
    phone: str | None = None
    address_line: str | None = None
    city: str | None = None
    region: str | None = None
    postal_code: str | None = None
    country: str | None = None
    language: str | None = None
    site: str | None = None
    active: bool = True
    deceased: bool = False
    replaced_by: str | None = None
    payer_class: PayerClass | None = None
    referral_source: str | None = None
    referred_by: str | None = None
    referral_received: date | None = None
    lead_source: str | None = None
    lead_since: date | None = None
    campaign: str | None = None
    guardian_email: str | None = None
    guardian_name: str | None = None
    created_at: datetime | None = None
    consents: tuple[Consent, ...] = ()
    links: tuple[PatientLink, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class VisitRow:
    """One appointment or encounter as one source knows it; `day` is the local date of `starts_at` at its site."""

    external_id: str
    patient_id: str
    starts_at: datetime
    day: date
    status: VisitStatus
    episode_id: str | None = None
    site: str | None = None
    provider: str | None = None
    kind: str | None = None
    ends_at: datetime | None = None
    created_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EpisodeRow:
    """One plan of care; `outcome` is None when the source gave no word, "unknown" when its word is in no map."""

    external_id: str
    patient_id: str
    site: str | None = None
    kind: str | None = None
    started_on: date | None = None
    discharged_on: date | None = None
    discharge_reason: str | None = None
    outcome: Outcome | None = None
    visits_prescribed: int | None = None
    visits_authorized: int | None = None
    authorization_ends: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentRow:
    """A consent decision from a feed of its own, about a patient row (by external id) or an e-mail address."""

    external_id: str
    patient_id: str | None = None
    email: str | None = None
    consent: Consent


@dataclass(frozen=True, slots=True, kw_only=True)
class SurveyRow:
    """A score that somebody gave, known by a patient row (external id) or an e-mail address."""

    external_id: str
    patient_id: str | None = None
    email: str | None = None
    score: int
    answered_on: date


@dataclass(frozen=True, slots=True, kw_only=True)
class SupplementRow:
    """What another table or resource adds to a patient row or an episode (payer, referral, guardian, authorization).

    `values` holds canonical names; it speaks only where the row itself is silent. For one (target, name) the
    supplement with the newest `as_of`, then the lowest external id, wins.
    """

    external_id: str
    target: Literal["patient", "episode"]
    target_id: str
    as_of: date | None = None
    values: Mapping[str, str | int | date | None] = field(default_factory=dict)


Record = PatientRow | VisitRow | EpisodeRow | ConsentRow | SurveyRow | SupplementRow


class Warned(NamedTuple):
    """An optional value that could not be read: the canonical name (or FHIR path) and a code, never the value."""

    field: str
    code: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Mapped:
    """A raw row that could be read; `record` is None when the row is rightly none of our business (`ignored` why).

    `removed` is True (and `record` None) when the delivery says that this row is gone: it counts as absent.
    """

    record: Record | None
    warnings: tuple[Warned, ...] = ()
    ignored: str | None = None
    removed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejected:
    """A raw row that could not be used: goes to quarantine.

    `code` is from the closed list in `mappings/rejections.py`; `field` the canonical name and `column` the
    operator's column or FHIR path. For a visit, what could still be read (`patient_id`, `day`, `episode_id`,
    `site`) keeps the patient from being taken for absent.
    """

    code: str
    field: str | None = None
    column: str | None = None
    patient_id: str | None = None
    episode_id: str | None = None
    day: date | None = None
    site: str | None = None
