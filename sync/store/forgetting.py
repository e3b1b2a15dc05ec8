"""Emptying what is stored of a person; what others told of them stays in the ledgers under ids alone."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, Table, and_, delete, or_, select, update

from sync.identity import NO_LONGER
from sync.store import matches
from sync.store import tables as t
from sync.store.engine import overwrite_deleted
from sync.store.ledgers import unguarded
from sync.store.statements import chunks
from sync.store.tombstones import Name

_p, _c, _l = t.patient_record.c, t.contact.c, t.link.c


class Row(NamedTuple):
    """A patient row of the person."""

    id: int
    source: str
    external_id: str
    email: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Traces:
    """Where a person is found: contact ids (merged ones too), rows, identifiers, and addresses that nobody else has.

    `shared` are addresses that others have as well, `others` those contacts.
    """

    contacts: tuple[str, ...]
    rows: tuple[Row, ...]
    identifiers: tuple[tuple[str, str], ...] = ()
    addresses: tuple[str, ...] = ()
    shared: tuple[str, ...] = ()
    others: frozenset[str] = field(default_factory=frozenset)

    def names(self) -> list[Name]:
        """What must not bring the person back."""
        return [
            *(Name("row", row.source, row.external_id) for row in self.rows),
            *(Name("identifier", authority, value) for authority, value in self.identifiers),
            *(Name("address", address) for address in self.addresses),
        ]


def traces(connection: Connection, contact: str) -> Traces:
    """Finds everything that names a contact."""
    query = (
        select(_p.id, _p.source, _p.external_id, _p.email)
        .join(t.link, and_(_l.row_id == _p.id, _l.until.is_(None)))
        .where(_l.contact == contact)
    )
    rows = tuple(Row(*row) for row in connection.execute(query))
    ids = [row.id for row in rows]
    contacts = tuple(sorted(connection.execute(select(_c.id).where(_c.founder.in_(ids))).scalars()))
    found = {row.email for row in rows if row.email} | _addresses(connection, contacts)
    others = {address: _others(connection, address, contacts) for address in sorted(found)}
    i = t.identifier.c
    return Traces(
        contacts=contacts,
        rows=rows,
        identifiers=tuple(
            (authority, value)
            for authority, value in connection.execute(select(i.authority, i.value).where(i.row_id.in_(ids)))
        ),
        addresses=tuple(address for address, found in others.items() if not found),
        shared=tuple(address for address, found in others.items() if found),
        others=frozenset[str]().union(*others.values()),
    )


def _addresses(connection: Connection, contacts: Sequence[str]) -> set[str]:
    """Mailing addresses, and former ones that a destination knows."""
    s = t.subscriber.c
    mailing = connection.execute(select(_c.address).where(_c.id.in_(contacts), _c.address.is_not(None))).scalars()
    known = connection.execute(select(s.key).where(s.primary_contact.in_(contacts), s.key.contains("@"))).scalars()
    return {address for address in (*mailing, *known) if address is not None}


def _others(connection: Connection, address: str, contacts: Sequence[str]) -> set[str]:
    rows = select(_p.id).where(_p.email == address)
    linked = select(_l.contact).where(_l.row_id.in_(rows), _l.until.is_(None), _l.contact.not_in(contacts))
    mailing = select(_c.id).where(_c.address == address, _c.state == "active", _c.id.not_in(contacts))
    return {*connection.execute(linked).scalars(), *connection.execute(mailing).scalars()}


def empty(connection: Connection, found: Traces, digests: Mapping[Name, str], at: datetime) -> None:
    """Deletes and empties everything of the person but their ids; on SQLite freed pages are overwritten."""
    overwrite_deleted(connection)
    for source in sorted({row.source for row in found.rows}):
        _of_source(connection, source, [row.external_id for row in found.rows if row.source == source])
    ids = [row.id for row in found.rows]
    for table in (t.identifier, t.patient_link, t.unresolved):
        _delete(connection, table, table.c.row_id, ids)
    _delete(connection, t.person_suppression, t.person_suppression.c.row_id, ids)
    _part(connection, ids, at)
    for row in found.rows:
        _blank(connection, row, digests[Name("row", row.source, row.external_id)])
    _of_addresses(connection, found, digests)
    for table in (t.membership, t.standing, t.wait, t.nudge):
        _delete(connection, table, table.c.contact, found.contacts)
    gone: dict[str, Any] = {
        "state": "forgotten", "stale": False, "status": None, "status_since": None, "rule": None, "site": None,
        "address": None, "phone": None, "household_size": 1, "next_review_at": None,
    }  # fmt: skip
    connection.execute(update(t.link).where(_l.row_id.in_(ids), _l.until.is_(None)).values(until=at))
    connection.execute(update(t.contact).where(_c.id.in_(found.contacts)).values(**gone))


def _of_source(connection: Connection, source: str, patients: Sequence[str]) -> None:
    """Visits, episodes, what adds to them, decisions, scores, and what stands in quarantine."""
    s, q = t.supplement_record.c, t.quarantine.c
    scores = _ids(connection, t.survey_record, _of_patients(t.survey_record, source, patients))
    episodes = _ids(connection, t.episode_record, _of_patients(t.episode_record, source, patients))
    visits = _ids(connection, t.visit_record, _of_patients(t.visit_record, source, patients))
    added = or_(
        and_(s.target == "patient", s.target_id.in_(patients)), and_(s.target == "episode", s.target_id.in_(episodes))
    )
    supplements = _ids(connection, t.supplement_record, and_(s.source == source, added))
    of_row = or_(q.patient_id.in_(patients), and_(q.kind == "patients", q.external_id.in_(patients)))
    set_aside = connection.execute(select(q.kind, q.external_id).where(q.source == source, of_row)).all()
    connection.execute(delete(t.quarantine).where(q.source == source, of_row))
    c = t.consent_record.c
    held = and_(c.source == source, ~c.by_address, c.holder.in_(patients))
    origins = list(connection.execute(select(c.origin).where(held, c.origin != "")).scalars())
    connection.execute(delete(t.consent_record).where(held))
    read = {
        "patients": patients,
        "appointments": visits,
        "episodes": episodes,
        "supplements": supplements,
        "surveys": scores,
    }
    for kind, external_ids in {**read, "consents": origins}.items():
        _forget_gates(connection, source, kind, external_ids)
    for kind, external_id in set_aside:
        _forget_gates(connection, source, kind, [external_id])
    for table, external_ids in (
        (t.visit_record, visits), (t.episode_record, episodes), (t.supplement_record, supplements),
        (t.survey_record, scores),
    ):  # fmt: skip
        for piece in chunks(external_ids):
            connection.execute(delete(table).where(table.c.source == source, table.c.external_id.in_(piece)))


def _of_patients(table: Table, source: str, patients: Sequence[str]) -> ColumnElement[bool]:
    return and_(table.c.source == source, table.c.patient_id.in_(patients))


def _forget_gates(connection: Connection, source: str, kind: str, external_ids: Iterable[str]) -> None:
    g = t.gate.c
    for piece in chunks(external_ids):
        connection.execute(delete(t.gate).where(g.source == source, g.kind == kind, g.external_id.in_(piece)))


def _ids(connection: Connection, table: Table, where: ColumnElement[bool]) -> list[str]:
    return list(connection.execute(select(table.c.external_id).where(where)).scalars())


def _delete(connection: Connection, table: Table, column: ColumnElement[Any], values: Iterable[Any]) -> None:
    for piece in chunks(values):
        connection.execute(delete(table).where(column.in_(piece)))


def _part(connection: Connection, rows: Sequence[int], at: datetime) -> None:
    """Says of every pair with one of the rows that nothing is said any longer, so that nobody is joined to them."""
    entries = matches.entries_of(connection, rows).values()
    said = [*matches.newest(entries, manual=False).values(), *matches.newest(entries, manual=True).values()]
    over = {"verdict": "none", "rule": NO_LONGER, "score": 0.0, "actor": "prm-sync", "at": at}
    pairs = [{"low": e.low, "high": e.high, "manual": e.manual, **over} for e in said if e.verdict != "none"]
    matches.record(connection, pairs)


def _blank(connection: Connection, row: Row, digest: str) -> None:
    """The row itself stays, as its number names the contact; its id becomes the stone's."""
    kept = {"id", "source", "external_id", "first_seen_at", "first_pull"}
    false = ("present", "active", "deceased", "email_invalid", "seen_minor")
    blank: dict[str, Any] = {column.name: None for column in t.patient_record.columns if column.name not in kept}
    blank |= dict.fromkeys(false, False) | {"first_key": "", "last_key": "", "external_id": f"forgotten:{digest}"}
    connection.execute(update(t.patient_record).where(_p.id == row.id).values(**blank))


def _of_addresses(connection: Connection, found: Traces, digests: Mapping[Name, str]) -> None:
    """What stands under addresses that nobody else has; ledgers keep the stone in place of the address."""
    c, w, e = t.consent_record.c, t.wish.c, t.event.c
    keys = [*found.addresses, *found.contacts]
    _delete(connection, t.wish, w.key, keys)
    _delete(connection, t.event, e.key, keys)
    about = and_(c.by_address, c.holder.in_(found.addresses))
    for source, origin in connection.execute(select(c.source, c.origin).where(about)).all():
        _forget_gates(connection, source, "consents", [origin])
    connection.execute(delete(t.consent_record).where(about))
    scored = t.survey_record.c.email.in_(found.addresses)
    for source, origin in connection.execute(
        select(t.survey_record.c.source, t.survey_record.c.external_id).where(scored)
    ).all():
        _forget_gates(connection, source, "surveys", [origin])
    connection.execute(delete(t.survey_record).where(scored))
    with unguarded(connection, (t.feedback, t.suppression, t.transition)):
        # The inputs of a transition are ids of visits and episodes, as the EMR gives them.
        connection.execute(update(t.transition).where(t.transition.c.contact.in_(found.contacts)).values(inputs=[]))
        for address in found.addresses:
            for table in (t.feedback, t.suppression):
                stone = digests[Name("address", address)]
                connection.execute(update(table).where(table.c.address == address).values(address=f"forgotten:{stone}"))
