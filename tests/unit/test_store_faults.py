"""What ails a database, told from the errors that it raises."""

import sqlite3
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DataError, OperationalError

from connectors.base import Misconfigured
from sync.store.engine import connect, reading
from sync.store.faults import Kind, fault_of


def _raised(act: Callable[[], object]) -> Exception:
    with pytest.raises(Exception) as raised:  # noqa: PT011 - which one it is, is what the test asks
        act()
    return raised.value


def _read(url: str) -> None:
    engine = connect(url)
    try:
        with reading(engine) as connection:
            connection.execute(text("SELECT * FROM sqlite_master"))
    finally:
        engine.dispose()


def test_a_file_that_is_no_database_is_damage(tmp_path: Path) -> None:
    (tmp_path / "prm.db").write_bytes(b"this is no database, and long enough to be looked at by its header" * 20)
    fault = fault_of(_raised(lambda: _read(f"sqlite:///{tmp_path}/prm.db")))
    assert fault is not None
    assert fault.kind == "damage"


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (sqlite3.SQLITE_BUSY, "passing"),
        (sqlite3.SQLITE_BUSY_SNAPSHOT, "passing"),
        (sqlite3.SQLITE_READONLY, "lasting"),
        (sqlite3.SQLITE_FULL, "lasting"),
        (sqlite3.SQLITE_IOERR_WRITE, "lasting"),
        (sqlite3.SQLITE_CORRUPT_INDEX, "damage"),
    ],
)
def test_codes_of_sqlite_tell_what_passes_by_itself(code: int, kind: Kind) -> None:
    error = sqlite3.OperationalError("some words")
    error.sqlite_errorcode = code
    fault = fault_of(OperationalError("SELECT", {}, error))
    assert fault is not None
    assert fault.kind == kind


def test_a_server_that_is_not_there_passes_by_itself(tmp_path: Path) -> None:
    fault = fault_of(_raised(lambda: _read(f"postgresql+psycopg://nobody@/prm?host={tmp_path}")))
    assert fault is not None
    assert fault.kind == "passing"


@pytest.mark.parametrize(
    "error",
    [
        KeyError("x"),
        sqlite3.OperationalError("no such table"),
        OperationalError("SELECT", {}, sqlite3.OperationalError("no such table")),
        OperationalError("INSERT", {}, psycopg.errors.ProgramLimitExceeded("index row size")),
        DataError("INSERT", {}, psycopg.DataError("NUL")),
    ],
)
def test_other_errors_are_no_fault_of_the_database(error: Exception) -> None:
    assert fault_of(error) is None


def test_a_database_that_cannot_be_made_is_a_setting_to_mend(tmp_path: Path) -> None:
    (tmp_path / "var").write_text("a file where the folder should be")
    assert isinstance(_raised(lambda: _read(f"sqlite:///{tmp_path}/var/prm.db")), Misconfigured)
