"""What is left of a forgotten person: keyed hashes against their return, and what is still to be erased elsewhere."""

from datetime import datetime

from sqlalchemy import Index
from sqlmodel import Field, SQLModel

from sync.store.source_tables import BigId
from sync.store.types import Instant


class Tombstone(SQLModel, table=True):
    """The keyed hash of a patient row, an identifier or an address of a forgotten person (`contact`)."""

    __tablename__ = "tombstone"

    kind: str = Field(primary_key=True)
    digest: str = Field(primary_key=True)
    contact: str
    at: datetime = Field(sa_type=Instant)


class Erasure(SQLModel, table=True):
    """A subscriber of a forgotten person that a destination is to erase for good.

    State: waiting, erased, absent (the destination held none), refused (`code` says why). `key` and `ref` are emptied
    once it is settled.
    """

    __tablename__ = "erasure"
    __table_args__ = (Index("erasure_by_state", "destination", "state"),)

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    contact: str
    destination: str
    key: str
    ref: str | None = None
    state: str = "waiting"
    code: str | None = None
    asked_at: datetime = Field(sa_type=Instant)
    settled_at: datetime | None = Field(default=None, sa_type=Instant)
