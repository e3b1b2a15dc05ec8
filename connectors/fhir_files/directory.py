"""What lies in the folder beside a resource: locations by their keys, patients by their identifiers.

Read only when a reference asks for it, and only from the files that hold such resources.
"""

from connectors.fhir.patient_index import PatientIndex, known_in
from connectors.fhir_files.folder import Folder
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
                for id_, known in known_in(file.path, file.name, "Patient")
                for token in known.tokens
            )
        return self._patients.find(token)

    def _read_places(self) -> dict[str, Place]:
        places: dict[str, Place] = {}
        for file in self._folder.holding("Location"):
            for id_, known in known_in(file.path, file.name, "Location"):
                keys = (f"Location/{id_}", *known.tokens)
                places.update(dict.fromkeys(keys, Place(keys, known.parent)))
        return places
