"""What is on file of a contact's consent: decisions, what they come to, and what closes the person or an address."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, select

from mappings.consent import PURPOSES, Decision, about, verdict
from sync.build import Service
from sync.contact_reference import find_contact
from sync.status import iso
from sync.store import people
from sync.store import tables as t
from sync.store.engine import reading


def consent_of(service: Service, reference: str) -> dict[str, Any]:
    """Decisions, verdicts by purpose, closings, and what is withheld by destination; raises UnknownContact."""
    roles = {name: source.role for name, source in service.config.settings.sources.items()}
    with reading(service.engine) as connection:
        contact = find_contact(connection, reference)
        loaded = people.load(connection, [contact], roles)
        address = loaded.stored[contact].address
        said = about(loaded.decisions.get(contact, ()), address)
        emails = sorted(
            {row.email for row in loaded.persons[contact].rows if row.email} | ({address} if address else set())
        )
        return {
            "contact": contact,
            **decided(said),
            "closed": _closings(connection, emails, [row.id for row in loaded.persons[contact].rows]),
            "withheld": _withheld(connection, contact),
        }


def decided(decisions: Sequence[Decision]) -> dict[str, Any]:
    """Decisions as they are on file, and what they come to."""
    verdicts = {purpose: verdict(decisions, purpose) for purpose in PURPOSES}
    return {
        "decisions": [
            {
                "channel": decision.channel,
                "purpose": decision.purpose,
                "decision": decision.decision,
                "decided_on": decision.decided_on.isoformat() if decision.decided_on else None,
                "evidence": decision.evidence,
                "basis": decision.basis,
                "as_lead": decision.as_lead,
                "asserted": decision.asserted,
                "first_seen_on": decision.first_seen_on.isoformat(),
                "by_address": decision.address is not None,
            }
            for decision in decisions
        ],
        "verdicts": {
            purpose: {
                "state": found.state,
                "decided_on": found.decided_on.isoformat() if found.decided_on else None,
            }
            for purpose, found in verdicts.items()
        },
    }


def _closings(connection: Connection, emails: Sequence[str], rows: Sequence[int]) -> list[dict[str, Any]]:
    """What was ever recorded against the addresses, in order, and what follows the person; without the addresses."""
    s, p = t.suppression.c, t.person_suppression.c
    query = select(s.cause, s.destination, s.decided_at, s.at).where(s.address.in_(emails)).order_by(s.id)
    found = [
        {"of": "address", "cause": cause, "destination": destination, "decided_at": iso(decided_at), "at": iso(at)}
        for cause, destination, decided_at, at in connection.execute(query)
    ]
    person = select(p.cause, p.destination, p.at).where(p.row_id.in_(rows)).order_by(p.at)
    return found + [
        {"of": "person", "cause": cause, "destination": destination, "decided_at": iso(at), "at": iso(at)}
        for cause, destination, at in connection.execute(person)
    ]


def _withheld(connection: Connection, contact: str) -> dict[str, Any]:
    c = t.standing.c
    query = select(c.destination, c.withheld).where(c.contact == contact).order_by(c.destination)
    return {destination: withheld for destination, withheld in connection.execute(query) if withheld}
