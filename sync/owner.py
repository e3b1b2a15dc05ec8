"""One owner: the process that pulls, reviews or pushes; a second one is told who holds the line."""

import fcntl
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import IO, Final

from sqlalchemy import Connection, Engine, select, text, update

from connectors.base import Misconfigured
from sync.store import tables as t
from sync.store.engine import reading, writing
from sync.store.statements import upsert

ADVISORY_KEY: Final = 7_166_201_844_011_337


# A key of one bigint is shown as two halves (PostgreSQL, "pg_locks": objsubid 1); every database of the server is shown.
_LOCKED: Final = text(
    "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND granted AND objsubid = 1"
    " AND (classid::bigint << 32) | objid::bigint = :key"
    " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
)


class Busy(Exception):
    """Another process owns the line; the message names it (75)."""


@contextmanager
def owning(engine: Engine, at: datetime) -> Iterator[None]:
    """Holds the line for as long as the block runs; raises Busy, or Misconfigured when it may not."""
    lock = _flock if engine.dialect.name == "sqlite" else _advisory
    with lock(engine):
        row = {"id": 1, "pid": os.getpid(), "host": socket.gethostname(), "since": at, "alive_at": at}
        with writing(engine) as connection:
            upsert(connection, t.owner, [row], ("id",))
        yield


@contextmanager
def _flock(engine: Engine) -> Iterator[None]:
    path = Path(f"{engine.url.database}.lock")
    try:
        stream = path.open("a")
    except OSError as error:
        raise Misconfigured("database.url", f"its lock {path} cannot be opened ({error.strerror})") from None
    with stream:
        _lock(stream, engine)
        yield


def _lock(stream: IO[str], engine: Engine) -> None:
    try:
        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise Busy(_holder(engine)) from None


@contextmanager
def _advisory(engine: Engine) -> Iterator[None]:
    connection: Connection
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        key = {"key": ADVISORY_KEY}
        if not connection.execute(text("SELECT pg_try_advisory_lock(:key)"), key).scalar():
            raise Busy(_holder(engine))
        try:
            yield
        finally:
            connection.execute(text("SELECT pg_advisory_unlock(:key)"), key)


def owns(engine: Engine) -> bool:
    """True while this process holds the line: on PostgreSQL the lock goes with its connection, unseen."""
    with reading(engine) as connection:
        row = connection.execute(select(t.owner.c.pid, t.owner.c.host)).first()
        if row is None or tuple(row) != (os.getpid(), socket.gethostname()):
            return False
        return engine.dialect.name == "sqlite" or bool(connection.execute(_LOCKED, {"key": ADVISORY_KEY}).scalar())


def still_alive(engine: Engine, at: datetime) -> None:
    """Notes that the owner is at work."""
    with writing(engine) as connection:
        connection.execute(update(t.owner).values(alive_at=at))


def _holder(engine: Engine) -> str:
    with reading(engine) as connection:
        row = connection.execute(select(t.owner)).first()
    if row is None:
        return "another prm-sync process is at work; try again when it has ended"
    return f"prm-sync is at work already: pid {row.pid} on {row.host} since {row.since.isoformat()}; try again later"
