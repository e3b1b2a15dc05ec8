"""Segments, and what a destination should hold, holds, and was told."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Index
from sqlmodel import Field, SQLModel

from sync.store.source_tables import BigId
from sync.store.types import Instant


class Membership(SQLModel, table=True):
    """A contact in a segment now."""

    __tablename__ = "membership"
    __table_args__ = (Index("membership_by_segment", "segment"),)

    contact: str = Field(primary_key=True)
    segment: str = Field(primary_key=True)
    since: datetime = Field(sa_type=Instant)
    due_at: datetime = Field(sa_type=Instant)
    entered_by: str
    rule_version: str = ""


class Entry(SQLModel, table=True):
    """A contact's coming into or leaving a segment; append-only."""

    __tablename__ = "entry"
    __table_args__ = (Index("entry_by_contact", "contact"),)

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    contact: str
    segment: str
    kind: str
    entered_by: str | None = None
    at: datetime = Field(sa_type=Instant)
    rule_version: str = ""
    run_id: str = ""


class RuleVersion(SQLModel, table=True):
    """What everyone was reviewed under; until that review is complete, entries are baselines (`edited`: by rule)."""

    __tablename__ = "rule_version"

    name: str = Field(primary_key=True)
    version: str
    since: datetime = Field(sa_type=Instant)
    edited: bool = False
    complete: bool = False


class Code(SQLModel, table=True):
    """The opaque name under which a segment, status or site leaves without a BAA; never changed or reused."""

    __tablename__ = "code"
    __table_args__ = (Index("code_by_name", "kind", "name", unique=True),)

    code: str = Field(primary_key=True)
    kind: str
    name: str
    since: datetime = Field(sa_type=Instant)


class Subscriber(SQLModel, table=True):
    """What a destination last took for one address (or contact). `accepted` is None before the first time."""

    __tablename__ = "subscriber"
    __table_args__ = (Index("subscriber_by_site", "destination", "site"),)

    destination: str = Field(primary_key=True)
    key: str = Field(primary_key=True)
    accepted: dict[str, Any] | None = Field(default=None, sa_type=JSON(none_as_null=True))
    ref: str | None = None
    site: str | None = None
    primary_contact: str | None = None
    accepted_at: datetime | None = Field(default=None, sa_type=Instant)
    parked: str | None = None
    parked_hash: str | None = None
    state: str | None = None
    state_at: datetime | None = Field(default=None, sa_type=Instant)


class Standing(SQLModel, table=True):
    """What review decided of one contact at one destination: who makes which document, and what is withheld and why."""

    __tablename__ = "standing"

    destination: str = Field(primary_key=True)
    contact: str = Field(primary_key=True)
    key: str | None = None
    withheld: dict[str, Any] = Field(default_factory=dict, sa_type=JSON)


class Wish(SQLModel, table=True):
    """The document a subscriber should be: one row a (destination, subscriber), versioned.

    State: waiting (review goes on), ready, held (under hold_id), claimed (lease_until).
    `loud` maps a tag that may start automations to `until` when it may, and the `entries` that it tells of.
    """

    __tablename__ = "wish"
    __table_args__ = (Index("wish_by_state", "destination", "state"),)

    destination: str = Field(primary_key=True)
    key: str = Field(primary_key=True)
    document: dict[str, Any] = Field(sa_type=JSON)
    loud: dict[str, Any] = Field(default_factory=dict, sa_type=JSON)
    parties: list[Any] = Field(default_factory=list, sa_type=JSON)
    version: int = 1
    state: str = "waiting"
    hold_id: str | None = None
    site: str | None = None
    primary_contact: str | None = None
    protected: bool = False
    removal: bool = False
    status_change: bool = False
    since: datetime = Field(sa_type=Instant)
    attempts: int = 0
    not_before: datetime | None = Field(default=None, sa_type=Instant)
    lease_until: datetime | None = Field(default=None, sa_type=Instant)
    claimed_by: str | None = None
    last_code: str | None = None


class Nudge(SQLModel, table=True):
    """A loud entry that a destination accepted; `counts` False: outside the cap."""

    __tablename__ = "nudge"
    __table_args__ = (Index("nudge_by_contact", "contact"), Index("nudge_by_address", "address", "at"))

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    contact: str
    segment: str
    address: str
    destination: str
    at: datetime = Field(sa_type=Instant)
    episode: str | None = None
    counts: bool = True


class Event(SQLModel, table=True):
    """Something that happened to a subscriber and is told at most once."""

    __tablename__ = "event"

    destination: str = Field(primary_key=True)
    key: str = Field(primary_key=True)
    name: str = Field(primary_key=True)
    transition_id: int = Field(primary_key=True, sa_type=BigId)
    state: str = "ready"
    since: datetime = Field(sa_type=Instant)


class Disclosure(SQLModel, table=True):
    """Who was told what about whom, under which basis: names and codes, never values; append-only, kept six years."""

    __tablename__ = "disclosure"
    __table_args__ = (Index("disclosure_by_destination", "destination", "at"),)

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    at: datetime = Field(sa_type=Instant)
    destination: str
    recipient: str
    contacts: list[Any] = Field(sa_type=JSON)
    subscriber: str
    fields: list[Any] = Field(sa_type=JSON)
    added: dict[str, Any] = Field(sa_type=JSON)
    removed: dict[str, Any] = Field(sa_type=JSON)
    purpose: str
    basis: str
    run_id: str
    outcome: str


class Feedback(SQLModel, table=True):
    """What a destination reported of a subscriber; append-only."""

    __tablename__ = "feedback"
    __table_args__ = (Index("feedback_by_address", "address"),)

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    destination: str
    address: str
    state: str
    state_at: datetime | None = Field(default=None, sa_type=Instant)
    at: datetime = Field(sa_type=Instant)


class Suppression(SQLModel, table=True):
    """Why an address is never sent to again; append-only, a later row with cause `reopened` lifts it."""

    __tablename__ = "suppression"
    __table_args__ = (Index("suppression_by_address", "address"),)

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    address: str
    cause: str
    destination: str
    decided_at: datetime | None = Field(default=None, sa_type=Instant)
    at: datetime = Field(sa_type=Instant)


class Hold(SQLModel, table=True):
    """Changes or a file stopped by a brake, waiting for a person."""

    __tablename__ = "hold"

    id: str = Field(primary_key=True)
    kind: str
    name: str
    site: str | None = None
    reasons: dict[str, Any] = Field(default_factory=dict, sa_type=JSON)
    at: datetime = Field(sa_type=Instant)
    state: str = "open"
    decided_at: datetime | None = Field(default=None, sa_type=Instant)
