"""Who is who and what they did: rows as sources know them, verdicts, links, contacts."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import JSON, Index, text
from sqlmodel import Field, SQLModel

from sync.store.source_tables import BigId
from sync.store.types import Instant


class PatientRecord(SQLModel, table=True):
    """A patient row as landed. `first_key` and `last_key` are its names normalised for matching.

    `last_head` and `last_tail` are the halves of `last_key` (`mappings.name_keys.halves`): one edit leaves one alone.
    """

    __tablename__ = "patient_record"
    __table_args__ = (
        Index("patient_by_id", "source", "external_id", unique=True),
        Index("patient_by_name", "last_key", "first_key", "birth_date"),
        Index("patient_by_birth", "birth_date", "last_head"),
        Index("patient_by_birth_tail", "birth_date", "last_tail"),
        Index("patient_by_email", "email"),
        Index("patient_by_phone", "phone"),
        Index(
            "patient_by_replacement",
            "source",
            "replaced_by",
            sqlite_where=text("replaced_by IS NOT NULL"),
            postgresql_where=text("replaced_by IS NOT NULL"),
        ),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    source: str
    external_id: str
    present: bool = True
    first_seen_at: datetime = Field(sa_type=Instant)
    first_pull: bool = False
    seen_minor: bool = False
    first_key: str = ""
    last_key: str = ""
    last_head: str | None = None
    last_tail: str | None = None
    given_name: str | None = None
    family_name: str | None = None
    preferred_name: str | None = None
    birth_date: date | None = None
    sex: str | None = None
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
    payer_class: str | None = None
    referral_source: str | None = None
    referred_by: str | None = None
    referral_received: date | None = None
    lead_source: str | None = None
    lead_since: date | None = None
    campaign: str | None = None
    guardian_email: str | None = None
    guardian_name: str | None = None
    created_at: datetime | None = Field(default=None, sa_type=Instant)


class Identifier(SQLModel, table=True):
    """An id that an authority vouches for, of one patient row."""

    __tablename__ = "identifier"
    __table_args__ = (Index("identifier_by_value", "authority", "value"),)

    row_id: int = Field(primary_key=True, sa_type=BigId)
    authority: str = Field(primary_key=True)
    value: str = Field(primary_key=True)


class PatientLink(SQLModel, table=True):
    """What a patient row says of another one of its source: `kind` is replaces, refer or seealso."""

    __tablename__ = "patient_link"
    __table_args__ = (Index("patient_link_by_other", "source", "other"), {"sqlite_with_rowid": False})

    row_id: int = Field(primary_key=True, sa_type=BigId)
    kind: str = Field(primary_key=True)
    other: str = Field(primary_key=True)
    source: str


class VisitRecord(SQLModel, table=True):
    """A visit as landed; it meets its patient by (source, patient_id) at review."""

    __tablename__ = "visit_record"
    __table_args__ = (
        Index("visit_by_id", "source", "external_id", unique=True),
        Index("visit_by_patient", "source", "patient_id"),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    source: str
    external_id: str
    present: bool = True
    feed: str
    patient_id: str
    episode_id: str | None = None
    starts_at: datetime = Field(sa_type=Instant)
    ends_at: datetime | None = Field(default=None, sa_type=Instant)
    day: date
    status: str
    site: str | None = None
    kind: str | None = None
    provider: str | None = None
    created_at: datetime | None = Field(default=None, sa_type=Instant)


class EpisodeRecord(SQLModel, table=True):
    """A plan of care as landed."""

    __tablename__ = "episode_record"
    __table_args__ = (
        Index("episode_by_id", "source", "external_id", unique=True),
        Index("episode_by_patient", "source", "patient_id"),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    source: str
    external_id: str
    present: bool = True
    patient_id: str
    site: str | None = None
    kind: str | None = None
    started_on: date | None = None
    discharged_on: date | None = None
    discharge_reason: str | None = None
    outcome: str | None = None
    visits_prescribed: int | None = None
    visits_authorized: int | None = None
    authorization_ends: date | None = None


class SupplementRecord(SQLModel, table=True):
    """What another table adds to a patient row or an episode."""

    __tablename__ = "supplement_record"
    __table_args__ = (
        Index("supplement_by_id", "source", "external_id", unique=True),
        Index("supplement_by_target", "source", "target", "target_id"),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    source: str
    external_id: str
    present: bool = True
    target: str
    target_id: str
    as_of: date | None = None
    facts: dict[str, Any] = Field(default_factory=dict, sa_type=JSON)


class SurveyRecord(SQLModel, table=True):
    """A score that somebody gave, by patient row or by address."""

    __tablename__ = "survey_record"
    __table_args__ = (
        Index("survey_by_id", "source", "external_id", unique=True),
        Index("survey_by_patient", "source", "patient_id"),
        Index("survey_by_email", "email"),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    source: str
    external_id: str
    present: bool = True
    patient_id: str | None = None
    email: str | None = None
    score: int
    answered_on: date


class ConsentRecord(SQLModel, table=True):
    """A decision on being contacted, by patient row or by address; never by contact.

    `holder` is the patient row's external id, or the e-mail address of a consents feed (`by_address`).
    `asserted` is False once the source no longer states it; a dated no goes on counting.
    """

    __tablename__ = "consent_record"
    __table_args__ = (
        Index(
            "consent_once",
            "source",
            "by_address",
            "holder",
            "channel",
            "purpose",
            "decision",
            "decided_key",
            "origin",
            unique=True,
        ),
        Index("consent_by_holder", "holder", "source"),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    source: str
    origin: str = ""
    by_address: bool = False
    holder: str
    channel: str
    purpose: str
    decision: str
    decided_key: str = ""
    decided_on: date | None = None
    evidence: str | None = None
    basis: bool = False
    asserted: bool = True
    first_seen_at: datetime = Field(sa_type=Instant)


class Contact(SQLModel, table=True):
    """One living person. `founder` is the row that founded the id; `state` active or absorbed (by a merge).

    `address` and `phone` are the mailing address and the leading row's phone as of the last review;
    `data_at` is when its data changed last.
    """

    __tablename__ = "contact"
    __table_args__ = (
        Index("contact_stale", "id", sqlite_where=text("stale"), postgresql_where=text("stale")),
        Index("contact_due", "next_review_at"),
        Index("contact_by_address", "address"),
        Index("contact_by_phone", "phone"),
        Index("contact_by_founder", "founder", unique=True),
    )

    id: str = Field(primary_key=True)
    founder: int = Field(sa_type=BigId)
    state: str = "active"
    stale: bool = True
    created_at: datetime = Field(sa_type=Instant)
    data_at: datetime = Field(sa_type=Instant)
    status: str | None = None
    status_since: datetime | None = Field(default=None, sa_type=Instant)
    rule: str | None = None
    came_back: bool = False
    site: str | None = None
    address: str | None = None
    phone: str | None = None
    household_size: int = 1
    suppressed_by_hand: bool = False
    reviewed_at: datetime | None = Field(default=None, sa_type=Instant)
    next_review_at: datetime | None = Field(default=None, sa_type=Instant)


class Wait(SQLModel, table=True):
    """The `data_as_of` of a source at which something about a contact may change."""

    __tablename__ = "wait"
    __table_args__ = (Index("wait_by_source", "source", "until"),)

    contact: str = Field(primary_key=True)
    source: str = Field(primary_key=True)
    until: datetime = Field(sa_type=Instant)


class SharedAddress(SQLModel, table=True):
    """An e-mail address or phone on more contacts than the limit: no evidence, no household, never sent to."""

    __tablename__ = "shared_address"

    value: str = Field(primary_key=True)
    n_contacts: int


class Transition(SQLModel, table=True):
    """A change of status with its cause; append-only."""

    __tablename__ = "transition"
    __table_args__ = (Index("transition_by_contact", "contact"),)

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    contact: str
    at: datetime = Field(sa_type=Instant)
    as_of: datetime = Field(sa_type=Instant)
    old: str | None = None
    new: str
    rule: str
    inputs: list[str] = Field(default_factory=list, sa_type=JSON)
    reactivation: bool = False
    site: str | None = None


class PersonSuppression(SQLModel, table=True):
    """A reason never to send to a person again that follows them to a new address; kept by patient row."""

    __tablename__ = "person_suppression"

    row_id: int = Field(primary_key=True, sa_type=BigId)
    cause: str = Field(primary_key=True)
    destination: str = Field(primary_key=True)
    address: str
    at: datetime = Field(sa_type=Instant)
