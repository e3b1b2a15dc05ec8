"""What sync keeps of landed files, in memory."""

from datetime import UTC, datetime
from typing import Any

from connectors.base import Json, Pass, Proof, RawRow, Source
from connectors.lines import NOTHING, Remembered

AT = datetime(2026, 3, 2, 18, 0, tzinfo=UTC)


class MemoryKnown:
    """Remembers what `land` has landed."""

    def __init__(self) -> None:
        self.files: set[tuple[str, str]] = set()
        self.names: set[tuple[str, str, str]] = set()
        self.times: dict[str, datetime] = {}
        self.cursors: dict[str, Json] = {}

    def repeated(self, feed: str, sha256: str) -> Proof | None:  # noqa: ARG002  whatever comes is read
        return None

    def lines(self, feed: str, context: str) -> Remembered:  # noqa: ARG002  likewise
        return NOTHING

    def cursor(self, feed: str) -> Json | None:
        return self.cursors.get(feed)

    def landed(self, feed: str, sha256: str) -> bool:
        return (feed, sha256) in self.files

    def settled(self, feed: str, sha256: str, name: str | None) -> bool:
        return (feed, sha256, name) in self.names

    def newest(self, feed: str) -> datetime | None:
        return self.times.get(feed)

    def remember(self, pass_: Pass) -> None:
        """Notes a pass as landed."""
        assert isinstance(pass_.proof, Proof)
        self.files.add((pass_.feed, pass_.proof.sha256))
        self.names.add((pass_.feed, pass_.proof.sha256, pass_.name))
        self.times[pass_.feed] = max(pass_.data_as_of, self.times.get(pass_.feed, pass_.data_as_of))


def land(source: Source, known: MemoryKnown, at: datetime = AT) -> list[tuple[Pass, list[RawRow]]]:
    """Lands whatever the source offers, as the pipeline does, and returns each pass with its rows."""
    landed: list[tuple[Pass, list[RawRow]]] = []
    for pass_ in source.passes(known, at):
        if pass_.refusal is not None or pass_.skipped is not None:
            landed.append((pass_, []))
            continue
        rows = []
        for page in pass_.pages():
            rows += page.rows
            if page.cursor is not None:
                known.cursors[pass_.feed] = page.cursor
        known.remember(pass_)
        landed.append((pass_, rows))
    return landed


def records(source: Source, rows: list[RawRow]) -> list[Any]:
    """What the rows say: records, or the codes of their rejection."""
    outcomes = [source.map(row) for row in rows]
    return [getattr(outcome, "record", None) or getattr(outcome, "code", None) for outcome in outcomes]
