"""Pure: what a record is, how a raw row becomes one, how a contact becomes a subscriber document."""
