"""What a source delivers: passes that yield pages of raw rows, and what was landed of them before."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Literal, NamedTuple, Protocol, runtime_checkable

from connectors.base.errors import Refusal
from connectors.base.lent import Json
from connectors.lines import NO_LINES, NOTHING, Block, Remembered
from mappings.records import Kind

SnapshotRule = Literal["full", "window", "flags", "delta"]


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
