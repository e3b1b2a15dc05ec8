"""Passes and jobs: what ran when, and what it did."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Engine, delete, select, update

from sync.store import tables as t
from sync.store.engine import reading, writing
from sync.store.statements import upsert

KEPT: Final = timedelta(days=90)
"""How long passes are remembered; ledgers keep what must last."""


def start_run(engine: Engine, run_id: str, at: datetime) -> None:
    """Notes that a pass has begun."""
    with writing(engine) as connection:
        connection.execute(t.run.insert().values(id=run_id, started_at=at, as_of=at))


def end_run(engine: Engine, run_id: str, at: datetime, exit_code: int, counts: Mapping[str, Any]) -> None:
    """Notes how a pass has ended."""
    with writing(engine) as connection:
        connection.execute(
            update(t.run).where(t.run.c.id == run_id).values(ended_at=at, exit_code=exit_code, counts=dict(counts))
        )
        connection.execute(delete(t.run).where(t.run.c.started_at < at - KEPT))


def last_run(engine: Engine) -> Mapping[str, Any] | None:
    """The newest pass that has ended."""
    c = t.run.c
    with reading(engine) as connection:
        query = select(t.run).where(c.ended_at.is_not(None)).order_by(c.started_at.desc()).limit(1)
        row = connection.execute(query).mappings().first()
    return dict(row) if row is not None else None


def note_attempt(engine: Engine, source: str, at: datetime) -> None:
    """Notes that a source is being pulled."""
    with writing(engine) as connection:
        upsert(connection, t.source_state, [{"source": source, "last_attempt": at}], ("source",))


def note_job(engine: Engine, name: str, at: datetime, *, succeeded: bool, code: str) -> None:
    """Notes how a scheduled job went."""
    row: dict[str, Any] = {"name": name, "last_attempt": at, "last_code": code}
    if succeeded:
        row["last_success"] = at
    with writing(engine) as connection:
        upsert(connection, t.job, [row], ("name",))


def last_successes(engine: Engine) -> dict[str, datetime | None]:
    """When jobs last succeeded."""
    with reading(engine) as connection:
        return dict(connection.execute(select(t.job.c.name, t.job.c.last_success)).all())
