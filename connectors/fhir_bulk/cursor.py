"""Where a type stands: what the last export reached, and the line at which a broken-off landing goes on.

All times are the server's own. It is the JSON that `connectors.base.Page.cursor` carries.
"""

import hashlib
from datetime import datetime, timedelta

import msgspec
import orjson

from connectors.base import Json


class Running(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A type of an export on its way in.

    `job` names the export; `whole`: it speaks for all there is; `every`: it was asked for all there is. `as_of` is the
    data's time, `until` the time up to which it speaks for certain. `files` stands for the files' contents, of which
    `file` count and the last `line` have landed; `rows` counts what came of them. `done`: all was read; whether it
    landed as a whole only the store knows.
    """

    job: str
    whole: bool
    every: bool
    as_of: datetime
    until: datetime | None
    files: str = ""
    file: int = 0
    line: int = 0
    rows: int = 0
    done: bool = False


class Cursor(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is known of a type. `until` is the time from which the next export asks for changes, `full_at` when
    everything was read last, `tried_at` when everything was asked for last; `full_proof` names the last pass that read
    everything, `job` the last export that landed, and `search` stands for the question, whose answers these are."""

    search: str
    until: datetime | None = None
    full_at: datetime | None = None
    tried_at: datetime | None = None
    full_proof: str = ""
    job: str = ""
    running: Running | None = None


def read_cursor(held: Json | None, search: str) -> Cursor:
    """The cursor that was stored, or a blank one: nothing is known of another question's answers."""
    try:
        cursor = msgspec.convert(held, Cursor) if held is not None else None
    except msgspec.ValidationError:
        cursor = None
    return cursor if cursor is not None and cursor.search == search else Cursor(search=search)


def as_json(cursor: Cursor) -> Json:
    """The cursor as it is stored."""
    found: Json = msgspec.to_builtins(cursor)
    return found


def question(*parts: object) -> str:
    """A short name of a question, the same for the same parts."""
    return hashlib.sha256(orjson.dumps(parts, option=orjson.OPT_SORT_KEYS)).hexdigest()[:16]


def settled(cursor: Cursor, newest: datetime | None) -> Cursor:
    """The cursor without an export that was read to its end, where it has landed as a whole (`newest` of its feed)."""
    running = cursor.running
    if running is None or not running.done or newest is None or newest < running.as_of:
        return cursor
    return msgspec.structs.replace(
        cursor,
        until=running.until,
        full_at=running.as_of if running.whole else cursor.full_at,
        tried_at=running.as_of if running.every else cursor.tried_at,
        full_proof=proof_of(cursor.search, running) if running.whole else cursor.full_proof,
        job=running.job,
        running=None,
    )


def proof_of(search: str, running: Running) -> str:
    """The name of what a pass has read, as a hash."""
    said = f"{search} {running.job} {running.whole} {running.as_of.isoformat()} {running.rows}"
    return hashlib.sha256(said.encode()).hexdigest()


def is_full_due(cursor: Cursor, every: timedelta | None, retried: timedelta, at: datetime) -> bool:
    """True when everything is to be asked for again; not sooner than `retried` after an export that had gaps."""
    if every is None or (cursor.full_at is not None and at - cursor.full_at < every):
        return False
    return cursor.tried_at is None or at - cursor.tried_at >= min(every, retried)
