"""One page of raw rows into the database: two gates, quarantine, rows, links, stale contacts; one transaction."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from typing import Any, Final

import orjson
from sqlalchemy import Connection

from connectors.base import Pass, RawRow, Source
from mappings.records import Kind, Mapped, PatientRow, Rejected, SurveyRow
from sync.forgotten import of_forgotten
from sync.resolve import Resolver
from sync.store import consents, gates, rows
from sync.store.contacts import mark_addressed, mark_changed, mark_contacts
from sync.store.suppressions import contacts_at
from sync.store.surveys import emails_of_surveys

ANSWER: Final = ""
"""The field of a notice that is about a server's answer, not about a value."""


@dataclass(slots=True)
class Tally:
    """What a pull did, in rows."""

    read: int = 0
    unchanged: int = 0
    changed: int = 0
    quarantined: int = 0
    ignored: int = 0
    absent: int = 0
    notices: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    ignored_as: Counter[str] = field(default_factory=Counter)
    rejected_as: Counter[tuple[str, str]] = field(default_factory=Counter)

    def add(self, other: "Tally") -> None:
        """Adds what another pass did."""
        for name in ("read", "unchanged", "changed", "quarantined", "ignored", "absent"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.notices.update(other.notices)
        self.ignored_as.update(other.ignored_as)
        self.rejected_as.update(other.rejected_as)


def mapping_mark(fingerprint: str) -> bytes:
    """The four bytes that begin the hash of every row read under a mapping."""
    return sha256(fingerprint.encode()).digest()[: gates.MARK]


def raw_hash(mark: bytes, row: RawRow) -> bytes:
    """Hash of a raw row under a mapping: the mapping's mark, then its line's digest, else that of its body."""
    if row.digest is not None:
        return mark + row.digest
    body = row.body if isinstance(row.body, bytes) else "\x1f".join(row.body).encode()
    return mark + sha256(body).digest()[: 16 - gates.MARK]


def row_hash(record: Any) -> bytes:
    """Hash of the mapped fields: 16 bytes of SHA-256."""
    return sha256(orjson.dumps(record, default=_plain, option=orjson.OPT_SORT_KEYS)).digest()[:16]


def _plain(value: Any) -> Any:
    return list(value)


class Lander:
    """Lands the pages of one pass of one source; ids are noted where a row that the pass does not hold is absent.

    `met` counts the earlier lines in whose place rows have come, `taken` the rows that came.
    """

    def __init__(self, source: Source, pass_: Pass, at: datetime, *, first_pull: bool) -> None:
        self.source, self.pass_, self.at = source, pass_, at
        self.feed = gates.Feed(source.name, pass_.feed)
        self.whole = pass_.snapshot in ("full", "window")
        self.met = self.taken = 0
        self.origin = rows.Origin(source.name, pass_.feed, at, first_pull=first_pull)
        self.tally = Tally()
        self.mark = mapping_mark(source.fingerprint)
        self._waiting: dict[Kind, dict[str, tuple[RawRow, bytes]]] = {}

    def land(self, connection: Connection, page: Sequence[RawRow], resolver: Resolver) -> None:
        """Lands a page; the caller's transaction is the page's."""
        self.sift(connection, page)
        self.land_waiting(connection, resolver)

    def note_warned(self, codes: Iterable[str]) -> None:
        """Counts what a server warns of, by code."""
        self.tally.notices.update((self.pass_.feed, ANSWER, code) for code in codes)

    @property
    def waiting(self) -> int:
        """How many changed rows of the pages so far wait to be landed."""
        return sum(map(len, self._waiting.values()))

    def sift(self, connection: Connection, page: Sequence[RawRow]) -> None:
        """Sets aside what is not as it was read last, until enough of it is together: unchanged rows cost little,
        and the statements that write changed ones cost the same for one row as for a page of them."""
        self.tally.read += len(page)
        self.taken += len(page)
        for kind in sorted({row.kind for row in page}):
            batch = {row.external_id: row for row in page if row.kind == kind}
            if self.whole:
                gates.note_seen(connection, self.feed, kind, batch)
            self._sift_kind(connection, kind, batch)

    def _sift_kind(self, connection: Connection, kind: Kind, batch: dict[str, RawRow]) -> None:
        hashes = {external_id: raw_hash(self.mark, row) for external_id, row in batch.items()}
        before = gates.raw_hashes(connection, self.source.name, kind, batch)
        self.met += len(set(before.values()))
        waiting = self._waiting.setdefault(kind, {})
        # An id that comes again takes the place of what waits, even where it is as it was before this pass.
        changed = waiting.keys() & hashes.keys()
        changed |= {external_id for external_id, hash_ in hashes.items() if before.get(external_id) != hash_}
        waiting |= {id_: (row, hashes[id_]) for id_, row in batch.items() if id_ in changed} if changed else {}
        self.tally.unchanged += len(batch) - len(changed)

    def land_waiting(self, connection: Connection, resolver: Resolver) -> None:
        """Lands what was set aside; the caller's transaction is that of all of it."""
        for kind, waiting in self._waiting.items():
            if waiting:
                known = gates.known_rows(connection, self.source.name, kind, waiting)
                hashes = {external_id: hash_ for external_id, (_, hash_) in waiting.items()}
                _Change(self, connection, kind, known, hashes).apply([row for row, _ in waiting.values()], resolver)
        self._waiting.clear()


class _Change:
    """Changed rows of one kind."""

    def __init__(
        self,
        lander: Lander,
        connection: Connection,
        kind: Kind,
        known: dict[str, gates.Passed],
        hashes: dict[str, bytes],
    ) -> None:
        self.lander, self.connection, self.kind, self.known, self.hashes = lander, connection, kind, known, hashes
        self.name = lander.source.name
        self.gate: list[dict[str, Any]] = []
        self.records: list[Any] = []
        self.rejected: list[dict[str, Any]] = []
        self.removed: list[str] = []
        self.restored: list[str] = []
        self.patients: set[str] = set()

    def apply(self, changed: Sequence[RawRow], resolver: Resolver) -> None:
        """Maps the rows and writes what came of them."""
        mapped = [(row, self.lander.source.map(row)) for row in changed]
        gone = of_forgotten(self.connection, self.name, mapped)
        for place, (row, outcome) in enumerate(mapped):
            if place in gone:
                self.lander.tally.ignored += 1
                self.lander.tally.ignored_as["forgotten"] += 1
            else:
                self._sort(row, outcome)
        stored = [r.external_id for r in self.records if r.external_id in self.known] + self.removed + self.restored
        self.patients |= rows.patients_of(self.connection, self.kind, self.name, stored)
        emails = emails_of_surveys(self.connection, self.name, stored) if self.kind == "surveys" else set()
        self._write_rows(resolver)
        self._mark(resolver)
        gates.quarantine(self.connection, self.rejected)
        gates.release(self.connection, self.name, self.kind, self._released())
        gates.remember(self.connection, self.gate)
        self.patients |= rows.patients_named(self.connection, self.name, self.records)
        mark_changed(self.connection, self.name, self.patients, self.lander.at)
        emails |= {record.email for record in self.records if isinstance(record, SurveyRow) and record.email}
        mark_addressed(self.connection, emails, self.lander.at)
        if self.kind == "consents":
            self._mark_addresses(stored)

    def _mark_addresses(self, stored: Sequence[str]) -> None:
        """Whoever has an address that a decision speaks, or spoke, of."""
        found = consents.holders_of(self.connection, self.name, stored, by_address=True)
        mark_contacts(self.connection, contacts_at(self.connection, found | consents.addresses_named(self.records)))

    def _mark(self, resolver: Resolver) -> None:
        """Notes who left the source and who came back to it: that too is evidence of who is who."""
        rows.mark_present(self.connection, self.kind, self.name, self.removed, present=False)
        rows.mark_present(self.connection, self.kind, self.name, self.restored, present=True)
        if self.kind == "patients":
            moved = rows.row_ids(self.connection, self.name, [*self.removed, *self.restored])
            resolver.resolve_stored(self.connection, list(moved.values()))

    def _sort(self, row: RawRow, outcome: Mapped | Rejected) -> None:
        before = self.known.get(row.external_id)
        if isinstance(outcome, Rejected):
            self._reject(row, outcome, before)
            return
        for warning in outcome.warnings:
            self.lander.tally.notices[(self.lander.pass_.feed, warning.field, warning.code)] += 1
        if outcome.record is None:
            self._leave_out(row, outcome, before)
            return
        hash_ = row_hash(outcome.record)
        self._remember(row, hash_, "landed", present=True)
        if before is not None and before.row_hash == hash_ and before.state == "landed":
            if not before.present and self.kind == "consents":
                self.records.append(outcome.record)
            elif not before.present:
                self.restored.append(row.external_id)
            self.lander.tally.unchanged += 1
            return
        self.lander.tally.changed += 1
        self.records.append(outcome.record)

    def _reject(self, row: RawRow, outcome: Rejected, before: gates.Passed | None) -> None:
        self.lander.tally.quarantined += 1
        self.lander.tally.rejected_as[(outcome.code, outcome.column or outcome.field or "")] += 1
        self._remember(row, before.row_hash if before else None, "quarantined", present=True)
        cells = not isinstance(row.body, bytes)
        self.rejected.append(
            {
                "source": self.name,
                "feed": self.lander.pass_.feed,
                "kind": row.kind,
                "external_id": row.external_id,
                "site": outcome.site,
                "code": outcome.code,
                "field": outcome.field,
                "column": outcome.column,
                "file": self.lander.pass_.name,
                "line": row.place,
                "body": orjson.dumps(row.body) if cells else row.body,
                "cells": cells,
                "first_at": self.lander.at,
                "last_at": self.lander.at,
                "patient_id": outcome.patient_id,
                "episode_id": outcome.episode_id,
                "day": outcome.day,
                "acked_at": None,
            }
        )
        if outcome.patient_id is not None:
            self.patients.add(outcome.patient_id)

    def _leave_out(self, row: RawRow, outcome: Mapped, before: gates.Passed | None) -> None:
        self._remember(row, None, "ignored", present=True)
        if before is not None and before.state != "ignored":
            self.removed.append(row.external_id)
        if outcome.removed:
            self.lander.tally.changed += 1
        else:
            self.lander.tally.ignored += 1
            self.lander.tally.ignored_as[outcome.ignored or "not ours"] += 1

    def _remember(self, row: RawRow, hash_: bytes | None, state: str, *, present: bool) -> None:
        self.gate.append(
            {
                "source": self.name,
                "kind": row.kind,
                "external_id": row.external_id,
                "feed": self.lander.pass_.feed,
                "raw_hash": self.hashes[row.external_id],
                "row_hash": hash_,
                "state": state,
                "present": present,
            }
        )

    def _released(self) -> list[str]:
        rejected = {row["external_id"] for row in self.rejected}
        return [
            row["external_id"]
            for row in self.gate
            if row["external_id"] not in rejected and _was(self.known.get(row["external_id"]), "quarantined")
        ]

    def _write_rows(self, resolver: Resolver) -> None:
        for piece in _by_type(self.records):
            if isinstance(piece[0], PatientRow):
                resolver.resolve(self.connection, rows.store_patients(self.connection, self.lander.origin, piece))
            else:
                rows.STORES[type(piece[0])](self.connection, self.lander.origin, piece)


def _was(known: gates.Passed | None, state: str) -> bool:
    return known is not None and known.state == state


def _by_type(records: Iterable[Any]) -> Iterator[list[Any]]:
    groups: dict[type, list[Any]] = defaultdict(list)
    for record in records:
        groups[type(record)].append(record)
    yield from groups.values()
