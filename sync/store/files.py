"""Which deliveries have landed, are held or were set aside; kept for sources that must not read a file twice."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine, func, select, update

from connectors.base import Proof
from connectors.lines import Remembered
from sync.store import lines
from sync.store import tables as t
from sync.store.engine import reading
from sync.store.gates import Feed
from sync.store.memos import CURSOR, read_memo
from sync.store.statements import chunks, upsert

SETTLED = ("landed", "held", "discarded", "older")
STOPPED = ("held", "discarded")


class KnownFiles:
    """Answers a source's questions about what was landed before (the connectors' `Known`)."""

    def __init__(self, engine: Engine, source: str, fingerprint: str) -> None:
        self._engine, self._source, self._fingerprint = engine, source, fingerprint

    def landed(self, feed: str, sha256: str) -> bool:
        """True when these bytes were settled under the present mapping."""
        c = t.landing.c
        query = select(c.state).where(
            c.source == self._source, c.feed == feed, c.sha256 == sha256, c.fingerprint == self._fingerprint
        )
        with reading(self._engine) as connection:
            state = connection.execute(query.order_by(c.id.desc()).limit(1)).scalar()
        return state in SETTLED

    def settled(self, feed: str, sha256: str, name: str | None) -> bool:
        """True when these bytes are held or discarded, or have landed (or were set aside) under this name."""
        c = t.landing.c
        query = select(c.state, c.name).where(
            c.source == self._source, c.feed == feed, c.sha256 == sha256, c.fingerprint == self._fingerprint
        )
        with reading(self._engine) as connection:
            records = connection.execute(query.order_by(c.id.desc())).all()
        stopped = bool(records) and records[0].state in STOPPED
        return stopped or any(record.state in SETTLED for record in records if record.name == name)

    def repeated(self, feed: str, sha256: str) -> Proof | None:
        """The proof of what landed last for the feed, when it was these bytes under the present mapping."""
        with reading(self._engine) as connection:
            landed = lines.landed_last(connection, Feed(self._source, feed))
        same = landed is not None and (landed.sha256, landed.fingerprint) == (sha256, self._fingerprint)
        return lines.proof_of(landed) if landed is not None and same else None

    def lines(self, feed: str, context: str) -> Remembered:
        """The lines of what landed last for the feed, when they were read in the same context."""
        return lines.remembered(self._engine, Feed(self._source, feed), self._fingerprint, context)

    def cursor(self, feed: str) -> dict[str, Any] | None:
        """The cursor that was stored last for the feed under the present mapping."""
        with reading(self._engine) as connection:
            held = read_memo(connection, CURSOR, f"{self._source}/{feed}")
        return held["cursor"] if held is not None and held["fingerprint"] == self._fingerprint else None

    def newest(self, feed: str) -> datetime | None:
        """`data_as_of` of the newest landed delivery of the feed."""
        c = t.feed_state.c
        with reading(self._engine) as connection:
            return connection.execute(select(c.data_as_of).where(c.source == self._source, c.feed == feed)).scalar()


def last_landing(connection: Connection, source: str, feed: str, sha256: str) -> tuple[str, str | None] | None:
    """State and hold of the newest record of these bytes, whatever the mapping."""
    c = t.landing.c
    query = select(c.state, c.hold_id).where(c.source == source, c.feed == feed, c.sha256 == sha256)
    row = connection.execute(query.order_by(c.id.desc()).limit(1)).first()
    return None if row is None else (row[0], row[1])


def newest_hold(connection: Connection, source: str, feed: str) -> str | None:
    """What became of the newest delivery of a feed that was held, whatever came after it; None where none was."""
    c = t.landing.c
    held = select(c.state).where(c.source == source, c.feed == feed, c.hold_id.is_not(None))
    return connection.execute(held.order_by(c.id.desc()).limit(1)).scalar()


def supersede(connection: Connection, source: str, feed: str, at: datetime) -> None:
    """Ends the open holds of a feed's earlier snapshots, and uses up a release: a later one has taken their place."""
    c = t.landing.c
    released = update(t.landing).where(c.source == source, c.feed == feed, c.state == "released")
    connection.execute(released.values(state="older"))
    query = select(c.hold_id).where(c.source == source, c.feed == feed, c.state == "held", c.hold_id.is_not(None))
    ids = list(connection.execute(query).scalars())
    for piece in chunks(ids):
        waiting = t.hold.update().where(t.hold.c.id.in_(piece), t.hold.c.state == "open")
        connection.execute(waiting.values(state="superseded", decided_at=at))
        connection.execute(update(t.landing).where(c.hold_id.in_(piece), c.state == "held").values(state="older"))


def record_landing(connection: Connection, row: Mapping[str, Any]) -> None:
    """Writes what became of a delivery."""
    connection.execute(t.landing.insert().values(**row))


def feed_states(connection: Connection, source: str) -> dict[str, Any]:
    """The newest landed delivery of every feed of a source, by feed."""
    rows = connection.execute(select(t.feed_state).where(t.feed_state.c.source == source))
    return {row.feed: row for row in rows}


def record_feed(connection: Connection, row: Mapping[str, Any]) -> None:
    """Writes the newest landed delivery of a feed."""
    upsert(connection, t.feed_state, [row], ("source", "feed"))


def oldest_feed(connection: Connection, source: str, feeds: Sequence[str]) -> datetime | None:
    """The oldest `data_as_of` among the feeds that were ever delivered."""
    c = t.feed_state.c
    query = select(func.min(c.data_as_of)).where(c.source == source)
    if feeds:
        query = query.where(c.feed.in_(feeds))
    return connection.execute(query).scalar()


def settle_hold(connection: Connection, hold_id: str, state: str) -> None:
    """Says of held files that they were released or discarded."""
    connection.execute(update(t.landing).where(t.landing.c.hold_id == hold_id).values(state=state))
