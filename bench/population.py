"""An invented population whose truth is known: families, twins, shared addresses, slips of the pen, renamed people."""

import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Final, NamedTuple

from mappings.given_names import nicknames_of, usual_names
from mappings.records import PatientRow

TODAY: Final = date(2026, 3, 2)
DESK_PHONE: Final = "+14025550100"
DESK_EMAIL: Final = "frontdesk@example.com"

_SYLLABLES = [
    "ba",
    "bel",
    "bran",
    "car",
    "cor",
    "dal",
    "den",
    "dor",
    "ek",
    "fal",
    "fen",
    "gar",
    "gil",
    "hal",
    "har",
    "jen",
    "kel",
    "kor",
    "lan",
    "lin",
    "mar",
    "mel",
    "nor",
    "os",
    "pal",
    "per",
    "quin",
    "ral",
    "ros",
    "sal",
    "sim",
    "tal",
    "tor",
    "ul",
    "val",
    "ven",
    "wil",
    "yor",
    "zan",
]
_LETTERS = "abcdefghijklmnopqrstuvwxyz"


class Known(NamedTuple):
    """A row as a source delivers it, and the number of the person whose it is."""

    source: str
    record: PatientRow
    person: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Person:
    number: int
    given: str
    family: str
    born: date
    sex: str
    email: str | None
    phone: str | None
    postal: str


def population(people: int, seed: int = 5) -> list[Known]:
    """Rows of that many people, in an order of arrival that tells nothing."""
    dice = random.Random(seed)
    rows = [known for person in _people(people, dice) for known in _rows(person, dice)]
    dice.shuffle(rows)
    return [known._replace(record=replace(known.record, external_id=str(n))) for n, known in enumerate(rows)]


def _people(count: int, dice: random.Random) -> Iterator[_Person]:
    made = 0
    while made < count:
        family = list(_household(made, dice))
        yield from family
        made += len(family)


def _household(first: int, dice: random.Random) -> Iterator[_Person]:
    """One to four people of one address: a couple, a father and a son of one name, twins, or someone alone."""
    head = _person(first, dice)
    yield head
    kind = dice.choices(("alone", "couple", "junior", "twins", "family"), (40, 25, 3, 6, 26))[0]
    if kind == "couple":
        yield _relative(head, 1, dice)
    elif kind == "junior":
        yield replace(_relative(head, 1, dice), given=head.given, sex=head.sex, born=_later(head.born, 25))
    elif kind == "twins":
        yield replace(_relative(head, 1, dice), given=_twin_name(head.given, dice), born=head.born)
    elif kind == "family":
        yield _relative(head, 1, dice)
        young = [
            replace(_relative(head, n, dice), born=TODAY - timedelta(days=dice.randrange(1000, 7000))) for n in (2, 3)
        ]
        yield from (
            replace(child, given=_twin_name(young[0].given, dice)) if n else child for n, child in enumerate(young)
        )


def _person(number: int, dice: random.Random) -> _Person:
    given, sex = dice.choice(usual_names())
    return _Person(
        number=number,
        given=given.title(),
        family="".join(dice.choices(_SYLLABLES, k=dice.choice((2, 2, 3)))).title(),
        born=date(1980, 1, 1) if dice.random() < 0.01 else TODAY - timedelta(days=dice.randrange(19 * 366, 88 * 365)),
        sex=sex,
        email=dice.choices((f"p{number}@example.com", DESK_EMAIL, None), (85, 2, 13))[0],
        phone=dice.choices((f"+1402{2_000_000 + number}", DESK_PHONE, None), (85, 3, 12))[0],
        postal=f"{dice.randrange(60_000, 60_400)}",
    )


def _relative(head: _Person, by: int, dice: random.Random) -> _Person:
    own = _person(head.number + by, dice)
    shared = dice.random()
    return replace(
        own,
        family=head.family if dice.random() < 0.9 else own.family,
        email=head.email if shared < 0.5 else own.email,
        phone=head.phone if shared < 0.8 else own.phone,
        postal=head.postal,
    )


def _twin_name(name: str, dice: random.Random) -> str:
    """Another name: often one that sounds like it, since parents like that."""
    if dice.random() < 0.5:
        near = [other for other, _ in usual_names() if other[1:] == name.lower()[1:] and other != name.lower()]
        if near:
            return dice.choice(near).title()
    return next(other for other in (dice.choice(usual_names())[0].title() for _ in range(9)) if other != name)


def _later(day: date, years: int) -> date:
    return day + timedelta(days=round(365.25 * years) + 3)


def _rows(person: _Person, dice: random.Random) -> Iterator[Known]:
    """The EMR's own row, now and then a second one there or in the acquired EMR, and an inquiry before all that."""
    yield Known("emr", _record(person), person.number)
    if dice.random() < 0.3:
        yield Known(dice.choice(("emr", "old", "old")), _noisy(person, dice), person.number)
    if dice.random() < 0.1 and (person.email or person.phone):
        yield Known("web", replace(_record(person), birth_date=None, sex=None, postal_code=None), person.number)


def _record(person: _Person) -> PatientRow:
    return PatientRow(
        external_id="",
        given_name=person.given,
        family_name=person.family,
        birth_date=person.born,
        sex="female" if person.sex == "F" else "male",
        email=person.email,
        phone=person.phone,
        postal_code=person.postal,
    )


def _noisy(person: _Person, dice: random.Random) -> PatientRow:
    """The same person, written by somebody else years later."""
    row = _record(person)
    match dice.choices(
        ("same", "slip", "slips", "nickname", "married", "moved", "born", "bare"), (40, 14, 4, 12, 5, 10, 3, 12)
    )[0]:
        case "slip":
            row = replace(row, family_name=_slip(person.family, dice))
        case "slips":
            row = replace(row, given_name=_slip(person.given, dice), family_name=_slip(person.family, dice))
        case "nickname":
            short = sorted(nicknames_of(person.given.lower())) or [person.given]
            row = replace(row, given_name=dice.choice(short).title())
        case "married":
            row = replace(row, family_name="".join(dice.choices(_SYLLABLES, k=3)).title())
        case "moved":
            row = replace(row, postal_code="10001", email=f"new{person.number}@example.com")
        case "born":
            row = replace(row, birth_date=person.born + timedelta(days=dice.choice((1, 9, 30, 365))))
        case "bare":
            row = replace(row, email=None, phone=None)
        case _:
            pass
    return row


def _slip(name: str, dice: random.Random) -> str:
    """A letter more, less or other, or two neighbours swapped."""
    if len(name) < 4:
        return name
    at = dice.randrange(1, len(name) - 1)
    letter = dice.choice(_LETTERS)
    forms = (name[:at] + name[at + 1 :], name[:at] + letter + name[at:], name[:at] + letter + name[at + 1 :])
    return dice.choice((*forms, name[:at] + name[at + 1] + name[at] + name[at + 2 :]))
