"""How a FHIR server learns who we are: fixed credentials, and tokens that are asked for and renewed."""
