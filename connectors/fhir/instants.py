"""Instants as FHIR servers write and read them."""

from datetime import UTC, datetime


def instant(moment: datetime) -> str:
    """A time as a parameter, in UTC and to the millisecond, without the plus sign that servers take for a blank."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def moment(text: str | None) -> datetime | None:
    """An instant of the server's; None for what is none."""
    if text is None:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)
