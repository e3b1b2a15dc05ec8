"""Which entries may be heard now, which wait, and which have become quiet; looks only at entries.

An entry of a group waits for what outranks it, an address has so many nudges in a time, and loud entries keep to the
hours of sending. What waits is loud later if it is still true and fresh, else quiet.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from mappings.points import Offset
from mappings.series import USUAL, Cap, Hours, Manner
from sync.hours import fresh_until, opening
from sync.segments import LOUD, Membership


class Nudge(NamedTuple):
    """A loud entry that a destination accepted. `episode` is that of the contact then (None: it had none)."""

    contact: str
    segment: str
    address: str
    destination: str
    at: datetime
    episode: str | None
    counts: bool


class Wait(NamedTuple):
    """Why an entry is not heard yet (a withheld reason), and when to look again (None: when something else changes)."""

    reason: str
    again_at: datetime | None


class Voice(NamedTuple):
    """How a membership is delivered: loudly until an instant (None: quietly), and where it has been heard already."""

    until: datetime | None
    heard_at: frozenset[str]
    released: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Speaker:
    """One contact's memberships, and what of it decides how they speak. `nudges` are all of its own, of any time.

    `episode` and `episode_day` are those of its deciding episode. `hushed`: nothing of it may be loud.
    """

    contact: str
    address: str | None
    zone: ZoneInfo
    today: date
    episode: str | None
    episode_day: date | None
    hushed: bool
    memberships: Mapping[str, Membership]
    nudges: Sequence[Nudge]
    hours: Hours | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What arbitration goes by, at one instant."""

    at: datetime
    fresh_for: timedelta
    manners: Mapping[str, Manner]
    cap: Cap | None = None

    def manner(self, segment: str) -> Manner:
        """How a segment speaks."""
        return self.manners.get(segment, USUAL)


@dataclass(slots=True)
class Heard:
    """The outcome for one contact: its voices, and the waits of those that are not heard yet, by segment."""

    voices: dict[str, Voice]
    waits: dict[str, Wait] = field(default_factory=dict)


def voices(speaker: Speaker, terms: Terms) -> dict[str, Voice]:
    """How each membership may be delivered before it is compared with others."""
    return {name: _voice(speaker, terms, name, held) for name, held in speaker.memberships.items()}


def _voice(speaker: Speaker, terms: Terms, name: str, held: Membership) -> Voice:
    own = [nudge for nudge in speaker.nudges if nudge.segment == name]
    heard_at = frozenset(nudge.destination for nudge in own if nudge.at >= held.since)
    if held.entered_by not in LOUD or speaker.hushed:
        return Voice(None, heard_at)
    if held.entered_by == "event" and any(_bars(speaker, terms, nudge) for nudge in own if nudge.at < held.since):
        return Voice(None, heard_at)
    manner = terms.manner(name)
    found = held.found or held.since
    until = fresh_until(manner.hours or speaker.hours, speaker.zone, found, terms.fresh_for - (found - held.since))
    return Voice(until if terms.at <= until else None, heard_at, held.entered_by == "release")


def _bars(speaker: Speaker, terms: Terms, nudge: Nudge) -> bool:
    """True if an earlier loud entry into the same segment leaves no room for another."""
    repeat = terms.manner(nudge.segment).repeat
    if repeat == "once":
        return True
    day = nudge.at.astimezone(speaker.zone).date()
    if isinstance(repeat, Offset):
        return day > repeat.on(speaker.today)
    if speaker.episode is None:
        return nudge.episode is None
    return nudge.episode == speaker.episode or (speaker.episode_day is not None and day >= speaker.episode_day)


class _Entry(NamedTuple):
    speaker: Speaker
    segment: str
    held: Membership
    manner: Manner

    @property
    def rank(self) -> tuple[int, datetime, str, str]:
        return -self.manner.priority, self.held.since, self.segment, self.speaker.contact


def arbitrate(
    speakers: Sequence[Speaker],
    terms: Terms,
    deliverable: Mapping[str, Mapping[str, frozenset[str]]],
    nudges: Iterable[Nudge],
) -> dict[str, Heard]:
    """Decides for everyone at some addresses; `deliverable` names by contact and segment where it can be heard at all.

    `nudges` are those of the addresses within the cap's time.
    """
    found = {speaker.contact: Heard(voices(speaker, terms)) for speaker in speakers}
    going: list[_Entry] = []
    for speaker in speakers:
        heard = found[speaker.contact]
        where = deliverable.get(speaker.contact, {})
        _hold_to_hours(speaker, terms, heard, where)
        entries = _entries(speaker, terms, heard, where)
        for entry in _first_of_groups(speaker, terms, heard, entries):
            wait = _closed(entry, terms)
            if wait is None:
                going.append(entry)
            else:
                heard.waits[entry.segment] = wait
    for entry, wait in _capped(going, terms, nudges):
        found[entry.speaker.contact].waits[entry.segment] = wait
    return found


def _hold_to_hours(speaker: Speaker, terms: Terms, heard: Heard, where: Mapping[str, frozenset[str]]) -> None:
    """What one destination has heard and another has not keeps to the hours there too."""
    for name, voice in heard.voices.items():
        if voice.until is not None and voice.heard_at and where.get(name, frozenset()) - voice.heard_at:
            wait = _closed(_Entry(speaker, name, speaker.memberships[name], terms.manner(name)), terms)
            if wait is not None:
                heard.waits[name] = wait


def _entries(speaker: Speaker, terms: Terms, heard: Heard, where: Mapping[str, object]) -> list[_Entry]:
    """Entries that may be loud and have not been heard anywhere yet, the first in rank first."""
    found = [
        _Entry(speaker, name, speaker.memberships[name], terms.manner(name))
        for name, voice in heard.voices.items()
        if voice.until is not None and not voice.heard_at and name in where
    ]
    return sorted(found, key=lambda entry: entry.rank)


def _first_of_groups(speaker: Speaker, terms: Terms, heard: Heard, entries: Sequence[_Entry]) -> list[_Entry]:
    """One of each group: what is being heard stays until something of higher priority comes."""
    taken: dict[str, int] = {}
    for name in speaker.memberships:
        group, priority = terms.manner(name).group, terms.manner(name).priority
        if group is not None and heard.voices[name].heard_at:
            taken[group] = max(priority, taken.get(group, priority))
    first = []
    for entry in entries:
        group = entry.manner.group
        if group is not None and taken.get(group, entry.manner.priority - 1) >= entry.manner.priority:
            heard.waits[entry.segment] = Wait("lower_priority", None)
            continue
        if group is not None:
            taken[group] = entry.manner.priority
        first.append(entry)
    return first


def _closed(entry: _Entry, terms: Terms) -> Wait | None:
    hours = entry.manner.hours or entry.speaker.hours
    if hours is None:
        return None
    stretch = opening(hours, entry.speaker.zone, terms.at)
    return Wait("send_window", stretch.start) if stretch.start > terms.at else None


def _capped(going: Iterable[_Entry], terms: Terms, nudges: Iterable[Nudge]) -> list[tuple[_Entry, Wait]]:
    if terms.cap is None:
        return []
    had: dict[str, dict[tuple[str, str], datetime]] = defaultdict(dict)
    for nudge in nudges:
        if nudge.counts and nudge.at > terms.at - terms.cap.per:
            key = (nudge.contact, nudge.segment)
            had[nudge.address][key] = max(nudge.at, had[nudge.address].get(key, nudge.at))
    waits = []
    for entry in sorted(going, key=lambda each: each.rank):
        if not entry.manner.counts:
            continue
        times = had[entry.speaker.address or entry.speaker.contact]
        if len(times) >= terms.cap.nudges:
            waits.append((entry, Wait("capped", _free_at(sorted(times.values()), terms.cap))))
        else:
            times[entry.speaker.contact, entry.segment] = terms.at
    return waits


def _free_at(times: Sequence[datetime], cap: Cap) -> datetime:
    """When the address has room again: the oldest of the last so many nudges is past."""
    return times[len(times) - cap.nudges] + cap.per
