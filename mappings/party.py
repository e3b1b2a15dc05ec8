"""One contact as documents need it, with the segments that it is in and how they may be told."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from mappings.consent import Decision
from mappings.records import Purpose


class StepTag(NamedTuple):
    """The step of a segment that a contact is at: since when it may be loud (None: quiet), and why it waits, if so."""

    name: str
    loud_since: datetime | None
    waits: str | None = None


class SegmentTag(NamedTuple):
    """A segment that a contact is in: its purpose, and when the entry fell due if it may be loud (None: quiet).

    `waits`: why it is not heard yet (a withheld reason). `released_to`: of a released entry, the destinations that have
    heard it; elsewhere a tag that is there must go before it can be added loudly.
    """

    purpose: Purpose
    loud_since: datetime | None
    waits: str | None = None
    released_to: frozenset[str] | None = None
    step: StepTag | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Party:
    """One contact as a document needs it.

    `order` puts the row first seen before others. `guardian_address`: its address was given as a guardian's (or the
    source says that a minor's address is). `grown_up`: first seen as a minor and adult now. `causes` are suppressions
    of the person, `values` its rendered canonical names and facts. `observed`: of a source or site that only observes,
    so that nothing of it is sent but what takes away.
    """

    contact: str
    status: str
    site: str | None
    order: tuple[Any, ...]
    address: str | None
    minor: bool = False
    grown_up: bool = False
    guardian_address: bool = False
    prospect: bool = False
    observed: bool = False
    causes: frozenset[str] = frozenset()
    decisions: Sequence[Decision] = ()
    segments: Mapping[str, SegmentTag] = field(default_factory=dict)
    values: Mapping[str, str] = field(default_factory=dict)

    @property
    def inactive(self) -> bool:
        """Never contacted, and left out of an address altogether."""
        return self.status == "inactive"


def choose_primary(previous: str | None, parties: Sequence[Party]) -> str | None:
    """Adult before minor, then the row first seen; the previous one stays while it is there and no adult outranks it."""
    present = [party for party in parties if not party.inactive]
    if not present:
        return None
    stays = next((party for party in present if party.contact == previous), None)
    if stays is not None and not (stays.minor and any(not party.minor for party in present)):
        return stays.contact
    return ranked(present)[0].contact


def ranked(parties: Sequence[Party]) -> list[Party]:
    """Adults first, then in the order of being first seen."""
    return sorted(parties, key=lambda party: (party.minor, *party.order))
