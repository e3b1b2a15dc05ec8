"""Review: facts, status, segments and wished documents of every contact that is stale or due; a batch a transaction."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, Engine

from sync.addresses import Closed, Reach, household_sizes, reach_of
from sync.criteria import Criteria
from sync.cycles import end_page
from sync.decision import Decided, Known, decide
from sync.documents import Documents
from sync.happenings import note_events
from sync.lifecycle import Judgement, judge
from sync.person import Person, Stored
from sync.reopening import reopen
from sync.store import nudges, people, reviews, suppressions
from sync.store import tables as t
from sync.store.contacts import due_batch, refresh_shared, shared_values, with_neighbours
from sync.store.engine import writing
from sync.store.statements import insert

BATCH: Final = 500


@dataclass(slots=True)
class Reviewed:
    """What a review did."""

    contacts: int = 0
    transitions: int = 0
    entered: Counter[str] = field(default_factory=Counter)
    left: Counter[str] = field(default_factory=Counter)
    wishes: Counter[str] = field(default_factory=Counter)
    moved: Counter[tuple[str | None, str]] = field(default_factory=Counter)


def review(
    engine: Engine, criteria: Criteria, roles: Mapping[str, str], checkpoint: Callable[[], None] = lambda: None
) -> Reviewed:
    """Reviews until nobody is stale or due; a batch a transaction, and `checkpoint` is called between them."""
    done = Reviewed()
    with writing(engine) as connection:
        refresh_shared(connection, criteria.shared_limit)
    more = True
    while more:
        checkpoint()
        with writing(engine) as connection:
            more = _next_batch(connection, criteria, roles, done)
        end_page()
    return done


def review_all(connection: Connection, criteria: Criteria, roles: Mapping[str, str]) -> Reviewed:
    """The same within the caller's transaction."""
    done = Reviewed()
    refresh_shared(connection, criteria.shared_limit)
    while _next_batch(connection, criteria, roles, done):
        pass
    return done


def _next_batch(connection: Connection, criteria: Criteria, roles: Mapping[str, str], done: Reviewed) -> bool:
    batch = due_batch(connection, criteria.at, BATCH)
    if batch:
        review_batch(connection, criteria, with_neighbours(connection, batch), roles, done)
    return bool(batch)


def review_batch(
    connection: Connection, criteria: Criteria, contacts: Sequence[str], roles: Mapping[str, str], done: Reviewed
) -> None:
    """Reviews one batch that holds everyone at its addresses; the caller's transaction is the batch's."""
    loaded = people.load(connection, contacts, roles)
    reopen(connection, loaded, criteria.at, criteria.world.zone)
    decided = decide_all(connection, criteria, loaded)
    documents = Documents(connection, criteria, loaded, decided)
    _write(connection, criteria, loaded, documents.due(), done)
    documents.write(done.wishes)
    note_events(connection, criteria, documents.parties)
    done.contacts += len(contacts)


def decide_all(connection: Connection, criteria: Criteria, loaded: people.Loaded) -> dict[str, Decided]:
    """Decides everyone in a batch that holds everyone at its addresses; writes nothing."""
    contacts = list(loaded.stored)
    judged = {c: judge(person, criteria.world, criteria.at) for c, person in loaded.persons.items()}
    closed = _closed(connection, loaded.persons)
    reaches = {c: reach_of(person, closed) for c, person in loaded.persons.items()}
    sizes = _household_sizes(connection, judged, reaches)
    members = reviews.memberships(connection, contacts)
    clocks = reviews.clocks(connection, contacts)
    nudged = nudges.latest(connection, contacts) if criteria.reads("last_nudged") else {}
    decided = {}
    for contact, person in loaded.persons.items():
        known = Known(
            stored=loaded.stored[contact],
            reach=reaches[contact],
            household_size=sizes.get(contact, 1),
            memberships=members.get(contact, {}),
            data_at=clocks[contact][0],
            reviewed_at=clocks[contact][1],
            due_at=clocks[contact][2],
            nudged_at=nudged.get(contact),
        )
        decided[contact] = decide(criteria, person, judged[contact], known)
    return decided


def _closed(connection: Connection, persons: Mapping[str, Person]) -> Closed:
    emails = {row.email for person in persons.values() for row in person.rows if row.email}
    phones = {row.phone for person in persons.values() for row in person.rows if row.phone}
    return Closed(
        frozenset(shared_values(connection, emails | phones)),
        suppressions.by_address(connection, emails),
        suppressions.by_contact(connection, list(persons)),
    )


def _household_sizes(
    connection: Connection, judged: Mapping[str, Judgement], reaches: Mapping[str, Reach]
) -> dict[str, int]:
    active = {c: reach for c, reach in reaches.items() if judged[c].status != "inactive"}
    addresses = [reach.address for reach in active.values() if reach.address]
    phones = [reach.phone for reach in active.values() if reach.phone]
    others = reviews.sharers(connection, addresses, phones, reaches)
    return household_sizes(active, [(o.contact, o.address, o.phone) for o in others if o.status != "inactive"])


def _write(
    connection: Connection,
    criteria: Criteria,
    loaded: people.Loaded,
    decided: Mapping[str, Decided],
    done: Reviewed,
) -> None:
    rows: list[dict[str, Any]] = []
    waits: list[dict[str, Any]] = []
    transitions: list[dict[str, Any]] = []
    entered: list[dict[str, Any]] = []
    entries: list[dict[str, Any]] = []
    left: list[tuple[str, str]] = []
    for contact, stored in loaded.stored.items():
        found = decided.get(contact)
        rows.append(_contact_row(criteria.at, stored, found))
        if found is None:
            continue
        waits.extend({"contact": contact, "source": w.source, "until": w.until} for w in found.waits)
        if found.judgement.status != stored.status:
            transitions.append(_transition(criteria, stored, found))
        for entry in found.changes.entered:
            entered.append(_membership(contact, entry))
            entries.append(_entry(criteria, contact, entry.segment, entry.entered_by, entry.rule_version))
        for segment in found.changes.left:
            left.append((contact, segment))
            entries.append(_entry(criteria, contact, segment, None, ""))
    reviews.write_contacts(connection, rows)
    reviews.write_waits(connection, list(loaded.stored), waits)
    reviews.write_memberships(connection, entered, left + _of_absorbed(connection, loaded))
    insert(connection, t.transition, transitions)
    insert(connection, t.entry, entries)
    done.transitions += len(transitions)
    done.entered.update(row["segment"] for row in entered)
    done.left.update(segment for _, segment in left)
    done.moved.update((row["old"], row["new"]) for row in transitions)


def _of_absorbed(connection: Connection, loaded: people.Loaded) -> list[tuple[str, str]]:
    gone = [contact for contact in loaded.stored if contact not in loaded.persons]
    return [(contact, name) for contact, held in reviews.memberships(connection, gone).items() for name in held]


def _contact_row(at: datetime, stored: Stored, found: Decided | None) -> dict[str, Any]:
    if found is None:
        nothing = {"status": None, "status_since": None, "rule": None, "came_back": False, "site": None}
        return {
            "key": stored.id, "stale": False, "reviewed_at": at, "next_review_at": None,
            "address": None, "phone": None, "household_size": 1, **nothing,
        }  # fmt: skip
    judgement = found.judgement
    return {
        "key": stored.id,
        "stale": False,
        "reviewed_at": at,
        "next_review_at": found.next_review_at,
        "address": found.reach.address,
        "phone": found.reach.phone,
        "household_size": found.household_size,
        "status": judgement.status,
        "status_since": stored.status_since if judgement.status == stored.status else at,
        "rule": judgement.rule,
        "came_back": judgement.returning,
        "site": judgement.site,
    }


def _transition(criteria: Criteria, stored: Stored, found: Decided) -> dict[str, Any]:
    new, old = found.judgement.status, stored.status
    reactivation = old in ("lost_lead", "dropped_out", "discharged", "dormant") and new in ("scheduled", "active")
    return {
        "contact": stored.id,
        "at": criteria.at,
        "as_of": found.judgement.clock,
        "old": old,
        "new": new,
        "rule": found.judgement.rule,
        "inputs": list(found.judgement.inputs),
        "reactivation": reactivation,
        "site": found.judgement.site,
    }


def _membership(contact: str, entry: Any) -> dict[str, Any]:
    return {
        "contact": contact,
        "segment": entry.segment,
        "since": entry.since,
        "due_at": entry.due_at,
        "entered_by": entry.entered_by,
        "rule_version": entry.rule_version,
    }


def _entry(criteria: Criteria, contact: str, segment: str, entered_by: str | None, version: str) -> dict[str, Any]:
    return {
        "contact": contact,
        "segment": segment,
        "kind": "left" if entered_by is None else "entered",
        "entered_by": entered_by,
        "at": criteria.at,
        "rule_version": version,
        "run_id": criteria.run_id,
    }
