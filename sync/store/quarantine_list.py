"""What lies in quarantine: where each row stands and what is wrong with it; its value only where it is asked for."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import ColumnElement, Connection, select, update

from mappings.rejections import OF_RESOURCES, REJECTIONS, Reason
from sync.store import tables as t
from sync.store.statements import chunks

_q = t.quarantine.c
_SHOWN = (
    _q.id, _q.source, _q.feed, _q.kind, _q.site, _q.file, _q.line, _q.column, _q.field, _q.code,
    _q.first_at, _q.last_at, _q.acked_at, _q.cells,
)  # fmt: skip
_UNKNOWN = Reason("the row could not be used", "see docs, or run: prm-sync quarantine show")


def in_quarantine(connection: Connection, source: str | None = None) -> Iterator[dict[str, Any]]:
    """Every row in quarantine, by source, file and line, without its value; streams."""
    query = select(*_SHOWN).order_by(_q.source, _q.file, _q.line, _q.id)
    if source is not None:
        query = query.where(_q.source == source)
    for row in connection.execute(query.execution_options(yield_per=1000)).mappings():
        yield _listed(dict(row))


def _listed(row: dict[str, Any]) -> dict[str, Any]:
    known = REJECTIONS if row.pop("cells") else REJECTIONS | OF_RESOURCES
    reason = known.get(row["code"], _UNKNOWN)
    times = {name: row[name].isoformat() for name in ("first_at", "last_at")}
    acked = row.pop("acked_at") is not None
    return {**row, "sentence": reason.sentence, "advice": reason.advice, **times, "acked": acked}


def with_value(connection: Connection, id_: int) -> dict[str, Any] | None:
    """One row with what was delivered (`row`: cells, or a resource); for the operator's own terminal."""
    found = connection.execute(select(*_SHOWN, _q.external_id, _q.body).where(_q.id == id_)).mappings().first()
    if found is None:
        return None
    row = dict(found)
    body = row.pop("body")
    delivered = orjson.loads(body) if row["cells"] else body.decode("utf-8", "replace")
    return {**_listed(row), "row": delivered}


def stored_rows(connection: Connection, ids: Sequence[int] | None, source: str | None) -> list[Any]:
    """The whole rows with these ids (None: all), of one source (None: of all)."""
    wanted: list[ColumnElement[bool]] = [] if source is None else [_q.source == source]
    if ids is None:
        return list(connection.execute(select(t.quarantine).where(*wanted).order_by(_q.id)))
    found: list[Any] = []
    for piece in chunks(sorted(ids)):
        found.extend(connection.execute(select(t.quarantine).where(*wanted, _q.id.in_(piece)).order_by(_q.id)))
    return found


def acknowledge(connection: Connection, ids: Sequence[int] | None, at: datetime) -> list[int]:
    """Marks rows as seen (None: all) that were not; returns their ids."""
    query = select(_q.id).where(_q.acked_at.is_(None)).order_by(_q.id)
    open_ = set(connection.execute(query).scalars())
    new = sorted(open_ if ids is None else open_ & set(ids))
    for piece in chunks(new):
        connection.execute(update(t.quarantine).where(_q.id.in_(piece)).values(acked_at=at))
    return new


def unknown_ids(connection: Connection, ids: Sequence[int]) -> list[int]:
    """Those of the ids that nothing in quarantine has."""
    found: set[int] = set()
    for piece in chunks(sorted(ids)):
        found.update(connection.execute(select(_q.id).where(_q.id.in_(piece))).scalars())
    return sorted(set(ids) - found)
