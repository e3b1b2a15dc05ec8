"""The proof of one file: its hash, and what it holds by resource type."""

import hashlib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from connectors.base import Json, Memo, Refusal
from connectors.fhir.entry import UNREADABLE, Entry
from connectors.fhir.stream import entries, is_lines
from connectors.fhir_files.reading import Tapes, entries_beside
from mappings.fhir.mapping import KINDS


@dataclass(frozen=True, slots=True, kw_only=True)
class Scan:
    """What a first reading found: resources that are read, by type; others, by type; what is no resource; alarms.

    `alarms` counts OperationOutcomes of severity error or fatal: the server says that the delivery has gaps. `plain`:
    lines, each of them a resource that is read.
    """

    sha256: str
    counts: Mapping[str, int] = field(default_factory=dict)
    others: Mapping[str, int] = field(default_factory=dict)
    junk: int = 0
    alarms: int = 0
    plain: bool = False

    def notices(self) -> list[str]:
        """What was passed over: a code, a colon, a sentence."""
        said = [f"resources_ignored: {number} {kind}, not used here" for kind, number in sorted(self.others.items())]
        if self.alarms:
            said.append(f"export_has_gaps: {self.alarms} OperationOutcome of severity error; nobody counts as absent")
        return said


def file_digest(path: Path, name: str) -> str:
    """The SHA-256 of the file as it lies there, in hex."""
    try:
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise Refusal(name, "unreadable", f"{error.strerror or 'it cannot be read'}; check its permissions") from None


def scan(path: Path, name: str, memo: Memo, tapes: Tapes | None = None) -> Scan:
    """Proves the file, from the memo when these bytes were proved before; raises Refusal when it must not land.

    `tapes`: given where lines that landed last are not read again.
    """
    sha256 = file_digest(path, name)
    known = memo.get(_key(sha256))
    if known is not None:
        found = msgspec.convert(known, Scan)
        if tapes is not None:
            tapes.pass_over(found.counts)
        return found
    found = _read(path, name, sha256, tapes)
    memo.put(_key(sha256), _json(found))
    return found


def _key(sha256: str) -> str:
    return f"fhir-files:{sha256}"


def _json(found: Scan) -> Json:
    return {
        "sha256": found.sha256,
        "counts": dict(found.counts),
        "others": dict(found.others),
        "junk": found.junk,
        "alarms": found.alarms,
        "plain": found.plain,
    }


def _read(path: Path, name: str, sha256: str, tapes: Tapes | None) -> Scan:
    types: Counter[str] = Counter()
    alarms = 0
    last: Entry | None = None
    bundles = Counter[str]()
    beside = tapes is not None and is_lines(path, name)
    read = entries_beside(path, name, tapes, bundles) if tapes and beside else entries(path, name, bundles=bundles)
    for last in read:
        types[last.resource] += 1
        alarms += last.resource == "OperationOutcome" and _is_alarm(last.body)
    _refuse_cut(last, name, whole=types[""] == sum(types.values()) == 1 and ".ndjson" not in path.name)
    junk = types.pop("", 0)
    return Scan(
        sha256=sha256,
        counts={kind: types[kind] for kind in KINDS if kind in types},
        others={kind: number for kind, number in types.items() if kind not in KINDS},
        junk=junk,
        alarms=alarms,
        plain=is_lines(path, name) and not bundles and not junk and len(types) == 1,
    )


def _refuse_cut(last: Entry | None, name: str, whole: bool) -> None:
    """A document that is no JSON, or a last line that is none, was cut off on its way."""
    if last is None or last.resource or _is_json(last.body):
        return
    if whole:
        raise Refusal(name, "unreadable", "it is no JSON document; export the file again")
    raise Refusal(name, "cut_last_line", "the last line is no JSON; export the file again", line=last.place)


def _is_json(body: bytes) -> bool:
    try:
        msgspec.json.decode(body)
    except UNREADABLE:
        return False
    return True


class _Issue(msgspec.Struct):
    severity: str = ""


class _Outcome(msgspec.Struct):
    issue: list[_Issue] = []


def _is_alarm(body: bytes) -> bool:
    try:
        outcome = msgspec.json.decode(body, type=_Outcome)
    except UNREADABLE:
        return True
    return any(issue.severity in ("error", "fatal") for issue in outcome.issue)
