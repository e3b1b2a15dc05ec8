"""Where a type's search stands: what the last whole pass reached, and the page at which a broken-off one goes on.

All times are the server's own. It is the JSON that `connectors.base.Page.cursor` carries.
"""

import hashlib
from datetime import date, datetime, timedelta
from typing import Final, Literal

import msgspec
import orjson

from connectors.base import Json

Way = Literal["changes", "all", "window"]
"""What a pass asks for: what has changed, everything there is, or the visits of some days."""

LONGEST_PASS: Final = timedelta(days=1)
"""A pass that was broken off longer ago is not gone on with."""


class Running(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A pass under way.

    `shape` stands for its searches, `part` counts them, `next` links to the page to come (None: the part's first).
    `as_of` is the data's time, `server_date` the server's Date, both of its beginning; `bound` the time from which
    changes are asked (with `after` not at, but after it), `polled` that from which deletions are; `first` and `last` are the days of a window. `seen` is the
    newest lastUpdated so far, not after `server_date`; `ordered`: none came after a newer one, so that a search can go
    on from there; `unstamped`: some did not say when they changed.
    `rows` count what came, `counted` and `matches` the rows and entries of the part, of which the server says that there
    are `total`; `pages` what was asked, `gaps` the errors that came as entries. `short`: the last page was not full,
    `longest` is the number of matches on the fullest. `restarts` is how often a search was begun again since a page
    brought something new, `stopped` where it stood then. `done`: all was read; whether it landed as a whole only the
    store knows.
    """

    way: Way
    shape: str
    as_of: datetime
    server_date: datetime
    bound: datetime | None = None
    after: bool = False
    polled: datetime | None = None
    first: date | None = None
    last: date | None = None
    part: int = 0
    next: str | None = None
    seen: datetime | None = None
    ordered: bool = True
    unstamped: bool = False
    rows: int = 0
    counted: int = 0
    matches: int = 0
    total: int | None = None
    short: bool = False
    longest: int = 0
    stopped: str = ""
    pages: int = 0
    gaps: int = 0
    restarts: int = 0
    done: bool = False


class Cursor(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is known of a type. `since` is the newest change that was read, `since_at` the server's Date when it
    was read first, `read_at` that of the last whole pass, `full_at` when everything was read last,
    `deletions_at` until when deletions were heard of; `full_proof` names the last pass that read everything, and
    `search` stands for the question, whose answers these are."""

    search: str
    since: datetime | None = None
    since_at: datetime | None = None
    read_at: datetime | None = None
    full_at: datetime | None = None
    deletions_at: datetime | None = None
    full_proof: str = ""
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


def resumable(cursor: Cursor, at: datetime) -> Running | None:
    """The pass to go on with; None when there is none, or it was left lying too long."""
    running = cursor.running
    return running if running is not None and (running.done or at - running.as_of < LONGEST_PASS) else None


def settled(cursor: Cursor, newest: datetime | None) -> Cursor:
    """The cursor without a pass that was read to its end, where it has landed as a whole (`newest` of its feed)."""
    running = cursor.running
    if running is None or not running.done or newest is None or newest < running.as_of:
        return cursor
    return ended(cursor, running)


def proof_of(search: str, running: Running) -> str:
    """The name of what a pass has read, as a hash."""
    said = f"{search} {running.way} {running.server_date.isoformat()} {running.rows}"
    return hashlib.sha256(said.encode()).hexdigest()


def ended(cursor: Cursor, running: Running) -> Cursor:
    """The cursor after the last page of a whole pass."""
    if running.way == "window":
        return msgspec.structs.replace(cursor, running=None)
    whole, since = running.way == "all", _since(cursor, running)
    return msgspec.structs.replace(
        cursor,
        since=since,
        since_at=cursor.since_at if since == cursor.since else running.server_date,
        read_at=running.server_date,
        full_at=running.server_date if whole else cursor.full_at,
        full_proof=proof_of(cursor.search, running) if whole else cursor.full_proof,
        deletions_at=running.server_date if running.polled or whole else cursor.deletions_at,
        running=None,
    )


def _since(cursor: Cursor, running: Running) -> datetime:
    """The newest change that was read; the server's Date where there is none, or records do not tell."""
    newest = [moment for moment in (cursor.since, running.seen) if moment is not None]
    return running.server_date if running.unstamped or not newest else max(newest)


def lower_bound(cursor: Cursor, since: datetime, overlap: timedelta) -> tuple[datetime, bool]:
    """From when to ask for changes, and whether after it only.

    A change may become visible later than it says that it was made. So the search begins a while before the newest
    change that was read; unless, since that was read first, the while has passed on the server's own clock, and all
    was read again: then nothing older can still come.
    """
    quiet = cursor.since_at is not None and cursor.read_at is not None and cursor.read_at - cursor.since_at >= overlap
    return (since, True) if quiet else (since - overlap, False)


def broken(cursor: Cursor) -> Cursor:
    """The cursor after a pass with gaps: what came is kept, and the same is asked for again."""
    return msgspec.structs.replace(cursor, running=None)


def is_due(last: datetime | None, every: timedelta | None, at: datetime) -> bool:
    """True when something that is to happen every so often has not happened for so long."""
    return every is not None and (last is None or at - last >= every)
