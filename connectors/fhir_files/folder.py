"""The files of a source: which belong to it, and what is known of each."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from connectors.base import Memo, Refusal, Unavailable
from connectors.dating import time_in_name
from connectors.fhir_files.reading import Tapes
from connectors.fhir_files.scan import Scan, scan
from connectors.fhir_files.settings import FhirFilesSettings
from connectors.settings import Surroundings


class Stamp(NamedTuple):
    """What tells that a file is still the one that was proved."""

    size: int
    changed_ns: int
    inode: int


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """One file; `name` is its path below the folder. `stated` is the export time in its name, None where there is none."""

    path: Path
    name: str
    stamp: Stamp
    stated: datetime | None
    exported: datetime


class Folder:
    """The folder of a source. It remembers the proof of every file that has not changed since."""

    def __init__(self, settings: FhirFilesSettings, surroundings: Surroundings, memo: Memo) -> None:
        self._settings, self._zone, self._memo = settings, surroundings.zone, memo
        self._scans: dict[Path, tuple[Stamp, Scan]] = {}

    def files(self) -> list[File]:
        """All files in the order of their export; raises Unavailable when the folder is not there."""
        root = self._settings.folder
        try:
            if not root.is_dir():
                raise Unavailable(f"the folder {root} is not there; mount or create it")
            # Path.glob passes over in silence what it may not list.
            next(root.iterdir(), None)
        except OSError as error:
            raise Unavailable(f"the folder {root} cannot be listed ({error.strerror})") from None
        found = {path for pattern in self._settings.files for path in root.glob(pattern)}
        files = [self._file(path, root) for path in found if _belongs(path, root)]
        return sorted(files, key=lambda file: (file.exported, file.name))

    def scan(self, file: File, tapes: Tapes | None = None) -> Scan:
        """The proof of a file; raises Refusal when it must not land."""
        stamp, known = self._scans.get(file.path, (None, None))
        if known is None or stamp != file.stamp:
            known = scan(file.path, file.name, self._memo, tapes)
            self._scans[file.path] = (file.stamp, known)
        elif tapes is not None:
            tapes.pass_over(known.counts)
        return known

    def holding(self, resource: str) -> Iterator[File]:
        """The files that hold resources of one type; refused files hold none."""
        for file in self.files():
            try:
                if resource in self.scan(file).counts:
                    yield file
            except Refusal:
                continue

    def _file(self, path: Path, root: Path) -> File:
        below = path.relative_to(root)
        names = [path.name, *(part.name for part in below.parents if part.name)]
        read = (time_in_name(name, self._settings.exported_at, self._zone) for name in names)
        stated = next((moment for moment in read if moment is not None), None)
        return File(
            path=path,
            name=below.as_posix(),
            stamp=stamp_of(path),
            stated=stated,
            exported=stated if stated is not None else datetime.fromtimestamp(path.stat().st_mtime, UTC),
        )


def stamp_of(path: Path) -> Stamp:
    """The file's present stamp."""
    status = path.stat()
    return Stamp(status.st_size, status.st_mtime_ns, status.st_ino)


def _belongs(path: Path, root: Path) -> bool:
    """A file in the folder itself: neither hidden nor reached by a link that leads out of it."""
    hidden = any(part.startswith(".") for part in path.relative_to(root).parts)
    return not hidden and path.is_file() and path.resolve().is_relative_to(root.resolve())
