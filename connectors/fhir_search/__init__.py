"""FHIR resources by search, from a server that is asked for what has changed."""

from connectors.fhir_search.source import FhirSearchSource

__all__ = ["FhirSearchSource"]
