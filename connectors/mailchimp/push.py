"""One push: new members in create-only batches, then every member on its own, up to eight calls at a time."""

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import NamedTuple

from connectors.base import Change, Misconfigured, Outcome, Refused, Retry, Unavailable
from connectors.http import Unsettled
from connectors.mailchimp.audience import MAX_BATCH, Audience, Declined, Member, id_of
from connectors.mailchimp.members import RETRY_AFTER, Members, Progress, later, refused
from connectors.mailchimp.outcomes import STATES, Verdict
from mappings.document import Document

# Ten connections at a time are allowed to an account, over all of its applications
# (https://mailchimp.com/developer/marketing/docs/fundamentals/#api-limits).
CALLS = 8
_FAILURES = 3

Trouble = Unavailable | Unsettled


class _Ready(NamedTuple):
    """A change whose member is there: created just now, or found."""

    change: Change
    member: Member | None


class _Unclear(NamedTuple):
    """A new member whose creation was refused or left open (no verdict): its state must be read."""

    change: Change
    verdict: Verdict | None


_Step = _Ready | _Unclear | Outcome


class _Halt:
    """Ends a push early: at a refused key, or after three calls that failed with all their retries."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._failures = 0
        self.stop: Misconfigured | None = None
        self.trouble: Trouble | None = None

    def note(self, error: Trouble | Misconfigured, weight: int = 1) -> None:
        with self._lock:
            if isinstance(error, Misconfigured):
                self.stop = self.stop or error
            else:
                self._failures += weight
                self.trouble = error

    @property
    def over(self) -> bool:
        return self.stop is not None or self._failures >= _FAILURES

    def retry(self, change: Change) -> Retry:
        """The outcome of a change that was not begun."""
        after = (self.trouble.retry_after if self.trouble else None) or RETRY_AFTER
        return Retry(after=after, code="not_begun", accepted=change.accepted, ref=change.ref)


class Push:
    """Settles changes on one audience; one outcome a change, in order."""

    def __init__(self, audience: Audience, members: Members) -> None:
        self._audience, self._members = audience, members
        self._halt = _Halt()

    def run(self, changes: Sequence[Change]) -> list[Outcome]:
        """Raises Unavailable or Misconfigured only when nothing was written."""
        steps: list[_Step] = [_Ready(change, None) for change in changes]
        new = [place for place, change in enumerate(changes) if _is_new(change)]
        with ThreadPoolExecutor(max_workers=CALLS) as pool:
            for _ in range(2):  # what turns out not to have been created is created again, once
                self._create(steps, changes, new)
                unclear = [place for place in new if isinstance(steps[place], _Unclear)]
                for place, step in zip(unclear, pool.map(self._look, [steps[p] for p in unclear]), strict=True):
                    steps[place] = step
                new = [place for place in unclear if isinstance(steps[place], _Unclear)]
            outcomes = list(pool.map(self._settle, steps))
        self._raise_if_nothing_was_done(outcomes)
        return outcomes

    def _raise_if_nothing_was_done(self, outcomes: Sequence[Outcome]) -> None:
        if self._audience.wrote:
            return
        if self._halt.stop is not None:
            raise self._halt.stop
        trouble = self._halt.trouble
        if trouble is not None and all(isinstance(outcome, Retry) for outcome in outcomes):
            raise Unavailable(str(trouble), retry_after=trouble.retry_after)

    def _create(self, steps: list[_Step], changes: Sequence[Change], new: Sequence[int]) -> None:
        for start in range(0, len(new), MAX_BATCH):
            places = new[start : start + MAX_BATCH]
            created = self._batch([changes[place] for place in places])
            for place, step in zip(places, created, strict=True):
                steps[place] = step

    def _batch(self, changes: Sequence[Change]) -> Iterator[_Step]:
        """Creates up to 500 members; a batch that is refused as a whole is halved until the culprit stands alone."""
        if self._halt.over:
            yield from map(self._halt.retry, changes)
            return
        try:
            created = self._audience.create([(change.wished.address, change.wished.fields) for change in changes])
        except Declined as declined:
            yield from self._halved(changes, declined.verdict)
        except Unsettled:
            yield from (_Unclear(change, None) for change in changes)
        except (Unavailable, Misconfigured) as error:
            self._halt.note(error, weight=_FAILURES)
            yield from map(self._halt.retry, changes)
        else:
            for change in changes:
                address = change.wished.address.casefold()
                member, verdict = created.members.get(address), created.errors.get(address)
                yield _ready(change, member) if member else _after(change, verdict)

    def _halved(self, changes: Sequence[Change], verdict: Verdict) -> Iterator[_Step]:
        if len(changes) == 1:
            yield _after(changes[0], verdict)
            return
        middle = len(changes) // 2
        yield from self._batch(changes[:middle])
        yield from self._batch(changes[middle:])

    def _look(self, step: _Step) -> _Step:
        """Reads the member behind an unclear creation; stays unclear when there is none."""
        if not isinstance(step, _Unclear):
            return step
        change, ref = step.change, step.change.ref or id_of(step.change.wished.address)

        def read() -> _Step:
            member = self._audience.read(ref)
            progress = Progress(ref=ref, accepted=change.accepted)
            if member is None:
                return _after(change, step.verdict, looked=True)
            if step.verdict is not None and step.verdict.suppress and member.state not in STATES:
                return Refused(code=step.verdict.code, suppress=step.verdict.suppress, ref=ref)
            return _Ready(change, member) if member.state == "subscribed" else refused(member.state, progress)

        found = self._guarded(change, read, ref)
        if isinstance(found, Retry) and step.verdict is None:
            return replace(found, code="outcome_unknown")
        return found

    def _settle(self, step: _Step) -> Outcome:
        if isinstance(step, _Unclear):
            change = step.change
            return Retry(after=RETRY_AFTER, code="outcome_unknown", ref=change.ref or id_of(change.wished.address))
        if not isinstance(step, _Ready):
            return step

        def settle() -> Outcome:
            outcome, trouble = self._members.settle(step.change, step.member)
            if trouble is not None:
                self._halt.note(trouble)
            return outcome

        settled = self._guarded(step.change, settle, step.change.ref)
        return settled if not isinstance(settled, _Ready | _Unclear) else self._halt.retry(step.change)

    def _guarded(self, change: Change, act: Callable[[], _Step], ref: str | None) -> _Step:
        """Acts unless the push is over, and turns what concerns more than this member into a Retry."""
        if self._halt.over:
            return replace(self._halt.retry(change), ref=ref)
        try:
            return act()
        except Declined as declined:
            return Refused(code=declined.verdict.code, suppress=declined.verdict.suppress, ref=ref)
        except (Unavailable, Unsettled) as error:
            self._halt.note(error)
            return later(error, Progress(ref=ref or "", accepted=change.accepted))
        except Misconfigured as error:
            self._halt.note(error)
            return replace(self._halt.retry(change), ref=ref)


def _is_new(change: Change) -> bool:
    return change.accepted is None and change.wished.standing == "subscribed"


def _ready(change: Change, member: Member) -> _Ready:
    """A member that was just created: subscribed, with the fields and without tags."""
    held = Document(address=change.wished.address, fields=change.wished.fields)
    return _Ready(replace(change, accepted=held, ref=member.ref), None)


def _after(change: Change, verdict: Verdict | None, *, looked: bool = False) -> _Step:
    """What follows a member's verdict: a look at its state, or its outcome."""
    if verdict is None or (verdict.look and not looked):
        return _Unclear(change, verdict)
    return Refused(code=verdict.code, suppress=verdict.suppress)
