"""Which module serves which kind. A literal dict: adding a connector is adding a line."""

SOURCES: dict[str, str] = {
    "tabular": "connectors.tabular:TabularSource",
    "fhir-files": "connectors.fhir_files:FhirFilesSource",
    "fhir-bulk": "connectors.fhir_bulk:FhirBulkSource",
    "fhir-search": "connectors.fhir_search:FhirSearchSource",
}

DESTINATIONS: dict[str, str] = {
    "contact-file": "connectors.contact_file:ContactFile",
    "copper": "connectors.copper:Copper",
    "hubspot": "connectors.hubspot:Hubspot",
    "kit": "connectors.kit:Kit",
    "mailchimp": "connectors.mailchimp:Mailchimp",
    "worklist": "connectors.worklist:Worklist",
}
