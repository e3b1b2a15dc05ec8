"""What a source and a destination promise; every connector keeps these and nothing else.

A source offers passes (one file, or one whole search); a pass yields pages. The pipeline decides from the
pass's proof whether it may land, before the first page is read.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Literal, NamedTuple, Protocol, runtime_checkable

from connectors.lines import NO_LINES, NOTHING, Block, Remembered
from connectors.traffic import Traffic
from mappings.document import Document
from mappings.records import Kind, Mapped, Rejected

Json = dict[str, Any]
SnapshotRule = Literal["full", "window", "flags", "delta"]


class Unavailable(Exception):
    """The outside system cannot be used now; nothing of the call can have taken effect. Try again later (75)."""

    def __init__(self, message: str, *, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class Misconfigured(Exception):
    """A setting is wrong in a way that only a person can mend; `setting` names it (77 for credentials, else 78)."""

    def __init__(self, setting: str, message: str, *, credentials: bool = False) -> None:
        super().__init__(f"{setting}: {message}")
        self.setting = setting
        self.credentials = credentials


class Unerasable(Exception):
    """The destination will not erase this subscriber; `code` says why, and a person must do it there."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class Unsent(Exception):
    """The destination refuses an event; it is told no more."""


class Untold(Exception):
    """An event went out and no answer came: it may have been taken, and is not sent again."""


class Forged(Exception):
    """A webhook's call that is not the provider's, or cannot be read; nothing of it counts."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.code = reason.replace(" ", "_")


class Refusal(Exception):
    """A whole file was refused and left where it was.

    Carries the file's name, a code (cut_last_line, unclosed_quote, wrong_encoding, duplicate_header,
    missing_column, empty_file, too_large, unreadable), the line and column where known, and advice.
    Never a value.
    """

    def __init__(
        self, name: str, code: str, advice: str, *, line: int | None = None, column: str | None = None
    ) -> None:
        where = name + (f":{line}" if line is not None else "") + (f", column {column!r}" if column else "")
        super().__init__(f"{where}: {code.replace('_', ' ')}; {advice}")
        self.name, self.code, self.advice, self.line, self.column = name, code, advice, line, column


class RawRow(NamedTuple):
    """One row as delivered: bytes for FHIR, the tuple of mapped cells for tables. `place` = line number in the pass.

    `digest` is that of the line that the row came from (`connectors.lines`); None for a row that is no line.
    """

    kind: Kind
    external_id: str
    body: bytes | tuple[str, ...]
    place: int
    digest: bytes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Rows that are stored in one transaction.

    `cursor` is the connector's own JSON: where a pass that breaks off after this page goes on (`Known.cursor`). It is
    stored in the page's transaction, so a page that was stored is never asked for again; a page without rows may
    carry one (a bulk job's URL). The last page's cursor stays: it holds from where the next pass asks for changes.
    Of a pass that is no stream the last cursor is stored when the pass is complete.

    Where lines that were there last time are left out: `unchanged` counts them, `lines` are all lines of the page,
    `gone` the digests of lines that did not come again.

    `warned` are the codes of what a server warns of in its answer (hl7.org/fhir/R4/valueset-issue-type.html).
    """

    rows: Sequence[RawRow]
    cursor: Json | None = None
    unchanged: int = 0
    lines: Block = NO_LINES
    gone: bytes = b""
    warned: Sequence[str] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """What the first reading of a file established: it decodes, parses and is whole.

    `rows` counts data rows; `sites` counts them by raw site cell where the site comes from a column;
    `header` is a fingerprint of the header's names in order, "" where there is none;
    `kinds` counts rows by kind where one file carries several (FHIR Bundles).
    """

    sha256: str
    rows: int
    header: str = ""
    sites: Mapping[str, int] = field(default_factory=dict)
    kinds: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """The first and last local day that a window file speaks of, both included."""

    first: date
    last: date


class Pass(Protocol):
    """One complete delivery of one feed: a file, or a whole search.

    `feed` names it within the source (patients, appointments, …; a preset's table). `kinds` are the record
    kinds that a full pass speaks for: a row of these kinds (and of this feed) not in it is absent.
    `window` is known only after the last page of a pass with `snapshot == "window"`.
    `ordinal` orders the passes of a feed: an older full pass after a newer one is not offered to land.
    `refusal` is set instead of a proof when the file must not land. A pass over a network is a `stream`: it has no
    proof before its last page, its rows land as they come, each page with its cursor, and a brake that trips at its
    end holds back the absences alone; "resumed" = it goes on where an earlier one broke off. None for files.
    `skipped` is a notice code when the pass asks not to land (older_snapshot, unsettled: it is still being
    written).
    """

    feed: str
    name: str
    snapshot: SnapshotRule
    data_as_of: datetime
    kinds: frozenset[Kind]
    stream: Literal["anew", "resumed"] | None
    proof: Proof | None
    refusal: Refusal | None
    skipped: str | None
    notices: Sequence[str]

    def pages(self) -> Iterator[Page]:
        """Yields the rows; raises Refusal or Unavailable when the delivery turns out not to be whole."""
        ...

    def window(self) -> Window | None: ...


@runtime_checkable
class LinePass(Pass, Protocol):
    """A pass over files; a full one may leave out the lines that were there when the feed landed last.

    `context` changes whenever the same line would be read otherwise (encoding, header …); None where rows are no
    lines. `repeated`: the very bytes that landed last, exported anew; there is nothing to read. `labels` are what
    the labels of its lines stand for, complete after the last page.
    """

    context: str | None
    repeated: bool
    labels: Sequence[str]

    def pages(self, remembered: Remembered = NOTHING) -> Iterator[Page]:
        """Yields the rows of lines that are not `remembered`."""
        ...


class Known(Protocol):
    """What was landed before, asked by a source that must not read a file twice. Kept by sync."""

    def landed(self, feed: str, sha256: str) -> bool:
        """True when a file of these bytes was landed (or is held or discarded) under the present mapping."""
        ...

    def newest(self, feed: str) -> datetime | None:
        """`data_as_of` of the newest pass of the feed that has landed."""
        ...

    def repeated(self, feed: str, sha256: str) -> Proof | None:
        """The proof of what landed last for the feed, when it was these bytes under the present mapping."""
        ...

    def lines(self, feed: str, context: str) -> Remembered:
        """The lines of the file that landed last for the feed, where it was read in the same context."""
        ...

    def cursor(self, feed: str) -> Json | None:
        """The cursor that was stored last for the feed under the present mapping; None: begin anew, with everything."""
        ...

    def settled(self, feed: str, sha256: str, name: str | None) -> bool:
        """True when these bytes, though exported anew, need no landing: they are held or discarded, or landed as `name`."""
        ...


class Export(NamedTuple):
    """A delivery as files tell of it: its name, when it was exported (not after now), and whether the name says so."""

    feed: str
    sha256: str
    name: str
    exported: datetime
    stated: bool


def is_known(known: Known, export: Export) -> bool:
    """True when a delivery need not land. The same bytes exported anew say that nothing has changed since, or again."""
    if not known.landed(export.feed, export.sha256):
        return False
    newest = known.newest(export.feed)
    if newest is None or export.exported <= newest:
        return True
    return known.settled(export.feed, export.sha256, export.name if export.stated else None)


class Source(Protocol):
    """A configured EMR feed or lead list.

    `fingerprint` changes whenever the same raw row would be mapped to something else.
    `feeds` names every feed that is configured, so that a silent one is noticed.
    """

    name: str
    fingerprint: str
    feeds: Sequence[str]

    def passes(self, known: Known, at: datetime) -> Iterator[Pass]:
        """Yields what there is to land, in order; raises Unavailable or Misconfigured."""
        ...

    def map(self, row: RawRow) -> Mapped | Rejected:
        """Pure: reads one raw row."""
        ...


class Finding(NamedTuple):
    """What a live check found at one step (name, TLS, clock, token, scopes, one record, folder …).

    `hint` says in one sentence what was found, or what to do; never a value of a person's. `cause` says what a failed
    step calls for: another setting (78), other credentials (77), or an outside system that works again (75).
    """

    step: str
    ok: bool
    hint: str
    cause: Literal["settings", "credentials", "system"] = "settings"


def failure(step: str, error: Unavailable | Misconfigured, advice: str = "") -> Finding:
    """The finding of a step that raised; `advice` is added to the error's sentence."""
    if isinstance(error, Unavailable):
        return Finding(step, ok=False, hint=f"{error}{advice}", cause="system")
    return Finding(step, ok=False, hint=f"{error}{advice}", cause="credentials" if error.credentials else "settings")


@runtime_checkable
class Probing(Protocol):
    """A connector that `check --live` can try out without changing anything anywhere."""

    def probe(self, at: datetime) -> Iterator[Finding]:
        """Yields a finding a step, in order, and ends after the first that makes the following ones pointless."""
        ...


# ---------------------------------------------------------------- destinations


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One subscriber to bring in step. `key` is the subscriber's unit key (address, or contact id).

    `accepted` is what the destination last took (None: never), `ref` the provider's own id, `loud` the tags whose
    adding may start automations; every other write must be quiet.
    """

    key: str
    wished: Document
    accepted: Document | None
    ref: str | None
    loud: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """The destination holds `document` now."""

    document: Document
    ref: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Retry:
    """Not now: try again after `after` seconds. `accepted` is what is known to have been taken so far."""

    after: float
    code: str = "later"
    accepted: Document | None = None
    ref: str | None = None


SuppressCause = Literal["unsubscribed", "bounced", "complained", "archived_by_human", "bad_address"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """The destination will not take this one; parked until its input changes, or suppressed with a cause."""

    code: str
    suppress: SuppressCause | None = None
    accepted: Document | None = None
    ref: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Submitted:
    """Handed over for later: `collect(handle)` settles it."""

    handle: str


Outcome = Accepted | Retry | Refused | Submitted


@dataclass(frozen=True, slots=True, kw_only=True)
class Feedback:
    """One thing a destination reports about an address. `state` is the provider's standing for the member.

    A state of "subscribed" is reported with `opted_in_at` where the provider gives one. `tags` and `fields` are
    given where read. `at` is the provider's time of the change. The last five states are answers of the front desk;
    `address` is then the contact's id.
    """

    address: str
    ref: str | None
    state: Literal[
        "subscribed", "unsubscribed", "cleaned", "complained", "pending", "archived", "transactional",
        "booked", "left_message", "not_interested", "do_not_call", "wrong_number",
    ]  # fmt: skip
    at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedbackPage:
    """A page of feedback; `cursor` is valid once the page is stored."""

    items: Sequence[Feedback]
    cursor: Json
    complete: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """What a destination can do; the pipeline asks this, never the kind.

    `quiet_tags`: a tag can be added without starting automations. `channel`: how the people on it are reached, which
    decides whose consents and refusals count.
    """

    unit: Literal["address", "contact"]
    batch: int = 500
    whole_files: bool = False
    quiet_tags: bool = False
    reads_opt_outs: bool = False
    reads_answers: bool = False
    channel: Literal["email", "phone"] = "email"
    erases: bool = False
    tells: bool = False


@runtime_checkable
class Destination(Protocol):
    """Takes changes one by one. Raise Unavailable or Misconfigured only when nothing can have taken effect."""

    name: str
    capabilities: Capabilities
    traffic: Traffic

    def push(self, changes: Sequence[Change]) -> Sequence[Outcome]:
        """Returns one outcome a change, in order."""
        ...

    def feedback(self, cursor: Json | None, at: datetime) -> Iterator[FeedbackPage]: ...

    def preflight(self) -> Sequence[str]:
        """Checks the account; returns a list of what to fix, empty when all is well."""
        ...


@runtime_checkable
class Telling(Protocol):
    """A destination that can be told events."""

    name: str

    def tell(self, address: str, ref: str | None, event: str) -> None:
        """Tells that something happened to a subscriber, without properties.

        Raises Unavailable or Misconfigured (nothing was told), Unsent (refused), Untold (nobody knows).
        """
        ...


@runtime_checkable
class FieldMaking(Protocol):
    """A destination at which the fields that `fields:` names can be made."""

    def create_fields(self) -> Sequence[str]:
        """Makes those that are missing; returns their names. Raises Unavailable or Misconfigured."""
        ...


@runtime_checkable
class Hooked(Protocol):
    """A destination whose provider reports by webhook."""

    name: str

    def admits(self, secret: str) -> bool:
        """True for the secret that ends the webhook's URL; never without one configured."""
        ...

    def hear(self, body: bytes, headers: Mapping[str, str], at: datetime) -> Sequence[Feedback]:
        """Reads a call, and takes from it only what closes an address; raises Forged."""
        ...


@runtime_checkable
class Erasing(Protocol):
    """A destination that can erase a subscriber for good (`Capabilities.erases`)."""

    def erase(self, address: str, ref: str | None) -> Literal["erased", "absent"]:
        """Erases, and reads whether it is gone; "absent" when there was none.

        Raises Unavailable (also while the subscriber can still be read), Misconfigured or Unerasable.
        """
        ...


class FileEntry(NamedTuple):
    """One contact in a whole-file destination: its id, its field values in configured order, its segment names."""

    contact: str
    values: tuple[str, ...]
    segments: frozenset[str]


@runtime_checkable
class FileDestination(Protocol):
    """Takes whole files. `write` is atomic per file and leaves an unchanged file untouched."""

    name: str
    capabilities: Capabilities

    def intact(self) -> bool:
        """True when every file that should be there is there."""
        ...

    def preflight(self) -> Sequence[str]:
        """Checks the folder; returns a list of what to fix, empty when all is well."""
        ...

    def write(self, entries: Iterable[FileEntry], segments: Sequence[str]) -> int:
        """Writes contacts.csv and segments/<name>.csv; returns how many files changed."""
        ...


class ListEntry(NamedTuple):
    """One contact on a worklist: id, site, field values in configured order, the lists it is on, and why it is not
    reached otherwise (a withheld reason; "" where nobody else is asked)."""

    contact: str
    site: str | None
    values: tuple[str, ...]
    segments: frozenset[str]
    reason: str = ""


@runtime_checkable
class ListDestination(Protocol):
    """Takes whole worklists and gives back what people answered, as feedback. `write` loses no answer.

    `not_reached_by` names destinations: only those whom none of them reaches are written.
    """

    name: str
    capabilities: Capabilities
    traffic: Traffic
    not_reached_by: Sequence[str]

    def feedback(self, cursor: Json | None, at: datetime) -> Iterator[FeedbackPage]: ...

    def preflight(self) -> Sequence[str]:
        """Checks the folder; returns a list of what to fix, empty when all is well."""
        ...

    def write(self, entries: Iterable[ListEntry], at: datetime) -> int:
        """Writes the lists; returns how many files changed."""
        ...


# ---------------------------------------------------------------- what sync lends to connectors


class Memo(Protocol):
    """A small persistent map, key -> JSON, kept in the database by sync."""

    def get(self, key: str) -> Json | None: ...
    def put(self, key: str, value: Json) -> None: ...
    def drop(self, key: str) -> None: ...


class Budget(Protocol):
    """Bounds simultaneous calls to one outside account."""

    def slot(self) -> AbstractContextManager[None]: ...


class Lent(NamedTuple):
    """What sync hands to every connector beside its settings."""

    memo: Memo
    budget: Budget
