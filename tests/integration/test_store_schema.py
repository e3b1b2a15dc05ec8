"""Creating, refusing and upgrading the schema; how each engine is opened."""

import shutil
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import Connection, Engine, event, select, text
from sqlalchemy.exc import IntegrityError, StatementError
from sqlalchemy.pool import Pool

from sync.store import schema
from sync.store import tables as t
from sync.store.engine import connect, reading, writing
from sync.store.schema import SchemaMismatch, open_schema, state, upgrade
from sync.store.statements import chunks, insert, upsert
from tests.database_server import hurry_sqlite

AT = datetime(2026, 3, 2, 12, tzinfo=UTC)
NEXT_REVISION = """
import sqlalchemy as sa
from alembic import op

revision = "0099"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade():
    recreate = "always" if op.get_bind().dialect.name == "sqlite" else "never"
    for name in ("patient_record", "match"):
        with op.batch_alter_table(name, recreate=recreate) as batch:
            batch.add_column(sa.Column("note", sa.String(), nullable=True))
"""


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    engine = connect(database_url)
    yield engine
    engine.dispose()


@pytest.fixture
def empty_engine(empty_database_url: str) -> Iterator[Engine]:
    engine = connect(empty_database_url)
    yield engine
    engine.dispose()


@pytest.fixture
def next_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The code of a later version, which brings one more revision."""
    scripts = tmp_path / "migrations"
    shutil.copytree(Path(schema.__file__).parent / "migrations", scripts, ignore=shutil.ignore_patterns("*.pyc"))
    (scripts / "versions" / "0099_next.py").write_text(NEXT_REVISION, encoding="utf-8")
    present = schema._alembic

    def later(engine: Engine) -> Config:
        config = present(engine)
        config.set_main_option("script_location", str(scripts))
        return config

    monkeypatch.setattr(schema, "_alembic", later)


def fill(engine: Engine) -> None:
    with writing(engine) as connection:
        patient = {"id": 1, "source": "webpt", "external_id": "1", "first_seen_at": AT}
        insert(connection, t.patient_record, [patient])
        insert(connection, t.link, [{"row_id": 1, "contact": "c1", "since": AT}])
        insert(connection, t.match, [{"low": 1, "high": 2, "verdict": "same", "rule": "person", "at": AT}])


def set_revision(engine: Engine, revision: str) -> None:
    with writing(engine) as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = :revision"), {"revision": revision})


def test_an_empty_database_is_created_once_and_named(empty_engine: Engine) -> None:
    assert state(empty_engine) == "empty"
    open_schema(empty_engine)
    assert state(empty_engine) == "current"
    names = []
    for _ in range(2):
        open_schema(empty_engine)
        with reading(empty_engine) as connection:
            names.append(connection.execute(select(t.installation.c.database_id)).scalars().all())
    assert len(names[0]) == 1
    assert names[0] == names[1]


def test_several_processes_may_meet_at_an_empty_database(empty_database_url: str) -> None:
    meeting = "import sys; from sync.store import engine, schema; schema.open_schema(engine.connect(sys.argv[1]))"
    started = [subprocess.Popen([sys.executable, "-c", meeting, empty_database_url]) for _ in range(2)]
    assert [process.wait(60) for process in started] == [0, 0]


def test_a_creation_that_dies_at_its_end_has_done_nothing(
    empty_engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(_connection: Connection) -> None:
        raise RuntimeError

    monkeypatch.setattr(schema, "guard_ledgers", die)
    with pytest.raises(RuntimeError):
        open_schema(empty_engine)
    assert state(empty_engine) == "empty"


def test_the_revisions_make_what_the_tables_say(engine: Engine) -> None:
    with reading(engine) as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, t.metadata) == []


def test_the_revisions_make_the_very_statements_of_the_tables_on_sqlite(tmp_path: Path) -> None:
    migrated, declared = (connect(f"sqlite:///{tmp_path / name}") for name in ("migrated.db", "declared.db"))
    open_schema(migrated)
    t.metadata.create_all(declared)
    assert _statements(migrated) == _statements(declared)
    migrated.dispose()
    declared.dispose()


def _statements(engine: Engine) -> dict[str, list[str]]:
    query = "SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL AND type <> 'trigger' AND name <> :version"
    with reading(engine) as connection:
        rows = connection.execute(text(query), {"version": "alembic_version"})
        # A table that was made anew and renamed has its name in quotes.
        return {name: sorted(line.strip(" \t,").replace('"', "") for line in sql.splitlines()) for name, sql in rows}


def test_a_newer_database_is_refused_and_not_touched(engine: Engine) -> None:
    set_revision(engine, "9999")
    assert state(engine) == "newer"
    with pytest.raises(SchemaMismatch, match="newer than this version"):
        open_schema(engine)
    with pytest.raises(SchemaMismatch, match="newer than this version"):
        upgrade(engine, None)


def test_a_database_of_something_else_is_not_taken_for_an_empty_one(empty_engine: Engine) -> None:
    with writing(empty_engine) as connection:
        connection.execute(text("CREATE TABLE theirs (id INTEGER)"))
    with pytest.raises(SchemaMismatch):
        open_schema(empty_engine)


@pytest.mark.usefixtures("next_version")
def test_an_older_database_needs_the_upgrade_which_keeps_its_rows(engine: Engine, tmp_path: Path) -> None:
    fill(engine)
    with pytest.raises(SchemaMismatch, match="prm-sync db upgrade"):
        open_schema(engine)
    copy = tmp_path / "copy.db"
    upgrade(engine, copy)
    assert state(engine) == "current"
    with reading(engine) as connection:
        assert connection.execute(text("SELECT external_id, note FROM patient_record")).all() == [("1", None)]
        assert connection.execute(text("SELECT count(*) FROM link")).scalar() == 1
        assert connection.execute(text("SELECT count(*) FROM installation")).scalar() == 1
    stray = {"row_id": 99, "contact": "c1", "since": AT}
    with pytest.raises(IntegrityError), writing(engine) as connection:
        insert(connection, t.link, [stray])
    assert copy.exists() == (engine.dialect.name == "sqlite")


@pytest.mark.usefixtures("next_version")
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_the_copy_before_an_upgrade_is_private_whole_and_old(engine: Engine, tmp_path: Path) -> None:
    fill(engine)
    copy = tmp_path / "copy.db"
    with reading(engine) as reader:
        # While someone reads, the newest pages stay in the write-ahead log.
        reader.execute(select(t.link)).all()
        upgrade(engine, copy)
    with closing(sqlite3.connect(copy)) as connection:
        assert connection.execute("SELECT version_num FROM alembic_version").fetchall() == [("0005",)]
        assert connection.execute("SELECT external_id FROM patient_record").fetchall() == [("1",)]
    assert copy.stat().st_mode & 0o777 == 0o600


# How the engines are opened --------------------------------------------------------------------------------------


@pytest.fixture
def unhurried() -> Iterator[None]:
    """SQLite as the product opens it, and not as tests make it quick."""
    event.remove(Pool, "checkout", hurry_sqlite)
    yield
    event.listen(Pool, "checkout", hurry_sqlite)


@pytest.mark.usefixtures("unhurried")
def test_sqlite_is_opened_private_durable_and_with_a_write_ahead_log(tmp_path: Path) -> None:
    path = tmp_path / "var" / "prm.db"
    engine = connect(f"sqlite:///{path}")
    with writing(engine) as connection:
        connection.execute(text("CREATE TABLE a (b INTEGER)"))
        pragmas = ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        found = [connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in pragmas]
        modes = {p.name: p.stat().st_mode & 0o777 for p in (path.parent, *path.parent.iterdir())}
    assert found == ["wal", 2, 1, 30_000]
    assert modes == {"var": 0o700, "prm.db": 0o600, "prm.db-wal": 0o600, "prm.db-shm": 0o600}
    engine.dispose()


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_writer_says_so_when_it_begins(engine: Engine) -> None:
    said: list[str] = []
    with engine.connect() as connection:
        driver: Any = connection.connection.driver_connection
        driver.set_trace_callback(said.append)
    for transaction in (writing, reading):
        with transaction(engine):
            pass
    assert [statement.strip() for statement in said] == ["BEGIN IMMEDIATE", "COMMIT", "BEGIN", "COMMIT"]


def test_a_reader_never_waits_and_sees_one_state_while_a_writer_works(engine: Engine) -> None:
    query = select(t.memo.c.key).order_by(t.memo.c.key)
    row = {"owner": "x", "value": {}}
    with reading(engine) as reader:
        assert reader.execute(query).all() == []
        with writing(engine) as writer:
            insert(writer, t.memo, [{**row, "key": "a"}])
            assert reader.execute(query).all() == []
            with reading(engine) as other:
                assert other.execute(query).all() == []
        assert reader.execute(query).all() == []
    with reading(engine) as reader:
        assert reader.execute(query).scalars().all() == ["a"]


def test_two_writers_take_turns(engine: Engine) -> None:
    started = threading.Event()

    def second() -> None:
        started.set()
        with writing(engine) as connection:
            insert(connection, t.memo, [{"owner": "x", "key": "second", "value": {}}])

    thread = threading.Thread(target=second)
    with writing(engine) as connection:
        connection.execute(select(t.memo)).all()
        thread.start()
        assert started.wait(10)
        insert(connection, t.memo, [{"owner": "x", "key": "first", "value": {}}])
    thread.join(10)
    with reading(engine) as connection:
        assert set(connection.execute(select(t.memo.c.key)).scalars()) == {"first", "second"}


def test_what_a_failed_writer_wrote_is_gone(engine: Engine) -> None:
    row = {"owner": "x", "key": "a", "value": {}}
    with pytest.raises(IntegrityError), writing(engine) as connection:
        insert(connection, t.memo, [row, row])
    with reading(engine) as connection:
        assert connection.execute(select(t.memo)).all() == []


def test_an_error_of_the_database_shows_no_values(engine: Engine) -> None:
    row = {"id": "c1", "founder": 1, "created_at": AT, "data_at": AT, "address": "ann@example.com"}
    with pytest.raises(IntegrityError) as caught, writing(engine) as connection:
        insert(connection, t.contact, [row, {**row, "founder": 2}])
    assert "ann@example.com" not in str(caught.value)


# Statements and types --------------------------------------------------------------------------------------------


def test_an_upsert_writes_what_is_new_and_keeps_what_it_is_told_to_keep(engine: Engine) -> None:
    later = AT + timedelta(days=1)
    webpt, leads = ({"source": name, "last_attempt": AT, "last_success": AT} for name in ("webpt", "leads"))
    changed = {"source": "webpt", "last_attempt": later, "last_success": later}
    with writing(engine) as connection:
        upsert(connection, t.source_state, [webpt, leads], ("source",))
        upsert(connection, t.source_state, [changed], ("source",), keep=("last_success",))
        upsert(connection, t.source_state, [{**leads, **changed, "source": "leads"}], ("source",), keep=tuple(leads))
        upsert(connection, t.source_state, [], ("source",))
        # Of one key twice the last row stays.
        upsert(connection, t.job, [{"name": "pull", "last_code": code} for code in "ab"], ("name",))
        c = t.source_state.c
        query = select(c.source, c.last_attempt, c.last_success, c.fingerprint).order_by(c.source)
        assert connection.execute(query).all() == [("leads", AT, AT, ""), ("webpt", later, AT, "")]
        assert connection.execute(select(t.job.c.last_code)).scalars().all() == ["b"]


def test_items_are_cut_into_pieces_of_at_most_the_size() -> None:
    assert list(chunks(range(5), 2)) == [[0, 1], [2, 3], [4]]
    assert list(chunks([])) == []


def test_an_instant_comes_back_in_utc_and_a_naive_one_is_refused(engine: Engine) -> None:
    denver = AT.astimezone(timezone(timedelta(hours=-7)))
    with writing(engine) as connection:
        insert(connection, t.job, [{"name": "pull", "last_success": denver}])
        found = connection.execute(select(t.job.c.last_success)).scalar_one()
        assert (found, found.tzinfo) == (AT, UTC)
        assert connection.execute(select(t.job.c.name).where(t.job.c.last_success <= denver)).scalar() == "pull"
    with pytest.raises(StatementError, match="needs a zone"), writing(engine) as connection:
        insert(connection, t.job, [{"name": "push", "last_success": AT.replace(tzinfo=None)}])
