"""The invented practice that is measured: the same people and visits whenever it is made, in any size."""

import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Final

VISITS: Final = 5
"""Visits of each patient."""
CHANGED_SHARE: Final = 0.01
"""Share of the patients whose rows, their own and those of their visits, all differ in the changed export."""
SITES: Final = {"101": "lincoln", "102": "omaha"}

_GIVEN = [
    "Ada",
    "Ben",
    "Cora",
    "Dan",
    "Eva",
    "Finn",
    "Gwen",
    "Hugo",
    "Ines",
    "Jack",
    "Kira",
    "Liam",
    "Mona",
    "Nils",
    "Olga",
    "Paul",
    "Rosa",
    "Sam",
    "Tess",
    "Uma",
]
_FAMILY = [
    "Abel",
    "Brook",
    "Castle",
    "Dorn",
    "Ember",
    "Frost",
    "Grove",
    "Hale",
    "Iver",
    "Jewel",
    "Kern",
    "Lark",
    "Marsh",
    "North",
    "Oaks",
    "Pine",
    "Quill",
    "Reed",
]
_ENDING = ["son", "man", "ley", "ton", "well", "ford", "wood", "berg", "ridge", "gate", "field", "stone"]
_KINDS = ("Initial evaluation", "Daily note", "Progress note", "Hand therapy")
_PAYERS = ("Acme Health", "Medicare", "WCOMP", "Self pay", "")
_PHONES = 80_000
"""800 area codes with the hundred numbers 555-01xx that are kept for fiction; later families have none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """One visit: its start (UTC) and one of fulfilled, booked, noshow, cancelled."""

    number: int
    starts_at: datetime
    status: str
    kind: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Patient:
    """One invented patient."""

    number: int
    given: str
    family: str
    born: date
    sex: str
    email: str
    phone: str
    street: str
    postal_code: str
    clinic: str
    payer: str
    opted_in: bool
    visits: tuple[Visit, ...]


def people(count: int, today: date, *, changed: bool = False) -> Iterator[Patient]:
    """Yields `count` patients, family by family; with `changed` 1 % of them have another address and other visits."""
    every = round(1 / CHANGED_SHARE)
    before: Patient | None = None
    for number in range(count):
        before = patient = _patient(number, today, before)
        yield _moved(patient) if changed and number % every == 0 else patient


def _patient(number: int, today: date, before: Patient | None) -> Patient:
    """One in ten lives with the one before; one in a hundred is the one before, registered twice."""
    dice = random.Random(number)
    patient = _newcomer(number, dice, today)
    if before is None or number % 10 not in (1, 2):
        return patient
    shared = replace(
        patient,
        family=before.family,
        email=before.email,
        phone=before.phone,
        street=before.street,
        postal_code=before.postal_code,
        clinic=before.clinic,
    )
    if number % 10 == 1:
        return replace(shared, given=next(name for name in _GIVEN if name != before.given))
    return replace(shared, given=before.given, born=before.born, sex=before.sex) if number % 100 == 2 else patient


def _newcomer(number: int, dice: random.Random, today: date) -> Patient:
    return Patient(
        number=number,
        given=dice.choice(_GIVEN),
        family=dice.choice(_FAMILY) + dice.choice(_ENDING),
        born=today - timedelta(days=dice.randrange(19 * 366, 90 * 365)),
        sex=dice.choice(("female", "male")),
        email=f"patient.{number}@example.com" if dice.random() < 0.9 else "",
        phone=f"({200 + number // 100}) 555-01{number % 100:02d}" if number < _PHONES else "",
        street=f"{dice.randrange(1, 9999)} {dice.choice(_FAMILY)} Street",
        postal_code=f"{dice.randrange(501, 99950):05d}",
        clinic=dice.choice(tuple(SITES)),
        payer=dice.choice(_PAYERS),
        opted_in=dice.random() < 0.7,
        visits=_visits(number, dice, today),
    )


def _visits(number: int, dice: random.Random, today: date) -> tuple[Visit, ...]:
    """A course of weekly visits that ends between a year ago and three weeks ahead, never today or yesterday."""
    last = dice.choice((-300, -120, -60, -30, -17, -12, -4, 3, 10, 20))
    made = []
    for index in range(VISITS):
        day = today + timedelta(days=last - 7 * (VISITS - 1 - index))
        starts_at = datetime(day.year, day.month, day.day, 14 + dice.randrange(8), 30, tzinfo=UTC)
        status = "booked" if day > today else dice.choices(("fulfilled", "noshow", "cancelled"), (8, 1, 1))[0]
        made.append(Visit(number=number * VISITS + index, starts_at=starts_at, status=status, kind=dice.choice(_KINDS)))
    return tuple(made)


def _moved(patient: Patient) -> Patient:
    """Another street, e-mail address and, for all visits, another kind; the last visit was or will be missed."""
    visits = [replace(visit, kind="Re-evaluation") for visit in patient.visits]
    visits[-1] = replace(visits[-1], status="cancelled")
    return replace(patient, street="1 New Street", email=f"new.{patient.number}@example.com", visits=tuple(visits))
