"""Brings one subscriber in step. Its state is never raised: whoever cancelled, bounced or complained stays so."""

from dataclasses import replace

from connectors.base import Accepted, Change, Outcome, Refused, Unavailable
from connectors.http import Unsettled
from connectors.kit.account import Account, Declined, Subscriber
from connectors.kit.outcomes import DELETED, STATES
from connectors.labels import Labels
from connectors.settling import Progress, Trouble, fields_to_write, is_renaming, tags_to_write
from mappings.document import Document


class _Barred(Exception):
    """The subscriber's state bars it from being mailed."""

    def __init__(self, state: str) -> None:
        super().__init__(state)
        self.state = state


class Subscribers:
    """Settles changes of single subscribers. Misconfigured passes through; everything else becomes an outcome."""

    def __init__(self, account: Account, labels: Labels) -> None:
        self._account, self._labels = account, labels

    def settle(self, change: Change, found: Subscriber | None = None) -> tuple[Outcome, Trouble | None]:
        """Returns the outcome, and the error behind a Retry. `found` is the subscriber where it has just been read."""
        progress = Progress(ref=found.ref if found is not None else change.ref or "", accepted=change.accepted)
        steps = {"subscribed": self._subscribed, "left": self._left, "unsubscribed": self._unsubscribed}
        try:
            steps[change.wished.standing](change, progress, found)
        except _Barred as barred:
            return barred_from(barred.state, progress), None
        except Declined as declined:
            return self._declined(declined, change, progress)
        except (Unavailable, Unsettled) as error:
            return progress.later(error), error
        return Accepted(document=change.wished, ref=progress.ref or None), None

    def _declined(self, declined: Declined, change: Change, progress: Progress) -> tuple[Outcome, Trouble | None]:
        """Looks who is there where the refusal alone does not tell."""
        verdict = declined.verdict
        if verdict.code == "exists":
            return self._taken(change, progress) if is_renaming(change) else (progress.refused("address_taken"), None)
        if not verdict.look:
            return progress.refused(verdict.code, verdict.suppress), None
        try:
            found = self._account.read(progress.ref)
        except (Unavailable, Unsettled) as error:
            return progress.later(error), error
        if found is None:
            return barred_from(DELETED, progress), None
        cause = STATES.get(found.state)
        return progress.refused(cause or verdict.code, cause), None

    def _taken(self, change: Change, progress: Progress) -> tuple[Outcome, Trouble | None]:
        """Leaves the former address and goes on with the subscriber that the new one has already."""
        left = Document(address=change.wished.address, standing="left")
        try:
            self._left(replace(change, wished=left), progress, None)
        except (Unavailable, Unsettled) as error:
            return progress.later(error), error
        return self.settle(replace(change, accepted=None, ref=None))

    def _subscribed(self, change: Change, progress: Progress, found: Subscriber | None) -> None:
        if found is None and progress.ref and (change.accepted is None or change.accepted.standing != "subscribed"):
            found = self._account.read(progress.ref)
            if found is None:
                raise _Barred(DELETED)
        if found is not None:
            _require_active(found)
            progress.took(**_known(change, found))
        fields = fields_to_write(change, progress.accepted)
        if not progress.ref:
            written = self._account.upsert(change.wished.address, change.wished.fields)
        elif fields or is_renaming(change):
            written = self._account.update(progress.ref, change.wished.address, fields)
        else:
            self._tags(change, progress)
            return
        progress.ref = written.ref
        _require_active(written)
        progress.took(address=change.wished.address, fields=change.wished.fields, standing="subscribed")
        self._tags(change, progress)

    def _tags(self, change: Change, progress: Progress) -> None:
        """Adds and removes tags, one call each; the answer to an addition tells the state."""
        add, remove = tags_to_write(change, progress.accepted)
        have = progress.accepted.tags if progress.accepted is not None else frozenset()
        for tag, label in sorted(self._labels.known(remove).items()):
            self._account.untag(label, progress.ref)
            have -= {tag}
            progress.took(tags=have)
        progress.took(tags=have - remove)
        for tag, label in sorted(self._labels.ids(add).items()):
            _require_active(self._account.tag(label, progress.ref))
            have |= {tag}
            progress.took(tags=have - remove)

    def _left(self, change: Change, progress: Progress, _found: Subscriber | None) -> None:
        """Takes our tags away; never unsubscribes."""
        if progress.ref:
            self._tags(change, progress)

    def _unsubscribed(self, change: Change, progress: Progress, _found: Subscriber | None) -> None:
        """Cancels a subscriber that is there and active; creates nobody."""
        if not progress.ref:
            return
        found = self._account.read(progress.ref)
        if found is None:
            return
        if found.state == "active":
            self._account.unsubscribe(progress.ref)
        progress.took(standing="unsubscribed")
        self._left(change, progress, None)


def barred_from(state: str, progress: Progress) -> Refused:
    """The outcome for a subscriber in a state other than active."""
    cause = STATES.get(state)
    return progress.refused(cause or state or "refused", cause)


def _require_active(found: Subscriber) -> None:
    if found.state != "active":
        raise _Barred(found.state)


def _known(change: Change, found: Subscriber) -> dict[str, object]:
    """What a subscriber that has just been read is known to hold; its tags are known from what was accepted."""
    names = change.wished.fields.keys() | (change.accepted.fields.keys() if change.accepted is not None else set())
    fields = {name: found.fields[name] for name in names if name in found.fields}
    return {"address": found.address, "fields": fields, "standing": "subscribed"}
