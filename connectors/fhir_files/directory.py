"""What lies in the folder beside a resource: locations by their keys, patients by their identifiers.

Read only when a reference asks for it, and only from the files that hold such resources.
"""

import hashlib
import sqlite3
from collections.abc import Iterator

from connectors.base import Refusal
from connectors.fhir.identifiers import KnownAs, known_as
from connectors.fhir.stream import entries
from connectors.fhir_files.folder import File, Folder
from mappings.fhir.reference import Place


class FolderDirectory:
    """Follows references by what the folder holds now (`mappings.fhir.reference.Directory`)."""

    def __init__(self, folder: Folder) -> None:
        self._folder = folder
        self._places: dict[str, Place] | None = None
        self._patients: PatientIndex | None = None

    def forget(self) -> None:
        """Reads the folder again at the next question."""
        self._places = None
        if self._patients is not None:
            self._patients.close()
        self._patients = None

    def place(self, key: str) -> Place | None:
        """The location with that `Location/id` or `system|value`."""
        if self._places is None:
            self._places = self._read_places()
        return self._places.get(key)

    def patient(self, token: str) -> str | None:
        """The id of the patient with that `system|value`."""
        if self._patients is None:
            self._patients = PatientIndex(
                (token, id_)
                for file in self._folder.holding("Patient")
                for id_, known in _known(file, "Patient")
                for token in known.tokens
            )
        return self._patients.find(token)

    def _read_places(self) -> dict[str, Place]:
        places: dict[str, Place] = {}
        for file in self._folder.holding("Location"):
            for id_, known in _known(file, "Location"):
                keys = (f"Location/{id_}", *known.tokens)
                places.update(dict.fromkeys(keys, Place(keys, known.parent)))
        return places


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


def _known(file: File, resource: str) -> Iterator[tuple[str, KnownAs]]:
    """Yields each resource of one type that can be read that far: its id, and by what else it is known."""
    try:
        for entry in entries(file.path, file.name):
            known = known_as(entry.body) if entry.resource == resource and entry.id else None
            if known is not None:
                yield entry.id, known
    except Refusal:
        return
