"""The consent latch: what closed an address or a person stays closed, until a later, dated opt-in with evidence."""

from datetime import date, datetime
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from mappings.consent import reopens
from sync.store import suppressions
from sync.store.people import Loaded


def reopen(connection: Connection, loaded: Loaded, at: datetime, zone: ZoneInfo) -> None:
    """Opens again what the persons of a batch have opted in to since it was closed; days are those of `zone`.

    An opt-in opens its person's addresses, and lifts what follows that person; whoever shares an address keeps what
    follows them.
    """
    emails = {row.email for person in loaded.persons.values() for row in person.rows if row.email}
    closed = {
        address: _day(max(closing.at for closing in found), zone)
        for address, found in suppressions.closings(connection, emails).items()
    }
    rows = [row.id for person in loaded.persons.values() for row in person.rows]
    follows = {row: _day(since, zone) for row, since in suppressions.following(connection, rows).items()}
    if not closed and not follows:
        return
    today, addresses, freed = at.astimezone(zone).date(), set[str](), set[int]()
    for contact, person in loaded.persons.items():
        said = loaded.decisions.get(contact, ())
        own = {row.id for row in person.rows} & follows.keys()
        if own and reopens(said, max(follows[row] for row in own), today):
            freed |= own
        for address in {row.email for row in person.rows if row.email} & closed.keys():
            if reopens([d for d in said if d.address in (None, address)], closed[address], today):
                addresses.add(address)
    suppressions.reopen(connection, addresses, freed, at)


def _day(instant: datetime, zone: ZoneInfo) -> date:
    return instant.astimezone(zone).date()
