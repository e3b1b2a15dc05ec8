"""Given names: which words are names at all, which are short for which, and which are mostly one sex's.

Names and sexes are those of the 1990 census (census.gov, "Frequently Occurring Surnames": `dist.male.first`,
`dist.female.first`; in the public domain) and some hundred that have become usual since; nicknames are the package
`nicknames`' (Apache-2.0).
"""

from collections.abc import Mapping
from functools import cache
from importlib import resources

from nicknames import name_triplets


def is_given_name(name: str) -> bool:
    """True for a name key that is a usual given name, so that it is hardly a slip of the pen."""
    return name in _sexes() or name in _nicknames()


def is_own_right(name: str) -> bool:
    """True for a name that children are given as it is: two that are short for each other may as well be twins."""
    return name in _own()


def usual_names() -> tuple[tuple[str, str], ...]:
    """Every usual given name that is one sex's, with that sex (F, M), in the order of the alphabet."""
    return _of_one_sex()


def nicknames_of(name: str) -> frozenset[str]:
    """What a name is short for, and what is short for it."""
    return _nicknames().get(name, frozenset())


def are_nicknames(a: str, b: str) -> bool:
    """True when one of two name keys is short for the other."""
    return b in nicknames_of(a)


def are_of_two_sexes(a: str, b: str) -> bool:
    """True when one name is a man's ten times as often as a woman's, and the other the reverse."""
    sexes = _sexes()
    return {sexes.get(a), sexes.get(b)} == {"F", "M"}


@cache
def _lines() -> list[list[str]]:
    text = (resources.files("mappings") / "given_names.txt").read_text(encoding="ascii")
    return [line.split() for line in text.splitlines()]


@cache
def _sexes() -> Mapping[str, str]:
    return {name: sex for name, sex, *_ in _lines()}


@cache
def _of_one_sex() -> tuple[tuple[str, str], ...]:
    return tuple((name, sex) for name, sex in _sexes().items() if sex != "X")


@cache
def _own() -> frozenset[str]:
    return frozenset(name for name, _, *own in _lines() if own)


@cache
def _nicknames() -> Mapping[str, frozenset[str]]:
    found: dict[str, set[str]] = {}
    for name, _, nickname in name_triplets():
        a, b = name.replace(".", ""), nickname.replace(".", "")
        found.setdefault(a, set()).add(b)
        found.setdefault(b, set()).add(a)
    return {name: frozenset(others) for name, others in found.items()}
