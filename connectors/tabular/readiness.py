"""Whether a file is ready to be read: nobody writes to it any more, or a marker beside it says that it is whole."""

import fcntl
import os
import signal
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final, Literal, NamedTuple

from connectors.base import Memo
from connectors.tabular.files import MARKERS, Found

Ready = Literal["stable", "done"]

QUIET: Final = timedelta(seconds=10)
"""A file that has not changed for so long is stable where nobody can tell who writes to it."""

HELD_OPEN: Final = timedelta(minutes=10)
"""The same for one that is, or seems to be, open for writing: uploads stall, and some network disks call every file open."""

AS_OF: Final = timedelta(days=1)
"""A file dated further ahead is looked at as of an earlier day: its time does not tell whether it is being written."""

_LOOKED: Final = "unready files"
_COARSE: Final = timedelta(seconds=2)
"""FAT keeps the time of a change to two seconds."""

Writers = Literal["none", "some", "unknown"]


class State(NamedTuple):
    """What tells two states of a file apart: its size in bytes, its last change in nanoseconds."""

    size: int
    changed: int

    def quiet_for(self, at: datetime) -> timedelta:
        """How long before `at` it changed last; negative where the disk's clock is ahead."""
        return at - datetime.fromtimestamp(self.changed / 1e9, UTC)


class Look(NamedTuple):
    """A file as one look at it found it."""

    state: State
    writers: Writers


def patience(look: Look, at: datetime) -> timedelta:
    """For how long the file must stay as it is before it counts as stable; zero: it is."""
    longest = {"none": timedelta(), "unknown": QUIET, "some": HELD_OPEN}[look.writers]
    quiet = look.state.quiet_for(at)
    told = look.writers == "some" or quiet > -AS_OF
    return longest if quiet < longest and told else timedelta()


class Readiness:
    """Looks at the files of a folder, and remembers those that were not ready from one look to the next.

    `stable`: a file is ready as soon as the system says that nobody has it open for writing; where it cannot say,
    when it has not changed for ten seconds, by its own time or since an earlier look. `done`: when FILE.done or
    FILE.ok lies beside it and is not older than the file.
    """

    def __init__(self, rule: Ready, memo: Memo) -> None:
        self._rule, self._memo = rule, memo

    def unready(self, files: Iterable[Found], at: datetime) -> dict[Path, str]:
        """The files that are not ready, each with a notice that says why."""
        if self._rule == "done":
            return {found.path: notice for found in files if (notice := _marker_missing(found.path)) is not None}
        before = (self._memo.get(_LOOKED) or {}).get("files", {})
        inside = (found for found in files if not found.escapes)
        now = {found: kept for found in inside if (kept := _kept(found, before, at)) is not None}
        held = {found.name: kept for found, kept in now.items()}
        if held != before:
            self._memo.put(_LOOKED, {"files": held})
        return dict.fromkeys((found.path for found in now), "unsettled: it may still be written; it is read later")


def _kept(found: Found, before: dict[str, list[object]], at: datetime) -> list[object] | None:
    """What is to be remembered of a file that is not ready: its state, and since when it is known; None: it is ready."""
    look = _look(found.path, at)
    wanted = patience(look, at) if look is not None else timedelta()
    if look is None or not wanted:
        return None
    known = before.get(found.name)
    same = known is not None and known[:2] == [*look.state]
    since = datetime.fromisoformat(str(known[2])) if known is not None and same else at
    # An instant of the future is of a clock that was set back since.
    since = min(since, at)
    return None if at - since >= wanted else [*look.state, since.isoformat()]


def _look(path: Path, at: datetime) -> Look | None:
    """None for a file that has gone or cannot be seen: whoever reads it says so."""
    try:
        found = path.stat()
    except OSError:
        return None
    state = State(found.st_size, found.st_mtime_ns)
    return Look(state, "none" if state.quiet_for(at) >= HELD_OPEN else writers(path))


def writers(path: Path) -> Writers:
    """Whether a process of this machine has the file open for writing, as far as the system tells.

    A read lease can be had only while nobody has (fcntl(2), "Leases": EAGAIN); it is given to the file's owner and
    to root, on local disks. It is given back at once; a signal that is ignored replaces the SIGIO of its end.
    """
    try:
        opened = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return "unknown"
    try:
        fcntl.fcntl(opened, fcntl.F_SETSIG, signal.SIGURG)
        fcntl.fcntl(opened, fcntl.F_SETLEASE, fcntl.F_RDLCK)
        fcntl.fcntl(opened, fcntl.F_SETLEASE, fcntl.F_UNLCK)
    except BlockingIOError:
        return "some"
    except (OSError, AttributeError):  # not ours, no lease on this disk, or no Linux
        return "unknown"
    finally:
        os.close(opened)
    return "none"


def _marker_missing(path: Path) -> str | None:
    try:
        changed = path.stat().st_mtime
    except OSError:
        return None
    ages = [age for suffix in MARKERS if (age := _changed(path.with_name(path.name + suffix))) is not None]
    if not ages:
        return f"no_marker: {path.name}{MARKERS[0]} is not there yet; the file is read when it is"
    if max(ages) < changed - _COARSE.total_seconds():
        return f"old_marker: {path.name} has changed since its marker was written; write the marker anew"
    return None


def _changed(path: Path) -> float | None:
    try:
        return path.stat().st_mtime
    except OSError:
        return None
