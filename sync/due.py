"""When a contact must be looked at again: the next instant at which time alone can change it, and the data it waits for."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

from sync.clock import Clock

if TYPE_CHECKING:
    from sync.lifecycle import Judgement


class Wait(NamedTuple):
    """The `data_as_of` of `source` at which something may change: until then its clock stands, or its view ends."""

    source: str
    until: datetime


class Due:
    """Collects the instants at which something may change; those that a clock will not reach become waits."""

    __slots__ = ("_clock", "_next", "_waits")

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._next: datetime | None = None
        self._waits: dict[str, datetime] = {}

    @classmethod
    def of(cls, judgement: Judgement) -> Due:
        """Goes on from what a judgement has found, by the contact's clock."""
        due = cls(judgement.own_clock)
        due._next = judgement.next_change_at
        due._waits = {wait.source: wait.until for wait in judgement.waits}
        return due

    def add(self, instant: datetime, clock: Clock | None = None) -> None:
        """Takes an instant at which something may change; one that the clock has passed is nothing new."""
        now, limit, source, max_age = clock or self._clock
        if limit is None or instant <= limit:
            if instant > now and (self._next is None or instant < self._next):
                self._next = instant
        elif source is not None:
            self.wait(source, instant - max_age)

    def wait(self, source: str, until: datetime) -> None:
        """Takes a `data_as_of` of a source at which something may change."""
        known = self._waits.get(source)
        if known is None or until < known:
            self._waits[source] = until

    @property
    def next_change_at(self) -> datetime | None:
        """The earliest instant; None = time alone changes nothing."""
        return self._next

    @property
    def waits(self) -> tuple[Wait, ...]:
        """One a source, the earliest, by source."""
        return tuple(Wait(source, until) for source, until in sorted(self._waits.items()))
