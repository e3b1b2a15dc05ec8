"""The files of one export, fetched and proved type by type."""

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, Literal, NamedTuple
from urllib.parse import urlsplit

import msgspec

from connectors.base import Memo, Unavailable
from connectors.fhir.server import FhirServer
from connectors.fhir_bulk import scan
from connectors.fhir_bulk.exporter import Exporter, Gone
from connectors.fhir_bulk.folder import Folder
from connectors.fhir_bulk.job import Job, store
from connectors.fhir_bulk.manifest import Item, Manifest
from connectors.fhir_bulk.scan import OUTCOME, Scan, Unsound
from connectors.http.download import Downloaded

Part = Literal["output", "deleted", "errors"]
_EXPIRED: Final = frozenset({403, 404, 410})
_ATTEMPTS: Final = 3


class Lost(Unavailable):
    """The export is not there any more: it must be made again."""


class Fetched(NamedTuple):
    """A file that is here and proved; `name` is for messages."""

    path: Path
    name: str
    scan: Scan


class Files:
    """Fetches what a manifest names. A type's files come in the order of their contents, however they were named."""

    def __init__(self, server: FhirServer, exporter: Exporter, memo: Memo, job: Job, folder: Folder) -> None:
        self._server, self._exporter, self._memo, self._folder = server, exporter, memo, folder
        self.job = job
        self._here: dict[tuple[Part, str], Sequence[Fetched]] = {}
        self._renewed = False

    @property
    def manifest(self) -> Manifest:
        """The manifest of the job."""
        assert self.job.manifest is not None  # noqa: S101 - it is waited for first
        return self.job.manifest

    def errors(self) -> int:
        """How many errors the server reports; a report that cannot be read is one more."""
        reports = 0
        for index, item in self._items("errors", ""):
            try:
                reports += self._one("errors", index, item).scan.alarms
            except Unsound:
                reports += 1
        return self.manifest.untold + reports

    def deletions(self) -> Sequence[Fetched]:
        """The files that tell what is gone."""
        return self._all("deleted", "")

    def holding(self, resource: str) -> Sequence[Fetched]:
        """The files of a type; raises Unsound, Lost or Unavailable."""
        return self._all("output", resource)

    def strangers(self, asked: Sequence[str]) -> int:
        """How many files are of types that nobody asked for."""
        return sum(item.type not in asked for item in self.manifest.output)

    def release(self, resource: str) -> None:
        """Gives back the place that a type's files take."""
        for file in self._here.pop(("output", resource), ()):
            file.path.unlink(missing_ok=True)

    def _all(self, part: Part, resource: str) -> Sequence[Fetched]:
        key = part, resource
        if key not in self._here:
            found = [self._one(part, index, item) for index, item in self._items(part, resource)]
            self._check_distinct(found)
            self._here[key] = sorted(found, key=lambda file: file.scan.sha256)
        return self._here[key]

    def _items(self, part: Part, resource: str) -> Iterator[tuple[int, Item]]:
        """The files of one part and type with their places in the manifest, which may be renewed on the way."""
        number = len(getattr(self.manifest, part))
        for index in range(number):
            item: Item = getattr(self.manifest, part)[index]
            if part != "output" or item.type == resource:
                yield index, item

    def _check_distinct(self, found: Sequence[Fetched]) -> None:
        """Where a manifest was asked for anew, two files of the same bytes are one that was fetched twice."""
        contents = Counter(file.scan.sha256 for file in found if file.scan.lines)
        if self._renewed and any(number > 1 for number in contents.values()):
            raise Unsound(f"{found[0].name}: the server names its files in another order each time")

    # ------------------------------------------------------------ one file

    def _one(self, part: Part, index: int, item: Item) -> Fetched:
        """Fetches a file, and again when it does not come whole."""
        what = {"output": item.type, "deleted": "deletions", "errors": "errors"}[part]
        name = f"the export's file {index + 1} of {len(getattr(self.manifest, part))} ({what})"
        to, pause = self._folder.path / f"{part}-{index}.ndjson", 1.0
        for left in reversed(range(_ATTEMPTS)):
            got = self._got(part, index, to, name)
            item = getattr(self.manifest, part)[index]
            if part == "errors":
                item = Item(OUTCOME, item.url, item.count)
            try:
                return Fetched(to, name, scan.read(to, name, item, got))
            except Unsound:
                if not left:
                    raise
            self._server.sleep(pause)
            pause *= 2
        raise AssertionError  # the last attempt returns or raises

    def _got(self, part: Part, index: int, to: Path, name: str) -> Downloaded:
        got = self._download(getattr(self.manifest, part)[index], to)
        if got.status in _EXPIRED:
            self._renew(got.status)
            got = self._download(getattr(self.manifest, part)[index], to)
            if got.status in _EXPIRED:
                raise Lost(f"{name}: it is not there ({got.status}); the next run has the export made anew")
        if got.status != 200:
            raise Unavailable(f"{name}: answered {got.status}")
        return got

    def _download(self, item: Item, to: Path) -> Downloaded:
        bearer = self.manifest.token
        if bearer is None:
            bearer = self._server.links.near(item.url) is not None or self._server.links.beside(item.url) is not None
        return self._server.download(item.url, "/(exported file)", to, bearer=bearer)

    def _renew(self, status: int) -> None:
        """Asks for the manifest again: URLs run out."""
        try:
            fresh = self._exporter.manifest(self.job)
        except Gone as gone:
            said = f"its files are not there ({status}), and nor is the export ({gone.why})"
            raise Lost(f"{said}; the next run has it made anew") from None
        self._renewed = True
        self.job = store(self._memo, msgspec.structs.replace(self.job, manifest=_like(self.manifest, fresh)))


def _like(before: Manifest, fresh: Manifest) -> Manifest:
    """The fresh manifest with its files in the places that they had."""
    output = _aligned(before.output, fresh.output)
    deleted = _aligned(before.deleted, fresh.deleted)
    errors = _aligned(before.errors, fresh.errors)
    if output is None or deleted is None or errors is None:
        raise Lost("the export's manifest names other files than before; the next run has it made anew")
    return msgspec.structs.replace(fresh, output=output, deleted=deleted, errors=errors)


def _aligned(before: Sequence[Item], fresh: Sequence[Item]) -> tuple[Item, ...] | None:
    """By their paths where these stay the same; signatures in queries do not. Else by their places."""
    if [(item.type, item.count) for item in before] == [(item.type, item.count) for item in fresh]:
        in_place = tuple(fresh)
    else:
        in_place = None
    paths = {urlsplit(item.url).path: item for item in fresh}
    if len(paths) < len(fresh) or not any(urlsplit(item.url).path in paths for item in before):
        return in_place
    found = [paths.get(urlsplit(item.url).path) for item in before]
    kept = tuple(item for item in found if item is not None)
    return kept if len(kept) == len(before) == len(fresh) else None
