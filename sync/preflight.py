"""Looking at destinations before anything is added there: when a process starts, and daily."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from connectors.base import Destination, Misconfigured
from sync.build import Service
from sync.push import Pushed

EVERY: Final = timedelta(days=1)


class Unfit(Misconfigured):
    """A destination must be mended before anything is added there; what takes away was sent."""

    def __init__(self, pushed: Pushed, name: str, wrong: Sequence[str]) -> None:
        super().__init__(f"destinations.{name}", "; ".join(wrong))
        self.pushed = pushed


def to_mend(service: Service, destination: Destination, at: datetime) -> Sequence[str]:
    """What must be mended at a destination; nothing while it was found well within a day."""
    asked = service.asked.get(destination.name)
    if asked is not None and timedelta() <= at - asked < EVERY:
        return ()
    wrong = destination.preflight()
    if not wrong:
        service.asked[destination.name] = at
    return wrong
