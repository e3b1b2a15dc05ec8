"""Scores into and out of their table."""

from collections.abc import Iterable, Sequence

from sqlalchemy import Connection, select

from mappings.records import SurveyRow
from sync.store import tables as t
from sync.store.statements import chunks, upsert


def store_surveys(connection: Connection, source: str, records: Sequence[SurveyRow]) -> None:
    """Upserts scores."""
    rows = [
        {
            "source": source,
            "external_id": record.external_id,
            "present": True,
            "patient_id": record.patient_id,
            "email": record.email,
            "score": record.score,
            "answered_on": record.answered_on,
        }
        for record in records
    ]
    upsert(connection, t.survey_record, rows, ("source", "external_id"))


def emails_of_surveys(connection: Connection, source: str, external_ids: Iterable[str]) -> set[str]:
    """The addresses that stored surveys speak of."""
    c = t.survey_record.c
    found: set[str] = set()
    for piece in chunks(external_ids):
        query = select(c.email).where(c.source == source, c.external_id.in_(piece), c.email.is_not(None))
        found.update(str(email) for email in connection.execute(query).scalars())
    return found
