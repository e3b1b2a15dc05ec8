"""Who is who: verdicts on pairs of rows, and which contact a row belongs to."""

from datetime import datetime

from sqlalchemy import Column, ForeignKey, Index, text
from sqlmodel import Field, SQLModel

from sync.store.source_tables import BigId
from sync.store.types import Instant


class Match(SQLModel, table=True):
    """A verdict on a pair of rows: same, not_same or maybe. Append-only; manual beats automatic, later beats earlier."""

    __tablename__ = "match"
    __table_args__ = (Index("match_by_low", "low"), Index("match_by_high", "high"))

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    low: int = Field(sa_type=BigId)
    high: int = Field(sa_type=BigId)
    verdict: str
    rule: str
    score: float = 0.0
    manual: bool = False
    actor: str = "prm-sync"
    at: datetime = Field(sa_type=Instant)


class Link(SQLModel, table=True):
    """Which contact a row belongs to; one active (until is null) a row."""

    __tablename__ = "link"
    __table_args__ = (
        Index(
            "link_active",
            "row_id",
            unique=True,
            sqlite_where=text("until IS NULL"),
            postgresql_where=text("until IS NULL"),
        ),
        Index("link_by_contact", "contact"),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    row_id: int = Field(sa_column=Column(BigId, ForeignKey("patient_record.id"), nullable=False))
    contact: str
    since: datetime = Field(sa_type=Instant)
    until: datetime | None = Field(default=None, sa_type=Instant)


class Unresolved(SQLModel, table=True):
    """A row to be resolved again: someone decided something of it, or what counts as evidence has changed."""

    __tablename__ = "unresolved"

    row_id: int = Field(primary_key=True, sa_type=BigId)
