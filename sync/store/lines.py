"""The lines of what landed last, by feed: written page by page under a new generation, in force once the pass is whole."""

from array import array
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from typing import Any

from sqlalchemy import Connection, Engine, and_, delete, func, select

from connectors.base import Proof
from connectors.lines import BLOCK, DIGEST, NOTHING, Block, Remembered, unlabelled
from sync.store import tables as t
from sync.store.engine import reading
from sync.store.gates import Feed
from sync.store.memos import LINES, drop_memo, read_memo, write_memo
from sync.store.statements import insert, upsert

_l, _g = t.feed_line.c, t.gone_line.c


@dataclass(frozen=True, slots=True, kw_only=True)
class Landed:
    """What landed last for a feed. `context` is None where its lines are not kept."""

    sha256: str
    fingerprint: str
    proof: Mapping[str, Any]
    context: str | None = None
    generation: int = 0
    labels: Sequence[str] = field(default_factory=list)


def landed_last(connection: Connection, feed: Feed) -> Landed | None:
    """What landed last for a feed; None while something is landing, and after it broke off."""
    held = read_memo(connection, LINES, "/".join(feed))
    return Landed(**held) if held is not None else None


def proof_of(landed: Landed) -> Proof:
    """The proof of what landed last."""
    return Proof(sha256=landed.sha256, **landed.proof)


def remembered(engine: Engine, feed: Feed, fingerprint: str, context: str) -> Remembered:
    """The lines of what landed last, when they were read under this mapping and in this context."""
    with reading(engine) as connection:
        landed = landed_last(connection, feed)
    if landed is None or landed.context != context or landed.fingerprint != fingerprint:
        return NOTHING
    blocks = partial(_blocks, engine, feed, landed.generation)
    return Remembered(labels=landed.labels, blocks=blocks, generation=landed.generation)


def _blocks(engine: Engine, feed: Feed, generation: int) -> Iterator[Block]:
    number = 0
    while True:
        query = select(_l.digests, _l.labels).where(_is(feed), _l.generation == generation, _l.block == number)
        with reading(engine) as connection:
            row = connection.execute(query).first()
        if row is None:
            return
        yield Block(row.digests, array("H", row.labels)) if row.labels else unlabelled(row.digests)
        number += 1


def begin(connection: Connection, feed: Feed) -> int:
    """Ends what is in force, since rows are about to change; returns the generation that comes next."""
    landed = landed_last(connection, feed)
    kept = landed.generation if landed is not None else -1
    drop_memo(connection, LINES, "/".join(feed))
    connection.execute(delete(t.feed_line).where(_is(feed), _l.generation != kept))
    connection.execute(delete(t.gone_line).where(_g.source == feed.source, _g.feed == feed.name))
    return kept + 1


def keep(connection: Connection, feed: Feed, landed: Landed) -> None:
    """Puts what has landed in force; the lines of every other generation go."""
    write_memo(connection, LINES, "/".join(feed), asdict(landed))
    gone = and_(_is(feed), _l.generation != landed.generation) if landed.context is not None else _is(feed)
    connection.execute(delete(t.feed_line).where(gone))


def _is(feed: Feed) -> Any:
    return and_(_l.source == feed.source, _l.feed == feed.name)


class Scribe:
    """Writes down the lines that a pass meets, and the hashes of those that it does not meet again.

    `mark` begins the hash of every row under the mapping.
    """

    def __init__(self, feed: Feed, generation: int, mark: bytes) -> None:
        self.generation = generation
        self._feed, self._mark, self._block = feed, mark, 0
        self._digests, self._labels, self._gone = bytearray(), array("H"), bytearray()

    def note(self, lines: Block, gone: bytes) -> None:
        """Takes the lines of a page, and what it told as gone."""
        self._digests += lines.digests
        self._labels += lines.labels
        self._gone += gone

    @property
    def waits(self) -> bool:
        """True when something is noted and not yet written."""
        return bool(self._labels or self._gone)

    @property
    def is_full(self) -> bool:
        """True when it is time to write."""
        return len(self._labels) >= BLOCK or len(self._gone) >= BLOCK * DIGEST

    def write(self, connection: Connection) -> None:
        """Writes what has come together."""
        place = {"source": self._feed.source, "feed": self._feed.name}
        if self._labels:
            labels = self._labels.tobytes() if any(self._labels) else b""
            block = {"generation": self.generation, "block": self._block, "labels": labels}
            insert(connection, t.feed_line, [{**place, **block, "digests": bytes(self._digests)}])
            self._block += 1
        gone = (self._mark + self._gone[at : at + DIGEST] for at in range(0, len(self._gone), DIGEST))
        rows = [{**place, "raw_hash": hash_} for hash_ in gone]
        upsert(connection, t.gone_line, rows, ("source", "feed", "raw_hash"))
        self._digests, self._labels, self._gone = bytearray(), array("H"), bytearray()


def count_gone(connection: Connection, feed: Feed) -> int:
    """How many lines were not met again."""
    query = select(func.count()).select_from(t.gone_line)
    return connection.execute(query.where(_g.source == feed.source, _g.feed == feed.name)).scalar_one()


def gone_rows(connection: Connection, feed: Feed) -> list[tuple[str, str, bytes]]:
    """The present rows whose line was not met again and that no other line has brought: kind, id and hash."""
    c, held = t.gate.c, t.seen.c
    missed = select(_g.raw_hash).where(_g.source == feed.source, _g.feed == feed.name)
    seen = select(held.external_id).where(
        held.source == c.source, held.feed == c.feed, held.kind == c.kind, held.external_id == c.external_id
    )
    query = select(c.kind, c.external_id, c.raw_hash).where(
        c.source == feed.source, c.feed == feed.name, c.present, c.raw_hash.in_(missed), ~seen.exists()
    )
    return [(kind, external_id, raw_hash) for kind, external_id, raw_hash in connection.execute(query)]
