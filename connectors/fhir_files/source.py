"""The fhir-files source: a folder of NDJSON, Bundles and single resources."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import ClassVar

from connectors.base import Finding, Known, Lent, RawRow
from connectors.fhir.settings import FEEDS, fingerprint_of, terms_of
from connectors.fhir_files.delivery import Delivery
from connectors.fhir_files.directory import FolderDirectory
from connectors.fhir_files.export import Export, exports
from connectors.fhir_files.folder import Folder
from connectors.fhir_files.probe import findings
from connectors.fhir_files.settings import FhirFilesSettings
from connectors.settings import Surroundings
from mappings.fhir.mapping import map_resource
from mappings.records import Mapped, Rejected


class FhirFilesSource:
    """A folder of FHIR files; see `connectors.base.Source`. A feed is a resource type."""

    settings_model: ClassVar[type[FhirFilesSettings]] = FhirFilesSettings

    def __init__(self, name: str, settings: FhirFilesSettings, surroundings: Surroundings, lent: Lent) -> None:
        self.name = name
        self.feeds: Sequence[str] = FEEDS
        self.fingerprint = fingerprint_of(settings, surroundings)
        self._settings = settings
        self._terms = terms_of(settings, surroundings)
        self._folder = Folder(settings, surroundings, lent.memo)
        self._directory = FolderDirectory(self._folder)

    def passes(self, known: Known, at: datetime) -> Iterator[Delivery]:
        """Yields what has not landed, in the order of export; raises Unavailable when the folder is not there."""
        self._directory.forget()
        rule, terms = self._settings.snapshot, self._terms
        blank = Export(parts=(), refusals=(), snapshot=rule, data_as_of=at, terms=terms)
        for export in exports(self._folder, known, blank):
            yield from export.deliveries(known)

    def map(self, row: RawRow) -> Mapped | Rejected:
        """Reads one resource; references that lead elsewhere are followed by what the folder holds."""
        body = row.body if isinstance(row.body, bytes) else b""
        return map_resource(row.kind, row.external_id, body, self._terms, self._directory)

    def probe(self, at: datetime) -> Iterator[Finding]:
        """Looks at the folder and its files."""
        return findings(self._folder, self._settings, at)
