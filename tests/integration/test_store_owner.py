"""One process pulls, reviews or pushes; a second one is told who."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import Engine, select, text

from sync.owner import ADVISORY_KEY, Busy, owning
from sync.store import tables as t
from sync.store.engine import connect, reading, writing
from sync.store.memos import write_memo

ROOT = Path(__file__).parents[2]
AT = datetime(2026, 3, 2, 12, tzinfo=UTC)
HOLD = """
import sys
from datetime import UTC, datetime
from sync.owner import owning
from sync.store.engine import connect

with owning(connect(sys.argv[1]), datetime(2026, 3, 1, 8, tzinfo=UTC)):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    engine = connect(database_url)
    yield engine
    engine.dispose()


def test_a_second_process_is_told_who_is_at_work_until_that_one_ends(engine: Engine, database_url: str) -> None:
    command = [sys.executable, "-c", HOLD, database_url]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        named = f"pid {holder.pid} on {socket.gethostname()} since 2026-03-01T08:00:00"
        with pytest.raises(Busy, match=named), owning(engine, AT):
            pytest.fail("two processes own the line")
        with writing(engine) as connection:
            # Commands that only write a decision need not own the line.
            write_memo(connection, "decisions", "one", {})
        holder.kill()
    _await_release(engine)
    with owning(engine, AT):
        assert _owner(engine) == (os.getpid(), socket.gethostname(), AT)


def _await_release(engine: Engine) -> None:
    """PostgreSQL hears of a client's death a moment later; whoever waits for the lock gets it then."""
    if engine.dialect.name == "postgresql":
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            for does in ("pg_advisory_lock", "pg_advisory_unlock"):
                connection.execute(text(f"SELECT {does}(:key)"), {"key": ADVISORY_KEY})


def _owner(engine: Engine) -> tuple[int, str, datetime]:
    c = t.owner.c
    with reading(engine) as connection:
        pid, host, since = connection.execute(select(c.pid, c.host, c.since)).one()
    return pid, host, since


def test_the_line_is_free_again_after_its_owner_ended_well_or_badly(engine: Engine, database_url: str) -> None:
    second = connect(database_url)
    with owning(engine, AT), pytest.raises(Busy, match=f"pid {os.getpid()} "), owning(second, AT):
        pytest.fail("the line is owned twice")
    with owning(second, AT):
        pass
    with pytest.raises(RuntimeError, match="stopped"), owning(second, AT):
        raise RuntimeError("stopped")
    with owning(engine, AT):
        pass
    second.dispose()
