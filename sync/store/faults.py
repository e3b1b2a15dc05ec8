"""What keeps the database from working, said in a sentence that holds no value of it."""

import sqlite3
from typing import Final, Literal, NamedTuple

from sqlalchemy.exc import DBAPIError, OperationalError

Kind = Literal["passing", "lasting", "damage"]
"""It passes by itself · only a person mends it · the file is no sound database any more."""


class Fault(NamedTuple):
    """A fault of the database, and what to do about it."""

    kind: Kind
    sentence: str


_DAMAGED: Final = Fault("damage", "the database is damaged; stop prm-sync and put the newest good copy in its place")
_LOCKED: Final = Fault("passing", "another program keeps the database locked; try again when it has ended")
_FORBIDDEN: Final = Fault(
    "lasting",
    "the database cannot be opened for writing; its file, its lock and their folder must be writable by this user",
)
# SQLite, "Result and Error Codes": https://sqlite.org/rescode.html
_SQLITE: Final = {
    sqlite3.SQLITE_CORRUPT: _DAMAGED,
    sqlite3.SQLITE_NOTADB: _DAMAGED,
    sqlite3.SQLITE_BUSY: _LOCKED,
    sqlite3.SQLITE_LOCKED: _LOCKED,
    sqlite3.SQLITE_CANTOPEN: _FORBIDDEN,
    sqlite3.SQLITE_PERM: _FORBIDDEN,
    sqlite3.SQLITE_READONLY: _FORBIDDEN,
    sqlite3.SQLITE_FULL: Fault("lasting", "the disk of the database is full; make room, then run again"),
    sqlite3.SQLITE_IOERR: Fault("lasting", "the disk of the database fails or is full; look at it, then run again"),
}
_UNREACHED: Final = Fault(
    "passing", "the database server cannot be reached, or refuses; see database.url and the server"
)


def fault_of(error: BaseException) -> Fault | None:
    """Tells what ails the database from an error that it raised; None for an error of any other kind."""
    code = getattr(getattr(error, "orig", error), "sqlite_errorcode", None)
    if code is not None:
        return _SQLITE.get(code & 0xFF)  # the low byte is the primary code
    if not isinstance(error, DBAPIError) or type(error.orig).__module__.startswith("sqlite3"):
        return None
    state = getattr(error.orig, "sqlstate", None) or ""
    # PostgreSQL, "Error Codes": 08 connection, 53 too little of something, 57P a server that ends or begins. An error
    # without a code never reached the server.
    out_of_reach = isinstance(error, OperationalError) and (
        not state or state[:2] in ("08", "53") or state[:3] == "57P"
    )
    return _UNREACHED if out_of_reach or error.connection_invalidated else None
