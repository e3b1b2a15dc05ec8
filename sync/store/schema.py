"""Creating, checking and upgrading the schema through Alembic."""

import secrets
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from importlib import resources
from pathlib import Path
from typing import Any, Final, Literal

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, inspect, select, text

from sync.store.engine import reading
from sync.store.ledgers import guard_ledgers
from sync.store.tables import installation

State = Literal["empty", "current", "older", "newer"]

MIGRATION_KEY: Final = 7_166_201_844_011_338
NEWER: Final = "the database is newer than this version of prm-sync; install the newer version again"


class SchemaMismatch(Exception):
    """The database is of another version of prm-sync; the message says what to do (78)."""


def _alembic(engine: Engine) -> Config:
    config = Config()
    config.set_main_option("script_location", str(resources.files("sync.store") / "migrations"))
    config.attributes |= {"engine": engine, "begin": _begin, "end": _end}
    return config


def state(engine: Engine) -> State:
    """Compares the database's revision with the code's."""
    scripts = ScriptDirectory.from_config(_alembic(engine))
    with reading(engine) as connection:
        revision = MigrationContext.configure(connection).get_current_revision()
        if revision is None:
            return "empty" if not inspect(connection).get_table_names() else "older"
    if revision == scripts.get_current_head():
        return "current"
    return "older" if revision in {script.revision for script in scripts.walk_revisions()} else "newer"


def open_schema(engine: Engine) -> None:
    """Creates an empty database's tables; raises SchemaMismatch for one that is older or newer than the code."""
    match state(engine):
        case "empty":
            _migrate(engine)
        case "older":
            raise SchemaMismatch("the database is older than this version; run: prm-sync db upgrade")
        case "newer":
            raise SchemaMismatch(NEWER)


def upgrade(engine: Engine, copy_to: Path | None) -> None:
    """Brings the schema up to date; a SQLite database is copied to `copy_to` first. Raises SchemaMismatch for a newer one."""
    if state(engine) == "newer":
        raise SchemaMismatch(NEWER)
    if copy_to is not None and engine.dialect.name == "sqlite":
        _copy(engine, copy_to)
    _migrate(engine)


def _copy(engine: Engine, copy_to: Path) -> None:
    # The file alone is not the database: its newest pages are in the write-ahead log. SQLite's own backup reads both.
    copy_to.touch(mode=0o600)
    with engine.connect() as connection, closing(sqlite3.connect(copy_to)) as copy:
        driver: Any = connection.connection.driver_connection
        driver.backup(copy)


def _migrate(engine: Engine) -> None:
    command.upgrade(_alembic(engine), "head")


def _begin(connection: Connection) -> None:
    """Lets one migration at a time go on: the next finds it done. SQLite's write lock does so by itself."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": MIGRATION_KEY})


def _end(connection: Connection) -> None:
    guard_ledgers(connection)
    if connection.execute(select(installation.c.id)).first() is None:
        connection.execute(
            installation.insert().values(id=1, database_id=secrets.token_hex(8), created_at=datetime.now(UTC))
        )
