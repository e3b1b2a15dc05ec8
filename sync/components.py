"""Which rows are one person: from the verdicts on pairs to a partition that no order of arrival can change."""

from collections import defaultdict, deque
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from itertools import combinations, pairwise
from typing import Final, Generic, NamedTuple, TypeVar

from sync.identity import (
    CERTAIN,
    GONE,
    LEAD,
    NAMES_ADDRESS,
    NAMES_BIRTH,
    Facts,
    Verdict,
    blocks,
    decide,
    is_minor,
    is_vetoed,
    spelled,
)

Pair = tuple[int, int]
"""Two row ids, the lower one first."""

ByHand = Mapping[Pair, str]
"""What people decided: same or not_same."""

T = TypeVar("T", int, Pair)


class Settled(NamedTuple):
    """The verdicts on pairs, whatever people decided of them, and the rows of each person in ascending order."""

    verdicts: Mapping[Pair, Verdict]
    persons: Sequence[Sequence[int]]


def pair(a: int, b: int) -> Pair:
    """The two ids in order."""
    return (a, b) if a < b else (b, a)


def settle(rows: Iterable[Facts], by_hand: ByHand, today: date) -> Settled:
    """Decides on all pairs among the rows, which must hold whoever any of them might be."""
    return _Circle(rows, by_hand, today).settle()


class _Union(Generic[T]):
    """Disjoint sets."""

    def __init__(self, items: Iterable[T]) -> None:
        self._parent: dict[T, T] = {item: item for item in items}

    def find(self, item: T) -> T:
        while (parent := self._parent[item]) != item:
            self._parent[item] = self._parent[parent]
            item = parent
        return item

    def join(self, a: T, b: T) -> None:
        self._parent[self.find(a)] = self.find(b)

    def sets(self) -> list[list[T]]:
        found: dict[T, list[T]] = defaultdict(list)
        for item in self._parent:
            found[self.find(item)].append(item)
        return list(found.values())


class _Circle:
    """Rows that might be one another."""

    def __init__(self, rows: Iterable[Facts], by_hand: ByHand, today: date) -> None:
        self.rows = {row.id: row for row in sorted(rows)}
        self.by_hand, self.today = by_hand, today
        self.verdicts = _verdicts(self.rows, today)
        self.persons = _Union(self.rows)

    def settle(self) -> Settled:
        self._join(p for p, v in self.verdicts.items() if v.rule in CERTAIN and self.by_hand.get(p) != "not_same")
        self._join(p for p, said in self.by_hand.items() if said == "same" and p[0] in self.rows and p[1] in self.rows)
        self._keep([p for p, v in self.verdicts.items() if v.verdict == "same" and v.rule not in CERTAIN])
        self._keep(_gone_joins(self), GONE)
        self._keep(_lead_joins(self), LEAD)
        return Settled(self.verdicts, [sorted(person) for person in self.persons.sets()])

    def _join(self, pairs: Iterable[Pair]) -> None:
        for a, b in pairs:
            self.persons.join(a, b)

    def _keep(self, pairs: Sequence[Pair], rule: str | None = None) -> None:
        """Joins pairs, by another rule than the two rows' own where one is given.

        Not those that alone or jointly would join a vetoed pair: they stand in review.
        """
        stopped = _joining_vetoed(self, pairs)
        for p in pairs:
            if p in stopped:
                self.verdicts[p] = self.verdicts[p]._replace(verdict="maybe")
            else:
                self.persons.join(*p)
                self.verdicts[p] = Verdict("same", rule, 0.9) if rule else self.verdicts[p]

    def vetoed(self, a: int, b: int) -> bool:
        return self.by_hand.get(pair(a, b)) == "not_same" or is_vetoed(self.rows[a], self.rows[b])


CROWD: Final = 8
"""Rows of one birth date from which on they are compared by last name only."""


def _verdicts(rows: Mapping[int, Facts], today: date) -> dict[Pair, Verdict]:
    blocked: dict[tuple[str, ...], list[int]] = defaultdict(list)
    for row in rows.values():
        for key in set(blocks(row)):
            blocked[key].append(row.id)
    crowds = [key for key, ids in blocked.items() if key[0] == "birth" and len(ids) > CROWD]
    groups = [group for key in crowds for group in _by_last_name(rows, blocked.pop(key))]
    pairs = {p for ids in (*blocked.values(), *groups) for p in combinations(ids, 2)}
    found = ((p, decide(rows[p[0]], rows[p[1]], today)) for p in sorted(pairs))
    return {p: verdict for p, verdict in found if verdict is not None}


def _by_last_name(rows: Mapping[int, Facts], ids: Iterable[int]) -> Iterable[list[int]]:
    blocked: dict[tuple[str, ...], list[int]] = defaultdict(list)
    for id_ in ids:
        for key in set(spelled(rows[id_])):
            blocked[key].append(id_)
    return blocked.values()


def _gone_joins(circle: _Circle) -> list[Pair]:
    """Pairs of a row that has left its source and the one adult of its names and birth date who has stayed in it.

    Some EMRs merge two patients by deleting one without naming the other (redguava/cliniko-api#97).
    """
    find = circle.persons.find
    stayed = {(find(row.id), row.source) for row in circle.rows.values() if row.present}
    fits: dict[int, set[int]] = defaultdict(set)
    for p, verdict in circle.verdicts.items():
        a, b = sorted((circle.rows[p[0]], circle.rows[p[1]]), key=lambda row: row.present)
        left = verdict.rule == NAMES_BIRTH and a.source == b.source and not a.present and b.present
        if left and not is_minor(a.birth, circle.today) and (find(a.id), a.source) not in stayed:
            fits[a.id].add(b.id)
    return sorted(pair(a, b) for a, others in fits.items() if len(set(map(find, others))) == 1 for b in others)


def _lead_joins(circle: _Circle) -> list[Pair]:
    """Pairs of an inquiry without birth date and whoever it fits, where that is one adult, or inquiries alone."""
    fits: dict[int, set[int]] = defaultdict(set)
    for (a, b), verdict in circle.verdicts.items():
        if verdict.rule == NAMES_ADDRESS:
            fits[a].add(b)
            fits[b].add(a)
    births: dict[int, set[date]] = defaultdict(set)
    for row in circle.rows.values():
        if row.birth is not None:
            births[circle.persons.find(row.id)].add(row.birth)
    found: set[Pair] = set()
    for id_, others in fits.items():
        if _is_bare_lead(circle.rows[id_]):
            found.update(pair(id_, other) for other in _fitting(circle, id_, others, births))
    return sorted(found)


def _is_bare_lead(row: Facts) -> bool:
    return row.lead and row.birth is None


def _fitting(circle: _Circle, lead: int, others: set[int], births: Mapping[int, set[date]]) -> Iterable[int]:
    find = circle.persons.find
    known = {person for person in map(find, (lead, *others)) if person in births}
    if not known:
        return [other for other in others if _is_bare_lead(circle.rows[other])]
    if len(known) > 1 or any(is_minor(birth, circle.today) for person in known for birth in births[person]):
        return []
    return [other for other in others if find(other) in known]


def _joining_vetoed(circle: _Circle, pairs: Sequence[Pair]) -> set[Pair]:
    """The pairs that lie on a way from one person to another who cannot be the same."""
    find = circle.persons.find
    edges: dict[Pair, list[Pair]] = defaultdict(list)
    for a, b in pairs:
        if find(a) != find(b):
            edges[pair(find(a), find(b))].append((a, b))
    together = _Union(find(row) for row in circle.rows)
    for a, b in edges:
        together.join(a, b)
    members: dict[int, list[int]] = defaultdict(list)
    for row in circle.rows:
        members[together.find(find(row))].append(row)
    vetoed = {
        pair(find(a), find(b))
        for rows in members.values()
        for a, b in combinations(rows, 2)
        if find(a) != find(b) and circle.vetoed(a, b)
    }
    return {p for edge in edges_between(edges, vetoed) for p in edges[edge]} if vetoed else set()


def edges_between(edges: Iterable[Pair], ends: Iterable[Pair]) -> set[Pair]:
    """The edges of a graph that lie on any simple path between two ends.

    Those are the edges of the blocks (two edges share a block when a cycle holds both) that one such path crosses.
    Blocks grow from a spanning tree: each edge outside it closes one cycle.
    """
    known = sorted(set(edges))
    trail = _spanning_tree(known)
    block = _Union(known)
    for a, b in known:
        for step in _path(trail, a, b):
            block.join(step, (a, b))
    crossed = {block.find(step) for a, b in ends for step in _path(trail, a, b)}
    return {edge for edge in known if block.find(edge) in crossed}


def _spanning_tree(edges: Sequence[Pair]) -> dict[int, list[int]]:
    """From each node the way to the root of its tree, itself first."""
    near: dict[int, list[int]] = defaultdict(list)
    for a, b in edges:
        near[a].append(b)
        near[b].append(a)
    trail: dict[int, list[int]] = {}
    for root in near:
        if root in trail:
            continue
        trail[root] = [root]
        queue = deque([root])
        while queue:
            node = queue.popleft()
            for other in near[node]:
                if other not in trail:
                    trail[other] = [other, *trail[node]]
                    queue.append(other)
    return trail


def _path(trail: Mapping[int, Sequence[int]], a: int, b: int) -> Iterable[Pair]:
    """The edges of the tree between two of its nodes."""
    up, down = trail[a], trail[b]
    shared = set(up) & set(down)
    for way in (up, down):
        for low, high in pairwise(way):
            if low not in shared or high not in shared:
                yield pair(low, high)
