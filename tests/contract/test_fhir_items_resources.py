"""The traps of real FHIR servers, F19 to F25: what resources look like."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from connectors.base import Misconfigured
from mappings.records import Mapped, VisitRow
from tests.fakes.fhir_clinic import Rig, everything
from tests.fakes.fhir_people import appointment, patient
from tests.fakes.fhir_profiles import openemr_status
from tests.fakes.fhir_server import AT, FakeFhir


def test_f19_r5_is_read_as_r5_and_another_release_is_refused(rig: Rig, emr: FakeFhir) -> None:
    emr.fhir_version = "5.0.0"
    missed = appointment("r5", 1, AT + timedelta(days=1), "cancelled")
    emr.store.put(missed | {"cancellationReason": {"text": "no-show"}, "reason": [{"concept": {"text": "knee"}}]})
    assert rig.pull().records()["Appointment/r5"].status == "noshow"
    emr.fhir_version = "3.0.2"
    with pytest.raises(Misconfigured):
        Rig(rig.kind, emr, rig.folder, **rig.keys).pull()


BAD = {
    "nan": b'{"resourceType":"Appointment","id":"bad","status":NaN}',
    "day_for_instant": b'{"resourceType":"Appointment","id":"bad","status":"booked","start":"2026-03-05"}',
    "no_list": b'{"resourceType":"Appointment","id":"bad","participant":"nobody"}',
    "surrogate": b'{"resourceType":"Appointment","id":"bad","status":"\\ud800"}',
    "deep": b'{"resourceType":"Appointment","id":"bad","x":' + b"[" * 3000 + b"]" * 3000 + b"}",
    "list": b"[1, 2]",
    "string": b'"text"',
    "no_id": b'{"resourceType":"Appointment"}',
    "nul": b'{"resourceType":"Appointment","id":"bad","status":"booked","comment":"a\\u0000b"}',
    "long_id": b'{"resourceType":"Appointment","id":"' + b"9" * 300 + b'"}',
    "contained": b'{"resourceType":"Appointment","id":"bad","contained":[{"resourceType":"Spaceship","id":"s"}]}',
}


@pytest.mark.parametrize("name", BAD)
def test_f20_fault_29_fault_30_one_bad_resource_goes_to_quarantine_and_the_rest_goes_on(
    rig: Rig, emr: FakeFhir, name: str
) -> None:
    whole = everything(emr)
    emr.spoil("Appointment", "bad", BAD[name])
    pull = rig.pull()
    assert whole["appointments"] <= set(pull.ids())
    assert whole["patients"] == set(pull.ids("patients"))
    usable = [row for row, each in pull.mapped() if isinstance(each, Mapped) and row.kind == "appointments"]
    assert len(pull.rejected()) <= 1
    assert len(usable) + len(pull.rejected()) <= len(whole["appointments"]) + 1


@pytest.mark.parametrize(
    "reference",
    [
        {"reference": "Patient/1"},
        {"reference": "https://emr.example.com/fhir/Patient/1"},
        {"reference": "Patient/1/_history/3"},
        {"reference": "Patient?identifier=urn:mrn|0001"},
        {"identifier": {"system": "urn:mrn", "value": "0001"}},
        {"reference": "#p"},
    ],
    ids=["relative", "absolute", "versioned", "conditional", "identifier", "contained"],
)
def test_f21_references_of_every_form_lead_to_the_patient(rig: Rig, emr: FakeFhir, reference: dict[str, Any]) -> None:
    mrn = {"system": "urn:mrn", "value": "0001"}
    emr.store.put(patient(1, identifier=[mrn]))
    visit = appointment("ref", 1, AT + timedelta(days=2))
    visit["participant"][0]["actor"] = reference
    visit["participant"][2]["actor"] = {"reference": "Person/7"}
    if reference == {"reference": "#p"}:
        visit["contained"] = [{"resourceType": "Patient", "id": "p", "identifier": [mrn]}]
    emr.store.put(visit)
    found = rig.pull().records()["Appointment/ref"]
    assert isinstance(found, VisitRow)
    assert found.patient_id == "1"


def test_f22_a_visit_without_a_place_is_at_the_sources_default(rig: Rig, emr: FakeFhir) -> None:
    visit = appointment("nowhere", 1, AT + timedelta(days=2))
    del visit["participant"][1]
    emr.store.put(visit)
    site = {"by": "location", "map": {"Location/10": "lincoln", "Location/20": "boulder"}, "default": "boulder"}
    rig.anew(site=site)
    records = rig.pull().records()
    assert records["Appointment/nowhere"].site == "boulder"
    assert records["Appointment/a1"].site == "lincoln"


@pytest.mark.parametrize("emr", ["openemr"], indirect=True)
def test_f23_a_version_that_is_always_1_hides_no_change(rig: Rig, emr: FakeFhir) -> None:
    if rig.kind == "fhir-search":
        rig.anew(profile="openemr", resources=["Location", "Patient", "Appointment"])
    rig.pull()
    rig.tick(hours=2)
    emr.store.change("Appointment", "c1", status=openemr_status("?"))
    records = rig.pull().records()
    assert records["Appointment/c1"].status == "noshow"


def test_f24_what_is_included_is_not_what_was_asked_for(search: Rig, emr: FakeFhir) -> None:
    search.anew(resources=["Patient", "Appointment"], patients="include", page_size=50)
    pull = search.pull()
    held = pull.held()
    assert held["appointments"] == everything(emr)["appointments"]
    assert held["patients"] == everything(emr)["patients"]
    (visits,) = [pass_ for pass_ in pull.complete if pass_.feed == "Appointment"]
    assert visits.proof is not None
    assert visits.proof.rows == len(held["appointments"])
    assert visits.kinds == {"appointments"}


def test_f25_no_more_than_five_calls_are_under_way_at_a_time(rig: Rig, emr: FakeFhir) -> None:
    rig.pull()
    assert 1 <= emr.peak <= 5


def test_f06_fault_25_a_change_from_the_year_2999_does_not_move_the_watermark(rig: Rig, emr: FakeFhir) -> None:
    emr.store.put(patient(97), stamped=datetime(2999, 1, 1, tzinfo=UTC))
    assert "97" in rig.pull().ids("patients")
    rig.tick(hours=2)
    emr.store.put(patient(98))
    assert "98" in rig.pull().ids("patients")
