"""What a source promises, and what a live check finds."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Literal, NamedTuple, Protocol, runtime_checkable

from connectors.base.errors import Misconfigured, Unavailable
from connectors.base.passes import Known, Pass, RawRow
from mappings.records import Mapped, Rejected


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
