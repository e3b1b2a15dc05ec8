"""Writes the clinic whose EMR speaks FHIR R4: one NDJSON file a resource type, the largest one compressed."""

import gzip
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import orjson

from sync.demo import dirt
from sync.demo.care import DemoCase, DemoVisit
from sync.demo.chart import Chart
from sync.demo.clinics import BOULDER
from sync.demo.export import Export
from sync.demo.practice import Practice

Resource = dict[str, Any]
_LOCATION = {"reference": f"Location/{BOULDER.code}"}
_AMBULATORY = {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "AMB"}
_STATUSES = {"attended": "fulfilled", "missed": "noshow", "cancelled": "cancelled", "booked": "booked"}
_LANGUAGES = {"English": "en", "Spanish": "es"}
_SCHEDULE_DAYS = 45
"""The EMR exports appointments of so many past days; older care is in its encounters alone."""


def write(folder: Path, practice: Practice, export: Export) -> None:
    """Writes Location, Patient, RelatedPerson, Coverage, EpisodeOfCare, Appointment and Encounter."""
    charts = practice.of("boulder-fhir")
    bad = dirt.fhir_resources(charts, export)
    clinic = Clinic(charts, export)
    for kind, resources in clinic.resources().items():
        lines = b"".join(orjson.dumps(each) + b"\n" for each in (*resources, *bad.get(kind, ())))
        _save(folder, f"{kind}-{export.stamp}.ndjson", lines, packed=kind == "Encounter")


def _save(folder: Path, name: str, lines: bytes, *, packed: bool) -> None:
    if packed:
        (folder / f"{name}.gz").write_bytes(gzip.compress(lines, mtime=0))  # no time inside: the same bytes each time
    else:
        (folder / name).write_bytes(lines)


class Clinic:
    """The resources of the clinic, by type."""

    def __init__(self, charts: list[Chart], export: Export) -> None:
        self._charts = charts
        self._export = export

    def resources(self) -> dict[str, Iterable[Resource]]:
        return {
            "Location": _locations(),
            "Patient": map(_patient, self._charts),
            "RelatedPerson": [_guardian(chart) for chart in self._charts if chart.guardian_email],
            "Coverage": map(_coverage, self._charts),
            "EpisodeOfCare": self._episodes(),
            "Appointment": self._appointments(),
            "Encounter": self._encounters(),
        }

    def _episodes(self) -> Iterator[Resource]:
        for chart, number, case in self._cases():
            if _kept(chart, case):
                yield self._episode(chart, number, case)

    def _episode(self, chart: Chart, number: int, case: DemoCase) -> Resource:
        end = {"end": str(self._export.day(case.closed))} if case.closed is not None else {}
        return {
            "resourceType": "EpisodeOfCare",
            "id": _episode_id(chart, number),
            "status": "finished" if end else "active",
            "type": [{"text": case.kind}],
            "patient": _patient_of(chart),
            "period": {"start": str(self._export.day(case.opened)), **end},
        }

    def _appointments(self) -> Iterator[Resource]:
        for chart, number, case in self._cases():
            for position, visit in enumerate(case.visits):
                if visit.day > -_SCHEDULE_DAYS or visit.happened != "attended":
                    yield self._appointment(chart, f"a-{_episode_id(chart, number)}-{position}", visit)

    def _appointment(self, chart: Chart, identity: str, visit: DemoVisit) -> Resource:
        actors = _patient_of(chart), _LOCATION, {"reference": _practitioner(chart), "display": "Therapist"}
        return {
            "resourceType": "Appointment",
            "id": identity,
            "status": _STATUSES[visit.happened],
            "appointmentType": {"text": "Evaluation" if visit.note == "IE" else "Follow-up"},
            "start": self._export.instant(visit, chart.clinic.zone),
            "end": self._export.instant(visit, chart.clinic.zone, minutes=45),
            "participant": [{"actor": actor, "status": "accepted"} for actor in actors],
        }

    def _encounters(self) -> Iterator[Resource]:
        for chart, number, case in self._cases():
            episode = [{"reference": f"EpisodeOfCare/{_episode_id(chart, number)}"}] if _kept(chart, case) else []
            for position, visit in enumerate(case.visits):
                if visit.happened == "attended":
                    identity = f"e-{_episode_id(chart, number)}-{position}"
                    yield {**self._encounter(chart, identity, visit), **({"episodeOfCare": episode} if episode else {})}

    def _encounter(self, chart: Chart, identity: str, visit: DemoVisit) -> Resource:
        zone = chart.clinic.zone
        start, end = self._export.instant(visit, zone), self._export.instant(visit, zone, minutes=45)
        return {
            "resourceType": "Encounter",
            "id": identity,
            "status": "finished",
            "class": _AMBULATORY,
            "type": [{"text": "Physical therapy"}],
            "subject": _patient_of(chart),
            "period": {"start": start, "end": end},
            "location": [{"location": _LOCATION}],
        }

    def _cases(self) -> Iterator[tuple[Chart, int, DemoCase]]:
        for chart in self._charts:
            for number, case in enumerate(chart.history.cases):
                yield chart, number, case


def _kept(chart: Chart, case: DemoCase) -> bool:
    """True where the EMR keeps an episode: it opens one at the first visit that was attended."""
    return chart.history.by_case and any(visit.happened == "attended" for visit in case.visits)


def _episode_id(chart: Chart, number: int) -> str:
    return f"{chart.external_id}-{number + 1}"


def _patient_of(chart: Chart) -> Resource:
    return {"reference": f"Patient/{chart.external_id}"}


def _practitioner(chart: Chart) -> str:
    return f"Practitioner/bt-{int(chart.external_id.rpartition('-')[2]) % 5}"


def _locations() -> list[Resource]:
    main = {"resourceType": "Location", "id": BOULDER.code, "status": "active", "name": "Boulder"}
    return [main, {**main, "id": "boulder-pool", "name": "Boulder pool", "partOf": _LOCATION}]


def _patient(chart: Chart) -> Resource:
    """A Patient; a merged-away one is inactive and names the one that replaced it."""
    link = {"other": {"reference": f"Patient/{chart.replaced_by}"}, "type": "replaced-by"}
    return {
        "resourceType": "Patient",
        "id": chart.external_id,
        "active": chart.history.active,
        "name": [{"use": "official", "family": chart.family, "given": [chart.given]}],
        "gender": chart.sex,
        **({"birthDate": str(chart.born)} if chart.born else {}),
        **({"deceasedBoolean": True} if chart.history.deceased else {}),
        **({"link": [link]} if chart.replaced_by else {}),
        "telecom": _telecom(chart),
        "address": [_address(chart)],
        "communication": [
            {
                "language": {"coding": [{"system": "urn:ietf:bcp:47", "code": _LANGUAGES[chart.language]}]},
                "preferred": True,
            }
        ],
    }


def _telecom(chart: Chart) -> list[Resource]:
    phone = {"system": "phone", "value": chart.home.phone, "use": "mobile"}
    return [phone, *([{"system": "email", "value": chart.home.email}] if chart.home.email else [])]


def _address(chart: Chart) -> Resource:
    clinic = chart.clinic
    place = {"city": clinic.city, "state": clinic.region, "postalCode": clinic.postal_code, "country": "US"}
    return {"use": "home", "line": [chart.home.street], **place}


def _guardian(chart: Chart) -> Resource:
    return {
        "resourceType": "RelatedPerson",
        "id": f"r-{chart.external_id}",
        "patient": _patient_of(chart),
        "relationship": [
            {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v3-RoleCode", "code": "GUARD"}]}
        ],
        "telecom": [{"system": "email", "value": chart.guardian_email}],
    }


def _coverage(chart: Chart) -> Resource:
    return {
        "resourceType": "Coverage",
        "id": f"c-{chart.external_id}",
        "status": "active",
        "type": {"text": chart.payer},
        "beneficiary": _patient_of(chart),
        "payor": [{"display": chart.payer.replace("_", " ")}],
    }
