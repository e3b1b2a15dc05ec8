"""FHIR resources by bulk export: files that a server is asked to write."""

from connectors.fhir_bulk.source import FhirBulkSource

__all__ = ["FhirBulkSource"]
