"""The voices of a batch: which entries and steps its documents may say loudly, and which wait."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection

from mappings.party import Party, SegmentTag, StepTag
from mappings.series import step_name
from mappings.subscriber import Before, receives
from sync.arbitration import Heard, Nudge, Speaker, Terms, Voice, Wait, arbitrate, voices
from sync.criteria import Criteria, Outlet
from sync.decision import Decided
from sync.hours import fresh_until, opening
from sync.person import Person
from sync.segments import LOUD
from sync.series import At, step_at
from sync.store import nudges, suppressions, wishes

_SOON: Final = timedelta(minutes=1)
"""When a released entry is looked at again: its tag must have gone before it can be added loudly."""

Around = Mapping[str, Sequence[Party]]


class Speech:
    """What of a batch may be heard. `parties` have voices; `dues` are instants at which to look again, by contact."""

    def __init__(self, connection: Connection, criteria: Criteria, decided: Mapping[str, Decided]) -> None:
        self.connection, self.criteria, self.decided = connection, criteria, decided
        self.terms = Terms(
            at=criteria.at,
            fresh_for=criteria.fresh_for,
            manners={name: terms.manner for name, terms in criteria.segments.items()},
            cap=criteria.cap,
        )
        self.outlets = [o for o in criteria.outlets if o.audience.starts and not (o.observe or o.baseline)]
        self.dues: dict[str, datetime] = {}
        self._until: dict[tuple[str, str], datetime] = {}
        self._outlets: Mapping[str, Mapping[str, frozenset[str]]] = {}
        self._episodes: dict[str, str | None] = {}

    def given(self, persons: Mapping[str, Person], parties: Mapping[str, Party], around: Around) -> dict[str, Party]:
        """The parties with voices, steps and waits."""
        own = nudges.of_contacts(self.connection, [c for c, party in parties.items() if party.segments])
        speakers = [self._speaker(persons[c], party, own.get(c, ())) for c, party in parties.items() if party.segments]
        loud = [speaker for speaker in speakers if _may_be_loud(speaker, self.terms)]
        heard = self._arbitrated(loud, parties, around)
        rest = {s.contact: Heard(voices(s, self.terms)) for s in speakers if s.contact not in heard}
        spoken = {s.contact: self._spoken(s, parties[s.contact], {**rest, **heard}[s.contact]) for s in speakers}
        return {**parties, **spoken}

    def _speaker(self, person: Person, party: Party, own: Sequence[Nudge]) -> Speaker:
        found = self.decided[party.contact]
        deciding = found.judgement.deciding
        self._episodes[party.contact] = deciding.id if deciding is not None else None
        return Speaker(
            contact=party.contact,
            address=party.address,
            zone=self.criteria.zone_of(party.site),
            today=found.judgement.today,
            episode=self._episodes[party.contact],
            episode_day=deciding.first_day if deciding is not None else None,
            hushed=self.criteria.switched.hold(person.rows, party.site),
            memberships={name: held for name, held in found.memberships.items() if name in party.segments},
            nudges=own,
            hours=self.criteria.hours_of(party.site),
        )

    def _arbitrated(
        self, speakers: Sequence[Speaker], parties: Mapping[str, Party], around: Around
    ) -> dict[str, Heard]:
        addresses = {speaker.address or speaker.contact for speaker in speakers}
        lately: list[Nudge] = []
        if self.criteria.cap is not None:
            lately = nudges.at_addresses(self.connection, sorted(addresses), self.criteria.at - self.criteria.cap.per)
        if speakers:
            self._outlets = self._deliverable([parties[speaker.contact] for speaker in speakers], around)
        return arbitrate(speakers, self.terms, self._outlets, lately)

    def _deliverable(self, parties: Sequence[Party], around: Around) -> dict[str, dict[str, frozenset[str]]]:
        """By contact and segment: the destinations that may hear of it."""
        found: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
        closed = suppressions.by_address(self.connection, {party.address for party in parties if party.address})
        for outlet in self.outlets:
            keys = [_key(outlet, party) for party in parties]
            held = wishes.subscribers(self.connection, outlet.name, [key for key in keys if key])
            for key, party in zip(keys, parties, strict=True):
                accepted = wishes.from_json(held[key].accepted) if key in held else None
                before = Before(accepted, None, closed.get(party.address or "", frozenset()))
                neighbours = around.get(party.address or "", ()) or [party]
                for name in receives(outlet.audience, party, neighbours, before):
                    found[party.contact][name].add(outlet.name)
        return {c: {name: frozenset(where) for name, where in by.items()} for c, by in found.items()}

    def _spoken(self, speaker: Speaker, party: Party, heard: Heard) -> Party:
        for wait in heard.waits.values():
            self._look_again(speaker.contact, wait.again_at)
        tags = {name: self._tag(speaker, tag, name, heard) for name, tag in party.segments.items()}
        return replace(party, segments=tags)

    def _tag(self, speaker: Speaker, tag: SegmentTag, name: str, heard: Heard) -> SegmentTag:
        held, voice, wait = speaker.memberships[name], heard.voices[name], heard.waits.get(name)
        if voice.until is not None:
            self._until[speaker.contact, name] = voice.until
            self._watch(speaker, name, voice, wait)
        return SegmentTag(
            purpose=tag.purpose,
            loud_since=held.since if voice.until is not None else None,
            waits=wait.reason if wait is not None else None,
            released_to=voice.heard_at if voice.released and voice.until is not None else None,
            step=self._step(speaker, name, heard),
        )

    def _watch(self, speaker: Speaker, name: str, voice: Voice, wait: Wait | None) -> None:
        """When to look again at an entry that may still be heard: it grows stale, or the hours of sending end."""
        if wait is not None and voice.until is not None:
            self._look_again(speaker.contact, voice.until + timedelta(seconds=1))
            return
        if not self._outlets.get(speaker.contact, {}).get(name, frozenset()) - voice.heard_at:
            return
        hours = self.terms.manner(name).hours or speaker.hours
        if hours is not None:
            self._look_again(speaker.contact, opening(hours, speaker.zone, self.criteria.at).end)
        if voice.released:
            self._look_again(speaker.contact, self.criteria.at + _SOON)

    def _look_again(self, contact: str, instant: datetime | None) -> None:
        if instant is not None and instant > self.criteria.at:
            self.dues[contact] = min(instant, self.dues.get(contact, instant))

    def _step(self, speaker: Speaker, name: str, heard: Heard) -> StepTag | None:
        manner = self.terms.manner(name)
        if not manner.steps:
            return None
        held = speaker.memberships[name]
        entered = held.since.astimezone(speaker.zone).date()
        at = step_at(manner, entered, self.decided[speaker.contact].facts, speaker.zone)
        return self._step_tag(speaker, name, heard, at) if at.since is not None else None

    def _step_tag(self, speaker: Speaker, name: str, heard: Heard, at: At) -> StepTag:
        """A step is loud while it is fresh if its entry was heard, or is now; it keeps to the hours of sending."""
        wait, voice, hours = heard.waits.get(name), heard.voices[name], self.terms.manner(name).hours or speaker.hours
        since = max(at.since or self.criteria.at, speaker.memberships[name].since)
        until = fresh_until(hours, speaker.zone, since, self.criteria.fresh_for)
        entered_loudly = speaker.memberships[name].entered_by in LOUD and not speaker.hushed
        loud = entered_loudly and bool(voice.heard_at or voice.until) and self.criteria.at <= until
        if not loud:
            return StepTag(step_name(name, at.number), None, wait.reason if wait is not None else None)
        self._until[speaker.contact, step_name(name, at.number)] = until
        reason = wait.reason if wait is not None else None
        stretch = opening(hours, speaker.zone, self.criteria.at) if hours is not None else None
        if stretch is not None and stretch.start > self.criteria.at:
            reason = reason or "send_window"
            self._look_again(speaker.contact, stretch.start)
        return StepTag(step_name(name, at.number), since, reason)

    def entries(self, outlet: Outlet, tag: str, parties: Iterable[Party]) -> dict[str, Any]:
        """What a wish says of a loud tag: until when it is, and whose entries it tells of."""
        until, entries = None, []
        for party in parties:
            for key in _keys(party):
                known = self._until.get((party.contact, key[1]))
                if outlet.audience.tags.get(key) != tag or known is None:
                    continue
                until = known if until is None else max(until, known)
                if key[0] == "segment":
                    entries.append(self._entry(party, key[1]))
        return {"until": (until or self.criteria.at).isoformat(), "entries": entries}

    def _entry(self, party: Party, segment: str) -> dict[str, Any]:
        return {
            "contact": party.contact,
            "segment": segment,
            "address": party.address or party.contact,
            "episode": self._episodes[party.contact],
            "counts": self.terms.manner(segment).counts,
        }


def _keys(party: Party) -> Iterable[tuple[str, str]]:
    for name, tag in party.segments.items():
        yield "segment", name
        if tag.step is not None:
            yield "step", tag.step.name


def _key(outlet: Outlet, party: Party) -> str:
    return (party.address or "") if outlet.audience.unit == "address" else party.contact


def _may_be_loud(speaker: Speaker, terms: Terms) -> bool:
    return any(voice.until is not None for voice in voices(speaker, terms).values())
