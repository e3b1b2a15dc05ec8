"""Tries the database out for the live check: opens, version, writable, disk, owner; makes and changes nothing."""

import os
import shutil
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, Engine, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError

from config.load import Config, database_url
from connectors.base import Finding, Misconfigured
from sync.store import overview
from sync.store.engine import connect, reading
from sync.store.faults import fault_of
from sync.store.schema import NEWER, state

_LEAST_FREE: Final = 500 * 1024 * 1024
"""Bytes; a full disk stops every pass."""
_SKEW_S: Final = 60.0

_RIGHTS: Final = text(
    "SELECT NOT pg_is_in_recovery() AND current_setting('default_transaction_read_only') = 'off'"
    " AND has_schema_privilege(current_schema(), 'CREATE') AS writable, now() AS clock"
)


def database_findings(config: Config, at: datetime) -> Iterator[Finding]:
    """Yields a finding a step; ends where the following ones would be pointless."""
    try:
        url = database_url(config)
    except Misconfigured as error:
        yield Finding("url", ok=False, hint=str(error))
        return
    path = make_url(url).database if make_url(url).get_backend_name() == "sqlite" else None
    if path is not None:
        yield from _place(Path(path))
        if not Path(path).exists() or not Path(path).stat().st_size:
            return
    try:
        engine = connect(url)
        try:
            yield from _opened(engine, at)
        finally:
            engine.dispose()
    except (SQLAlchemyError, Misconfigured) as error:
        fault = fault_of(error)
        hint = fault.sentence if fault is not None else "it cannot be opened or read"
        yield Finding("opens", ok=False, hint=hint, cause="system")


def _place(path: Path) -> Iterator[Finding]:
    """The file, its folder, its disk, and the user whom it belongs to."""
    near = next(each for each in (path, *path.parents) if each.exists())
    folder = near if near.is_dir() else near.parent
    writable = os.access(folder, os.W_OK | os.X_OK) and (near != path or os.access(path, os.R_OK | os.W_OK))
    if not writable:
        hint = (
            f"this user may not write {near if near == path else folder}; run as the daemon's user, or mend permissions"
        )
        yield Finding("writable", ok=False, hint=hint)
    else:
        yield Finding("writable", ok=True, hint="it can be written" if near == path else "the first run will make it")
    yield _user(near)
    yield _disk(folder, path.stat().st_size if near == path else 0)


def _user(near: Path) -> Finding:
    owner = near.stat().st_uid
    if owner == os.geteuid():
        return Finding("user", ok=True, hint="this user owns it")
    hint = f"it belongs to the user of id {owner}, this is {os.geteuid()}; check as the daemon's user: sudo -u '#{owner}' …"
    return Finding("user", ok=False, hint=hint)


def _disk(folder: Path, size: int) -> Finding:
    free, least = shutil.disk_usage(folder).free, max(_LEAST_FREE, size)
    hint = f"{free / 1024**3:.1f} GiB are free"
    return Finding(
        "disk", ok=free >= least, hint=hint if free >= least else f"{hint}; make room for {least / 1024**3:.1f}"
    )


def _opened(engine: Engine, at: datetime) -> Iterator[Finding]:
    found = state(engine)
    yield Finding("opens", ok=True, hint=engine.dialect.name)
    hints = {
        "empty": "it is empty; the first run lays it out",
        "current": "it is of this version",
        "older": "it is older than this version; run: prm-sync db upgrade",
        "newer": NEWER,
    }
    yield Finding("version", ok=found in ("empty", "current"), hint=hints[found])
    with reading(engine) as connection:
        if engine.dialect.name == "postgresql":
            yield from _server(connection, at)
        if found == "current":
            yield _owner(connection)


def _server(connection: Connection, at: datetime) -> Iterator[Finding]:
    row = connection.execute(_RIGHTS).one()
    hint = (
        "it can be written"
        if row.writable
        else "this role may not write here, or the server only reads; see its grants"
    )
    yield Finding("writable", ok=bool(row.writable), hint=hint)
    off = abs((row.clock - at).total_seconds())
    hint = (
        "server and machine agree" if off <= _SKEW_S else f"server and machine differ by {off:,.0f} s; set both by NTP"
    )
    yield Finding("clock", ok=off <= _SKEW_S, hint=hint, cause="system")


def _owner(connection: Connection) -> Finding:
    row = overview.owner(connection)
    if row is None:
        return Finding("owner", ok=True, hint="no process has held it so far")
    return Finding("owner", ok=True, hint=f"last held by process {row['pid']} on {row['host']}")
