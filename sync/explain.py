"""Explain: one contact recomputed by the very code of a review, beside what is stored of it; nothing is written."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, Text, cast, select

from mappings.consent import about
from mappings.document import Document
from mappings.party import Party
from mappings.subscriber import Before, Built, build
from sync.build import Service
from sync.consent_sheet import decided as decided_of
from sync.contact_reference import find_contact
from sync.criteria import Criteria, Outlet
from sync.decision import Decided
from sync.disclosure import subscriber_id
from sync.documents import Documents, Unit
from sync.preparation import Standards, criteria
from sync.review import decide_all
from sync.rules import CompiledRule
from sync.status import iso
from sync.store import nudges, people, wishes
from sync.store import tables as t
from sync.store.contacts import with_neighbours
from sync.store.engine import reading
from sync.store.matches import pairs_of


class Entered(NamedTuple):
    """Since when a contact is in a segment, as it was recorded, how it came in, and under which version of its rule."""

    since: datetime
    entered_by: str
    rule_version: str


def explain(service: Service, reference: str, at: datetime) -> dict[str, Any]:
    """Everything about a contact at an instant, as `explain --json` prints it; raises UnknownContact."""
    with reading(service.engine) as connection:
        return _Explanation(connection, service.standards, find_contact(connection, reference), at).made()


class _Explanation:
    """One contact, reviewed in memory together with everyone at its addresses."""

    def __init__(self, connection: Connection, standards: Standards, contact: str, at: datetime) -> None:
        self.connection, self.contact = connection, contact
        roles = {name: source.role for name, source in standards.config.settings.sources.items()}
        self.criteria: Criteria = criteria(connection, standards, at, "explain")
        around = with_neighbours(connection, [contact])
        self.loaded = people.load(connection, around, roles)
        decided = decide_all(connection, self.criteria, self.loaded)
        self.documents = Documents(connection, self.criteria, self.loaded, decided)
        self.decided: Decided = self.documents.due()[contact]

    def made(self) -> dict[str, Any]:
        """The whole of it."""
        judgement, stored = self.decided.judgement, self.loaded.stored[self.contact]
        return {
            "contact": self.contact,
            "as_of": iso(self.criteria.at),
            "links": self._links(),
            "matches": [pair | {"at": iso(pair["at"])} for pair in pairs_of(self.connection, self.contact)],
            "status": judgement.status,
            "status_since": iso(stored.status_since) if judgement.status == stored.status else None,
            "rule": judgement.rule,
            "inputs": list(judgement.inputs),
            "clock": iso(judgement.clock),
            "clock_stopped": judgement.stopped,
            "site": judgement.site,
            "returning": judgement.returning,
            "household_size": self.decided.household_size,
            "email_status": self.decided.reach.email_status,
            "history": self._history(),
            "segments": self._segments(),
            "consent": self._consent(),
            "nudges": [
                {"at": iso(nudge.at), "segment": nudge.segment, "destination": nudge.destination}
                for nudge in nudges.of_contacts(self.connection, [self.contact]).get(self.contact, [])
            ],
            "destinations": {outlet.name: self._destination(outlet) for outlet in self.criteria.outlets},
            "next_review_at": iso(self.decided.next_review_at),
            "waits": [{"source": wait.source, "until": iso(wait.until)} for wait in self.decided.waits],
        }

    def _links(self) -> list[dict[str, Any]]:
        link, row = t.link.c, t.patient_record.c
        query = (
            select(row.source, row.external_id, link.since, row.present)
            .join(t.link, link.row_id == row.id)
            .where(link.contact == self.contact, link.until.is_(None))
            .order_by(row.source, row.external_id)
        )
        return [
            {"source": source, "id": external_id, "since": iso(since), "present": present}
            for source, external_id, since, present in self.connection.execute(query)
        ]

    def _history(self) -> list[dict[str, Any]]:
        c = t.transition.c
        names = ("old", "new", "rule", "inputs", "reactivation", "site")
        query = select(t.transition).where(c.contact == self.contact).order_by(c.id)
        return [
            {"at": iso(row["at"]), "as_of": iso(row["as_of"]), **{name: row[name] for name in names}}
            for row in self.connection.execute(query).mappings()
        ]

    def _segments(self) -> dict[str, Any]:
        c = t.membership.c
        query = select(c.segment, c.since, c.entered_by, c.rule_version).where(c.contact == self.contact)
        recorded = {name: Entered(*held) for name, *held in self.connection.execute(query)}
        coming = {e.segment: Entered(e.since, e.entered_by, e.rule_version) for e in self.decided.changes.entered}
        rules = self.criteria.ruleset.rules
        return {name: self._segment(rules[name], name, recorded | coming) for name in sorted(rules)}

    def _segment(self, rule: CompiledRule, name: str, entered: Mapping[str, Entered]) -> dict[str, Any]:
        member = name in self.decided.memberships
        found = entered.get(name) if member else None
        return {
            "member": member,
            "since": iso(found.since) if found else None,
            "entered_by": found.entered_by if found else None,
            "rule_version": found.rule_version if found else None,
            "step": _step(self.documents.parties[self.contact], name),
            "rule": rule.english(),
            "tree": rule.tree(self.decided.facts),
        }

    def _consent(self) -> dict[str, Any]:
        said = self.loaded.decisions.get(self.contact, ())
        return decided_of(about(said, self.decided.reach.address))

    def _destination(self, outlet: Outlet) -> dict[str, Any]:
        unit = self._unit(outlet)
        subscriber = wishes.subscribers(self.connection, outlet.name, [unit.key]).get(unit.key)
        wish = wishes.wishes(self.connection, outlet.name, [unit.key]).get(unit.key)
        accepted = wishes.from_json(subscriber.accepted) if subscriber is not None else None
        primary = wish.primary_contact if wish is not None else None
        if primary is None and subscriber is not None:
            primary = subscriber.primary_contact
        built = build(outlet.audience, unit.parties, unit.around, Before(accepted, primary, unit.closed))
        return {
            "subscriber": subscriber_id(unit.key) if unit.key else None,
            "document": _plain(built.document),
            "accepted": _plain(accepted),
            "accepted_at": iso(subscriber.accepted_at) if subscriber is not None else None,
            "wish": _wish(wish),
            "tags": _meanings(outlet),
            "shared_with": [party.contact for party in unit.parties if party.contact != self.contact],
            "withheld": self._withheld(outlet, built, wish),
            "deliveries": self._deliveries(outlet.name),
        }

    def _unit(self, outlet: Outlet) -> Unit:
        """The subscriber that the contact is, or is part of."""
        units = self.documents.units(outlet)
        return next(unit for unit in units if any(party.contact == self.contact for party in unit.parties))

    def _withheld(self, outlet: Outlet, built: Built, wish: Any) -> dict[str, str]:
        found = dict(built.withheld.get(self.contact, {}))
        if wish is not None and "*" not in found:
            state = wish.state if wish.state in ("held", "parked") else "pending"
            found["*"] = "observe" if outlet.observe and state == "pending" else state
        return found

    def _deliveries(self, destination: str) -> list[dict[str, Any]]:
        """What the ledger holds of documents that this contact's data shaped."""
        c = t.disclosure.c
        names = ("recipient", "subscriber", "fields", "added", "removed", "purpose", "basis", "run_id", "outcome")
        query = select(t.disclosure).where(
            c.destination == destination, cast(c.contacts, Text).contains(f'"{self.contact}"')
        )
        return [
            {"at": iso(row["at"]), **{name: row[name] for name in names}}
            for row in self.connection.execute(query.order_by(c.id)).mappings()
        ]


def _step(party: Party, segment: str) -> str | None:
    """The step of a segment's series that the contact is at."""
    tag = party.segments.get(segment)
    return tag.step.name if tag is not None and tag.step is not None else None


def _plain(document: Document | None) -> dict[str, Any] | None:
    return None if document is None else wishes.to_json(document)


def _wish(wish: Any) -> dict[str, Any] | None:
    if wish is None:
        return None
    return {
        "state": wish.state,
        "since": iso(wish.since),
        "hold": wish.hold_id,
        "attempts": wish.attempts,
        "code": wish.last_code,
        "not_before": iso(wish.not_before),
        "loud": sorted(wish.loud),
    }


def _meanings(outlet: Outlet) -> dict[str, str]:
    return {tag: name if kind == "segment" else f"{kind}:{name}" for (kind, name), tag in outlet.audience.tags.items()}
