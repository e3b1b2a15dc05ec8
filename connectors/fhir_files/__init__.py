"""FHIR resources from a folder of files."""

from connectors.fhir_files.source import FhirFilesSource

__all__ = ["FhirFilesSource"]
