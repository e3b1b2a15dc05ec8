"""FHIR resources -> rows: `mapping.map_resource` is the way in."""
