"""One resource type of one file, or of one whole export, as a pass."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Literal

from connectors.base import Page, Proof, RawRow, Refusal, SnapshotRule, Unavailable, Window
from connectors.fhir.entry import Entry
from connectors.fhir.stream import entries
from connectors.fhir_files.folder import File, stamp_of
from mappings.fhir.mapping import KINDS, row_ids, unreadable_id
from mappings.fhir.terms import Terms
from mappings.records import Kind

PAGE_ROWS = 1000
OTHER = "other"
"""The feed of files that hold nothing that is read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """Resources of one type that may land, or with `refusal` a file that must not; see `connectors.base.Pass`.

    `with_junk`: what is no resource at all comes with this pass, to be quarantined.
    """

    feed: str
    name: str
    snapshot: SnapshotRule
    data_as_of: datetime
    terms: Terms
    files: tuple[File, ...]
    proof: Proof | None = None
    refusal: Refusal | None = None
    skipped: str | None = None
    notices: Sequence[str] = ()
    with_junk: bool = False
    stream: Literal["anew", "resumed"] | None = None

    @property
    def kinds(self) -> frozenset[Kind]:
        """The kind of the type's rows; none for files without any."""
        return frozenset((KINDS[self.feed],)) if self.feed in KINDS else frozenset()

    def window(self) -> Window | None:
        """No FHIR file is a window."""
        return None

    def pages(self) -> Iterator[Page]:
        """Yields the rows by the thousand; raises Refusal or Unavailable when a file is no longer the proved one."""
        if self.refusal is not None:
            raise self.refusal
        rows = self._rows()
        while page := list(islice(rows, PAGE_ROWS)):
            yield Page(rows=page)

    def _rows(self) -> Iterator[RawRow]:
        feed, kind, terms = self.feed, KINDS.get(self.feed, "supplements"), self.terms
        for file in self.files:
            _same(file)
            for entry in entries(file.path, file.name, proved=True):
                resource, resource_id, body, place = entry
                if resource == feed and resource_id:
                    for external_id in row_ids(feed, resource_id, body, terms):
                        yield RawRow(kind, external_id, body, place)
                elif resource == feed or (self.with_junk and not resource):
                    yield RawRow(kind, _digest(entry), body, place)
            _same(file)


def _digest(entry: Entry) -> str:
    return unreadable_id(hashlib.sha256(entry.body).hexdigest())


def _same(file: File) -> None:
    try:
        same = stamp_of(file.path) == file.stamp
    except OSError:
        same = False
    if not same:
        raise Unavailable(f"{file.name}: the file changed while it was read; it is read again at the next run")
