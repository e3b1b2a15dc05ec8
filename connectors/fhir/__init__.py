"""What the FHIR sources share: settings, the reading of lines and Bundles, and what a resource becomes."""
