"""What destinations that take subscribers one by one have in common: progress, ending early, and what is to be written."""

import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Final, TypeVar

from connectors.base import Change, Misconfigured, Outcome, Refused, Retry, SuppressCause, Unavailable
from connectors.http import Unsettled
from mappings.document import Document

CALLS: Final = 8
"""Calls at a time; of what a provider allows an account the practice's other tools need some."""
RETRY_AFTER: Final = 60.0
_FAILURES: Final = 3

Trouble = Unavailable | Unsettled
_In = TypeVar("_In")
_Out = TypeVar("_Out")


@dataclass(slots=True, kw_only=True)
class Progress:
    """What is known of a subscriber while its change is under way: its id, and what the provider has taken so far."""

    ref: str
    accepted: Document | None

    @classmethod
    def of(cls, change: Change) -> "Progress":
        """Where a change starts from."""
        return cls(ref=change.ref or "", accepted=change.accepted)

    def took(self, **parts: object) -> None:
        """Notes parts of the document that the provider has just taken."""
        before = self.accepted if self.accepted is not None else Document(address="")
        self.accepted = replace(before, **parts)  # type: ignore[arg-type]  # names of Document's fields

    def refused(self, code: str, suppress: SuppressCause | None = None) -> Refused:
        """The outcome where the provider will not have it."""
        return Refused(code=code, suppress=suppress, accepted=self.accepted, ref=self.ref or None)

    def later(self, error: Trouble) -> Retry:
        """The outcome where a call did not come through."""
        code = "outcome_unknown" if isinstance(error, Unsettled) else "unavailable"
        return Retry(after=error.retry_after or RETRY_AFTER, code=code, accepted=self.accepted, ref=self.ref or None)


class Halt:
    """Ends a push early: at a wrong setting, or after three calls that failed with all their retries."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._failures = 0
        self.stop: Misconfigured | None = None
        self.trouble: Trouble | None = None

    def note(self, error: Trouble | Misconfigured) -> None:
        """Counts an error of the account as a whole."""
        with self._lock:
            if isinstance(error, Misconfigured):
                self.stop = self.stop or error
            else:
                self._failures += 1
                self.trouble = error

    @property
    def over(self) -> bool:
        return self.stop is not None or self._failures >= _FAILURES

    def retry(self, progress: Progress) -> Retry:
        """The outcome of a change that was not begun, or not ended."""
        after = (self.trouble.retry_after if self.trouble else None) or RETRY_AFTER
        return Retry(after=after, code="not_begun", accepted=progress.accepted, ref=progress.ref or None)

    def settled(self, outcomes: Sequence[Outcome], *, wrote: bool) -> list[Outcome]:
        """The outcomes of a push; raises what ended it where nothing was written."""
        if not wrote and self.stop is not None:
            raise self.stop
        if not wrote and self.trouble is not None and all(isinstance(outcome, Retry) for outcome in outcomes):
            raise Unavailable(str(self.trouble), retry_after=self.trouble.retry_after)
        return list(outcomes)


def at_once(act: Callable[[_In], _Out], items: Sequence[_In]) -> list[_Out]:
    """Acts on all items, up to eight at a time; results in order."""
    if len(items) < 2:
        return [act(item) for item in items]
    with ThreadPoolExecutor(max_workers=CALLS) as pool:
        return list(pool.map(act, items))


def is_new(change: Change) -> bool:
    """True if the destination has never taken this subscriber."""
    return change.accepted is None


def is_renaming(change: Change) -> bool:
    """True if the subscriber is known under another address than the one that is wished."""
    return change.accepted is not None and change.accepted.address.lower() != change.wished.address.lower()


def fields_to_write(change: Change, known: Document | None) -> dict[str, str]:
    """The fields that differ from what is known; "" erases one."""
    before = known.fields if known is not None else {}
    wished: Mapping[str, str] = change.wished.fields
    written = {name: value for name, value in wished.items() if before.get(name, "") != value}
    return written | {name: "" for name, value in before.items() if name not in wished and value}


def tags_to_write(change: Change, known: Document | None) -> tuple[frozenset[str], frozenset[str]]:
    """The tags to add and those to take away."""
    have = known.tags if known is not None else frozenset()
    return change.wished.tags - have, have - change.wished.tags
