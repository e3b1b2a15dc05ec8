"""Who comes into a segment and who leaves it, and whether an entry may be heard."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Final, Literal, NamedTuple

from mappings.facts import Facts, FactValue
from mappings.rules import segment_order
from sync.rules import CompiledRule

EnteredBy = Literal["event", "baseline", "rule", "release"]
LOUD: Final[frozenset[EnteredBy]] = frozenset({"event", "release"})


class Membership(NamedTuple):
    """A contact's being in a segment, as it was recorded on entering: `since` it fell due, `found` it was (None: then)."""

    since: datetime
    entered_by: EnteredBy
    rule_version: str
    found: datetime | None = None


class Entry(NamedTuple):
    """A coming into a segment: `since` is the review that found it, `due_at` when it fell due."""

    segment: str
    entered_by: EnteredBy
    since: datetime
    due_at: datetime
    rule_version: str

    @property
    def loud(self) -> bool:
        """True if it may start automations."""
        return self.entered_by in LOUD


class Changes(NamedTuple):
    """What a review changes in one contact's memberships, by name of segment."""

    entered: Sequence[Entry]
    left: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What decides how an entry is recorded.

    at: the review's clock · data_at: when the newest data of the contact came to be known · due: for memberships
    that time caused, the instant at which they became true (see `fell_due`) · versions: each segment's rule version ·
    newcomer: the contact's source, site or thresholds have not had a first complete review yet · added, edited:
    segments that, respectively whose new rule, have not had one. A new destination changes no membership: what it is
    sent for the first time is quiet, whatever the entry was.
    """

    at: datetime
    data_at: datetime
    fresh_for: timedelta
    versions: Mapping[str, str]
    due: Mapping[str, datetime] = field(default_factory=dict)
    newcomer: bool = False
    added: frozenset[str] = frozenset()
    edited: frozenset[str] = frozenset()


def decide(previous: Mapping[str, Membership], now: Mapping[str, bool], context: Context) -> Changes:
    """Compares what was recorded with what holds now; a segment that `now` does not know is left."""
    entered = [_entry(name, context) for name in sorted(now) if now[name] and name not in previous]
    left = [name for name in sorted(previous) if not now.get(name, False)]
    return Changes(entered, left)


def _entry(segment: str, context: Context) -> Entry:
    due_at = min(context.due.get(segment, context.data_at), context.at)
    return Entry(segment, _entered_by(segment, due_at, context), context.at, due_at, context.versions[segment])


def _entered_by(segment: str, due_at: datetime, context: Context) -> EnteredBy:
    if context.newcomer or segment in context.added:
        return "baseline"
    if segment in context.edited:
        return "rule"
    return "baseline" if context.at - due_at > context.fresh_for else "event"


def fell_due(history: Iterable[tuple[datetime, Mapping[str, bool]]]) -> dict[str, datetime]:
    """For each segment that holds at the end: the instant since when it has held.

    `history` gives the verdicts at the instants at which time alone could change them, from the one that was due
    first to now.
    """
    since: dict[str, datetime] = {}
    for instant, verdicts in history:
        for segment, holds in verdicts.items():
            if holds:
                since.setdefault(segment, instant)
            else:
                since.pop(segment, None)
    return since


@dataclass(frozen=True, slots=True, kw_only=True)
class Ruleset:
    """The rules of all segments that are on, in an order in which each comes after those it reads."""

    rules: Mapping[str, CompiledRule]
    order: tuple[str, ...]
    chained: frozenset[str]

    @classmethod
    def of(cls, rules: Mapping[str, CompiledRule]) -> "Ruleset":
        """Orders the rules; raises RuleProblem where segments read each other in a circle."""
        order = segment_order({name: compiled.rule for name, compiled in rules.items()})
        chained = frozenset(name for name in order if not rules[name].facts.isdisjoint(("in_segment", "entered")))
        return cls(rules=rules, order=order, chained=chained)

    def verdicts(self, facts: Facts, entered: Mapping[str, date]) -> dict[str, bool]:
        """Which segments a contact with these facts belongs to.

        `entered` maps the segments that the contact is in so far to the local day of entering. A segment that reads
        another sees what is decided now, not what was recorded: so a second review changes nothing.
        """
        seen = _Seen(facts, entered, _given(facts))
        verdicts: dict[str, bool] = {}
        for name in self.order:
            read = seen.facts(verdicts) if name in self.chained else facts
            verdicts[name] = self.rules[name].holds(read)
        return verdicts

    def seen(self, facts: Facts, entered: Mapping[str, date], verdicts: Mapping[str, bool]) -> Facts:
        """The facts with the memberships that were decided; what `flips` and `tree` need."""
        return _Seen(facts, entered, _given(facts)).facts(verdicts)


def _given(facts: Facts) -> dict[str, FactValue]:
    return {name: facts[name] for name in ("in_segment", "entered") if name in facts}


class _Seen(NamedTuple):
    """What a rule that reads other segments looks at; what a case gives of them stands."""

    base: Facts
    entered: Mapping[str, date]
    given: Mapping[str, FactValue]

    def facts(self, verdicts: Mapping[str, bool]) -> Facts:
        today = self.base["today"]
        if not isinstance(today, date):
            raise TypeError("the fact 'today' is not a date")
        # While the contact's clock stands still, an entry is recorded on a later day than its today.
        days = {name: min(self.entered.get(name, today), today) for name, holds in verdicts.items() if holds}
        own: dict[str, FactValue] = {"in_segment": frozenset(days), "entered": days}
        return {**self.base, **own, **self.given}
