"""Where references are looked up that lead to what an export did not bring with them."""

from collections.abc import Sequence

from connectors.base import Misconfigured
from connectors.fhir.directory import escaped
from connectors.fhir.entry import Entry, entries_of
from connectors.fhir.patient_index import PatientIndex, known_in
from connectors.fhir.server import FhirServer
from connectors.fhir_bulk.files import Files


class ExportHoldings:
    """Looks into the export's own patients, then asks the server (a `Library` of `connectors.fhir.directory`).

    Credentials that open exports only are no error: what is not found so is not known.
    """

    def __init__(self, server: FhirServer) -> None:
        self._server = server
        self._files: Files | None = None
        self._patients: PatientIndex | None = None
        self._shut = False

    def open(self, files: Files | None) -> None:
        """From now on the patients of this export are looked into; None: no export's."""
        if self._patients is not None:
            self._patients.close()
        self._files, self._patients, self._shut = files, None, False

    def read(self, resource: str, id_: str) -> bytes | None:
        """A resource by its id; None when there is none to be had."""
        if self._shut:
            return None
        try:
            answer = self._server.get(f"/{resource}/{id_}", f"/{resource}/{{id}}")
        except Misconfigured:
            self._shut = True
            return None
        return answer.body if answer.status == 200 else None

    def find(self, resource: str, token: str) -> Sequence[Entry]:
        """The resources of a type with that identifier."""
        if resource == "Patient" and self._files is not None:
            found = self._exported().find(token)
            if found is not None:
                return [Entry(resource, found, b"", 0)]
        return self._searched(resource, token)

    def _exported(self) -> PatientIndex:
        if self._patients is None:
            files = self._files.holding("Patient") if self._files is not None else ()
            self._patients = PatientIndex(
                (token, id_)
                for file in files
                for id_, known in known_in(file.path, file.name, "Patient")
                for token in known.tokens
            )
        return self._patients

    def _searched(self, resource: str, token: str) -> Sequence[Entry]:
        if self._shut:
            return ()
        place = f"/{resource}/_search"
        try:
            answer = self._server.post_form(place, place, {"identifier": escaped(token)})
        except Misconfigured:
            self._shut = True
            return ()
        if answer.status != 200:
            return ()
        return [entry for entry in entries_of(answer.body, 1, document=True) if entry.resource == resource]
