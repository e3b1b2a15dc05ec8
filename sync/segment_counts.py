"""Segments counted: who is in, has an address, is allowed, is at each destination; and why the rest is not."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from itertools import groupby
from operator import itemgetter
from typing import Any, NamedTuple

from sqlalchemy import Connection

from sync.build import Service
from sync.codes import code_book
from sync.preparation import Standards
from sync.status import segments_by_tag, withheld
from sync.store import overview
from sync.store.engine import reading


def segments_of(service: Service, at: datetime | None = None) -> dict[str, dict[str, Any]]:
    """Every configured segment by name, as `segments list --json` prints them.

    Each {describe, purpose, code, off, rule, members, with_address, allowed, destinations: {NAME: {allowed, there,
    withheld: {REASON: n}}}}. `allowed`: members that at least one destination of the segment may be told of. `there`
    counts subscribers, which at addresses are fewer than contacts.
    """
    with reading(service.engine) as connection:
        return _Counts(connection, service.standards, at or datetime.now(UTC)).made()


class _Closed(NamedTuple):
    """Members of whom something stops a segment, by (segment, destination), and at all of its destinations."""

    at: Counter[tuple[str, str]]
    everywhere: Counter[str]


class _Counts:
    def __init__(self, connection: Connection, standards: Standards, at: datetime) -> None:
        self.standards, self.settings = standards, standards.config.settings
        self.codes, self.members = code_book(connection), overview.members(connection)
        self.why = withheld(connection, standards, at)
        self.listing = _listing(standards)
        self.closed = _closed(connection, self.listing)
        self.there = _there(connection, segments_by_tag(connection, standards, at))

    def made(self) -> dict[str, dict[str, Any]]:
        return {name: self._segment(name) for name in self.settings.segments}

    def _segment(self, name: str) -> dict[str, Any]:
        segment, compiled = self.settings.segments[name], self.standards.compiled.get(name)
        members, with_address = self.members.get(name, (0, 0))
        allowed = members - self.closed.everywhere[name] if self.listing.get(name) else 0
        return {
            "describe": segment.describe,
            "purpose": segment.purpose,
            "code": self.codes.get(("segment", name)),
            "off": segment.off,
            "rule": compiled.english() if compiled is not None else None,
            "members": members,
            "with_address": with_address,
            "allowed": allowed,
            "destinations": {
                destination: {
                    "allowed": members - self.closed.at[(name, destination)],
                    "there": self.there[(name, destination)],
                    "withheld": self.why[destination].get(name, {}),
                }
                for destination in self.listing.get(name, ())
            },
        }


def _listing(standards: Standards) -> dict[str, list[str]]:
    """By segment: the destinations that list it."""
    found: dict[str, list[str]] = defaultdict(list)
    for destination, settings in standards.config.settings.destinations.items():
        for name in standards.compiled:
            if settings.segments == "all" or name in settings.segments:
                found[name].append(destination)
    return found


def _closed(connection: Connection, listing: Mapping[str, list[str]]) -> _Closed:
    at: Counter[tuple[str, str]] = Counter()
    everywhere: Counter[str] = Counter()
    for (segment, _), rows in groupby(overview.withheld_members(connection), key=itemgetter(0, 1)):
        stopped = set(_stopped(segment, rows)) & set(listing.get(segment, ()))
        at.update((segment, destination) for destination in stopped)
        everywhere[segment] += bool(stopped) and len(stopped) == len(listing[segment])
    return _Closed(at, everywhere)


def _stopped(segment: str, rows: Iterator[tuple[str, str, str, Mapping[str, str]]]) -> Iterator[str]:
    return (destination for _, _, destination, why in rows if segment in why or "*" in why)


def _there(connection: Connection, names: Mapping[str, Mapping[str, str]]) -> Counter[tuple[str, str]]:
    found: Counter[tuple[str, str]] = Counter()
    for destination, tags in overview.held_tags(connection).items():
        for tag, n in tags.items():
            found[(names.get(destination, {}).get(tag, tag), destination)] += n
    return found
