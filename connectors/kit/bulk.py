"""One push of an OAuth application: new subscribers, their fields, and all tags a hundred at a time."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final, NamedTuple

from connectors.base import Accepted, Change, Misconfigured, Outcome, Refused, Retry, Unavailable
from connectors.http import Unsettled
from connectors.kit.account import Declined, Subscriber, bulk_items, subscriber_of
from connectors.kit.outcomes import verdict
from connectors.kit.push import Push
from connectors.kit.settings import FIRST_NAME
from connectors.kit.subscribers import barred_from
from connectors.kit.tags import field_ids
from connectors.settling import Progress, is_new, tags_to_write
from mappings.document import Document

_SUBSCRIBERS: Final = "/v4/bulk/subscribers"
_FIELDS: Final = "/v4/bulk/custom_fields/subscribers"
_TAGS: Final = "/v4/bulk/tags/subscribers"


class _Tagging(NamedTuple):
    """A tag to add to, or take from, the subscriber at a place in the push."""

    place: int
    tag: str
    label: str
    ref: str
    on: bool

    def body(self) -> dict[str, int]:
        return {"tag_id": int(self.label), "subscriber_id": int(self.ref)}


class BulkPush(Push):
    """Writes what can be written together; the rest, which changes who somebody is, goes one by one."""

    def settle_all(self, changes: Sequence[Change]) -> list[Outcome]:
        """The outcome of each change: everything but tags first, then the tags of whoever was accepted."""
        new = [place for place, change in enumerate(changes) if is_new(change) and _is_wished(change)]
        outcomes = dict(zip(new, self._create([changes[place] for place in new]), strict=True))
        rest = [place for place in range(len(changes)) if place not in outcomes]
        outcomes |= dict(zip(rest, super().settle_all([_untagged(changes[p]) for p in rest]), strict=True))
        return self._tagged(changes, [outcomes[place] for place in range(len(changes))])

    # ------------------------------------------------------------ new subscribers

    def _create(self, changes: Sequence[Change]) -> list[Outcome]:
        outcomes: list[Outcome] = []
        for piece in bulk_items(changes):
            outcomes += self._guarded(piece, self._created)
        return self._fill(changes, outcomes)

    def _guarded(self, changes: Sequence[Change], act: Callable[[Sequence[Change]], list[Outcome]]) -> list[Outcome]:
        """Acts on a piece; what concerns more than one subscriber leaves them all for later."""
        started = [Progress.of(change) for change in changes]
        if self.halt.over:
            return [self.halt.retry(progress) for progress in started]
        try:
            return act(changes)
        except (Unavailable, Unsettled) as error:
            self.halt.note(error)
            return [progress.later(error) for progress in started]
        except Misconfigured as error:
            self.halt.note(error)
            return [self.halt.retry(progress) for progress in started]
        except Declined as declined:
            if len(changes) == 1:
                return [started[0].refused(declined.verdict.code, declined.verdict.suppress)]
            middle = len(changes) // 2
            return self._guarded(changes[:middle], act) + self._guarded(changes[middle:], act)

    def _created(self, changes: Sequence[Change]) -> list[Outcome]:
        items = [
            {"first_name": c.wished.fields.get(FIRST_NAME) or None, "email_address": c.wished.address} for c in changes
        ]
        answer = self.account.bulk("POST", _SUBSCRIBERS, {"subscribers": items})
        found = {each.address: each for each in map(subscriber_of, _entries(answer, "subscribers"))}
        refused = {
            str(_below(each, "subscriber").get("email_address")).lower(): verdict(None, each.get("errors"))
            for each in _entries(answer, "failures")
        }
        return [self._outcome(change, found, refused) for change in changes]

    def _outcome(self, change: Change, found: Mapping[str, Subscriber], refused: Mapping[str, Any]) -> Outcome:
        """What became of one; the failure of an address that Kit cannot read does not always name it."""
        address, progress = change.wished.address.lower(), Progress.of(change)
        there = found.get(address)
        if there is None:
            bad = refused.get(address)
            return progress.refused(bad.code, bad.suppress) if bad is not None else self.settle(_untagged(change))
        progress.ref = there.ref
        if there.state != "active":
            return barred_from(there.state, progress)
        first = {name: value for name, value in change.wished.fields.items() if name == FIRST_NAME}
        return Accepted(document=Document(address=change.wished.address, fields=first), ref=there.ref)

    def _fill(self, changes: Sequence[Change], outcomes: list[Outcome]) -> list[Outcome]:
        """Writes the custom fields of those that were created."""
        wanted = [
            (place, name, value)
            for place, (change, outcome) in enumerate(zip(changes, outcomes, strict=True))
            for name, value in change.wished.fields.items()
            if isinstance(outcome, Accepted) and value and outcome.document.fields.get(name, "") != value
        ]
        done = set(range(len(changes)))
        try:
            ids = field_ids(self.account) if wanted and not self.halt.over else {}
            for piece in bulk_items(wanted):
                done -= self._failed_fields(piece, outcomes, ids)
        except (Unavailable, Unsettled, Misconfigured) as error:
            self.halt.note(error)
            done -= {place for place, _, _ in wanted}
        except Declined:
            done -= {place for place, _, _ in wanted}
        return [_filled(changes[place], outcomes[place], place in done) for place in range(len(changes))]

    def _failed_fields(
        self, piece: Sequence[tuple[int, str, str]], outcomes: Sequence[Outcome], ids: Mapping[str, int]
    ) -> set[int]:
        refs = {int(outcomes[place].ref or 0): place for place, _, _ in piece if isinstance(outcomes[place], Accepted)}  # type: ignore[union-attr]  # Accepted has one
        places = {place: ref for ref, place in refs.items()}
        values = [
            {"subscriber_id": places[place], "subscriber_custom_field_id": ids.get(name, 0), "value": value}
            for place, name, value in piece
        ]
        answer = self.account.bulk("POST", _FIELDS, {"custom_field_values": values})
        failed = [_below(each, "custom_field_value").get("subscriber_id") for each in _entries(answer, "failures")]
        return {refs[ref] for ref in failed if isinstance(ref, int) and ref in refs}

    # ------------------------------------------------------------ tags

    def _tagged(self, changes: Sequence[Change], outcomes: list[Outcome]) -> list[Outcome]:
        taggings = [t for place, change in enumerate(changes) for t in self._taggings(place, change, outcomes)]
        for on in (False, True):
            for piece in bulk_items([tagging for tagging in taggings if tagging.on == on]):
                self._change_tags(piece, changes, outcomes)
        return [
            replace(outcome, document=change.wished) if isinstance(outcome, Accepted) else outcome
            for change, outcome in zip(changes, outcomes, strict=True)
        ]

    def _taggings(self, place: int, change: Change, outcomes: list[Outcome]) -> Iterator[_Tagging]:
        """The tags to add to, and to take from, whoever was accepted; all are put off when the push is over."""
        outcome = outcomes[place]
        add, remove = tags_to_write(change, change.accepted)
        if not isinstance(outcome, Accepted) or not outcome.ref or not (add or remove):
            return
        ref = outcome.ref
        if self.halt.over:
            outcomes[place] = self.halt.retry(Progress(ref=ref, accepted=outcome.document))
            return
        for names, on in ((remove, False), (add, True)):
            labels = self.labels.ids(names) if on else self.labels.known(names)
            yield from (_Tagging(place, tag, label, ref, on) for tag, label in labels.items())

    def _change_tags(self, piece: Sequence[_Tagging], changes: Sequence[Change], outcomes: list[Outcome]) -> None:
        if self.halt.over:
            self._leave(piece, outcomes, None)
            return
        method = "POST" if piece[0].on else "DELETE"
        try:
            answer = self.account.bulk(method, _TAGS, {"taggings": [tagging.body() for tagging in piece]})
        except (Unavailable, Unsettled, Misconfigured) as error:
            self.halt.note(error)
            self._leave(piece, outcomes, error)
            return
        except Declined as declined:
            self._refuse(piece, outcomes, declined.verdict.code)
            return
        self._note(piece, answer, changes, outcomes)

    def _note(
        self, piece: Sequence[_Tagging], answer: Mapping[str, Any], changes: Sequence[Change], outcomes: list[Outcome]
    ) -> None:
        failed = {
            (int(t.get("tag_id") or 0), int(t.get("subscriber_id") or 0)): verdict(None, each.get("errors"))
            for each in _entries(answer, "failures")
            for t in (_below(each, "tagging"),)
        }
        states = {each.ref: each.state for each in map(subscriber_of, _entries(answer, "subscribers"))}
        for tagging in piece:
            outcome = outcomes[tagging.place]
            bad = failed.get((int(tagging.label), int(tagging.ref)))
            if not isinstance(outcome, Accepted):
                continue
            progress = Progress(ref=tagging.ref, accepted=outcome.document)
            state = states.get(tagging.ref, "active")
            if tagging.on and state != "active" and changes[tagging.place].wished.standing == "subscribed":
                outcomes[tagging.place] = barred_from(state, progress)
            elif bad is not None and tagging.on:
                outcomes[tagging.place] = progress.refused(bad.code, bad.suppress)
            else:
                have = outcome.document.tags
                tags = have | {tagging.tag} if tagging.on else have - {tagging.tag}
                outcomes[tagging.place] = replace(outcome, document=replace(outcome.document, tags=tags))

    def _leave(
        self, piece: Sequence[_Tagging], outcomes: list[Outcome], error: Unavailable | Unsettled | Misconfigured | None
    ) -> None:
        for tagging in piece:
            outcome = outcomes[tagging.place]
            if isinstance(outcome, Accepted):
                progress = Progress(ref=tagging.ref, accepted=outcome.document)
                late = isinstance(error, Unavailable | Unsettled)
                outcomes[tagging.place] = progress.later(error) if late else self.halt.retry(progress)  # type: ignore[arg-type]  # it is one of the two

    def _refuse(self, piece: Sequence[_Tagging], outcomes: list[Outcome], code: str) -> None:
        for tagging in piece:
            outcome = outcomes[tagging.place]
            if isinstance(outcome, Accepted):
                outcomes[tagging.place] = Refused(code=code, accepted=outcome.document, ref=tagging.ref)


def _is_wished(change: Change) -> bool:
    return change.wished.standing == "subscribed" and change.ref is None


def _untagged(change: Change) -> Change:
    """The change without its tags: those follow together."""
    have = change.accepted.tags if change.accepted is not None else frozenset()
    return replace(change, wished=replace(change.wished, tags=have))


def _filled(change: Change, outcome: Outcome, whole: bool) -> Outcome:
    """Accepted with all fields, or put off where their writing failed."""
    if not isinstance(outcome, Accepted):
        return outcome
    if not whole:
        return Retry(after=60.0, code="unavailable", accepted=outcome.document, ref=outcome.ref)
    return replace(outcome, document=replace(outcome.document, fields=change.wished.fields))


def _entries(answer: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
    entries = answer.get(name)
    return [each for each in entries if isinstance(each, dict)] if isinstance(entries, list) else []


def _below(entry: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = entry.get(name)
    return found if isinstance(found, dict) else {}
