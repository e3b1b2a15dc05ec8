"""The condition tree of a segment as frozen records, typed against the table of facts.

`who:` maps facts to values, and all of them must hold; `any: [{…}, {…}]` and `not: {…}` nest.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Final

from mappings.facts import CLASSES, FACTS, FieldClass
from mappings.predicates import Has, OneOf, Predicate
from mappings.values import RuleProblem, close_to, parse_value, problem, read_each

__all__ = [
    "All",
    "AnyOf",
    "Not",
    "Rule",
    "RuleProblem",
    "Test",
    "class_of",
    "facts_read",
    "narrowed",
    "parse",
    "segment_order",
    "segments_read",
    "tests_of",
    "unfed",
    "version_of",
    "words_read",
]

_ENTERED_SHAPE: Final = "write the segment and a day: {SEGMENT: {within: 7 days ago}}"


@dataclass(frozen=True, slots=True)
class All:
    """Every part holds."""

    parts: tuple["Rule", ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    """At least one part holds."""

    parts: tuple["Rule", ...]


@dataclass(frozen=True, slots=True)
class Not:
    """The part does not hold."""

    part: "Rule"


@dataclass(frozen=True, slots=True)
class Test:
    """One fact is tested; `of` names the segment where the fact is `entered`."""

    fact: str
    predicate: Predicate
    of: str | None = None


Rule = All | AnyOf | Not | Test


def parse(raw: object) -> Rule:
    """Reads `who:` as it stands in the configuration; raises RuleProblem with everything that is wrong."""
    if not isinstance(raw, Mapping):
        raise problem("write facts and their values, one a line")
    if not raw:
        raise problem("there is no condition: name at least one fact")
    entries = ((str(key), value) for key, value in raw.items())
    return _all([part for parts in read_each(entries, _entry) for part in parts])


def narrowed(who: Rule, leave_when: Rule | None, sites: tuple[str, ...] | None) -> Rule:
    """The rule of a segment that is left when another rule holds, and that exists at some clinics only (None: at all)."""
    parts: list[Rule] = list(who.parts) if isinstance(who, All) else [who]
    if sites is not None:
        parts.append(Test("site", OneOf(sites)))
    if leave_when is not None:
        parts.append(Not(leave_when))
    return _all(parts)


def _all(parts: list[Rule]) -> Rule:
    return parts[0] if len(parts) == 1 else All(tuple(parts))


def _entry(key: str | int, raw: object) -> list[Rule]:
    if key == "any":
        return [_any(raw)]
    if key == "not":
        return [Not(parse(raw))]
    if key == "entered":
        return _entered(raw)
    fact = FACTS.get(str(key))
    if fact is None:
        raise problem(f"is no fact that a segment can test{close_to(key, (*FACTS, 'any', 'not'))}")
    return [_test(fact.name, raw)]


def _test(fact: str, raw: object, of: str | None = None) -> Rule:
    tests = tuple(Test(fact, predicate, of) for predicate in parse_value(FACTS[fact], raw))
    return tests[0] if len(tests) == 1 else AnyOf(tests)


def _any(raw: object) -> Rule:
    if not isinstance(raw, list | tuple):
        raise problem("any takes a list: [{…}, {…}]")
    if not raw:
        raise problem("the list is empty; give at least one set of conditions")
    parts = tuple(read_each(enumerate(raw), lambda _, item: parse(item)))
    return parts[0] if len(parts) == 1 else AnyOf(parts)


def _entered(raw: object) -> list[Rule]:
    if not isinstance(raw, Mapping) or not raw:
        raise problem(_ENTERED_SHAPE)
    return read_each(((str(key), value) for key, value in raw.items()), lambda of, day: _test("entered", day, str(of)))


def tests_of(rule: Rule) -> Iterator[Test]:
    """All tests of a rule, from the first written to the last."""
    if isinstance(rule, Test):
        yield rule
    elif isinstance(rule, Not):
        yield from tests_of(rule.part)
    else:
        for part in rule.parts:
            yield from tests_of(part)


def facts_read(rule: Rule) -> frozenset[str]:
    """The names of the facts that the rule tests."""
    return frozenset(test.fact for test in tests_of(rule))


def unfed(rule: Rule, feeds: Iterable[str], beside: Iterable[str] = ()) -> frozenset[str]:
    """The facts that the rule tests, or that are used `beside` it, and that none of these feeds can fill."""
    there = frozenset(feeds)
    fed_by = {name: FACTS[name].fed_by for name in facts_read(rule) | set(beside)}
    return frozenset(name for name, needed in fed_by.items() if needed and needed.isdisjoint(there))


def words_read(rule: Rule, fact: str) -> frozenset[str]:
    """The words that the rule compares a text or list fact with, such as the sites it names."""
    predicates = (test.predicate for test in tests_of(rule) if test.fact == fact)
    return frozenset(
        word for p in predicates if isinstance(p, OneOf | Has) for word in p.values if isinstance(word, str)
    )


def segments_read(rule: Rule) -> frozenset[str]:
    """The other segments whose members the rule asks for."""
    return words_read(rule, "in_segment") | {test.of for test in tests_of(rule) if test.of is not None}


def class_of(rule: Rule, classes: Mapping[str, FieldClass] | None = None) -> FieldClass:
    """The highest class of the facts that the rule reads, the rules of the segments it reads included.

    `classes` gives the class of each segment that it reads; a segment without an entry counts as relationship.
    """
    read = [FACTS[name].klass for name in facts_read(rule)]
    read += [(classes or {}).get(segment, "relationship") for segment in segments_read(rule)]
    return max(read, key=CLASSES.index)


def version_of(rule: Rule) -> str:
    """A short name of what the rule says; the order in which conditions are written plays no part."""
    return hashlib.sha256(_canonical(rule).encode()).hexdigest()[:16]


def _canonical(rule: Rule) -> str:
    if isinstance(rule, Test):
        return f"{rule.fact}:{rule.of}:{_canonical_predicate(rule.predicate)}"
    if isinstance(rule, Not):
        return f"not({_canonical(rule.part)})"
    return f"{type(rule).__name__}({','.join(sorted(map(_canonical, rule.parts)))})"


def _canonical_predicate(predicate: Predicate) -> str:
    if isinstance(predicate, OneOf | Has):
        return f"{type(predicate).__name__}({sorted(map(repr, predicate.values))})"
    return repr(predicate)


def segment_order(rules: Mapping[str, Rule]) -> tuple[str, ...]:
    """Segments such that each comes after those it reads; raises RuleProblem where they read each other in a circle.

    Segments that are not among `rules` are passed over.
    """
    order: dict[str, None] = {}
    place = partial(_place, rules, order, ())
    read_each(((name, rules[name]) for name in sorted(rules)), lambda name, _: place(str(name)))
    return tuple(order)


def _place(rules: Mapping[str, Rule], order: dict[str, None], above: tuple[str, ...], name: str) -> None:
    if name in order or name not in rules:
        return
    if name in above:
        circle = " → ".join((*above[above.index(name) :], name))
        raise problem(f"these segments read each other in a circle: {circle}")
    for other in sorted(segments_read(rules[name])):
        _place(rules, order, (*above, name), other)
    order[name] = None
