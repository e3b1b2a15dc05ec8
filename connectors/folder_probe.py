"""Tries a folder of exports out, for `check --live`: there, readable, which files, how old the newest is."""

import os
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from connectors.base import Finding


def folder_finding(folder: Path) -> Finding:
    """Whether the folder can be listed and its files reached."""
    if not folder.is_dir():
        hint = f"{folder} is not there, or this user may not enter the folders above it; create it or mount it"
        return Finding("folder", ok=False, hint=hint, cause="system")
    if not os.access(folder, os.R_OK | os.X_OK):
        hint = f"this user may not list {folder}; mend its permissions"
        return Finding("folder", ok=False, hint=hint, cause="system")
    return Finding("folder", ok=True, hint=f"{folder} can be read")


def files_finding(what: str, patterns: Sequence[str], paths: Iterable[Path], at: datetime) -> Finding:
    """How many files match, how old the newest is, and whether each may be opened."""
    found, step = list(paths), f"files of {what}"
    if not found:
        return Finding(step, ok=True, hint=f"no file matches {', '.join(patterns)} so far")
    shut = [path for path in found if not os.access(path, os.R_OK)]
    if shut:
        hint = f"this user may not read {len(shut):,} of {len(found):,} files; mend their permissions"
        return Finding(step, ok=False, hint=hint)
    newest = max(datetime.fromtimestamp(path.stat().st_mtime, UTC) for path in found)
    return Finding(step, ok=True, hint=f"{len(found):,} found, the newest changed {_age(at - newest)} ago")


def none_finding(folder: Path) -> Finding:
    """What to say where no table has a file at all."""
    others = sum(not entry.name.startswith(".") for entry in folder.iterdir())
    hint = f"none of the {others:,} entries of {folder} matches a table's files:; check the names" if others else ""
    return Finding("files", ok=False, hint=hint or f"{folder} is empty; see that the export is written here")


def _age(age: timedelta) -> str:
    hours = max(age.total_seconds(), 0) / 3600
    if hours < 1:
        return f"{round(hours * 60)} min"
    return f"{round(hours)} h" if hours < 72 else f"{round(hours / 24):,} days"
