"""Contact files: the whole list and one file a segment, as CSV in a folder within the practice."""

import csv
import os
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from typing import ClassVar, Literal

from connectors.base import Capabilities, FileEntry, Finding, Lent, Unavailable
from connectors.private_files import hash_of, make_private, safe_cells, sync_folder
from connectors.settings import ConfigPath, DestinationSettings, Surroundings

_OURS = "contact-file:files"
_DRAFT = ".draft"
_EVERYONE = "contacts.csv"


class ContactFileSettings(DestinationSettings):
    """A folder that holds the contacts; everyone but inactive, unless said otherwise."""

    folder: ConfigPath
    format: Literal["csv"] = "csv"
    audience_of: Literal["segments", "everyone"] = "everyone"


class ContactFile:
    """Writes contacts.csv and segments/<name>.csv; see `connectors.base.FileDestination`."""

    settings_model: ClassVar[type[ContactFileSettings]] = ContactFileSettings
    capabilities = Capabilities(unit="contact", whole_files=True)

    def __init__(
        self,
        name: str,
        settings: ContactFileSettings,
        surroundings: Surroundings,  # noqa: ARG002  all connectors are made alike
        lent: Lent,
    ) -> None:
        self.name = name
        self._folder = settings.folder
        self._header = ("Contact", *settings.fields)
        self._memo = lent.memo

    def intact(self) -> bool:
        """True when every file that was written last is there with the contents it was given, and no dead draft is."""
        written = self._written()
        if not written or any(_drafts(self._folder)):
            return False
        return all(hash_of(self._folder / name) == digest for name, digest in written.items())

    def preflight(self) -> Sequence[str]:
        """Says what keeps the folder from being written."""
        try:
            make_private(self._folder / "segments")
        except OSError as error:
            return [f"the folder {self._folder} cannot be made ({error.strerror}); mend the permissions above it"]
        if os.access(self._folder, os.W_OK | os.X_OK):
            return []
        return [f"the folder {self._folder} cannot be written; mend its permissions"]

    def probe(self, at: datetime) -> Iterator[Finding]:  # noqa: ARG002  all connectors are tried alike
        """Says whether the folder can be written, or made; makes nothing."""
        near = next(path for path in (self._folder, *self._folder.absolute().parents) if path.exists())
        if not (near.is_dir() and os.access(near, os.W_OK | os.X_OK)):
            hint = f"this user may not write in {near}; mend its permissions"
            yield Finding("folder", ok=False, hint=hint, cause="system")
        elif near == self._folder:
            yield Finding("folder", ok=True, hint=f"{near} can be written")
        else:
            yield Finding("folder", ok=True, hint=f"{self._folder} is not there yet and will be made")

    def write(self, entries: Iterable[FileEntry], segments: Sequence[str]) -> int:
        """Writes what changed; a segment no longer listed loses its file.

        Rows stand in the order of `entries`, so an order that lasts (by contact) leaves unchanged files untouched.
        Each file is replaced as a whole by a rename, once all are complete. Only files that this destination wrote
        are ever removed, drafts that a killed writer left among them. Returns how many files changed; raises Unavailable.
        """
        try:
            make_private(self._folder / "segments")
            for dead in _drafts(self._folder):
                dead.unlink()
            with ExitStack() as stack:
                drafts = {
                    name: stack.enter_context(Draft(self._folder / name, self._header))
                    for name in (_EVERYONE, *map(_segment_file, segments))
                }
                _fill(drafts, entries)
                changed = sum(draft.finish() for draft in drafts.values())
            before = self._written()
            self._memo.put(_OURS, {"files": {name: draft.digest() for name, draft in drafts.items()}})
            return changed + sum(self._remove(name) for name in before if name not in drafts)
        except OSError as error:
            raise Unavailable(f"the files in {self._folder} cannot be written ({error.strerror})") from None

    def _written(self) -> dict[str, str]:
        return dict((self._memo.get(_OURS) or {}).get("files", {}))

    def _remove(self, name: str) -> bool:
        path = self._folder / name
        if not path.is_file():
            return False
        path.unlink()
        return True


class Draft:
    """A file beside the one that it may replace; it goes away by itself when it does not."""

    def __init__(self, path: Path, header: Sequence[str]) -> None:
        self._path = path
        # mkstemp makes it for its owner alone (0600).
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=_DRAFT)
        self._temporary = Path(temporary)
        self._file = os.fdopen(handle, "w", encoding="utf-8", newline="")
        self._writer = csv.writer(self._file, lineterminator="\n")
        self._digest = ""
        self._writer.writerow(header)

    def __enter__(self) -> "Draft":
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()
        self._temporary.unlink(missing_ok=True)

    def add(self, row: Sequence[str]) -> None:
        """Adds a row of cells that are safe already."""
        self._writer.writerow(row)

    def finish(self) -> bool:
        """Brings the draft to the disk and puts it in its place, unless the same bytes are there already."""
        self._file.flush()
        os.fsync(self._file.fileno())
        self._digest = hash_of(self._temporary) or ""
        if hash_of(self._path) == self._digest:
            return False
        self._temporary.replace(self._path)
        sync_folder(self._path.parent)
        return True

    def digest(self) -> str:
        """The sha256 of what was written; known once finished."""
        return self._digest


def _fill(drafts: Mapping[str, Draft], entries: Iterable[FileEntry]) -> None:
    everyone = drafts[_EVERYONE]
    of_segment = {Path(name).stem: draft for name, draft in drafts.items() if name != _EVERYONE}
    for contact, values, segments in entries:
        row = safe_cells((contact, *values))
        everyone.add(row)
        for segment in segments & of_segment.keys():
            of_segment[segment].add(row)


def _segment_file(segment: str) -> str:
    return f"segments/{segment}.csv"


def _drafts(folder: Path) -> list[Path]:
    """What a writer that was killed left behind; it holds patients like the files themselves."""
    return [path for pattern in (f".*{_DRAFT}", f"segments/.*{_DRAFT}") for path in folder.glob(pattern)]
