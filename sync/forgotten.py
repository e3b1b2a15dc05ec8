"""Raw rows that speak of a forgotten person: they land nowhere, not even in quarantine."""

from collections.abc import Iterator, Sequence
from datetime import UTC

from sqlalchemy import Connection

from connectors.base import RawRow
from mappings.records import ConsentRow, EpisodeRow, Mapped, PatientRow, Rejected, SupplementRow, VisitRow
from sync.store import tombstones
from sync.store.tombstones import Name, Stone


def of_forgotten(
    connection: Connection, source: str, mapped: Sequence[tuple[RawRow, Mapped | Rejected]]
) -> frozenset[int]:
    """The places of rows whose patient, identifier or (of an earlier decision) address was forgotten."""
    names = {place: list(_names(source, row, outcome)) for place, (row, outcome) in enumerate(mapped)}
    stones = tombstones.found(connection, {name for found in names.values() for name in found})
    if not stones:
        return frozenset()
    return frozenset(
        place
        for place, found in names.items()
        if any(name in stones and _counts(mapped[place][1], stones[name]) for name in found)
    )


def _names(source: str, row: RawRow, outcome: Mapped | Rejected) -> Iterator[Name]:
    if isinstance(outcome, Rejected):
        patient = row.external_id if row.kind == "patients" else outcome.patient_id
        yield from [Name("row", source, patient)] if patient is not None else []
        return
    match outcome.record:
        case PatientRow() as record:
            yield Name("row", source, record.external_id)
            yield from (Name("identifier", i.authority, i.value) for i in record.identifiers)
        case SupplementRow(target="patient") as supplement:
            yield Name("row", source, supplement.target_id)
        case VisitRow() | EpisodeRow() | ConsentRow() as about if about.patient_id is not None:
            yield Name("row", source, about.patient_id)
        case ConsentRow() as decision if decision.email is not None:
            yield Name("address", decision.email)


def _counts(outcome: Mapped | Rejected, stone: Stone) -> bool:
    """A decision about an address that was made after the forgetting is somebody's who came anew."""
    record = outcome.record if isinstance(outcome, Mapped) else None
    if not isinstance(record, ConsentRow) or record.email is None:
        return True
    day = record.consent.decided_on
    return day is None or day <= stone.at.astimezone(UTC).date()
