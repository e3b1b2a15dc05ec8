"""Destinations that take whole files: contact files and worklists."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import NamedTuple, Protocol, runtime_checkable

from connectors.base.destination import Capabilities, FeedbackPage
from connectors.base.lent import Json
from connectors.traffic import Traffic


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
