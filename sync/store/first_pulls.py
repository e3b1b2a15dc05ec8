"""When the first complete pull of each feed ended: what lands until then was there before us."""

from collections.abc import Mapping, Set
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, select

from sync.store import tables as t
from sync.store.memos import read_memos, write_memo

FIRST_PULL: Final = "first pull"
"""By source: of each feed that came after the source's first complete pull, when its own ended; null while it goes on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstPulls:
    """The first pulls of one source: `ended` that of the source, `late` those of feeds that came after it."""

    ended: datetime | None = None
    landed: Set[str] = frozenset()
    late: Mapping[str, datetime | None] = field(default_factory=dict)

    def ended_for(self, feed: str) -> datetime | None:
        """When the feed's first complete pull ended; None as long as it has not."""
        if self.ended is None or feed not in self.landed:
            return None
        return self.late.get(feed, self.ended)

    def with_pull(self, landed: Set[str], at: datetime, *, complete: bool) -> dict[str, datetime | None]:
        """The late feeds after one more pull, when these have landed so far."""
        begun = {feed: self.late.get(feed) for feed in landed if feed in self.late or feed not in self.landed}
        return {feed: before or (at if complete else None) for feed, before in begun.items()}


def read_first_pulls(connection: Connection) -> dict[str, FirstPulls]:
    """The first pulls of every source that was pulled."""
    c, f = t.source_state.c, t.feed_state.c
    landed: dict[str, set[str]] = {}
    for source, feed in connection.execute(select(f.source, f.feed)):
        landed.setdefault(source, set()).add(feed)
    late = read_memos(connection, FIRST_PULL)
    return {
        source: FirstPulls(ended=ended, landed=landed.get(source, set()), late=_instants(late.get(source)))
        for source, ended in connection.execute(select(c.source, c.first_complete_at))
    }


def record_first_pulls(
    connection: Connection, source: str, before: FirstPulls, at: datetime, *, complete: bool
) -> None:
    """Writes which feeds began after the source's own first pull, once the pull of `at` is over."""
    if before.ended is None:
        return
    f = t.feed_state.c
    landed = set(connection.execute(select(f.feed).where(f.source == source)).scalars())
    late = before.with_pull(landed, at, complete=complete)
    if late != dict(before.late):
        texts = {feed: None if ended is None else ended.isoformat() for feed, ended in sorted(late.items())}
        write_memo(connection, FIRST_PULL, source, texts)


def _instants(stored: Mapping[str, str | None] | None) -> dict[str, datetime | None]:
    return {feed: None if text is None else datetime.fromisoformat(text) for feed, text in (stored or {}).items()}
