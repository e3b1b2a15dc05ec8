"""Replay: rows in quarantine are read again by today's configuration; those that fit now land, the others stay."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Literal, NamedTuple

import orjson
from sqlalchemy import Connection, update

from connectors.base import Page, Proof, RawRow, Refusal, SnapshotRule, Source, Window
from mappings.records import Kind, Rejected
from sync.build import Service
from sync.land import Lander
from sync.resolve import Resolver, ResolverSettings
from sync.store import tables as t
from sync.store.engine import reading, writing
from sync.store.first_pulls import FirstPulls, read_first_pulls
from sync.store.quarantine_list import stored_rows
from sync.store.statements import chunks

PAGE: Final = 500


@dataclass(slots=True)
class Replayed:
    """What a replay did: rows landed, by source; those that still cannot be used, by code; rows of unknown sources."""

    landed: Counter[str] = field(default_factory=Counter)
    still: Counter[str] = field(default_factory=Counter)
    unconfigured: int = 0

    def to_json(self) -> dict[str, Any]:
        """As `quarantine replay --json` prints it."""
        return {"landed": dict(self.landed), "still": dict(self.still), "unconfigured": self.unconfigured}


class _Origin(NamedTuple):
    """Where rows that land together came from."""

    source: str
    feed: str
    file: str
    first_pull: bool


@dataclass(slots=True, kw_only=True)
class _Replay:
    """A delivery (`connectors.base.Pass`) of rows from quarantine; nothing is absent because of it."""

    feed: str
    name: str
    data_as_of: datetime
    snapshot: SnapshotRule = "delta"
    kinds: frozenset[Kind] = frozenset()
    stream: Literal["anew", "resumed"] | None = None
    proof: Proof | None = None
    refusal: Refusal | None = None
    skipped: str | None = None
    notices: Sequence[str] = ()

    def pages(self) -> Iterator[Page]:
        """None: the rows are handed over."""
        return iter(())

    def window(self) -> Window | None:
        """None: nothing is absent."""
        return None


def replay(service: Service, ids: Sequence[int] | None, source: str | None, at: datetime) -> Replayed:
    """Reads the rows with these ids (None: all) again, of one source (None: of all); the caller owns the line."""
    done = Replayed()
    with reading(service.engine) as connection:
        stored = stored_rows(connection, ids, source)
        first = read_first_pulls(connection)
    fitting = _fitting(service, stored, first, done)
    terms = ResolverSettings.of(service.config.settings)
    for origin, rows in fitting.items():
        for page in chunks(rows, PAGE):
            with writing(service.engine) as connection:
                _land(connection, service.sources[origin.source], origin, page, Resolver(terms, at))
            done.landed[origin.source] += len(page)
    return done


def _fitting(
    service: Service, stored: Sequence[Any], first: Mapping[str, FirstPulls], done: Replayed
) -> dict[_Origin, list[RawRow]]:
    """The rows that can be used now, by where they came from."""
    found: dict[_Origin, list[RawRow]] = defaultdict(list)
    for row in stored:
        source = service.sources.get(row.source)
        if source is None:
            done.unconfigured += 1
            continue
        raw = RawRow(row.kind, row.external_id, _body(row), row.line)
        outcome = source.map(raw)
        if isinstance(outcome, Rejected):
            done.still[outcome.code] += 1
            continue
        since = first.get(row.source, FirstPulls()).ended_for(row.feed)
        found[_Origin(row.source, row.feed, row.file, since is None or row.first_at <= since)].append(raw)
    return found


def _body(row: Any) -> bytes | tuple[str, ...]:
    return tuple(orjson.loads(row.body)) if row.cells else row.body


def _land(connection: Connection, source: Source, origin: _Origin, rows: list[RawRow], resolver: Resolver) -> None:
    _forget_hashes(connection, origin.source, rows)
    delivery = _Replay(feed=origin.feed, name=origin.file, data_as_of=resolver.at)
    Lander(source, delivery, resolver.at, first_pull=origin.first_pull).land(connection, rows, resolver)


def _forget_hashes(connection: Connection, source: str, rows: Sequence[RawRow]) -> None:
    """The gate would pass over rows whose bytes and mapping are the same, though what they refer to may be there now."""
    c = t.gate.c
    for kind in {row.kind for row in rows}:
        ids = [row.external_id for row in rows if row.kind == kind]
        connection.execute(
            update(t.gate).where(c.source == source, c.kind == kind, c.external_id.in_(ids)).values(raw_hash=b"")
        )
