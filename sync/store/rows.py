"""Mapped records into tables, a page at a time."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from operator import attrgetter
from typing import Any

from sqlalchemy import Connection, Table, delete, select, update

from mappings.name_keys import halves, name_key
from mappings.records import ConsentRow, EpisodeRow, PatientRow, Record, SupplementRow, SurveyRow, VisitRow
from sync.store import consents
from sync.store import tables as t
from sync.store.statements import chunks, insert, upsert
from sync.store.surveys import store_surveys

_PATIENT_FIELDS = tuple(
    name for name in PatientRow.__dataclass_fields__ if name not in ("external_id", "identifiers", "consents", "links")
)
_VISIT_FIELDS = tuple(name for name in VisitRow.__dataclass_fields__ if name != "external_id")
_EPISODE_FIELDS = tuple(name for name in EpisodeRow.__dataclass_fields__ if name != "external_id")

_patient_values = attrgetter(*_PATIENT_FIELDS)
_visit_values = attrgetter(*_VISIT_FIELDS)
_episode_values = attrgetter(*_EPISODE_FIELDS)

RECORD_TABLES: Mapping[str, Table] = {
    "patients": t.patient_record,
    "appointments": t.visit_record,
    "episodes": t.episode_record,
    "supplements": t.supplement_record,
    "surveys": t.survey_record,
}


class Origin:
    """Where a page of records comes from: source, feed, the instant, and whether it is the first complete pull."""

    __slots__ = ("at", "feed", "first_pull", "source")

    def __init__(self, source: str, feed: str, at: datetime, *, first_pull: bool) -> None:
        self.source, self.feed, self.at, self.first_pull = source, feed, at, first_pull


def store_patients(connection: Connection, origin: Origin, records: Sequence[PatientRow]) -> list[int]:
    """Upserts patient rows with their identifiers, links and consents; returns their row ids."""
    upsert(
        connection,
        t.patient_record,
        [_patient(origin, record) for record in records],
        ("source", "external_id"),
        keep=("first_seen_at", "first_pull", "seen_minor"),
    )
    ids = row_ids(connection, origin.source, [record.external_id for record in records])
    _store_identifiers(connection, ids, records)
    stated = [consents.Stated(record.external_id, False, "", record.consents) for record in records]
    consents.store(connection, origin.source, origin.at, stated)
    _store_links(connection, origin.source, ids, records)
    return list(ids.values())


def _patient(origin: Origin, record: PatientRow) -> dict[str, Any]:
    row: dict[str, Any] = dict(zip(_PATIENT_FIELDS, _patient_values(record), strict=True))
    last_key = name_key(record.family_name)
    last_head, last_tail = halves(last_key)
    row.update(
        source=origin.source,
        external_id=record.external_id,
        present=True,
        first_key=name_key(record.given_name),
        last_key=last_key,
        last_head=last_head,
        last_tail=last_tail,
        first_seen_at=origin.at,
        first_pull=origin.first_pull,
        seen_minor=_is_minor(record, origin.at),
    )
    return row


def _is_minor(record: PatientRow, at: datetime) -> bool:
    born = record.birth_date
    if born is None:
        return False
    today = at.date()
    return today.year - born.year - ((today.month, today.day) < (born.month, born.day)) < 18


def row_ids(connection: Connection, source: str, external_ids: Iterable[str]) -> dict[str, int]:
    """Row ids by external id, of patient rows that exist."""
    found: dict[str, int] = {}
    for piece in chunks(external_ids):
        query = select(t.patient_record.c.external_id, t.patient_record.c.id).where(
            t.patient_record.c.source == source, t.patient_record.c.external_id.in_(piece)
        )
        found.update((external_id, row_id) for external_id, row_id in connection.execute(query))
    return found


def _store_identifiers(connection: Connection, ids: Mapping[str, int], records: Sequence[PatientRow]) -> None:
    for piece in chunks(ids.values()):
        connection.execute(delete(t.identifier).where(t.identifier.c.row_id.in_(piece)))
    rows = {
        (ids[record.external_id], identifier.authority, identifier.value)
        for record in records
        for identifier in record.identifiers
    }
    insert(connection, t.identifier, [{"row_id": r, "authority": a, "value": v} for r, a, v in sorted(rows)])


def _store_links(connection: Connection, source: str, ids: Mapping[str, int], records: Sequence[PatientRow]) -> None:
    for piece in chunks(ids.values()):
        connection.execute(delete(t.patient_link).where(t.patient_link.c.row_id.in_(piece)))
    rows = [
        {"row_id": ids[record.external_id], "kind": link.kind, "other": link.other, "source": source}
        for record in records
        for link in record.links
    ]
    insert(connection, t.patient_link, rows)


def store_visits(connection: Connection, origin: Origin, records: Sequence[VisitRow]) -> None:
    """Upserts visits."""
    rows = [
        dict(
            zip(_VISIT_FIELDS, _visit_values(record), strict=True),
            source=origin.source,
            external_id=record.external_id,
            feed=origin.feed,
            present=True,
        )
        for record in records
    ]
    upsert(connection, t.visit_record, rows, ("source", "external_id"))


def store_episodes(connection: Connection, origin: Origin, records: Sequence[EpisodeRow]) -> None:
    """Upserts episodes."""
    rows = [
        dict(
            zip(_EPISODE_FIELDS, _episode_values(record), strict=True),
            source=origin.source,
            external_id=record.external_id,
            present=True,
        )
        for record in records
    ]
    upsert(connection, t.episode_record, rows, ("source", "external_id"))


def store_supplements(connection: Connection, origin: Origin, records: Sequence[SupplementRow]) -> None:
    """Upserts supplements; dates go in as ISO text."""
    rows = [
        {
            "source": origin.source,
            "external_id": record.external_id,
            "present": True,
            "target": record.target,
            "target_id": record.target_id,
            "as_of": record.as_of,
            "facts": {name: _json(value) for name, value in record.values.items()},
        }
        for record in records
    ]
    upsert(connection, t.supplement_record, rows, ("source", "external_id"))


def _json(value: Any) -> Any:
    return value.isoformat() if hasattr(value, "isoformat") else value


def mark_present(connection: Connection, kind: str, source: str, external_ids: Iterable[str], *, present: bool) -> None:
    """Says of rows that their source holds them, or no longer does; a decision is then no longer stated."""
    table = RECORD_TABLES.get(kind)
    if kind == "consents" and not present:
        consents.retract(connection, source, external_ids)
    if table is None:
        return
    for piece in chunks(external_ids):
        connection.execute(
            update(table).where(table.c.source == source, table.c.external_id.in_(piece)).values(present=present)
        )


def patients_of(connection: Connection, kind: str, source: str, external_ids: Iterable[str]) -> set[str]:
    """External ids of the patients that stored rows of a kind speak of."""
    wanted = list(external_ids)
    if kind == "patients":
        return set(wanted)
    if kind == "consents":
        return consents.holders_of(connection, source, wanted, by_address=False)
    table = RECORD_TABLES.get(kind)
    if table is None:
        return set()
    if kind == "supplements":
        return _patients_of_supplements(connection, source, wanted)
    found: set[str] = set()
    for piece in chunks(wanted):
        query = select(table.c.patient_id).where(table.c.source == source, table.c.external_id.in_(piece))
        found.update(row[0] for row in connection.execute(query) if row[0] is not None)
    return found


def _patients_of_supplements(connection: Connection, source: str, external_ids: Sequence[str]) -> set[str]:
    c = t.supplement_record.c
    targets: set[tuple[str, str]] = set()
    for piece in chunks(external_ids):
        query = select(c.target, c.target_id).where(c.source == source, c.external_id.in_(piece))
        targets.update((row[0], row[1]) for row in connection.execute(query))
    return _patients_of_targets(connection, source, targets)


def _patients_of_targets(connection: Connection, source: str, targets: Iterable[tuple[str, str]]) -> set[str]:
    episodes = [target_id for target, target_id in targets if target == "episode"]
    found = {target_id for target, target_id in targets if target == "patient"}
    return found | patients_of(connection, "episodes", source, episodes)


def patients_named(connection: Connection, source: str, records: Iterable[Record]) -> set[str]:
    """External ids of the patients that records speak of; an episode's supplement speaks of the episode's patient."""
    found: set[str] = set()
    targets: set[tuple[str, str]] = set()
    for record in records:
        match record:
            case PatientRow():
                found.add(record.external_id)
            case SupplementRow():
                targets.add((record.target, record.target_id))
            case VisitRow() | EpisodeRow() | ConsentRow() | SurveyRow() if record.patient_id is not None:
                found.add(record.patient_id)
    return found | _patients_of_targets(connection, source, targets)


def store_consent_rows(connection: Connection, origin: Origin, records: Sequence[ConsentRow]) -> None:
    """Upserts decisions from a consents feed, by patient row or by address."""
    consents.store(connection, origin.source, origin.at, [consents.stated_by(record) for record in records])


Store = Callable[[Connection, Origin, Sequence[Any]], Any]

STORES: Mapping[type[Record], Store] = {
    VisitRow: store_visits,
    EpisodeRow: store_episodes,
    SurveyRow: lambda connection, origin, records: store_surveys(connection, origin.source, records),
    SupplementRow: store_supplements,
    ConsentRow: store_consent_rows,
}
