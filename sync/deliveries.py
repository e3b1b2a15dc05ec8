"""What a pull's files say as a whole: an export that is not whole, or far more or fewer rows than usual; told once."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any, Final

from sqlalchemy import Connection

from config.settings import Settings
from connectors.base import Pass
from connectors.expected import INCOMPLETE as MARK
from connectors.expected import Expecting
from sync.brakes import WHOLE, SourceCode
from sync.build import Service
from sync.envelope import Count, History, Unusual, learned, unusual
from sync.landing import Pulled
from sync.log import say
from sync.store.engine import reading, writing
from sync.store.exports import last_told
from sync.store.files import feed_states
from sync.store.memos import read_memo, read_memos, write_memo

INCOMPLETE: Final = "incomplete"
"""The owner of memos by source: the `files` of an export that is not whole, with what was said of each, the `feeds` that
it lacks, and when that was told (`at`)."""

COUNTS: Final = "counts"
"""The owner of memos by `source/feed`: rows by site and day, what was judged last, and what was `unusual` about it."""


def say_deliveries(service: Service, source: str, pulled: Pulled, at: datetime) -> None:
    """Says what is out of the ordinary about what a source has delivered, and learns from it."""
    _say_incomplete(service, source, pulled, at)
    if pulled.landed and isinstance(service.config.settings.sources[source], Expecting):
        _say_unusual(service, source)


def _say_incomplete(service: Service, source: str, pulled: Pulled, at: datetime) -> None:
    """An export that lacks a table; a file that waits on is told once."""
    lacking = {file: notice.removeprefix(MARK) for file, notice in pulled.notices if notice.startswith(MARK)}
    with reading(service.engine) as connection:
        told = _open(connection, source) or {"files": {}}
    if not lacking or told["files"] == lacking:
        return
    for file, sentence in lacking.items():
        if told["files"].get(file) != sentence:
            say("set.incomplete", "warning", source=source, file=file, next=sentence)
    feeds = sorted({feed for sentence in lacking.values() for feed in sentence.partition(";")[0].split(", ")})
    with writing(service.engine) as connection:
        write_memo(connection, INCOMPLETE, source, {"files": lacking, "feeds": feeds, "at": at.isoformat()})


def _say_unusual(service: Service, source: str) -> None:
    settings = service.config.settings
    with reading(service.engine) as connection:
        states, kept = feed_states(connection, source), read_memos(connection, COUNTS)
    for feed, state in states.items():
        known = kept.get(f"{source}/{feed}", {})
        mark = [state.name, state.data_as_of.isoformat() if state.data_as_of is not None else ""]
        if state.data_as_of is None or known.get("last") == mark:
            continue
        day = state.data_as_of.astimezone(settings.practice.timezone).date()
        if day in settings.holidays:
            continue
        counts, history = _counts(state), _history(known)
        found = unusual(history, counts, day)
        _say_counts(source, feed, found)
        value = {
            "last": mark,
            "sites": _plain(learned(history, counts, day)),
            "unusual": [each._asdict() for each in found],
        }
        with writing(service.engine) as connection:
            write_memo(connection, COUNTS, f"{source}/{feed}", value)


def _say_counts(source: str, feed: str, found: Sequence[Unusual]) -> None:
    for each in found:
        say("rows.unusual", "warning", source=source, place=feed, n_rows=each.rows, n_usual=each.usual)


def _counts(state: Any) -> dict[str, int]:
    """Rows by the EMR's word for the site; all under "" where the rows name none."""
    return dict(state.sites) or {"": state.n_rows}


def _history(known: Mapping[str, Any]) -> History:
    return {
        site: [Count(date.fromisoformat(day), rows, deliveries) for day, rows, deliveries in past]
        for site, past in known.get("sites", {}).items()
    }


def _plain(history: History) -> dict[str, list[tuple[str, int, int]]]:
    return {
        site: [(each.day.isoformat(), each.rows, each.deliveries) for each in past] for site, past in history.items()
    }


def incomplete(connection: Connection, source: str) -> list[str]:
    """What is known of an export that is not whole, a sentence a file, until what it lacked has come."""
    told = _open(connection, source) or {"files": {}}
    return [f"{file} lacks {sentence}" for file, sentence in sorted(told["files"].items())]


def _open(connection: Connection, source: str) -> dict[str, Any] | None:
    """What was told of an export that is not whole; None once everything that it lacked has come."""
    told = read_memo(connection, INCOMPLETE, source)
    if told is None:
        return None
    since, last = datetime.fromisoformat(told["at"]), last_told(connection, source)
    return None if all(feed in last and last[feed] > since for feed in told["feeds"]) else told


def unusual_counts(connection: Connection, source: str) -> list[dict[str, Any]]:
    """Feeds and sites of a source whose last delivery had far more or fewer rows than usual."""
    kept = read_memos(connection, COUNTS)
    return [
        {"feed": key.partition("/")[2], **each}
        for key, value in sorted(kept.items())
        if key.partition("/")[0] == source
        for each in value["unusual"]
    ]


def few_rows(settings: Settings, connection: Connection, source: str, pass_: Pass) -> Sequence[SourceCode]:
    """Why a pass whose missing rows would count as absent must be held: a site has far fewer than usual on this weekday."""
    proof, day = pass_.proof, pass_.data_as_of.astimezone(settings.practice.timezone).date()
    if proof is None or pass_.snapshot not in WHOLE or day in settings.holidays:
        return ()
    known = read_memo(connection, COUNTS, f"{source}/{pass_.feed}") or {}
    found = unusual(_history(known), dict(proof.sites) or {"": proof.rows}, day)
    return ("few_rows",) if any(each.rows < each.usual for each in found) else ()
