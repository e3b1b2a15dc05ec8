"""What the commands that only read ask the database: counts, freshness, holds, wishes; never a value of a person."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple

import orjson
from sqlalchemy import Connection, Text, and_, case, cast, func, select

from sync.store import tables as t

_c, _m, _s, _w = t.contact.c, t.membership.c, t.standing.c, t.wish.c
_q, _u = t.quarantine.c, t.subscriber.c

RECENT_RUNS: Final = 200
"""How many passes back the newest word on a system is looked for."""

Reasons = dict[str, Counter[str]]
"""Segment (or `status:NAME`, or `*`: all of it) -> reason -> number."""


def contacts_by_status(connection: Connection) -> dict[str | None, int]:
    """How many living contacts have each status; None: not reviewed yet."""
    query = select(_c.status, func.count()).where(_c.state == "active").group_by(_c.status)
    return dict(connection.execute(query).all())


def members(connection: Connection) -> dict[str, tuple[int, int]]:
    """By segment: how many contacts are in it, and how many of them have a mailing address."""
    query = (
        select(_m.segment, func.count(), func.count(_c.address))
        .join(t.contact, _c.id == _m.contact)
        .where(_c.state == "active")
        .group_by(_m.segment)
    )
    return {segment: (n, addressed) for segment, n, addressed in connection.execute(query)}


def source_states(connection: Connection) -> dict[str, Mapping[str, Any]]:
    """How far each source has come."""
    return {row["source"]: dict(row) for row in connection.execute(select(t.source_state)).mappings()}


def visits_without_patient(connection: Connection) -> dict[str, int]:
    """By source: visits that are there, of patients that none of its files has brought."""
    v, p = t.visit_record.c, t.patient_record.c
    patient = select(p.id).where(p.source == v.source, p.external_id == v.patient_id)
    query = select(v.source, func.count()).where(v.present, ~patient.exists()).group_by(v.source).order_by(v.source)
    return dict(connection.execute(query).all())


def cursors(connection: Connection) -> dict[str, dict[str, dict[str, Any]]]:
    """By source and feed: the newest delivery that has landed."""
    c = t.feed_state.c
    found: dict[str, dict[str, dict[str, Any]]] = defaultdict(dict)
    query = select(c.source, c.feed, c.name, c.n_rows, c.data_as_of).order_by(c.source, c.feed)
    for source, feed, name, n_rows, data_as_of in connection.execute(query):
        as_of = data_as_of.isoformat() if data_as_of is not None else None
        found[source][feed] = {"name": name, "rows": n_rows, "data_as_of": as_of}
    return found


def notices(connection: Connection) -> dict[str, list[dict[str, Any]]]:
    """By source: which optional values could not be read, how many in which file, and when that was met last."""
    c = t.notice.c
    found: dict[str, list[dict[str, Any]]] = defaultdict(list)
    query = select(c.source, c.feed, c.field, c.code, c.n, c.file, c.last_at).order_by(c.source, c.feed, c.field)
    for row in connection.execute(query).mappings():
        found[row["source"]].append({name: value for name, value in row.items() if name != "source"})
    return found


def other_payers(connection: Connection) -> dict[str, int]:
    """By source: how many of its patients have a payer of class `other`, mostly words in no map."""
    c, s = t.patient_record.c, t.supplement_record.c
    own = select(c.source, c.external_id).where(c.present, c.payer_class == "other")
    added = select(s.source, s.target_id).where(s.present, s.facts["payer_class"].as_string() == "other")
    both = own.union(added).subquery()
    return dict(connection.execute(select(both.c.source, func.count()).group_by(both.c.source)).all())


def quarantined(connection: Connection) -> Counter[str]:
    """How many rows of each source wait in quarantine that nobody has acknowledged."""
    query = select(_q.source, func.count()).where(_q.acked_at.is_(None)).group_by(_q.source)
    return Counter(dict(connection.execute(query).all()))


class Waiting(NamedTuple):
    """The wishes of a destination in one state."""

    n: int
    oldest: datetime


def wishes(connection: Connection) -> dict[str, dict[str, Waiting]]:
    """By destination and state: how many wishes, and since when the oldest stands."""
    found: dict[str, dict[str, Waiting]] = defaultdict(dict)
    query = select(_w.destination, _w.state, func.count(), func.min(_w.since)).group_by(_w.destination, _w.state)
    for destination, state, n, oldest in connection.execute(query):
        found[destination][state] = Waiting(n, oldest)
    return found


def last_accepted(connection: Connection) -> dict[str, datetime | None]:
    """When each destination last took something."""
    query = select(_u.destination, func.max(_u.accepted_at)).group_by(_u.destination)
    return dict(connection.execute(query).all())


def withheld(connection: Connection) -> dict[str, Reasons]:
    """By destination: of how many contacts what is withheld, and why."""
    text = cast(_s.withheld, Text)
    query = select(_s.destination, text, func.count()).group_by(_s.destination, text)
    found: dict[str, Reasons] = defaultdict(lambda: defaultdict(Counter))
    for destination, stored, n in connection.execute(query):
        for name, reason in orjson.loads(stored).items():
            found[destination][name][reason] += n
    return found


class NewTags(NamedTuple):
    """A wish as far as it is not true yet: its state, and the tags that its destination does not hold."""

    destination: str
    state: str
    tags: Sequence[str]


def unmet(connection: Connection) -> Iterator[NewTags]:
    """Every wish with the tags that it would add; streams."""
    full = and_(_w.state == "held", _w.last_code == "plan_full")
    state = case((full, "plan_full"), else_=_w.state)
    query = select(_w.destination, state, _w.document, _u.accepted).outerjoin(
        t.subscriber, and_(_u.destination == _w.destination, _u.key == _w.key)
    )
    for destination, state, document, accepted in connection.execute(query.execution_options(yield_per=1000)):
        held = accepted["tags"] if accepted is not None else ()
        yield NewTags(destination, state, [tag for tag in document["tags"] if tag not in held])


def held_tags(connection: Connection) -> dict[str, Counter[str]]:
    """By destination and tag: how many subscribers hold it there, as it was last accepted; streams."""
    found: dict[str, Counter[str]] = defaultdict(Counter)
    query = select(_u.destination, _u.accepted).where(_u.accepted.is_not(None))
    for destination, accepted in connection.execute(query.execution_options(yield_per=1000)):
        if accepted["standing"] == "subscribed":
            found[destination].update(accepted["tags"])
    return found


def withheld_members(connection: Connection) -> Iterator[tuple[str, str, str, Mapping[str, str]]]:
    """Segment, contact, destination and what is withheld, of every member of whom something is; streams."""
    query = (
        select(_m.segment, _m.contact, _s.destination, _s.withheld)
        .join(t.standing, _s.contact == _m.contact)
        .order_by(_m.segment, _m.contact)
    )
    yield from connection.execute(query.execution_options(yield_per=1000))


def recent_runs(connection: Connection) -> list[Mapping[str, Any]]:
    """What the newest passes did, the newest first."""
    c = t.run.c
    query = select(c.ended_at, c.counts).where(c.ended_at.is_not(None)).order_by(c.started_at.desc())
    return [counts for _, counts in connection.execute(query.limit(RECENT_RUNS))]


def owner(connection: Connection) -> Mapping[str, Any] | None:
    """The process that last owned the line."""
    row = connection.execute(select(t.owner)).mappings().first()
    return dict(row) if row is not None else None
