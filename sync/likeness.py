"""How much two names are alike: the same, one short for the other, a slip of the pen, or two names."""

from collections.abc import Iterator
from enum import IntEnum
from functools import lru_cache

from rapidfuzz.distance import OSA

from mappings.given_names import are_nicknames, are_of_two_sexes, is_given_name, is_own_right
from mappings.name_keys import has_slips


class Likeness(IntEnum):
    """How much; from EDIT on, names agree. NEAR are two names that sound like one: twins may bear them."""

    OTHER = 0
    NEAR = 1
    EDIT = 2
    NICKNAME = 3
    SAME = 4

    @property
    def agrees(self) -> bool:
        """True when they can be one person's name."""
        return self >= Likeness.EDIT


def last_likeness(a: str, b: str) -> Likeness:
    """Compares the keys of two last names; never NEAR or NICKNAME."""
    if a == b:
        return Likeness.SAME
    return Likeness.EDIT if is_one_edit(a, b) else Likeness.OTHER


@lru_cache(maxsize=16_384)
def first_likeness(a: str, b: str, *, sexes_differ: bool = False) -> Likeness:
    """Compares the keys of two first names; `sexes_differ`: the sexes recorded with them are known and not the same.

    One edit is no slip where both are names (Mario, Maria). The package calls Louise short for Louis, and Emma for
    Emily: two names that children are given as they are are NEAR, and so are a man's and a woman's where the sexes
    differ.
    """
    if a == b:
        return Likeness.SAME
    edit = is_one_edit(a, b)
    if are_nicknames(a, b):
        crossed, own = are_of_two_sexes(a, b), is_own_right(a) and is_own_right(b)
        return Likeness.NEAR if (crossed and sexes_differ) or (own and (crossed or not edit)) else Likeness.NICKNAME
    if not edit:
        return Likeness.OTHER
    return Likeness.NEAR if is_given_name(a) and is_given_name(b) else Likeness.EDIT


def is_one_edit(a: str, b: str) -> bool:
    """True when one letter is more, less or other, or two neighbours are swapped; a name with digits has no slips."""
    if abs(len(a) - len(b)) > 1 or not (has_slips(a) and has_slips(b)):
        return False
    return OSA.distance(a, b, score_cutoff=1) == 1


def spellings(name: str) -> Iterator[str]:
    """Keys of which any two names within one edit of each other have one in common: itself, and each letter left out."""
    yield name
    if has_slips(name):
        for at in range(len(name)):
            yield name[:at] + name[at + 1 :]
