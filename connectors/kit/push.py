"""One push with an API key: every subscriber on its own, up to eight calls at a time."""

from collections.abc import Sequence

from connectors.base import Change, Misconfigured, Outcome, Unavailable
from connectors.http import Unsettled
from connectors.kit.account import Account
from connectors.kit.subscribers import Subscribers
from connectors.labels import Labels
from connectors.settling import Halt, Progress, at_once, tags_to_write


class Push:
    """Settles changes on one account; one outcome a change, in order."""

    def __init__(self, account: Account, labels: Labels) -> None:
        self.account, self.labels, self.halt = account, labels, Halt()
        self.subscribers = Subscribers(account, labels)

    def run(self, changes: Sequence[Change]) -> list[Outcome]:
        """Raises Unavailable or Misconfigured only when nothing was written."""
        self._find_tags(changes)
        outcomes = self.settle_all(changes)
        return self.halt.settled(outcomes, wrote=self.account.wrote)

    def settle_all(self, changes: Sequence[Change]) -> list[Outcome]:
        """The outcome of each change."""
        return at_once(self.settle, changes)

    def _find_tags(self, changes: Sequence[Change]) -> None:
        """Finds or makes the tags before any subscriber is written: one that was deleted ends the push."""
        added = frozenset(tag for change in changes for tag in tags_to_write(change, change.accepted)[0])
        try:
            self.labels.ids(added)
        except (Unavailable, Unsettled, Misconfigured) as error:
            self.halt.note(error)

    def settle(self, change: Change) -> Outcome:
        """Settles one change unless the push is over."""
        progress = Progress.of(change)
        if self.halt.over:
            return self.halt.retry(progress)
        try:
            outcome, trouble = self.subscribers.settle(change)
        except Misconfigured as error:
            self.halt.note(error)
            return self.halt.retry(progress)
        if trouble is not None:
            self.halt.note(trouble)
        return outcome
