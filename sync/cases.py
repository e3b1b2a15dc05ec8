"""Cases judged: what was expected of each, what came of it, and which segments no case speaks of."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, NamedTuple

from config.cases import Case
from config.load import Config
from mappings.fact_values import read_fact_value
from mappings.facts import FACTS, Facts, FactValue
from sync.addresses import Closed, reach_of
from sync.case import Posed, pose
from sync.facts import Beside, facts_of
from sync.lifecycle import judge
from sync.rules import CompiledRule, compile_rule, plain
from sync.segments import Ruleset

_NOTHING_CLOSED = Closed(frozenset(), {}, {})


class Failure(NamedTuple):
    """One expectation that did not come true; values as JSON knows them."""

    what: str
    expected: Any
    actual: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What came of one case. `trees` holds the rules of the segments of which something else was expected."""

    case: Case
    at: datetime
    facts: Facts
    segments: tuple[str, ...]
    failures: tuple[Failure, ...]
    trees: Mapping[str, Any]

    @property
    def passed(self) -> bool:
        """True if everything came out as expected."""
        return not self.failures


class Judge:
    """Judges cases by a configuration's rules: those of all segments that are on, and of the one a case stands under."""

    def __init__(self, config: Config) -> None:
        self.settings = config.settings
        self._compiled: dict[str, CompiledRule] = {name: compile_rule(rule) for name, rule in config.rules.items()}
        self._rulesets: dict[str | None, Ruleset] = {}

    def verdict(self, case: Case, at: datetime | None, today: date) -> Verdict:
        """Judges one case (see `pose` for the instant); raises UnreadableCase."""
        posed = pose(case, self.settings, at, today)
        ruleset = self._ruleset(case.segment)
        facts, holding = self.found(posed, ruleset)
        failures = [*_of_facts(case, facts), *_of_segments(case, holding)]
        spoken = [failure.what.removeprefix("segment ") for failure in failures]
        return Verdict(
            case=case,
            at=posed.at,
            facts=facts,
            segments=tuple(sorted(name for name, holds in holding.items() if holds)),
            failures=tuple(failures),
            trees={name: ruleset.rules[name].tree(facts) for name in spoken if name in ruleset.rules},
        )

    def found(self, posed: Posed, ruleset: Ruleset) -> tuple[Facts, dict[str, bool]]:
        """The facts of a posed case, those of its segments among them, and which segments it is in."""
        judgement = judge(posed.person, posed.world, posed.at)
        reach = reach_of(posed.person, _NOTHING_CLOSED)
        site = self.settings.sites.get(judgement.site or "")
        beside = Beside(
            email_status=reach.email_status,
            has_email=reach.address is not None,
            brand=site.brand if site is not None else None,
        )
        facts = {**facts_of(posed.person, judgement, posed.world, beside), **posed.facts}
        holding = ruleset.verdicts(facts, {})
        return ruleset.seen(facts, {}, holding), holding

    def _ruleset(self, segment: str | None) -> Ruleset:
        off = {name for name, settings in self.settings.segments.items() if settings.off}
        key = segment if segment in off else None
        if key not in self._rulesets:
            on = {name: rule for name, rule in self._compiled.items() if name not in off or name == key}
            self._rulesets[key] = Ruleset.of(on)
        return self._rulesets[key]


def without_case(config: Config, cases: Iterable[Case]) -> list[str]:
    """The segments that are on and that no case speaks of."""
    named = frozenset[str]().union(*(case.named for case in cases))
    return sorted(name for name, segment in config.settings.segments.items() if not segment.off and name not in named)


def _of_facts(case: Case, facts: Facts) -> list[Failure]:
    expected = {name: value for name, value in case.settings.expect.items() if name in FACTS}
    return [
        Failure(name, plain(value), plain(facts.get(name)))
        for name, raw in expected.items()
        if not _same(value := read_fact_value(FACTS[name], raw), facts.get(name))
    ]


def _same(expected: FactValue, actual: FactValue) -> bool:
    if expected is None:
        return actual is None or actual == frozenset()
    if isinstance(expected, Mapping) and isinstance(actual, Mapping):
        return all(actual.get(name) == day for name, day in expected.items())
    return expected == actual


def _of_segments(case: Case, holding: Mapping[str, bool]) -> list[Failure]:
    found: list[Failure] = []
    for key, expected in (("segments", True), ("not_segments", False)):
        for name in _listed(case.settings.expect.get(key)):
            if holding.get(name, False) is not expected:
                found.append(Failure(f"segment {name}", expected, not expected))
    return found


def _listed(value: Any) -> Sequence[str]:
    return value if isinstance(value, list) else [] if value is None else [str(value)]
