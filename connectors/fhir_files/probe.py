"""Tries a folder of FHIR files out: what is there."""

from collections.abc import Iterator
from datetime import datetime

from connectors.base import Finding, Unavailable, failure
from connectors.fhir_files.folder import Folder
from connectors.fhir_files.settings import FhirFilesSettings
from connectors.folder_probe import files_finding, folder_finding, none_finding


def findings(folder: Folder, settings: FhirFilesSettings, at: datetime) -> Iterator[Finding]:
    """Yields the folder, then its files; reads none."""
    yield (first := folder_finding(settings.folder))
    if not first.ok:
        return
    try:
        found = [file.path for file in folder.files()]
    except Unavailable as error:
        yield failure("files", error)
        return
    yield files_finding("the export", settings.files, found, at) if found else none_finding(settings.folder)
