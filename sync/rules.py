"""Rules compiled once to closures, so that a leaf costs less than a microsecond a contact.

Truth has three values (Kleene). A missing value fails every test but `none`, and `not` negates that. An open value
(`next_visit` beyond a horizon, unresolved or in quarantine) is neither: what could not be read is not absence, so
under `not` it stays unknown, and unknown never puts anybody into a segment. Mailing somebody who does have a next
visit is the worse error.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from mappings.facts import Facts, FactValue, Open
from mappings.rules import All, AnyOf, Not, Rule, Test, facts_read, tests_of, version_of
from mappings.sentence import english, phrase
from sync.leaves import Verdict, failing, passing, value_of
from sync.turns import Turns, turns_of


@dataclass(frozen=True, slots=True, kw_only=True)
class CompiledRule:
    """A rule ready to be asked: `holds(facts)` says whether a contact with these facts is in the segment."""

    rule: Rule
    version: str
    facts: frozenset[str]
    holds: Verdict
    fails: Verdict
    turns: tuple[Turns, ...]

    def flips(self, facts: Facts) -> Iterator[date]:
        """The local days after today at whose beginning time alone may change the verdict, in order.

        None is missing (sync/turns.py names the facts that others watch over) as far as the year after next: what
        comes back every year is given no farther. Some may change nothing.
        """
        if not self.turns:
            return iter(())
        today = facts["today"]
        days = {day for turns in self.turns for day in turns(facts)}
        return iter(sorted(day for day in days if isinstance(today, date) and day > today))

    def tree(self, facts: Facts) -> dict[str, Any]:
        """The rule with the actual values and verdicts, ready for JSON; a verdict of None is unknown."""
        return _tree(self.rule, facts)

    def english(self) -> str:
        """The rule as a sentence."""
        return english(self.rule)


def compile_rule(rule: Rule) -> CompiledRule:
    """Compiles a rule; call it once, not for each contact."""
    holds, fails = _compile(rule)
    turns = tuple(turns for test in dict.fromkeys(tests_of(rule)) for turns in turns_of(test))
    return CompiledRule(
        rule=rule, version=version_of(rule), facts=facts_read(rule), holds=holds, fails=fails, turns=turns
    )


def _compile(rule: Rule) -> tuple[Verdict, Verdict]:
    """Two closures: is it surely so, is it surely not so. Neither is true of what is unknown."""
    if isinstance(rule, Test):
        return passing(rule), failing(rule)
    if isinstance(rule, Not):
        holds, fails = _compile(rule.part)
        return fails, holds
    pairs = [_compile(part) for part in rule.parts]
    every, some = (_every, _some) if isinstance(rule, All) else (_some, _every)
    return every(tuple(holds for holds, _ in pairs)), some(tuple(fails for _, fails in pairs))


def _every(verdicts: tuple[Verdict, ...]) -> Verdict:
    def every(facts: Facts) -> bool:
        for verdict in verdicts:  # noqa: SIM110  # all() over a generator takes twice as long
            if not verdict(facts):
                return False
        return True

    return every


def _some(verdicts: tuple[Verdict, ...]) -> Verdict:
    def some(facts: Facts) -> bool:
        for verdict in verdicts:  # noqa: SIM110  # as above
            if verdict(facts):
                return True
        return False

    return some


_WORDS: dict[type[Rule], str] = {All: "all", AnyOf: "any"}


def _tree(rule: Rule, facts: Facts) -> dict[str, Any]:
    if isinstance(rule, Test):
        holds, fails = _compile(rule)
        leaf = {"fact": rule.fact, "test": phrase(rule), "value": plain(value_of(rule, facts))}
        named = leaf if rule.of is None else leaf | {"segment": rule.of}
        return named | {"holds": _verdict(holds(facts), fails(facts))}
    if isinstance(rule, Not):
        part = _tree(rule.part, facts)
        return {"not": part, "holds": None if part["holds"] is None else not part["holds"]}
    holds, fails = _compile(rule)
    parts = [_tree(part, facts) for part in rule.parts]
    return {_WORDS[type(rule)]: parts, "holds": _verdict(holds(facts), fails(facts))}


def _verdict(holds: bool, fails: bool) -> bool | None:
    return True if holds else (False if fails else None)


def plain(value: FactValue) -> Any:
    """A value as JSON knows it."""
    if isinstance(value, Open):
        return value.value
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, frozenset):
        return sorted(value)
    return {name: day.isoformat() for name, day in value.items()} if isinstance(value, Mapping) else value
