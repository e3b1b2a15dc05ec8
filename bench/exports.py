"""Writes the invented practice as an EMR would export it: CSV tables, or FHIR NDJSON as a bulk export has it."""

import csv
from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import chain, islice
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple

import orjson

from bench.people import Patient, Visit, people

Format = Literal["csv", "fhir"]

_PATIENT_COLUMNS: Final = [
    "external_id",
    "given_name",
    "family_name",
    "birth_date",
    "sex",
    "email",
    "phone",
    "address_line",
    "city",
    "region",
    "postal_code",
    "country",
    "language",
    "site",
    "active",
    "payer",
    "referral_source",
    "created_at",
    "email_ok",
    "signed_on",
    "notes",
]
_VISIT_COLUMNS: Final = [
    "external_id",
    "patient_id",
    "site",
    "provider",
    "kind",
    "starts_at",
    "ends_at",
    "status",
    "created_at",
    "room",
]
_CORE = "http://hl7.org/fhir/us/core/StructureDefinition/us-core-"


class Export(NamedTuple):
    """One delivery of all there is: how many patients, when (UTC), in another order of rows or not, changed or not."""

    patients: int
    at: datetime
    turned: bool = False
    changed: bool = False

    @property
    def stamp(self) -> str:
        """The export time as file names carry it."""
        return f"{self.at:%Y%m%dT%H%M%SZ}"

    def people(self) -> Iterator[Patient]:
        """The patients in the order of the rows; a turned export begins with the second and ends with the first."""
        made = people(self.patients, self.at.date(), changed=self.changed)
        if not self.turned:
            return made
        first = next(made)
        return chain(made, (first,))


def write(folder: Path, kind: Format, export: Export) -> None:
    """Writes one export's files below `folder`."""
    if kind == "csv":
        _write_csv(folder / f"patients-{export.stamp}.csv", _PATIENT_COLUMNS, map(_patient_row, export.people()))
        _write_csv(folder / f"appointments-{export.stamp}.csv", _VISIT_COLUMNS, _visit_rows(export))
    else:
        _write_lines(folder / f"Patient-{export.stamp}.ndjson", map(fhir_patient, export.people()))
        _write_lines(folder / f"Appointment-{export.stamp}.ndjson", _appointments(export))


def _write_csv(path: Path, header: list[str], rows: Iterable[tuple[str, ...]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)


def _write_lines(path: Path, resources: Iterator[dict[str, Any]]) -> None:
    with path.open("wb") as file:
        while lines := [orjson.dumps(resource) for resource in islice(resources, 1000)]:
            file.write(b"\n".join(lines) + b"\n")


def _patient_row(patient: Patient) -> tuple[str, ...]:
    yes = "yes" if patient.opted_in else "no"
    return (
        str(patient.number), patient.given, patient.family, str(patient.born), patient.sex, patient.email,
        patient.phone, patient.street, "Lakeside", "NE", patient.postal_code, "US", "en", patient.clinic, "yes",
        patient.payer, "Dr. Example", "2025-06-01 09:00", yes, "2025-06-01", "nothing of note",
    )  # fmt: skip


def _visit_rows(export: Export) -> Iterator[tuple[str, ...]]:
    for patient in export.people():
        for visit in patient.visits:
            yield (
                f"v{visit.number}", str(patient.number), patient.clinic, "Dr. Example", visit.kind,
                f"{visit.starts_at:%Y-%m-%dT%H:%M:%SZ}", f"{visit.starts_at:%Y-%m-%dT%H:55:00Z}", visit.status,
                "2025-06-01T15:00:00Z", "Room 2",
            )  # fmt: skip


def fhir_patient(patient: Patient) -> dict[str, Any]:
    """The patient as a US Core resource of some 1.5 kB."""
    number = str(patient.number)
    return {
        "resourceType": "Patient",
        "id": number,
        "meta": {"versionId": "1", "lastUpdated": "2025-06-01T15:00:00Z", "profile": [f"{_CORE}patient"]},
        "text": {"status": "generated", "div": '<div xmlns="http://www.w3.org/1999/xhtml">A patient</div>'},
        "extension": [_group("race", "2106-3", "White"), _group("ethnicity", "2186-5", "Not Hispanic or Latino"), {
            "url": f"{_CORE}birthsex", "valueCode": patient.sex[0].upper()}],
        "identifier": [
            {"use": "usual", "type": _coded("http://terminology.hl7.org/CodeSystem/v2-0203", "MR", "Medical Record"),
             "system": "urn:oid:2.999.1", "value": f"MRN{number}"},
            {"use": "secondary", "system": "urn:oid:2.999.2", "value": f"X{number}"},
        ],
        "active": True,
        "name": [{"use": "official", "family": patient.family, "given": [patient.given]}],
        "telecom": _telecom(patient),
        "gender": patient.sex,
        "birthDate": str(patient.born),
        "address": [{"use": "home", "line": [patient.street], "city": "Lakeside", "state": "NE",
                     "postalCode": patient.postal_code, "country": "US"}],
        "communication": [{"language": _coded("urn:ietf:bcp:47", "en", "English"), "preferred": True}],
    }  # fmt: skip


def _telecom(patient: Patient) -> list[dict[str, Any]]:
    contacts = (("phone", patient.phone, "mobile"), ("email", patient.email, "home"), ("fax", patient.phone, "work"))
    return [{"system": system, "value": value, "use": use} for system, value, use in contacts if value]


def _group(name: str, code: str, text: str) -> dict[str, Any]:
    coding = {"system": "urn:oid:2.16.840.1.113883.6.238", "code": code, "display": text}
    return {
        "url": _CORE + name,
        "extension": [{"url": "ombCategory", "valueCoding": coding}, {"url": "text", "valueString": text}],
    }


def _coded(system: str, code: str, text: str) -> dict[str, Any]:
    return {"coding": [{"system": system, "code": code, "display": text}], "text": text}


def _appointments(export: Export) -> Iterator[dict[str, Any]]:
    for patient in export.people():
        for visit in patient.visits:
            yield _appointment(patient, visit)


def _appointment(patient: Patient, visit: Visit) -> dict[str, Any]:
    return {
        "resourceType": "Appointment",
        "id": f"v{visit.number}",
        "meta": {"versionId": "1", "lastUpdated": "2025-06-01T15:00:00Z"},
        "status": visit.status,
        "serviceType": [_coded("urn:oid:2.999.3", "PT", "Physical therapy")],
        "appointmentType": _coded("urn:oid:2.999.4", visit.kind.upper(), visit.kind),
        "description": "A visit",
        "start": f"{visit.starts_at:%Y-%m-%dT%H:%M:%SZ}",
        "end": f"{visit.starts_at:%Y-%m-%dT%H:55:00Z}",
        "created": "2025-06-01T15:00:00Z",
        "participant": [
            {"actor": {"reference": f"Patient/{patient.number}", "display": "A patient"}, "status": "accepted"},
            {"actor": {"reference": "Practitioner/7", "display": "Dr. Example"}, "status": "accepted"},
            {"actor": {"reference": "Location/12", "display": "Lakeside"}, "status": "accepted"},
        ],
    }
