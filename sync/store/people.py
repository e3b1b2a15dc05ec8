"""Everything that is known of a batch of contacts, as persons for the deciders; a few queries a batch."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any, NamedTuple

from sqlalchemy import Connection, and_, select

from mappings.consent import Decision
from sync.person import Episode, Person, Row, Score, Stored, Visit, Withheld
from sync.store import consents
from sync.store import tables as t
from sync.store.statements import chunks

_c, _l, _p, _k = t.contact.c, t.link.c, t.patient_record.c, t.patient_link.c
_v, _e, _s, _q = t.visit_record.c, t.episode_record.c, t.supplement_record.c, t.quarantine.c

_ROW_FIELDS = tuple(name for name in Row._fields if name != "merged_away")
_EPISODE_DATES = ("authorization_ends",)
_PATIENT_DATES = ("referral_received", "lead_since")


class Loaded(NamedTuple):
    """A batch: contacts as stored, persons, and the decisions on being contacted, by contact."""

    stored: Mapping[str, Stored]
    persons: Mapping[str, Person]
    decisions: Mapping[str, Sequence[Decision]]


Key = tuple[str, str]


def load(connection: Connection, contacts: Sequence[str], roles: Mapping[str, str]) -> Loaded:
    """Reads a batch of contacts; `roles` says of each source whether it is an EMR or leads."""
    stored: dict[str, Stored] = {}
    persons: dict[str, Person] = {}
    decisions: dict[str, Sequence[Decision]] = {}
    for piece in chunks(contacts):
        stored.update(_stored(connection, piece))
        rows = _rows(connection, piece)
        by_patient = _patients(rows)
        persons.update(_persons(connection, piece, stored, rows, by_patient))
        decisions.update(consents.decisions(connection, rows, roles))
    return Loaded(stored, persons, decisions)


def _stored(connection: Connection, contacts: Sequence[str]) -> dict[str, Stored]:
    columns = [_c[name] for name in Stored._fields]
    rows = connection.execute(select(*columns).where(_c.id.in_(contacts)))
    return {row[0]: Stored(*row) for row in rows}


def _rows(connection: Connection, contacts: Sequence[str]) -> list[dict[str, Any]]:
    query = (
        select(_l.contact, _p.replaced_by, *(_p[name] for name in _ROW_FIELDS))
        .join(t.link, and_(_l.row_id == _p.id, _l.until.is_(None)))
        .where(_l.contact.in_(contacts))
    )
    rows = [dict(row._mapping) for row in connection.execute(query)]
    replaced = _replaced(connection, _patients(rows))
    for row in rows:
        row["merged_away"] = row["replaced_by"] is not None or (row["source"], row["external_id"]) in replaced
    _fill_patients(connection, rows)
    return rows


def _replaced(connection: Connection, patients: Iterable[Key]) -> set[Key]:
    """Those of the patients that another one of their source says it replaces."""
    found: set[Key] = set()
    for source, piece in _by_source(patients):
        query = select(_k.other).where(_k.source == source, _k.other.in_(piece), _k.kind == "replaces")
        found.update((source, other) for other in connection.execute(query).scalars())
    return found


def _patients(rows: Iterable[Mapping[str, Any]]) -> dict[Key, Mapping[str, Any]]:
    return {(row["source"], row["external_id"]): row for row in rows}


def _by_source(keys: Iterable[Key]) -> Iterable[tuple[str, list[str]]]:
    groups: dict[str, list[str]] = defaultdict(list)
    for source, external_id in keys:
        groups[source].append(external_id)
    for source, ids in groups.items():
        for piece in chunks(ids):
            yield source, piece


def _fill_patients(connection: Connection, rows: Sequence[dict[str, Any]]) -> None:
    """Lets supplements speak where a row is silent: the newest as_of first, then the lowest external id."""
    patients = {(row["source"], row["external_id"]): row for row in rows}
    for (source, target), facts in _supplements(connection, "patient", patients):
        _fill(patients[(source, target)], facts, _PATIENT_DATES)


def _supplements(connection: Connection, target: str, keys: Iterable[Key]) -> Iterable[tuple[Key, dict[str, Any]]]:
    for source, piece in _by_source(keys):
        query = (
            select(_s.target_id, _s.facts)
            .where(_s.source == source, _s.target == target, _s.target_id.in_(piece), _s.present)
            .order_by(_s.as_of.desc().nulls_last(), _s.external_id)
        )
        for target_id, facts in connection.execute(query):
            yield (source, target_id), facts


def _fill(row: dict[str, Any], facts: Mapping[str, Any], dates: Sequence[str]) -> None:
    for name, value in facts.items():
        if name in row and row[name] is None and value is not None:
            row[name] = date.fromisoformat(value) if name in dates else value


def _persons(
    connection: Connection,
    contacts: Sequence[str],
    stored: Mapping[str, Stored],
    rows: Sequence[Mapping[str, Any]],
    patients: Mapping[Key, Mapping[str, Any]],
) -> dict[str, Person]:
    own_rows: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        own_rows[row["contact"]].append(Row(**{name: row[name] for name in Row._fields}))
    visits, episodes = _visits(connection, patients), _episodes(connection, patients)
    withheld, scores = _withheld(connection, patients), _scores(connection, patients)
    return {
        contact: Person(
            contact=contact,
            rows=own_rows[contact],
            visits=visits[contact],
            episodes=episodes[contact],
            withheld=withheld[contact],
            scores=scores[contact],
            suppressed_by_hand=stored[contact].suppressed_by_hand,
        )
        for contact in contacts
        if contact in own_rows
    }


def _visits(connection: Connection, patients: Mapping[Key, Mapping[str, Any]]) -> dict[str, list[Visit]]:
    found: dict[str, list[Visit]] = defaultdict(list)
    columns = (
        _v.patient_id, _v.present, _v.source, _v.external_id, _v.status, _v.day, _v.starts_at,
        _v.site, _v.kind, _v.provider, _v.episode_id, _v.created_at,
    )  # fmt: skip
    for source, piece in _by_source(patients):
        for row in connection.execute(select(*columns).where(_v.source == source, _v.patient_id.in_(piece))):
            patient = patients[(source, row[0])]
            status = row[4] if row[1] else "cancelled"
            found[patient["contact"]].append(Visit._make((row[2], row[3], patient["id"], status, *row[5:])))
    return found


def _episodes(connection: Connection, patients: Mapping[Key, Mapping[str, Any]]) -> dict[str, list[Episode]]:
    rows: dict[Key, dict[str, Any]] = {}
    for source, piece in _by_source(patients):
        query = select(t.episode_record).where(_e.source == source, _e.patient_id.in_(piece), _e.present)
        for record in connection.execute(query).mappings():
            rows[(source, record["external_id"])] = dict(record)
    for key, facts in _supplements(connection, "episode", rows):
        _fill(rows[key], facts, _EPISODE_DATES)
    found: dict[str, list[Episode]] = defaultdict(list)
    for (source, _), row in rows.items():
        patient = patients[(source, row["patient_id"])]
        row["row"] = patient["id"]
        found[patient["contact"]].append(Episode(**{name: row[name] for name in Episode._fields}))
    return found


def _withheld(connection: Connection, patients: Mapping[Key, Mapping[str, Any]]) -> dict[str, list[Withheld]]:
    found: dict[str, list[Withheld]] = defaultdict(list)
    for source, piece in _by_source(patients):
        query = select(_q.patient_id, _q.first_at, _q.day, _q.episode_id, _q.site).where(
            _q.source == source, _q.kind == "appointments", _q.patient_id.in_(piece)
        )
        for patient_id, since, day, episode_id, site in connection.execute(query):
            patient = patients[(source, patient_id)]
            found[patient["contact"]].append(Withheld(source, patient["id"], since, day, episode_id, site))
    return found


def _scores(connection: Connection, patients: Mapping[Key, Mapping[str, Any]]) -> dict[str, list[Score]]:
    """By patient row of the survey's own source, or by address with a row of any source."""
    c = t.survey_record.c
    found: dict[str, list[Score]] = defaultdict(list)
    if connection.execute(select(c.id).limit(1)).first() is None:
        return found
    for source, piece in _by_source(patients):
        query = select(c.patient_id, c.answered_on, c.score).where(
            c.source == source, c.patient_id.in_(piece), c.present
        )
        for patient_id, *said in connection.execute(query):
            found[patients[(source, patient_id)]["contact"]].append(Score._make(said))
    holders: dict[str, set[str]] = defaultdict(set)
    for row in patients.values():
        if row["email"]:
            holders[row["email"]].add(row["contact"])
    for piece in chunks(holders):
        for email, *said in connection.execute(
            select(c.email, c.answered_on, c.score).where(c.email.in_(piece), c.patient_id.is_(None), c.present)
        ):
            for contact in holders[email]:
                found[contact].append(Score._make(said))
    return found
