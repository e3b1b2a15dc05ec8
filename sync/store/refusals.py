"""Who has said no, or was closed, since a wish was made: asked once more when it is sent."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, and_, select

from mappings.consent import Decision, about, verdict
from mappings.records import Purpose
from sync.store import consents, suppressions
from sync.store import tables as t
from sync.store.statements import chunks
from sync.store.wishes import Claimed

_c, _l, _p = t.contact.c, t.link.c, t.patient_record.c


class _Voice(NamedTuple):
    """An active contact: its mailing address as of the last review, and what is on file of it."""

    address: str | None
    decisions: Sequence[Decision]


def refused(connection: Connection, claimed: Sequence[Claimed]) -> list[Claimed]:
    """Those of the wishes that somebody who shapes them, or shares their address, has refused a purpose of."""
    subscribed = [item for item in claimed if item.document.standing == "subscribed"]
    at_address = _at_addresses(connection, [item.document.address for item in subscribed if item.document.address])
    parties = {party[0] for item in subscribed for party in item.parties}
    voices = _voices(connection, parties.union(*at_address.values()))
    closed = suppressions.by_contact(connection, parties)
    found = []
    for item in subscribed:
        purposes = {purpose for party in item.parties for purpose in party[2]}
        people = {party[0] for party in item.parties}
        around = people | at_address.get(item.document.address, set())
        if any(p in closed for p in people) or any(_refuses(voices.get(p), purposes) for p in around):
            found.append(item)
    return found


def _refuses(voice: _Voice | None, purposes: Iterable[Purpose]) -> bool:
    if voice is None:
        return False
    said = about(voice.decisions, voice.address)
    return any(verdict(said, purpose).state == "no" for purpose in purposes)


def _at_addresses(connection: Connection, addresses: Sequence[str]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = defaultdict(set)
    for piece in chunks(sorted(set(addresses))):
        query = select(_c.address, _c.id).where(_c.address.in_(piece), _c.state == "active")
        for address, contact in connection.execute(query):
            found[address].add(contact)
    return found


def _voices(connection: Connection, contacts: Iterable[str]) -> Mapping[str, _Voice]:
    """Inactive contacts have no voice: they are left out of an address altogether."""
    rows: list[dict[str, Any]] = []
    addresses: dict[str, str | None] = {}
    for piece in chunks(sorted(contacts)):
        query = (
            select(_l.contact, _c.address.label("mailing"), _p.source, _p.external_id, _p.email)
            .join(t.patient_record, _p.id == _l.row_id)
            .join(t.contact, _c.id == _l.contact)
            .where(and_(_l.contact.in_(piece), _l.until.is_(None), _c.status != "inactive"))
        )
        for row in connection.execute(query).mappings():
            rows.append(dict(row))
            addresses[row["contact"]] = row["mailing"]
    said = consents.decisions(connection, rows, {})
    return {contact: _Voice(address, said.get(contact, ())) for contact, address in addresses.items()}
