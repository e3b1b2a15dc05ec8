"""What a destination is asked to change, and what came of it."""

from dataclasses import dataclass
from typing import Literal

from mappings.document import Document


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
