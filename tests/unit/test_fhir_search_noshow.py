"""No-shows in each EMR's disguise, and codes that the models let pass."""

import json
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from connectors.fhir.settings import FhirSettings, fingerprint_of, terms_of
from connectors.settings import Surroundings
from mappings.fhir.mapping import map_resource
from mappings.fhir.terms import Terms
from mappings.records import Mapped, PatientRow, Rejected, VisitRow

ZONE = ZoneInfo("America/Chicago")
AROUND = Surroundings(zone=ZONE, phone_region="US", site_zones={"lincoln": ZONE})


class Nothing:
    """A directory that knows nothing."""

    def place(self, key: str) -> None:  # noqa: ARG002  the protocol's name
        return None

    def patient(self, token: str) -> None:  # noqa: ARG002  likewise
        return None


def settings(**keys: Any) -> FhirSettings:
    return FhirSettings.model_validate({"kind": "fhir-search", "site": "lincoln", **keys})


def terms(**noshow: list[str]) -> Terms:
    return terms_of(settings(noshow=noshow), AROUND)


def outcome(resource: dict[str, Any], under: Terms | None = None, kind: Any = "appointments") -> Mapped | Rejected:
    named = f"{resource['resourceType']}/x" if kind == "appointments" else "x"
    return map_resource(kind, named, json.dumps(resource).encode(), under or terms(), Nothing())


def appointment(status: str, **elements: Any) -> dict[str, Any]:
    base = {
        "resourceType": "Appointment",
        "id": "x",
        "status": status,
        "start": "2026-03-02T15:00:00Z",
        "participant": [{"actor": {"reference": "Patient/1"}, "status": "accepted"}],
    }
    return base | elements


def status_of(resource: dict[str, Any], under: Terms | None = None) -> str:
    mapped = outcome(resource, under)
    assert isinstance(mapped, Mapped)
    assert isinstance(mapped.record, VisitRow)
    return mapped.record.status


@pytest.mark.parametrize(
    "spelt", ["noshow", "no-show", "no_show", "No Show", "NS", "DNA", "did_not_arrive", "Did not attend", "?"]
)
def test_f20_a_no_show_is_one_however_the_status_is_spelt(spelt: str) -> None:
    assert status_of(appointment(spelt)) == "noshow"


@pytest.mark.parametrize(
    "reason",
    [
        {"text": "Patient No Show"},
        {"text": "NOSHOW - charge"},
        {"coding": [{"system": "urn:athena", "code": "no_show"}]},
        {"coding": [{"code": "7", "display": "Failed to show"}]},
        {"text": "Did Not Arrive"},
    ],
)
@pytest.mark.parametrize("spelt", ["cancelled", "canceled"])
def test_a_cancellation_whose_reason_is_a_no_show_is_a_no_show(reason: dict[str, Any], spelt: str) -> None:
    assert status_of(appointment(spelt, cancelationReason=reason)) == "noshow"
    assert status_of(appointment("booked", cancelationReason=reason)) == "booked"


def test_a_late_cancellation_is_a_no_show_where_the_operator_says_so() -> None:
    late = appointment("cancelled", cancelationReason={"text": "Late cancel (<24h)"})
    assert status_of(late) == "cancelled"
    assert status_of(late, terms(cancel_reasons=["late-cancel (<24H)"])) == "noshow"


def test_the_emrs_own_word_for_a_missed_visit_is_taught_by_the_operator() -> None:
    assert isinstance(outcome(appointment("MISSED_1")), Rejected)
    assert status_of(appointment("MISSED_1"), terms(statuses=["Missed 1"])) == "noshow"
    encounter = {
        "resourceType": "Encounter",
        "id": "x",
        "status": "Missed 1",
        "class": {"code": "AMB"},
        "subject": {"reference": "Patient/1"},
        "period": {"start": "2026-03-02T15:00:00Z"},
    }
    assert status_of(encounter, terms(statuses=["missed-1"])) == "noshow"
    assert status_of(encounter | {"status": "no-show"}) == "noshow"


def test_the_words_are_part_of_the_fingerprint() -> None:
    taught = settings(noshow={"statuses": ["MISSED"]})
    assert fingerprint_of(settings(), AROUND) != fingerprint_of(taught, AROUND)


@pytest.mark.parametrize(
    "participants", [[], [{"status": "accepted"}], [{"type": [{"text": "x"}], "status": "accepted"}]]
)
def test_f20_a_visit_that_names_nobody_at_all_is_quarantined(participants: list[dict[str, Any]]) -> None:
    found = outcome(appointment("booked", participant=participants))
    assert isinstance(found, Rejected)
    assert (found.code, found.field, found.column) == ("missing_value", "patient_id", "Appointment.participant")


def test_f20_a_status_of_no_code_set_is_quarantined() -> None:
    found = outcome(appointment("perhaps"))
    assert isinstance(found, Rejected)
    assert (found.code, found.field) == ("unknown_code", "status")


@pytest.mark.parametrize(("gender", "sex"), [("F", "female"), ("male", "male"), ("Q", None)])
def test_f20_a_gender_that_the_models_accept_is_read_or_warned_of(gender: str, sex: str | None) -> None:
    found = outcome({"resourceType": "Patient", "id": "x", "gender": gender}, kind="patients")
    assert isinstance(found, Mapped)
    assert isinstance(found.record, PatientRow)
    assert found.record.sex == sex
    assert bool(found.warnings) == (sex is None)
