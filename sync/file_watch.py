"""Notices that files were changed, replaced or removed, by asking for their state; no file is read."""

from collections.abc import Callable, Iterable
from pathlib import Path

Mark = tuple[int, int, int, int]


class ConfigWatch:
    """Says once a change, when it has stood still for one look: an editor writes a file in several steps."""

    def __init__(self, paths: Callable[[], Iterable[Path]]) -> None:
        self._paths = paths
        self._known = self._seen = self._look()

    def changed(self) -> bool:
        """True once a change of any of the files, or of what a folder among them lists."""
        before, self._seen = self._seen, self._look()
        if self._seen == self._known or self._seen != before:
            return False
        self._known = self._seen
        return True

    def settle(self) -> None:
        """Takes the files as they are now for known."""
        self._known = self._seen = self._look()

    def _look(self) -> dict[Path, Mark | None]:
        return {path: _mark(path) for path in self._paths()}


class DatabaseWatch:
    """Notices that the file of a SQLite database is another one: writes would go on into the old one and be lost."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._file = self._identity()

    def replaced(self) -> bool:
        """True when the path leads to another file, or nowhere."""
        return self._identity() != self._file

    def _identity(self) -> tuple[int, int] | None:
        mark = _mark(self._path) if self._path is not None else None
        return mark[:2] if mark is not None else None


def _mark(path: Path) -> Mark | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino, found.st_mtime_ns, found.st_size
