"""Resolve: the rows of a page find the people they belong to; a few queries a page, whoever is on it.

What changes is decided anew for the whole circle of a changed row: everyone whom it may be, whom those may be, and so
on, by the verdicts in force and by contact. Inside a circle the decision is a pure function of the rows and of what
people decided, so the order of arrival leaves no trace.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection

from config.settings import Settings
from sync.components import ByHand, Pair, Settled, settle
from sync.identity import NO_LONGER
from sync.store import candidates as look_up
from sync.store import links, matches, unresolved
from sync.store.crowds import holders, recount
from sync.store.statements import chunks


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolverSettings:
    """An address of more people than `shared_address_limit` is no evidence; `roles`: source -> "emr" or "leads"."""

    shared_address_limit: int
    roles: Mapping[str, str]

    @classmethod
    def of(cls, settings: Settings) -> "ResolverSettings":
        """What a configuration says of it."""
        roles = {name: source.role for name, source in settings.sources.items()}
        return cls(shared_address_limit=settings.identity.shared_address_limit, roles=roles)


class Resolved(NamedTuple):
    """Contacts that came to be, that were merged into another (on arrival too), and that must be reviewed."""

    created: int
    merged: int
    stale: int


@dataclass(slots=True)
class _Circle:
    """Rows that might be one another, and what the ledger says of them."""

    rows: set[int] = field(default_factory=set)
    entries: dict[int, matches.Entry] = field(default_factory=dict)


class Resolver:
    """Links the rows of a page; `created` and `merged` add up what it did."""

    def __init__(self, settings: ResolverSettings, at: datetime) -> None:
        self.settings, self.at = settings, at
        self.created = self.merged = 0

    def resolve(self, connection: Connection, row_ids: Sequence[int]) -> Resolved:
        """Resolves new and changed rows; the caller's transaction is the page's."""
        rows = set(row_ids)
        linked = links.current(connection, rows)
        new = rows - linked.keys()
        shared = recount(connection, sorted(rows), self.settings.shared_address_limit, all_new=not linked)
        seeds = rows | holders(connection, shared.changed)
        near = look_up.candidates(connection, seeds, shared.now)
        circle = _circle(connection, near, seeds - new)
        facts = look_up.facts(connection, circle.rows, self.settings.roles, shared.now)
        settled = settle(facts, _by_hand(circle), self.at.date())
        self._record(connection, circle, settled)
        done = self._link(connection, new, settled.persons)
        self.created += done.created
        self.merged += done.merged
        return done

    def resolve_stored(self, connection: Connection, row_ids: Sequence[int]) -> None:
        """Resolves rows that are there already, a page at a time."""
        for page in chunks(row_ids):
            self.resolve(connection, page)

    def resolve_waiting(self, connection: Connection) -> int:
        """Resolves a page of the rows that wait for it; returns how many, 0 when none are left."""
        page = unresolved.page(connection)
        self.resolve_stored(connection, page)
        unresolved.drop(connection, page)
        return len(page)

    def _record(self, connection: Connection, circle: _Circle, settled: Settled) -> None:
        """Adds what differs from the verdicts in force; a pair of which nothing is said any longer gets "none"."""
        before = matches.newest(circle.entries.values(), manual=False)
        found = {p: (v.verdict, v.rule, v.score) for p, v in settled.verdicts.items()}
        gone = {p: ("none", NO_LONGER, 0.0) for p, e in before.items() if p not in found and e.verdict != "none"}
        changed = {p: v for p, v in {**found, **gone}.items() if p not in before or before[p][3:6] != v}
        matches.record(connection, [self._entry(p, *verdict) for p, verdict in sorted(changed.items())])

    def _entry(self, rows: Pair, verdict: str, rule: str, score: float) -> dict[str, object]:
        return {
            "low": rows[0],
            "high": rows[1],
            "verdict": verdict,
            "rule": rule,
            "score": score,
            "manual": False,
            "actor": "prm-sync",
            "at": self.at,
        }

    def _link(self, connection: Connection, new: set[int], persons: Sequence[Sequence[int]]) -> Resolved:
        """A contact carries the id of its oldest row; the others' ids wait for a split."""
        leader = {row: person[0] for person in persons for row in person}
        fresh = links.new_ids(sorted(new))
        links.found(connection, fresh, self.at)
        founded = links.founded_by(connection, leader)
        ids = {row: contact.id for row, contact in founded.items()}
        before = links.current(connection, leader)
        homes = {row: ids[first] for row, first in leader.items() if before.get(row) != ids[first]}
        links.move(connection, homes.keys() & before.keys(), fresh | homes, self.at)
        merged = self._set_states(connection, founded, leader)
        touched = {before[row] for row in homes.keys() & before.keys()} | set(homes.values())
        links.touch(connection, touched, self.at)
        absorbed = sum(leader.get(row, row) != row for row in new)
        return Resolved(len(new) - absorbed, merged, len(touched.union(fresh[row] for row in new - leader.keys())))

    def _set_states(self, connection: Connection, known: Mapping[int, links.Founded], leader: Mapping[int, int]) -> int:
        """Contacts whose founder leads are active, the others absorbed; returns how many were absorbed just now."""
        changed: dict[str, set[str]] = defaultdict(set)
        for row, founded in known.items():
            state = "active" if leader[row] == row else "absorbed"
            if state != founded.state:
                changed[state].add(founded.id)
        for state, contacts in changed.items():
            links.set_state(connection, contacts, state)
        return len(changed["absorbed"])


def _circle(connection: Connection, near: Mapping[int, set[int]], known: set[int]) -> _Circle:
    """Everyone within reach of rows with candidates and of rows that were there before; loners left out."""
    circle = _Circle()
    frontier = known.union(near, *near.values())
    joined = set(near).union(*near.values())
    while frontier:
        circle.rows |= frontier
        entries = matches.entries_of(connection, frontier)
        circle.entries |= entries
        edges = set(links.mates(connection, frontier)) | _in_reach(entries.values())
        reached = {row for edge in edges for row in edge}
        joined |= reached
        frontier = reached - circle.rows
    circle.rows &= joined | {row for entry in circle.entries.values() for row in entry.pair}
    return circle


def _in_reach(entries: Iterable[matches.Entry]) -> set[Pair]:
    """Pairs that rules or people have ever brought together, as far as that is in force."""
    entries = list(entries)
    by_rule = {p for p, entry in matches.newest(entries, manual=False).items() if entry.verdict != "none"}
    return by_rule | {p for p, entry in matches.newest(entries, manual=True).items() if entry.verdict == "same"}


def _by_hand(circle: _Circle) -> ByHand:
    by_hand = matches.newest(circle.entries.values(), manual=True)
    return {p: entry.verdict for p, entry in by_hand.items() if entry.verdict in ("same", "not_same")}
