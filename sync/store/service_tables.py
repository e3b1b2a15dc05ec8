"""The service's own memory: runs, the owner, memos, decisions of people."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON
from sqlmodel import Field, SQLModel

from sync.store.source_tables import BigId
from sync.store.types import Instant


class Installation(SQLModel, table=True):
    """Names this database, so that a replaced one is noticed."""

    __tablename__ = "installation"

    id: int = Field(primary_key=True)
    database_id: str
    created_at: datetime = Field(sa_type=Instant)


class Owner(SQLModel, table=True):
    """The one process that pulls, reviews or pushes."""

    __tablename__ = "owner"

    id: int = Field(primary_key=True)
    pid: int
    host: str
    since: datetime = Field(sa_type=Instant)
    alive_at: datetime = Field(sa_type=Instant)


class Run(SQLModel, table=True):
    """One pass and what it did."""

    __tablename__ = "run"

    id: str = Field(primary_key=True)
    started_at: datetime = Field(sa_type=Instant)
    ended_at: datetime | None = Field(default=None, sa_type=Instant)
    as_of: datetime = Field(sa_type=Instant)
    exit_code: int | None = None
    counts: dict[str, Any] = Field(default_factory=dict, sa_type=JSON)


class Job(SQLModel, table=True):
    """When a scheduled job last succeeded; missed ones are caught up on start."""

    __tablename__ = "job"

    name: str = Field(primary_key=True)
    last_success: datetime | None = Field(default=None, sa_type=Instant)
    last_attempt: datetime | None = Field(default=None, sa_type=Instant)
    last_code: str | None = None


class Memo(SQLModel, table=True):
    """A small persistent map that is lent to connectors and keeps cursors."""

    __tablename__ = "memo"

    owner: str = Field(primary_key=True)
    key: str = Field(primary_key=True)
    value: dict[str, Any] = Field(sa_type=JSON)


class Decision(SQLModel, table=True):
    """What a person decided at the command line; append-only."""

    __tablename__ = "decision"

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    at: datetime = Field(sa_type=Instant)
    actor: str
    action: str
    subject: str
    detail: dict[str, Any] = Field(default_factory=dict, sa_type=JSON)
