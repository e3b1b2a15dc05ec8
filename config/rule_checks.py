"""What the rules of segments must satisfy together: the sites and segments that they name, and no circles."""

from collections.abc import Iterable, Iterator, Mapping

from config.problem import Path, did_you_mean
from mappings.rules import Rule, RuleProblem, segment_order, segments_read, words_read

_SITE_FACTS = ("site", "sites", "preferred_site")


def rule_faults(rules: Mapping[str, Rule], segments: Iterable[str], sites: Iterable[str]) -> Iterator[tuple[Path, str]]:
    """Yields a path and a sentence for each segment or site that a rule names in vain, and for a circle."""
    for name, rule in rules.items():
        yield from _unknown(("segments", name, "who"), "segment", segments_read(rule), segments)
        named = frozenset[str]().union(*(words_read(rule, fact) for fact in _SITE_FACTS))
        yield from _unknown(("segments", name, "who"), "site", named, sites)
    try:
        segment_order(rules)
    except RuleProblem as error:
        yield from ((("segments", *path, "who"), message) for path, message in error.problems)


def _unknown(path: Path, noun: str, named: Iterable[str], known: Iterable[str]) -> Iterator[tuple[Path, str]]:
    for word in sorted(set(named) - set(known)):
        yield path, f"names a {noun} that is not configured{did_you_mean(word, known)}"
