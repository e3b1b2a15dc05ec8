"""Brings one member in step. A member's status is never raised, save for one that we archived ourselves."""

import threading
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

from connectors.base import Accepted, Change, Memo, Outcome, Refused, Retry, Unavailable
from connectors.http import Unsettled
from connectors.mailchimp.audience import Audience, Declined, Member, id_of
from connectors.mailchimp.outcomes import STATES
from mappings.document import Document

RETRY_AFTER = 60.0


@dataclass(slots=True, kw_only=True)
class Progress:
    """What is known of a member while its change is under way: its id, and what Mailchimp has taken so far."""

    ref: str
    accepted: Document | None

    def took(self, **parts: object) -> None:
        """Notes parts of the document that Mailchimp has just taken."""
        if self.accepted is not None:
            self.accepted = replace(self.accepted, **parts)  # type: ignore[arg-type]  # names of Document's fields


class Archived:
    """Remembers whom we archived ourselves: Mailchimp does not say who did, and only those may come back."""

    def __init__(self, memo: Memo) -> None:
        self._memo, self._lock = memo, threading.Lock()

    def note(self, ref: str) -> None:
        """Notes a member that is about to be archived by us."""
        with self._lock:
            self._memo.put(f"archived:{ref}", {})

    def holds(self, ref: str) -> bool:
        with self._lock:
            return self._memo.get(f"archived:{ref}") is not None

    def drop(self, ref: str) -> None:
        with self._lock:
            self._memo.drop(f"archived:{ref}")


class _Barred(Exception):
    """The member's state bars it from being sent to."""

    def __init__(self, state: str) -> None:
        super().__init__(state)
        self.state = state


def refused(state: str, progress: Progress) -> Refused:
    """The outcome for a member in a state other than subscribed."""
    cause = STATES.get(state)
    return Refused(
        code=cause or state or "refused", suppress=cause, accepted=progress.accepted, ref=progress.ref or None
    )


def later(error: Unavailable | Unsettled, progress: Progress | None = None) -> Retry:
    """The outcome for a member whose call did not come through."""
    return Retry(
        after=error.retry_after or RETRY_AFTER,
        code="outcome_unknown" if isinstance(error, Unsettled) else "unavailable",
        accepted=progress.accepted if progress else None,
        ref=(progress.ref or None) if progress else None,
    )


class Members:
    """Settles changes of single members. Misconfigured passes through; everything else becomes an outcome."""

    def __init__(self, audience: Audience, on_leave: Literal["untag", "archive"], archived: Archived) -> None:
        self._audience, self._on_leave, self._archived = audience, on_leave, archived

    def settle(self, change: Change, found: Member | None = None) -> tuple[Outcome, Unavailable | Unsettled | None]:
        """Returns the outcome, and the error behind a Retry. `found` is the member where it has just been read."""
        progress = Progress(ref=_ref(change, found), accepted=change.accepted)
        steps = {"subscribed": self._subscribed, "left": self._left, "unsubscribed": self._unsubscribed}
        try:
            steps[change.wished.standing](change, progress, found)
        except _Barred as barred:
            return refused(barred.state, progress), None
        except Declined as declined:
            return self._declined(declined, change, progress)
        except (Unavailable, Unsettled) as error:
            return later(error, progress), error
        return Accepted(document=change.wished, ref=progress.ref or None), None

    def _declined(
        self, declined: Declined, change: Change, progress: Progress
    ) -> tuple[Outcome, Unavailable | Unsettled | None]:
        """Looks for the reason in the member's state where the refusal alone does not tell it."""
        verdict, state = declined.verdict, "subscribed"
        if verdict.look:
            try:
                member = self._audience.read(progress.ref)
                arrived = self._arrived(change) if member is None else None
            except (Unavailable, Unsettled) as error:
                return later(error, progress), error
            if arrived is not None:
                return self.settle(*arrived)
            state = member.state if member else "archived"
        taken = verdict.code == "exists" and _is_renaming(change)
        if state in STATES and not (taken and state == "archived"):
            return refused(state, progress), None
        if taken:
            return self._taken(change, progress)
        code = "address_taken" if verdict.code == "exists" else verdict.code
        return Refused(code=code, suppress=verdict.suppress, accepted=progress.accepted, ref=progress.ref or None), None

    def _taken(self, change: Change, progress: Progress) -> tuple[Outcome, Unavailable | Unsettled | None]:
        """Leaves the former address and goes on with the member that the new one has already."""
        address = change.wished.address
        try:
            self._left(replace(change, wished=Document(address=address, standing="left")), progress, None)
            found = self._audience.read(id_of(address))
        except (Unavailable, Unsettled) as error:
            return later(error, progress), error
        left = Document(address=address, standing="left")
        if found is None:
            return Refused(code="address_taken", accepted=left, ref=id_of(address)), None
        return self.settle(replace(change, accepted=left, ref=found.ref), found)

    def _arrived(self, change: Change) -> tuple[Change, Member] | None:
        """The member under its new address, where a renaming has taken effect and nobody heard of it."""
        accepted, wished = change.accepted, change.wished
        if accepted is None or not _is_renaming(change):
            return None
        found = self._audience.read(id_of(wished.address))
        moved = replace(change, accepted=replace(accepted, address=wished.address), ref=found.ref if found else None)
        return None if found is None else (moved, found)

    def _subscribed(self, change: Change, progress: Progress, found: Member | None) -> None:
        accepted, wished = change.accepted, change.wished
        if found is None and (accepted is None or accepted.standing != "subscribed"):
            found = self._audience.read(progress.ref)
            if found is None:
                raise _Barred("archived")
        restored = found is not None and self._restores(change, found)
        if found is not None:
            progress.accepted = _known(change, found, progress.accepted)
        body: dict[str, object] = {"status": "subscribed"} if restored else {}
        fields = _fields(change, progress.accepted)
        if fields:
            body["merge_fields"] = fields
        if _is_renaming(change):
            body["email_address"] = wished.address
        if body:
            member = self._audience.change(progress.ref, body)
            if restored:
                self._archived.drop(progress.ref)
            progress.ref = member.ref
            progress.took(address=wished.address, fields=wished.fields, standing="subscribed")
            if member.state != "subscribed":
                raise _Barred(member.state)
        self._tags(change, progress)

    def _restores(self, change: Change, found: Member) -> bool:
        """True when the member was archived by us and may come back; raises _Barred for any other state."""
        if found.state == "subscribed":
            return False
        left = change.accepted is not None and change.accepted.standing == "left"
        if not (left and found.state == "archived" and self._archived.holds(found.ref)):
            raise _Barred(found.state)
        return True

    def _tags(self, change: Change, progress: Progress) -> None:
        """Brings the tags in step: everything quiet in one call, then what may start automations in another."""
        have = progress.accepted.tags if progress.accepted else frozenset()
        loud = (change.wished.tags - have) & change.loud
        quiet = dict.fromkeys(change.wished.tags - have - loud, True) | dict.fromkeys(have - change.wished.tags, False)
        if quiet:
            self._audience.tag(progress.ref, quiet, quiet=True)
            progress.took(tags=change.wished.tags - loud)
        if loud:
            self._audience.tag(progress.ref, dict.fromkeys(loud, True), quiet=False)
            progress.took(tags=change.wished.tags)

    def _left(self, change: Change, progress: Progress, _found: Member | None) -> None:
        """Takes our tags away and, where leaving means it, archives; never unsubscribes."""
        if not progress.ref:
            return
        accepted = change.accepted
        archives = self._on_leave == "archive" and not (accepted and accepted.standing == "left")
        if archives:
            member = self._audience.read(progress.ref)
            if member is None or member.state == "archived":
                return
            archives = member.state == "subscribed"
        try:
            self._tags(change, progress)
        except Declined as declined:
            if not self._is_gone(declined, progress):
                raise
            return
        if archives:
            self._archived.note(progress.ref)
            self._audience.archive(progress.ref)

    def _is_gone(self, declined: Declined, progress: Progress) -> bool:
        if declined.verdict.code != "gone":
            return False
        member = self._audience.read(progress.ref)
        return member is None or member.state == "archived"

    def _unsubscribed(self, change: Change, progress: Progress, _found: Member | None) -> None:
        """Writes our own opt-out to a member that is subscribed or about to be; others have nothing to lose."""
        if change.accepted is None or change.accepted.standing != "unsubscribed":
            member = self._audience.read(progress.ref)
            if member is None or member.state == "archived":
                return
            if member.state in {"subscribed", "pending"}:
                self._audience.change(progress.ref, {"status": "unsubscribed"})
                progress.took(standing="unsubscribed")
        self._tags(change, progress)


def _is_renaming(change: Change) -> bool:
    """True if the member is known under another address than the one that is wished."""
    return change.accepted is not None and change.accepted.address.lower() != change.wished.address.lower()


def _ref(change: Change, found: Member | None) -> str:
    """The member's id: as just read, as stored, or derived from the address that Mailchimp knows."""
    if found is not None:
        return found.ref
    if change.ref is not None:
        return change.ref
    if change.accepted is not None:
        return id_of(change.accepted.address)
    return "" if change.wished.standing == "left" else id_of(change.wished.address)


def _known(change: Change, found: Member, accepted: Document | None) -> Document:
    """What a member that has just been read is known to hold of the document."""
    wished = change.wished
    fields = {name: found.fields[name] for name in wished.fields if name in found.fields}
    present = frozenset(name for name in wished.tags if name.casefold() in found.tags)
    if accepted is None:
        return Document(address=wished.address, fields=fields, tags=present)
    return replace(accepted, fields={**accepted.fields, **fields}, tags=accepted.tags | present)


def _fields(change: Change, known: Document | None) -> Mapping[str, str]:
    """The merge fields to write; "" erases a field, whatever its type."""
    before = known.fields if known else {}
    wished = change.wished.fields
    written = {name: value for name, value in wished.items() if before.get(name, "") != value}
    return written | {name: "" for name, value in before.items() if name not in wished and value}
