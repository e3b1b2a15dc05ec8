"""What was delivered: sources, feeds, files, the two gates, quarantine."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, Index, Integer, LargeBinary
from sqlmodel import Field, SQLModel

from sync.store.types import Instant

BigId = BigInteger().with_variant(Integer, "sqlite")


class SourceState(SQLModel, table=True):
    """How far a source has come."""

    __tablename__ = "source_state"

    source: str = Field(primary_key=True)
    fingerprint: str = ""
    first_complete_at: datetime | None = Field(default=None, sa_type=Instant)
    last_success: datetime | None = Field(default=None, sa_type=Instant)
    last_attempt: datetime | None = Field(default=None, sa_type=Instant)
    last_error: str | None = None
    data_as_of: datetime | None = Field(default=None, sa_type=Instant)
    stale_alarm: bool = False
    circuit_until: datetime | None = Field(default=None, sa_type=Instant)


class FeedState(SQLModel, table=True):
    """The newest landed delivery of a feed; the source brake compares the next one with it."""

    __tablename__ = "feed_state"

    source: str = Field(primary_key=True)
    feed: str = Field(primary_key=True)
    data_as_of: datetime | None = Field(default=None, sa_type=Instant)
    name: str = ""
    n_rows: int = 0
    header: str = ""
    sites: dict[str, Any] = Field(default_factory=dict, sa_type=JSON)


class Landing(SQLModel, table=True):
    """One delivered file and what became of it: landed, held, released, discarded, refused, older."""

    __tablename__ = "landing"
    __table_args__ = (Index("landing_by_hash", "source", "feed", "sha256"),)

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    source: str
    feed: str
    name: str
    sha256: str
    fingerprint: str
    state: str
    n_rows: int = 0
    data_as_of: datetime | None = Field(default=None, sa_type=Instant)
    at: datetime = Field(sa_type=Instant)
    hold_id: str | None = None


class Gate(SQLModel, table=True):
    """What was read last of a raw row: its hash, and that of its mapped fields. State: landed, quarantined, ignored."""

    __tablename__ = "gate"
    __table_args__ = {"sqlite_with_rowid": False}

    source: str = Field(primary_key=True)
    kind: str = Field(primary_key=True)
    external_id: str = Field(primary_key=True)
    feed: str
    raw_hash: bytes = Field(sa_type=LargeBinary)
    row_hash: bytes | None = Field(default=None, sa_type=LargeBinary)
    state: str
    present: bool = True


class Seen(SQLModel, table=True):
    """The rows that an unfinished pass has held so far; what a complete one did not hold is absent."""

    __tablename__ = "seen"
    __table_args__ = {"sqlite_with_rowid": False}

    source: str = Field(primary_key=True)
    feed: str = Field(primary_key=True)
    kind: str = Field(primary_key=True)
    external_id: str = Field(primary_key=True)


class FeedLine(SQLModel, table=True):
    """Digests of the lines of a feed's last landed file, in its order, many a row (`connectors.lines.Block`)."""

    __tablename__ = "feed_line"
    __table_args__ = {"sqlite_with_rowid": False}

    source: str = Field(primary_key=True)
    feed: str = Field(primary_key=True)
    generation: int = Field(primary_key=True)
    block: int = Field(primary_key=True)
    digests: bytes = Field(sa_type=LargeBinary)
    labels: bytes = Field(sa_type=LargeBinary)


class GoneLine(SQLModel, table=True):
    """What the lines hashed to (`Gate.raw_hash`) that an unfinished pass has not met again so far."""

    __tablename__ = "gone_line"
    __table_args__ = {"sqlite_with_rowid": False}

    source: str = Field(primary_key=True)
    feed: str = Field(primary_key=True)
    raw_hash: bytes = Field(primary_key=True, sa_type=LargeBinary)


class Quarantine(SQLModel, table=True):
    """An input row that could not be used, kept for replay; one open entry a (source, kind, external id)."""

    __tablename__ = "quarantine"
    __table_args__ = (
        Index("quarantine_by_row", "source", "kind", "external_id", unique=True),
        Index("quarantine_by_patient", "source", "patient_id"),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    source: str
    feed: str
    kind: str
    external_id: str
    site: str | None = None
    code: str
    field: str | None = None
    column: str | None = None
    file: str
    line: int
    body: bytes = Field(sa_type=LargeBinary)
    cells: bool
    first_at: datetime = Field(sa_type=Instant)
    last_at: datetime = Field(sa_type=Instant)
    patient_id: str | None = None
    episode_id: str | None = None
    day: date | None = None
    acked_at: datetime | None = Field(default=None, sa_type=Instant)


class Notice(SQLModel, table=True):
    """How often an optional value of a source could not be read, by field and code; never the value."""

    __tablename__ = "notice"

    source: str = Field(primary_key=True)
    feed: str = Field(primary_key=True)
    field: str = Field(primary_key=True)
    code: str = Field(primary_key=True)
    n: int = 0
    file: str = ""
    line: int = 0
    last_at: datetime = Field(sa_type=Instant)
