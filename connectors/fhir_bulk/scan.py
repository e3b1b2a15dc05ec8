"""The proof of one file of an export: that it is whole, and what it holds."""

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from connectors.base import Refusal, Unavailable
from connectors.fhir.entry import UNREADABLE, Entry, entries_of, plain_entry
from connectors.fhir.outcome import issues_of
from connectors.fhir.stream import lines
from connectors.fhir_bulk.manifest import Item
from connectors.http.download import Downloaded
from mappings.fhir.mapping import REMOVAL

OUTCOME = "OperationOutcome"


class Unsound(Unavailable):
    """A file is not what its manifest says; nothing of it lands."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scan:
    """What a file holds: its lines, resources by type, lines that are no resource, outcomes of severity error, what is
    gone by type."""

    sha256: str
    lines: int
    resources: Mapping[str, int] = field(default_factory=dict)
    junk: int = 0
    alarms: int = 0
    gone: Mapping[str, int] = field(default_factory=dict)

    def gaps(self, resource: str) -> int:
        """How many lines show that something of the type is missing."""
        return self.junk + self.alarms + sum(self.strange(resource).values())

    def strange(self, resource: str) -> dict[str, int]:
        """Resources of other types than the file's."""
        return {kind: n for kind, n in self.resources.items() if kind not in (resource, OUTCOME)}


def read(path: Path, name: str, item: Item, got: Downloaded) -> Scan:
    """Proves a file; raises Unsound when it is not whole, or is not what the manifest says."""
    if not got.ended:
        if item.count is None:
            raise Unsound(f"{name}: the last line has no end, and the manifest does not say how many there are")
        with path.open("ab") as file:
            file.write(b"\n")
    try:
        found = _scan(path, name)
    except Refusal as refusal:
        raise Unsound(f"{refusal.name}: {refusal.advice}") from None
    _check_count(found, item, name)
    if found.alarms and item.type != OUTCOME and not found.resources.keys() - {OUTCOME}:
        raise Unsound(f"{name}: the server answers with an error instead of the file")
    return found


def _check_count(found: Scan, item: Item, name: str) -> None:
    """A line that cannot be read may be one that the server counts, or may not."""
    if item.count is None:
        return
    least, most = found.lines - found.junk, max(found.lines, sum(found.gone.values()))
    if not least <= item.count <= most:
        raise Unsound(f"{name}: it holds {found.lines} resources, and the manifest tells {item.count}")


def _scan(path: Path, name: str) -> Scan:
    types: Counter[str] = Counter()
    gone: Counter[str] = Counter()
    count = junk = alarms = 0
    last, told = b"", True
    for number, last in lines(path, name):
        count += 1
        entry = plain_entry(last, number, proved=False)
        if entry is not None:
            types[entry.resource] += 1
            alarms += entry.resource == OUTCOME and any(issue.severe for issue in issues_of(last))
            told = True
            continue
        found = removals(last, number)
        gone.update(each.resource for each in found)
        told = bool(found)
        junk += not told
    if not told and not _is_json(last):
        raise Unsound(f"{name}: the last line is cut off")
    with path.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    return Scan(sha256=sha256, lines=count, resources=types, junk=junk, alarms=alarms, gone=gone)


def removals(line: bytes, number: int) -> Sequence[Entry]:
    """What a line of a file of deletions tells to be gone: it is a Bundle of DELETE requests."""
    return [entry for entry in entries_of(line, number, document=False) if entry.body.startswith(REMOVAL)]


def _is_json(body: bytes) -> bool:
    try:
        msgspec.json.decode(body)
    except UNREADABLE:
        return False
    return True
