"""Invented patients and visits as FHIR R4 resources; the same every time, with dates relative to an instant.

for resource in practice(AT, people=2000):
    fake.store.put(resource)
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, Final

from tests.fakes.fhir_store import Json

PLACES: Final = {"10": "lincoln", "20": "boulder"}
"""Location ids and the sites that they stand for."""
SITE: Final = {"by": "location", "map": {f"Location/{id_}": site for id_, site in PLACES.items()}}
_GIVEN: Final = ("Ada", "Berta", "Cleo", "Dora", "Edna", "Flora", "Gerda", "Hanna", "Ilse", "Judith")


def practice(at: datetime, people: int = 20) -> Iterator[Json]:
    """Two locations, a practitioner, a group of everyone; each person with a kept, a missed and a coming visit."""
    for id_, site in PLACES.items():
        yield {"resourceType": "Location", "id": id_, "name": site.title(), "status": "active"}
    yield {"resourceType": "Practitioner", "id": "7", "name": [{"family": "Therapist"}]}
    members = [{"entity": {"reference": f"Patient/{n}"}} for n in range(1, people + 1)]
    yield {"resourceType": "Group", "id": "all", "type": "person", "actual": True, "member": members}
    for n in range(1, people + 1):
        yield patient(n)
        yield from _visits(n, at)


def _visits(n: int, at: datetime) -> Iterator[Json]:
    place = "20" if n % 4 == 0 else "10"
    day = at.replace(hour=15, minute=0, second=0, microsecond=0)
    yield appointment(f"a{n}", n, day - timedelta(days=8 + n % 5), "fulfilled", place=place)
    yield appointment(f"b{n}", n, day - timedelta(days=3), "noshow" if n % 7 == 0 else "fulfilled", place=place)
    if n % 3:
        yield appointment(f"c{n}", n, day + timedelta(days=2 + n % 6), place=place)


def patient(n: int | str, **elements: Any) -> Json:
    """An adult with an address of their own."""
    number = f"{int(n):04d}"
    return {
        "resourceType": "Patient",
        "id": str(n),
        "active": True,
        "name": [{"use": "official", "family": f"Family{_letters(number)}", "given": [_GIVEN[int(n) % 10]]}],
        "birthDate": f"{1950 + int(n) % 50}-{1 + int(n) % 12:02d}-{1 + int(n) % 28:02d}",
        "gender": "female",
        "telecom": [{"system": "email", "value": f"p{n}@example.com"}],
        "managingOrganization": {"reference": "Location/10"},
        **elements,
    }


def appointment(id_: str, of: int | str, start: datetime, status: str = "booked", **more: Any) -> Json:
    """A visit of half an hour; `place` is a Location's id, other keys are elements."""
    place = more.pop("place", "10")
    actors = [f"Patient/{of}", f"Location/{place}", "Practitioner/7"]
    return {
        "resourceType": "Appointment",
        "id": id_,
        "status": status,
        "start": start.isoformat(timespec="seconds"),
        "end": (start + timedelta(minutes=30)).isoformat(timespec="seconds"),
        "participant": [{"actor": {"reference": actor}, "status": "accepted"} for actor in actors],
        **more,
    }


def consent(n: int | str, decision: str = "permit") -> Json:
    """A decision about e-mail, of the category `news`."""
    return {
        "resourceType": "Consent",
        "id": f"k{n}",
        "status": "active",
        "scope": {"text": "patient privacy"},
        "category": [{"text": "news"}],
        "patient": {"reference": f"Patient/{n}"},
        "dateTime": "2026-01-05",
        "provision": {"type": decision},
    }


def _letters(number: str) -> str:
    return "".join("qrstuvwxyz"[int(digit)] for digit in number)
