"""Forgetting a person: nothing of them stays here but ids and keyed hashes, and every destination is to erase them."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection

from config.settings import Settings
from connectors.base import Capabilities
from sync.contact_reference import find_contact
from sync.store import erasures, forgetting, tombstones
from sync.store.contacts import mark_contacts
from sync.store.wishes import subscribers


class Forgotten(NamedTuple):
    """What was done: the contact, what destinations are to erase, and what people must see to themselves.

    `shared` counts addresses that others have too: only what the person brought to them goes.
    """

    contact: str
    rows: int
    erasing: tuple[str, ...]
    by_hand: tuple[str, ...]
    shared: int


def forget(
    connection: Connection, settings: Settings, capabilities: Mapping[str, Capabilities], reference: str, at: datetime
) -> Forgotten:
    """Empties what is stored of a contact, lays stones against their return, asks destinations to erase them.

    Raises UnknownContact. The caller's transaction holds all of it or nothing.
    """
    contact = find_contact(connection, reference)
    found = forgetting.traces(connection, contact)
    asked: list[erasures.Asked] = []
    by_hand: list[str] = []
    for name in settings.destinations:
        keys = _keys(connection, name, capabilities[name], found)
        if settings.destinations[name].mode == "observe" or not _can(capabilities[name]):
            by_hand += [name] if keys["held"] else []
            continue
        held = subscribers(connection, name, keys["all"])
        refs = {key: held[key].ref if key in held else None for key in keys["all"]}
        asked += [erasures.Asked(contact, name, key, ref) for key, ref in refs.items()]
    erasures.ask(connection, asked, at)
    digests = tombstones.hide(connection, found.names(), contact, at)
    forgetting.empty(connection, found, digests, at)
    mark_contacts(connection, found.others)
    erasing = tuple(dict.fromkeys(each.destination for each in asked))
    return Forgotten(contact, len(found.rows), erasing, tuple(by_hand), len(found.shared))


def _can(capabilities: Capabilities) -> bool:
    return capabilities.erases or capabilities.whole_files


def _keys(
    connection: Connection, name: str, capabilities: Capabilities, found: forgetting.Traces
) -> dict[str, list[str]]:
    """What a destination may hold of the person (`all`), and what it is known to hold (`held`)."""
    keys = list(found.addresses if capabilities.unit == "address" else found.contacts)
    known: dict[str, Any] = subscribers(connection, name, keys)
    held = [key for key in keys if key in known]
    return {"all": held if capabilities.whole_files else keys, "held": held}
