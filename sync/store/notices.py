"""Optional values that could not be read: how many, of which field, and in which file they were met last."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection, and_, delete

from sync.store import tables as t
from sync.store.statements import upsert

KEPT: Final = timedelta(days=30)
"""What has not been met for so long is over."""


def record_notices(
    connection: Connection, source: str, file: str, found: Mapping[tuple[str, str, str], int], at: datetime
) -> None:
    """Keeps what a file held, by (feed, field, code), in place of what was told of an earlier one."""
    c = t.notice.c
    connection.execute(delete(t.notice).where(and_(c.source == source, c.last_at < at - KEPT)))
    upsert(
        connection,
        t.notice,
        [
            {
                "source": source,
                "feed": feed,
                "field": name,
                "code": code,
                "n": n,
                "file": file,
                "line": 0,
                "last_at": at,
            }
            for (feed, name, code), n in found.items()
        ],
        ("source", "feed", "field", "code"),
    )
