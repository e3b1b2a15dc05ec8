"""Exports of files, whether they have landed or a brake holds them."""

from datetime import datetime

from sqlalchemy import Connection, func, select

from sync.store import tables as t


def newest_exports(connection: Connection, source: str) -> dict[str, datetime]:
    """By feed: the newest time of which a delivery told that was landed, held or set aside."""
    c = t.landing.c
    query = select(c.feed, func.max(c.data_as_of)).where(c.source == source, c.data_as_of.is_not(None)).group_by(c.feed)
    return dict(connection.execute(query).all())


def last_told(connection: Connection, source: str) -> dict[str, datetime]:
    """By feed: when a delivery was recorded last."""
    c = t.landing.c
    return dict(connection.execute(select(c.feed, func.max(c.at)).where(c.source == source).group_by(c.feed)).all())
