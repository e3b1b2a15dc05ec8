"""What a destination promises; what it can do beyond is told by its capabilities and by further protocols."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol, runtime_checkable

from connectors.base.lent import Json
from connectors.base.outcomes import Change, Outcome
from connectors.traffic import Traffic


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
