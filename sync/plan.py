"""Plan: the very review that a run would make, in a transaction that is rolled back."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, select

from sync.build import Service
from sync.preparation import criteria, note_codes, prepare
from sync.release import Day, release_due
from sync.review import Reviewed, review_all
from sync.store import tables as t

Key = tuple[str, str | None]


@dataclass(slots=True)
class Plan:
    """What would change. `segments` maps (segment, site) to members now and then; `wishes` counts by destination."""

    reviewed: Reviewed
    segments: dict[Key, tuple[int, int]] = field(default_factory=dict)
    statuses: dict[Key, tuple[int, int]] = field(default_factory=dict)
    wishes: Counter[str] = field(default_factory=Counter)
    removals: Counter[str] = field(default_factory=Counter)
    loud: Counter[str] = field(default_factory=Counter)
    withheld: dict[str, int] = field(default_factory=dict)

    @property
    def changes(self) -> bool:
        """True if a run would change anything."""
        return bool(self.reviewed.transitions or +self.wishes or any(a != b for a, b in self.segments.values()))

    def to_json(self) -> dict[str, Any]:
        """The plan as `plan --json` prints it."""
        return {
            "changes": self.changes,
            "contacts": self.reviewed.contacts,
            "transitions": self.reviewed.transitions,
            "statuses": [_entry(key, n) for key, n in sorted(self.statuses.items(), key=str) if n[0] != n[1]],
            "segments": [_entry(key, n) for key, n in sorted(self.segments.items(), key=str) if n[0] != n[1]],
            "destinations": {
                name: {
                    "wishes": n,
                    "removals": self.removals[name],
                    "loud": self.loud[name],
                    "quiet": n - self.loud[name],
                }
                for name, n in self.wishes.items()
            },
            "withheld": self.withheld,
        }

    def sentences(self) -> list[str]:
        """The plan in plain English."""
        if not self.changes:
            return ["Nothing would change."]
        lines = [
            f"{self.reviewed.contacts:,} contacts would be reviewed, {self.reviewed.transitions:,} would change status."
        ]
        for noun, counts in (("status", self.statuses), ("segment", self.segments)):
            for (name, site), (now, then) in sorted(counts.items(), key=str):
                if now != then:
                    lines.append(f"{noun} {name} at {site or 'no site'}: {now:,} now, {then:,} then.")
        for name, n in sorted(self.wishes.items()):
            withheld = self.withheld.get(name, 0)
            lines.append(
                f"{name}: {n:,} subscribers would change ({self.loud[name]:,} loud, {n - self.loud[name]:,} quiet, "
                f"{self.removals[name]:,} leaving); something is withheld of {withheld:,} contacts."
            )
        return lines


def _entry(key: Key, counts: tuple[int, int]) -> dict[str, Any]:
    return {"name": key[0], "site": key[1], "now": counts[0], "then": counts[1]}


def plan_of(service: Service, at: datetime) -> Plan:
    """Reviews everyone who is stale, due or touched by the configuration on disk, and takes it all back.

    On SQLite writers wait while it runs.
    """
    roles = {name: source.role for name, source in service.config.settings.sources.items()}
    with service.engine.connect().execution_options(write=True) as connection:
        transaction = connection.begin()
        try:
            segments, statuses = _by_segment(connection), _by_status(connection)
            note_codes(connection, service.standards, at, service.codes_file)
            prepare(connection, service.standards, at)
            day = Day(at, "plan", service.config.settings.practice.timezone)
            release_due(connection, service.standards.compiled, day)
            decided = criteria(connection, service.standards, at, "plan")
            plan = Plan(reviewed=review_all(connection, decided, roles))
            plan.segments = _both(segments, _by_segment(connection))
            plan.statuses = _both(statuses, _by_status(connection))
            _count_wishes(connection, plan)
        finally:
            transaction.rollback()
    return plan


def _both(now: dict[Key, int], then: dict[Key, int]) -> dict[Key, tuple[int, int]]:
    return {key: (now.get(key, 0), then.get(key, 0)) for key in now.keys() | then.keys()}


def _by_segment(connection: Connection) -> dict[Key, int]:
    m, c = t.membership.c, t.contact.c
    query = select(m.segment, c.site, func.count()).join(t.contact, c.id == m.contact).group_by(m.segment, c.site)
    return {(segment, site): n for segment, site, n in connection.execute(query)}


def _by_status(connection: Connection) -> dict[Key, int]:
    c = t.contact.c
    query = select(c.status, c.site, func.count()).where(c.status.is_not(None)).group_by(c.status, c.site)
    return {(str(status), site): n for status, site, n in connection.execute(query)}


def _count_wishes(connection: Connection, plan: Plan) -> None:
    w = t.wish.c
    for destination, removal, loud in connection.execute(select(w.destination, w.removal, w.loud)):
        plan.wishes[destination] += 1
        plan.removals[destination] += bool(removal)
        plan.loud[destination] += bool(loud)
    s = t.standing.c
    query = select(s.destination, func.count()).group_by(s.destination)
    plan.withheld = dict(connection.execute(query).all())
