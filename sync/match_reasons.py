"""Why two rows may be one person, in words without anybody's values: what agrees, what does not, and vetoes."""

from collections.abc import Iterator
from datetime import date
from typing import Final

from sync.identity import Facts, is_minor, is_vetoed
from sync.likeness import Likeness, first_likeness, last_likeness

_FIRST: Final = {
    Likeness.SAME: "same first name",
    Likeness.NICKNAME: "first names short for each other",
    Likeness.EDIT: "first names one letter apart",
    Likeness.NEAR: "first names that sound alike",
    Likeness.OTHER: "other first name",
}
_LAST: Final = {
    Likeness.SAME: "same last name",
    Likeness.EDIT: "last names one letter apart",
    Likeness.OTHER: "other last name",
}


def reasons(a: Facts, b: Facts, today: date) -> list[str]:
    """What speaks for and against the two rows being one person, in the order of evidence."""
    return list(_reasons(a, b, today))


def _reasons(a: Facts, b: Facts, today: date) -> Iterator[str]:
    if a.first and b.first:
        yield _FIRST[first_likeness(a.first, b.first)]
    if a.last and b.last:
        yield _LAST[last_likeness(a.last, b.last)]
    values = {
        "birth date": (a.birth, b.birth),
        "e-mail": (a.email, b.email),
        "phone": (a.phone, b.phone),
        "postal code": (a.postal, b.postal),
        "sex": (a.sex, b.sex),
    }
    for name, (mine, other) in values.items():
        if mine is not None and other is not None:
            yield f"{'same' if mine == other else 'other'} {name}"
    if a.source == b.source and a.present != b.present:
        yield "one has left the source"
    if is_minor(a.birth, today) or is_minor(b.birth, today):
        yield "under 18"
    if is_vetoed(a, b):
        yield "cannot be joined by rules"
