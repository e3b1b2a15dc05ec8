"""Loud entries that destinations accepted: what caps and repeats look back on."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, select

from sync.arbitration import Nudge
from sync.store import tables as t
from sync.store.statements import chunks, insert

_n = t.nudge.c
_COLUMNS = tuple(_n[name] for name in Nudge._fields)


def of_contacts(connection: Connection, contacts: Iterable[str]) -> dict[str, list[Nudge]]:
    """Every nudge of some contacts, by contact."""
    found: dict[str, list[Nudge]] = defaultdict(list)
    for piece in chunks(contacts):
        for row in connection.execute(select(*_COLUMNS).where(_n.contact.in_(piece))):
            found[row[0]].append(Nudge._make(row))
    return found


def at_addresses(connection: Connection, addresses: Iterable[str], since: datetime) -> list[Nudge]:
    """Nudges of some addresses after an instant."""
    found: list[Nudge] = []
    for piece in chunks(addresses):
        query = select(*_COLUMNS).where(_n.address.in_(piece), _n.at > since)
        found += [Nudge._make(row) for row in connection.execute(query)]
    return found


def latest(connection: Connection, contacts: Iterable[str]) -> dict[str, datetime]:
    """When a loud entry of each contact was accepted last."""
    found: dict[str, datetime] = {}
    for piece in chunks(contacts):
        query = select(_n.contact, func.max(_n.at)).where(_n.contact.in_(piece)).group_by(_n.contact)
        found.update(dict(connection.execute(query).all()))
    return found


def record(connection: Connection, destination: str, entries: Sequence[Mapping[str, Any]], at: datetime) -> None:
    """Notes loud entries that a destination has accepted, as a wish names them."""
    insert(connection, t.nudge, [{**entry, "destination": destination, "at": at} for entry in entries])
