"""By what the resources of a file are known; patients of an export by their identifiers."""

import hashlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from connectors.base import Refusal
from connectors.fhir.identifiers import KnownAs, known_as
from connectors.fhir.stream import entries


class PatientIndex:
    """`system|value` -> patient id, in a temporary database that SQLite keeps on disk when it grows.

    Keys are hashes, so that no identifier of a person is written down.
    """

    def __init__(self, pairs: Iterator[tuple[str, str]]) -> None:
        # An empty name is a private database that vanishes when it is closed (sqlite.org/inmemorydb.html).
        self._database = sqlite3.connect("", check_same_thread=False)
        self._database.execute("CREATE TABLE patient (key BLOB PRIMARY KEY, id TEXT NOT NULL) WITHOUT ROWID")
        with self._database:
            self._database.executemany(
                "INSERT OR REPLACE INTO patient VALUES (?, ?)", ((_hash(token), id_) for token, id_ in pairs)
            )

    def find(self, token: str) -> str | None:
        """The id of the last delivered patient with that identifier."""
        row = self._database.execute("SELECT id FROM patient WHERE key = ?", (_hash(token),)).fetchone()
        return row[0] if row is not None else None

    def close(self) -> None:
        """Gives the database up."""
        self._database.close()

    def __del__(self) -> None:
        self._database.close()


def _hash(token: str) -> bytes:
    return hashlib.blake2b(token.encode(), digest_size=16).digest()


def known_in(path: Path, name: str, resource: str) -> Iterator[tuple[str, KnownAs]]:
    """Yields each resource of one type that can be read that far: its id, and by what else it is known."""
    try:
        for entry in entries(path, name):
            known = known_as(entry.body) if entry.resource == resource and entry.id else None
            if known is not None:
                yield entry.id, known
    except Refusal:
        return
