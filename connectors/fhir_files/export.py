"""What belongs together: a file by itself, or with `snapshot: full` all files of one export."""

import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import groupby
from typing import NamedTuple

from connectors import base
from connectors.base import Known, Proof, Refusal, SnapshotRule, is_known
from connectors.fhir_files.delivery import OTHER, Delivery
from connectors.fhir_files.folder import File, Folder
from connectors.fhir_files.reading import CONTEXT, Tapes
from connectors.fhir_files.scan import Scan
from mappings.fhir.mapping import KINDS
from mappings.fhir.terms import Terms


class Part(NamedTuple):
    """A proved file of an export."""

    file: File
    scan: Scan


@dataclass(frozen=True, slots=True, kw_only=True)
class Export:
    """The proved files of one export, those that were refused, and whether it speaks for all there is."""

    parts: Sequence[Part]
    refusals: Sequence[Delivery]
    snapshot: SnapshotRule
    data_as_of: datetime
    terms: Terms
    tapes: Tapes | None = None

    def deliveries(self, known: Known) -> Iterator[Delivery]:
        """Yields the refused files, then a pass for every resource type that has not landed yet."""
        yield from self.refusals
        notices = [notice for part in self.parts for notice in part.scan.notices()]
        for feed in self._feeds():
            parts = [part for part in self.parts if _holds(part, feed, self._main(part))]
            sha256 = self._sha256(parts)
            if not is_known(known, self._outside(feed, parts, sha256)):
                yield self._delivery(feed, parts, sha256, known, tuple(notices))
                notices = []

    def _outside(self, feed: str, parts: Sequence[Part], sha256: str) -> base.Export:
        stated = all(part.file.stated is not None for part in parts)
        return base.Export(feed, sha256, _name(parts), self.data_as_of, stated)

    def _feeds(self) -> list[str]:
        held = {feed for part in self.parts for feed in (*part.scan.counts, self._main(part))}
        return [feed for feed in (*KINDS, OTHER) if feed in held]

    @staticmethod
    def _main(part: Part) -> str:
        """The type that a file stands for: its first one, else the one in its name (an empty export), else none."""
        named = _type_in_name(part.file)
        empty = not part.scan.others and not part.scan.junk
        return next(iter(part.scan.counts), named if named in KINDS and empty else OTHER)

    def _sha256(self, parts: Sequence[Part]) -> str:
        if len(parts) == 1 and self.snapshot == "delta":
            return parts[0].scan.sha256
        return hashlib.sha256("".join([self.snapshot, *(part.scan.sha256 for part in parts)]).encode()).hexdigest()

    def _delivery(
        self, feed: str, parts: Sequence[Part], sha256: str, known: Known, notices: tuple[str, ...]
    ) -> Delivery:
        newest, same = known.newest(feed), known.repeated(feed, sha256)
        junk = sum(part.scan.junk for part in parts if self._main(part) == feed)
        rows = sum(part.scan.counts.get(feed, 0) for part in parts)
        by_lines = self.tapes is not None and self.snapshot == "full" and all(_is_plain(part, feed) for part in parts)
        return Delivery(
            feed=feed,
            name=_name(parts),
            snapshot=self.snapshot if feed in KINDS else "delta",
            data_as_of=self.data_as_of,
            terms=self.terms,
            files=tuple(part.file for part in parts),
            proof=Proof(sha256=sha256, rows=rows + junk, kinds={KINDS[feed]: rows} if feed in KINDS else {}),
            context=CONTEXT if by_lines else None,
            tape=self.tapes.of(feed) if self.tapes is not None and by_lines else None,
            repeated=same is not None,
            skipped="older_snapshot" if self._is_older(newest) else None,
            notices=notices,
            with_junk=junk > 0,
        )

    def _is_older(self, newest: datetime | None) -> bool:
        return self.snapshot == "full" and newest is not None and self.data_as_of < newest


def _is_plain(part: Part, feed: str) -> bool:
    """True for NDJSON in which every line is a resource of one type; a Bundle on a line is none."""
    return part.scan.plain and feed in part.scan.counts and len(part.scan.counts) == 1


def _holds(part: Part, feed: str, main: str) -> bool:
    return feed in part.scan.counts or feed == main


def _name(parts: Sequence[Part]) -> str:
    first = parts[0].file.name
    return first if len(parts) == 1 else f"{first} (and {len(parts) - 1} more)"


def exports(folder: Folder, known: Known, blank: Export) -> Iterator[Export]:
    """Yields what lies in the folder, the oldest first; raises Unavailable when it is not there.

    `blank` is an export without files, as of now.
    """
    files = folder.files()
    if blank.snapshot == "delta":
        groups = [[file] for file in files]
    else:
        groups = [list(group) for _, group in groupby(sorted(files, key=_export_key), key=_export_key)]
        groups.sort(key=lambda group: min((file.exported, file.name) for file in group))
    for group in groups:
        tapes = Tapes(known) if blank.snapshot == "full" else None
        yield _export(group, folder, replace(blank, tapes=tapes))


def _export_key(file: File) -> tuple[str, str]:
    """Files of one folder belong together, those with a time in the name by that time."""
    return file.name.rpartition("/")[0], file.stated.isoformat() if file.stated is not None else ""


def _export(files: Sequence[File], folder: Folder, blank: Export) -> Export:
    """Proves the files. One that is refused, or whose server reports gaps, leaves the export a delta."""
    data_as_of = min(blank.data_as_of, *(file.exported for file in files))
    parts: list[Part] = []
    refusals: list[Delivery] = []
    for file in files:
        try:
            parts.append(Part(file, folder.scan(file, blank.tapes)))
        except Refusal as refusal:
            refusals.append(_refused(file, refusal, replace(blank, data_as_of=data_as_of)))
    whole = not refusals and not any(part.scan.alarms for part in parts)
    snapshot: SnapshotRule = blank.snapshot if whole else "delta"
    return replace(blank, parts=parts, refusals=refusals, snapshot=snapshot, data_as_of=data_as_of)


def _type_in_name(file: File) -> str:
    """`Patient` of Patient.000.ndjson, Patient-2026-01-31.ndjson or Patient_1.json."""
    return re.split(r"[._-]", file.path.name, maxsplit=1)[0]


def _refused(file: File, refusal: Refusal, blank: Export) -> Delivery:
    named = _type_in_name(file)
    return Delivery(
        feed=named if named in KINDS else OTHER,
        name=file.name,
        snapshot="delta",
        data_as_of=blank.data_as_of,
        terms=blank.terms,
        files=(file,),
        refusal=refusal,
    )
