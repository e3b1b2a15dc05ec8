"""What lies in the folder beside a resource: locations by their keys, patients by their identifiers.

Read only when a reference asks for it, and only from the files that hold such resources.
"""

import hashlib
import sqlite3
from collections.abc import Iterator

import msgspec

from connectors.base import Refusal
from connectors.fhir.entry import UNREADABLE
from connectors.fhir.stream import entries
from connectors.fhir_files.folder import File, Folder
from mappings.fhir.reference import Place


class _Identifier(msgspec.Struct):
    system: str | None = None
    value: str | None = None


class _Parent(msgspec.Struct):
    reference: str | None = None


class _Known(msgspec.Struct, rename="camel"):
    identifier: list[_Identifier] | None = None
    part_of: _Parent | None = None


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
                for id_, tokens, _ in _known(file, "Patient")
                for token in tokens
            )
        return self._patients.find(token)

    def _read_places(self) -> dict[str, Place]:
        places: dict[str, Place] = {}
        for file in self._folder.holding("Location"):
            for id_, tokens, parent in _known(file, "Location"):
                keys = (f"Location/{id_}", *tokens)
                places.update(dict.fromkeys(keys, Place(keys, parent)))
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


def _known(file: File, resource: str) -> Iterator[tuple[str, list[str], str | None]]:
    """Yields id, `system|value`s and parent reference of each resource of one type that can be read that far."""
    try:
        for entry in entries(file.path, file.name):
            if entry.resource != resource or not entry.id:
                continue
            try:
                known = msgspec.json.decode(entry.body, type=_Known)
            except UNREADABLE:
                continue
            tokens = [f"{one.system or ''}|{one.value}" for one in known.identifier or () if one.value]
            yield entry.id, tokens, known.part_of.reference if known.part_of is not None else None
    except Refusal:
        return
