"""Which rows speak for a contact, and which clinic it belongs to."""

from collections.abc import Callable, Iterable, Sequence

from sync.attendance import Heard, Meaning
from sync.attendance import latest as latest_record
from sync.person import Person, Row, World


def leading_rows(person: Person) -> list[Row]:
    """The contact's rows, the leading one first; where it is silent the next one speaks.

    The newest visit that was not cancelled, then the newest created_at, then the lowest (source, external id); rows
    that the EMR merged away come last.
    """
    if len(person.rows) == 1:
        return list(person.rows)
    newest: dict[int, float] = {}
    for visit in person.visits:
        if visit.status != "cancelled":
            newest[visit.row] = max(visit.starts_at.timestamp(), newest.get(visit.row, visit.starts_at.timestamp()))
    return sorted(person.rows, key=lambda row: (row.merged_away, *_newness(newest.get(row.id), row)))


def _newness(visit: float | None, row: Row) -> tuple[bool, float, bool, float, str, str]:
    created = None if row.created_at is None else row.created_at.timestamp()
    return visit is None, -(visit or 0.0), created is None, -(created or 0.0), row.source, row.external_id


def mailing_address(person: Person, usable: Callable[[str], bool]) -> str | None:
    """The leading row's usable e-mail address, else the next row's."""
    return next((row.email for row in leading_rows(person) if row.email and usable(row.email)), None)


def is_prospect(person: Person, world: World) -> bool:
    """True if all rows come from sources of role leads."""
    return all(is_lead(row, world) for row in person.rows)


def is_lead(row: Row, world: World) -> bool:
    """True of a row from a source of role leads; a source that is configured no longer counts as an EMR."""
    feed = world.feeds.get(row.source)
    return feed is not None and feed.role == "leads"


def preferred_site(leading: Sequence[Row], world: World) -> str | None:
    """The clinic that a lead's row names, else the leading row's."""
    named = [row for row in leading if row.site is not None]
    return next((row.site for row in named if is_lead(row, world)), named[0].site if named else None)


def current_site(speaking: Iterable[Heard], preferred: str | None) -> str | None:
    """The clinic of the next booked visit, else of the last attended one, else the preferred one."""
    placed = [found for found in speaking if found.record.site is not None]
    booked = [record for meaning, record in placed if meaning == Meaning.BOOKED]
    if booked:
        return min(booked, key=lambda record: (record.day, record.starts_at, record.site or "")).site
    attended = latest_record(record for meaning, record in placed if meaning == Meaning.ATTENDED)
    return attended.site if attended else preferred
