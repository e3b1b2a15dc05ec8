"""Opening the database: SQLite in WAL with full durability, or PostgreSQL; writers say so, readers never wait."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import orjson
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import make_url

from connectors.base import Misconfigured

SQLITE_CACHE_KIB = 16 * 1024
BUSY_TIMEOUT_S = 30
_POOL: Final = {"pool_size": 1, "max_overflow": -1}
"""Each connection has a cache of its own: one is kept, and others are closed once they are not needed."""


def _dumps(value: Any) -> str:
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()


def connect(url: str) -> Engine:
    """Makes the engine for a SQLite or PostgreSQL URL; makes the folder (0700) and the file (0600) of a SQLite one.

    Raises Misconfigured when it may not.
    """
    if make_url(url).get_backend_name() == "sqlite":
        return _sqlite(url)
    return create_engine(
        url, hide_parameters=True, pool_pre_ping=True, json_serializer=_dumps, json_deserializer=orjson.loads
    )


def _sqlite(url: str) -> Engine:
    path = make_url(url).database
    if path and path != ":memory:":
        _make_file(Path(path))
    engine = create_engine(
        url,
        hide_parameters=True,
        json_serializer=_dumps,
        json_deserializer=orjson.loads,
        **(_POOL if path else {}),
        connect_args={"timeout": BUSY_TIMEOUT_S, "check_same_thread": False},
    )
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _make_file(path: Path) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        if not path.exists():
            # SQLite gives its -wal and -shm files the mode of the database.
            path.touch(mode=0o600)
    except OSError as error:
        raise Misconfigured("database.url", f"{path} cannot be made or opened ({error.strerror})") from None


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    # The driver must not open transactions by itself: BEGIN is ours, so that writers take the lock at once.
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in (
        "journal_mode=WAL",
        "synchronous=FULL",
        "foreign_keys=ON",
        "temp_store=MEMORY",
        f"cache_size=-{SQLITE_CACHE_KIB}",
        f"busy_timeout={BUSY_TIMEOUT_S * 1000}",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    # A deferred BEGIN that reads and then writes fails with SQLITE_BUSY_SNAPSHOT at once, whatever the time-out.
    writes = connection.get_execution_options().get("write", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """One write transaction: committed at the end, rolled back on an error."""
    with engine.connect().execution_options(write=True) as connection, connection.begin():
        yield connection


def overwrite_deleted(connection: Connection) -> None:
    """Lets SQLite write zeros over what this connection deletes from now on (sqlite.org/pragma.html#pragma_secure_delete)."""
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("PRAGMA secure_delete=ON")


@contextmanager
def migrating(engine: Engine) -> Iterator[Connection]:
    """One write transaction in which tables may be rebuilt.

    SQLite can drop a table that others refer to only while foreign keys are off, and turns them off between
    transactions only (sqlite.org/lang_altertable.html, "Making Other Kinds Of Table Schema Changes").
    """
    with engine.connect().execution_options(write=True) as connection:
        driver: Any = connection.connection.driver_connection if engine.dialect.name == "sqlite" else None
        if driver is not None:
            driver.execute("PRAGMA foreign_keys=OFF")
        try:
            with connection.begin():
                yield connection
        finally:
            if driver is not None:
                driver.execute("PRAGMA foreign_keys=ON")


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """One consistent read that never waits for a writer."""
    with engine.connect() as connection:
        if engine.dialect.name == "postgresql":
            # READ COMMITTED, the default, would show a second statement what was committed after the first.
            connection.execution_options(isolation_level="REPEATABLE READ")
        with connection.begin():
            yield connection


def refresh_statistics(engine: Engine) -> None:
    """Tells the planner what a large load has changed; without it PostgreSQL takes full tables for empty ones."""
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT", write=False) as connection:
        connection.exec_driver_sql("PRAGMA optimize" if engine.dialect.name == "sqlite" else "ANALYZE")
