"""Reasons never to send again: by address (append-only), and by patient row where they follow the person."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, and_, delete, select

from sync.store import tables as t
from sync.store import tombstones
from sync.store.statements import chunks, insert, upsert
from sync.store.tombstones import Name

FOLLOWING = frozenset({"unsubscribed", "complained"})
"""Causes that follow the person to a new address; the others stay with the address."""


REOPENED = "reopened"
"""The cause of a row that lifts those before it."""


class Suppressed(NamedTuple):
    """An address that a destination reports as closed."""

    address: str
    cause: str
    decided_at: datetime | None


def suppress(connection: Connection, destination: str, found: Sequence[Suppressed], at: datetime) -> set[str]:
    """Records suppressions that are new, for the address and the rows that have it; returns the addresses."""
    known = by_address(connection, [item.address for item in found])
    new = {(item.address, item.cause): item for item in found if item.cause not in known.get(item.address, frozenset())}
    insert(
        connection,
        t.suppression,
        [
            {
                "address": item.address,
                "cause": item.cause,
                "destination": destination,
                "decided_at": item.decided_at,
                "at": at,
            }
            for item in new.values()
        ],
    )
    _follow(connection, destination, [item for item in new.values() if item.cause in FOLLOWING], at)
    return {item.address for item in new.values()}


def suppress_contacts(
    connection: Connection, destination: str, cause: str, contacts: Sequence[str], at: datetime
) -> int:
    """Records a cause for the rows of contacts, so that it follows the person; returns how many contacts are new to it."""
    known = by_contact(connection, contacts)
    new = [contact for contact in contacts if cause not in known.get(contact, frozenset())]
    link = t.link.c
    for piece in chunks(new):
        query = select(link.row_id).where(link.contact.in_(piece), link.until.is_(None))
        rows = [
            {"row_id": row, "cause": cause, "destination": destination, "address": "", "at": at}
            for row in connection.execute(query).scalars()
        ]
        upsert(connection, t.person_suppression, rows, ("row_id", "cause", "destination"), keep=("address", "at"))
    return len(new)


def _follow(connection: Connection, destination: str, found: Sequence[Suppressed], at: datetime) -> None:
    causes: dict[str, list[Suppressed]] = defaultdict(list)
    for item in found:
        causes[item.address].append(item)
    rows: list[Mapping[str, Any]] = []
    p = t.patient_record.c
    for piece in chunks(causes):
        there = list(connection.execute(select(p.id, p.email).where(p.email.in_(piece))))
        left = set(piece) - {email for _, email in there}
        for row_id, email in (*there, *_former_rows(connection, destination, left)):
            rows.extend(
                {
                    "row_id": row_id,
                    "cause": item.cause,
                    "destination": destination,
                    "address": email,
                    "at": item.decided_at or at,
                }
                for item in causes[email]
            )
    upsert(connection, t.person_suppression, rows, ("row_id", "cause", "destination"), keep=("address", "at"))


def _former_rows(connection: Connection, destination: str, addresses: Iterable[str]) -> list[tuple[int, str]]:
    """A row of whoever a destination knew at an address that nobody has any longer: it is they who answered."""
    s, c = t.subscriber.c, t.contact.c
    query = (
        select(c.founder, s.key)
        .join(t.contact, c.id == s.primary_contact)
        .where(s.destination == destination, s.key.in_(sorted(addresses)))
    )
    return [(founder, key) for founder, key in connection.execute(query)]


def by_address(connection: Connection, addresses: Iterable[str]) -> dict[str, frozenset[str]]:
    """Causes in force by address; a later `reopened` lifts those before it, a forgetting too."""
    wanted = set(addresses)
    found: dict[str, set[str]] = defaultdict(set)
    for address in _forgotten(connection, wanted):
        found[address].add("unsubscribed")
    c = t.suppression.c
    for piece in chunks(wanted):
        query = select(c.address, c.cause).where(c.address.in_(piece)).order_by(c.id)
        for address, cause in connection.execute(query):
            if cause == REOPENED:
                found[address].clear()
            else:
                found[address].add(cause)
    return {address: frozenset(causes) for address, causes in found.items() if causes}


def _forgotten(connection: Connection, addresses: Iterable[str]) -> dict[str, datetime]:
    """When the persons of addresses were forgotten; nothing is sent there unless somebody opts in anew."""
    stones = tombstones.found(connection, [Name("address", address) for address in addresses])
    return {name.first: stone.at for name, stone in stones.items()}


class Closing(NamedTuple):
    """A reason that is in force, and when it came about: at the provider, else when we heard of it."""

    cause: str
    at: datetime


def closings(connection: Connection, addresses: Iterable[str]) -> dict[str, list[Closing]]:
    """Reasons in force by address, with their time."""
    wanted = set(addresses)
    found: dict[str, list[Closing]] = defaultdict(list)
    for address, at in _forgotten(connection, wanted).items():
        found[address].append(Closing("unsubscribed", at))
    c = t.suppression.c
    for piece in chunks(sorted(wanted)):
        query = select(c.address, c.cause, c.decided_at, c.at).where(c.address.in_(piece)).order_by(c.id)
        for address, cause, decided_at, at in connection.execute(query):
            if cause == REOPENED:
                found[address].clear()
            else:
                found[address].append(Closing(cause, decided_at or at))
    return {address: closed for address, closed in found.items() if closed}


def reopen(connection: Connection, addresses: Iterable[str], rows: Iterable[int], at: datetime) -> None:
    """Lifts what closes the addresses, and what follows the persons of the patient rows; the ledger keeps both."""
    insert(
        connection,
        t.suppression,
        [{"address": a, "cause": REOPENED, "destination": "", "at": at} for a in sorted(addresses)],
    )
    for piece in chunks(sorted(rows)):
        connection.execute(delete(t.person_suppression).where(t.person_suppression.c.row_id.in_(piece)))


def reopened_at(connection: Connection, addresses: Iterable[str]) -> dict[str, datetime]:
    """When addresses were opened again last, of those that ever were."""
    c, found = t.suppression.c, dict[str, datetime]()
    for piece in chunks(sorted(set(addresses))):
        query = select(c.address, c.at).where(c.address.in_(piece), c.cause == REOPENED).order_by(c.id)
        for address, at in connection.execute(query):
            found[address] = at
    return found


def following(connection: Connection, rows: Iterable[int]) -> dict[int, datetime]:
    """When what follows the persons of patient rows came about, the latest of each."""
    c, found = t.person_suppression.c, dict[int, datetime]()
    for piece in chunks(sorted(rows)):
        for row_id, at in connection.execute(select(c.row_id, c.at).where(c.row_id.in_(piece)).order_by(c.at)):
            found[row_id] = at
    return found


def by_contact(connection: Connection, contacts: Iterable[str]) -> dict[str, frozenset[str]]:
    """Causes that follow persons, by contact."""
    found: dict[str, set[str]] = defaultdict(set)
    c, link = t.person_suppression.c, t.link.c
    for piece in chunks(contacts):
        query = (
            select(link.contact, c.cause)
            .join(t.link, and_(link.row_id == c.row_id, link.until.is_(None)))
            .where(link.contact.in_(piece))
        )
        for contact, cause in connection.execute(query):
            found[contact].add(cause)
    return {contact: frozenset(causes) for contact, causes in found.items()}


def contacts_at(connection: Connection, addresses: Iterable[str]) -> set[str]:
    """Contacts one of whose rows has one of the addresses, or had it when it was closed."""
    found: set[str] = set()
    p, s, link = t.patient_record.c, t.person_suppression.c, t.link.c
    for piece in chunks(addresses):
        for row, address in ((p.id, p.email), (s.row_id, s.address)):
            query = select(link.contact).join_from(t.link, row.table, row == link.row_id)
            found.update(connection.execute(query.where(address.in_(piece), link.until.is_(None))).scalars().all())
    return found
