"""Decisions on being contacted, by patient row or by address, never by contact; what is no longer stated stays on file."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, and_, select, update

from mappings.consent import Decision
from mappings.records import Consent, ConsentRow, Record
from sync.store import tables as t
from sync.store.statements import chunks, upsert

_c = t.consent_record.c

BY_HAND: Final = "by hand"
"""The source of what people at the practice recorded about an address, and the origin of what they did about a row."""

_KEY: Final = ("source", "by_address", "holder", "channel", "purpose", "decision", "decided_key", "origin")


class Stated(NamedTuple):
    """What one origin (a row of a consents feed; "" = the patient row itself) states now of one holder."""

    holder: str
    by_address: bool
    origin: str
    consents: Sequence[Consent]


def stated_by(record: ConsentRow) -> Stated:
    """What a row of a consents feed states."""
    holder = str(record.patient_id or record.email)
    return Stated(holder, record.patient_id is None, record.external_id, (record.consent,))


def store(connection: Connection, source: str, at: datetime, stated: Sequence[Stated]) -> None:
    """Replaces what each holder's origin states: earlier statements stay, no longer asserted."""
    for column, by_row in ((_c.holder, True), (_c.origin, False)):
        keys = {(each.holder if by_row else each.origin) for each in stated if (each.origin == "") == by_row}
        for piece in chunks(sorted(keys)):
            where = and_(_c.source == source, column.in_(piece), _c.asserted, (_c.origin == "") == by_row)
            connection.execute(update(t.consent_record).where(where).values(asserted=False))
    add(connection, source, at, stated)


def add(connection: Connection, source: str, at: datetime, stated: Sequence[Stated]) -> None:
    """Writes statements beside the earlier ones."""
    rows = [_row(source, at, each, consent) for each in stated for consent in each.consents]
    unique = {tuple(row[name] for name in _KEY): row for row in rows}
    upsert(connection, t.consent_record, list(unique.values()), _KEY, keep=("first_seen_at",))


def _row(source: str, at: datetime, stated: Stated, consent: Consent) -> dict[str, Any]:
    return {
        "source": source,
        "origin": stated.origin,
        "by_address": stated.by_address,
        "holder": stated.holder,
        "channel": consent.channel,
        "purpose": consent.purpose,
        "decision": consent.decision,
        "decided_key": consent.decided_on.isoformat() if consent.decided_on else "",
        "decided_on": consent.decided_on,
        "evidence": consent.evidence,
        "basis": consent.basis,
        "asserted": True,
        "first_seen_at": at,
    }


def retract(connection: Connection, source: str, origins: Iterable[str]) -> None:
    """Says of rows of a consents feed that their source no longer states them."""
    for piece in chunks(origins):
        connection.execute(
            update(t.consent_record).where(_c.source == source, _c.origin.in_(piece)).values(asserted=False)
        )


def holders_of(connection: Connection, source: str, origins: Iterable[str], *, by_address: bool) -> set[str]:
    """Of whom rows of a consents feed speak: external ids of patient rows, or addresses."""
    found: set[str] = set()
    for piece in chunks(origins):
        query = select(_c.holder).where(_c.source == source, _c.origin.in_(piece), _c.by_address == by_address)
        found.update(connection.execute(query).scalars())
    return found


def addresses_named(records: Iterable[Record]) -> set[str]:
    """The addresses of which records of a consents feed speak."""
    return {r.email for r in records if isinstance(r, ConsentRow) and r.patient_id is None and r.email is not None}


def decisions(
    connection: Connection, rows: Iterable[Mapping[str, Any]], roles: Mapping[str, str]
) -> dict[str, list[Decision]]:
    """What is on file of the persons of patient rows, by contact: about the rows themselves, and about their addresses.

    Each row has `contact`, `source`, `external_id` and `email`; `roles` says of each source whether it is leads.
    """
    by_row: dict[tuple[str, str], str] = {}
    by_email: dict[str, set[str]] = {}
    for row in rows:
        by_row[row["source"], row["external_id"]] = row["contact"]
        if row["email"]:
            by_email.setdefault(row["email"], set()).add(row["contact"])
    found: dict[str, list[Decision]] = {}
    for source in sorted({source for source, _ in by_row}):
        ids = [external_id for of, external_id in by_row if of == source]
        for holder, decision in _stated(connection, ids, roles, source):
            found.setdefault(by_row[source, holder], []).append(decision)
    for holder, decision in _stated(connection, by_email, roles, None):
        for contact in by_email[holder]:
            found.setdefault(contact, []).append(decision._replace(address=holder))
    return found


_STATED: Final = ("channel", "purpose", "decision", "decided_on", "basis", "evidence", "asserted")


def _stated(
    connection: Connection, holders: Iterable[str], roles: Mapping[str, str], source: str | None
) -> Iterable[tuple[str, Decision]]:
    """Statements of one source about its rows; without one, of all about addresses."""
    where = and_(_c.source == source, ~_c.by_address) if source is not None else _c.by_address
    for piece in chunks(holders):
        query = select(_c.holder, _c.source, _c.first_seen_at, *(_c[name] for name in _STATED))
        for holder, of, first_seen_at, *stated in connection.execute(query.where(where, _c.holder.in_(piece))):
            said: dict[str, Any] = dict(zip(_STATED, stated, strict=True))
            seen: date = first_seen_at.date()
            yield holder, Decision(**said, first_seen_on=seen, as_lead=roles.get(of) == "leads", address=None)
