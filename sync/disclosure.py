"""The ledger of what was told to whom about whom: names and codes, never values or addresses (45 CFR 164.528)."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from hashlib import sha256
from typing import Any, NamedTuple

from mappings.document import Document


class Recipient(NamedTuple):
    """A destination as the ledger names it. `meanings` says what each tag means now (segment, status, site)."""

    destination: str
    name: str
    meanings: Mapping[str, str]


class Told(NamedTuple):
    """One document that a destination took, or may have taken. `parties` holds [contact, basis, purposes]."""

    key: str
    accepted: Document | None
    document: Document
    parties: Sequence[Any]


def subscriber_id(key: str) -> str:
    """How the ledger names a subscriber: a hash of its key, never the address."""
    return sha256(key.encode()).hexdigest()[:16]


def disclosure(recipient: Recipient, told: Told, at: datetime, run_id: str, outcome: str) -> dict[str, Any]:
    """The ledger row for one document."""
    before = told.accepted
    held = before.tags if before is not None else frozenset()
    fields = [n for n, v in told.document.fields.items() if before is None or before.fields.get(n) != v]
    if told.document.address and (before is None or before.address != told.document.address):
        fields.append("address")
    added, removed = told.document.tags - held, held - told.document.tags
    return {
        "at": at,
        "destination": recipient.destination,
        "recipient": recipient.name,
        "contacts": [party[0] for party in told.parties],
        "subscriber": subscriber_id(told.key),
        "fields": sorted(fields),
        "added": {tag: recipient.meanings.get(tag, tag) for tag in sorted(added)},
        "removed": {tag: recipient.meanings.get(tag, tag) for tag in sorted(removed)},
        "purpose": ", ".join(sorted({purpose for party in told.parties for purpose in party[2]})),
        "basis": "; ".join(sorted({party[1] for party in told.parties if party[1]})),
        "run_id": run_id,
        "outcome": outcome,
    }
