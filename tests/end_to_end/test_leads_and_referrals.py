"""Leads and referrals: where they come from, and what stays with a lead who books."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.clinic import AT, Clinic, days, patient, visit
from tests.fakes.command_line import prm_sync

FORM = {
    "external_id": "w1",
    "given_name": "Leadq",
    "family_name": "Inquirerq",
    "email": "w1@example.com",
    "site": "lincoln",
    "lead_source": "website",
    "lead_since": "2026-02-20",
    "campaign": "Spring knees",
}
BOOKED = {"given_name": "Leadq", "family_name": "Inquirerq", "email": "w1@example.com"}
KEPT: dict[str, Any] = {
    "came-by-website": {"purpose": "operations", "who": {"lead_source": "website"}},
    "came-by-campaign": {"purpose": "operations", "who": {"campaign": "Spring knees"}},
    "asked-in-february": {"purpose": "operations", "who": {"lead_since": {"between": ["2026-02-01", "2026-02-28"]}}},
    "never-asked": {"purpose": "operations", "who": {"lead_since": "none"}},
}


@pytest.fixture
def clinic(tmp_path: Path, sqlite_template: Path) -> Clinic:
    made = Clinic(tmp_path).laid_out(sqlite_template)
    made.segments |= KEPT
    made.config["sources"]["leads"]["patients"] = {"files": ["*.jsonl", "leads-*.csv"]}
    made.config["sources"]["leads"]["consent"] = [
        {"always": "web form, box ticked", "channels": ["email"], "purposes": ["marketing"]}
    ]
    return made


def form(clinic: Clinic, *answers: dict[str, Any], name: str = "form-20260302-0600.jsonl") -> None:
    """A web form's drop."""
    lines = "".join(json.dumps(answer) + "\n" for answer in answers)
    (clinic.folder / "drops" / "leads" / name).write_text(lines, encoding="utf-8")


def test_a_web_forms_answer_is_a_lead(clinic: Clinic) -> None:
    form(clinic, FORM)
    clinic.run(AT)
    assert clinic.status("w1", "leads") == "lead"
    assert [name for name, members in clinic.members().items() if "w1" in members and name in KEPT] == [
        "asked-in-february", "came-by-campaign", "came-by-website",
    ]  # fmt: skip


def test_a_lead_who_books_keeps_source_date_and_campaign(clinic: Clinic) -> None:
    form(clinic, FORM)
    clinic.run(AT)
    clinic.drop("patients", [patient("7", **BOOKED)], "20260303-0600")
    clinic.drop("appointments", [visit("v1", "7", "2026-03-06", "booked")], "20260303-0600")
    clinic.run(AT + days(1))
    assert clinic.statuses() == {("leads", "w1"): "scheduled", ("emr", "7"): "scheduled"}
    members = clinic.members()
    assert {name for name in KEPT if {"w1", "7"} <= members.get(name, set())} == KEPT.keys() - {"never-asked"}


def test_a_lead_who_has_become_a_patient_keeps_them_through_care(clinic: Clinic) -> None:
    form(clinic, FORM)
    clinic.run(AT)
    clinic.drop("patients", [patient("7", **BOOKED)], "20260306-1800")
    clinic.drop("appointments", [visit("v1", "7", "2026-03-06")], "20260306-1800")
    clinic.run(AT + days(5))
    assert clinic.status("7") == "active"
    assert {name for name in KEPT if "7" in clinic.members().get(name, set())} == KEPT.keys() - {"never-asked"}


def test_a_drop_with_a_line_still_being_written_is_refused_and_lands_once_it_is_whole(clinic: Clinic) -> None:
    path = clinic.folder / "drops" / "leads" / "form-20260302-0600.jsonl"
    path.write_text(json.dumps(FORM), encoding="utf-8")
    clinic.run(AT)
    assert ("leads", "w1") not in clinic.statuses()
    path.write_text(json.dumps(FORM) + "\n", encoding="utf-8")
    clinic.run(AT + days(1))
    assert clinic.status("w1", "leads") == "lead"


def test_a_referral_without_an_appointment_is_a_lead_until_it_is_lost(clinic: Clinic) -> None:
    columns = ["external_id", "given_name", "family_name", "clinic_id", "active", "referral_received", "referred_by"]
    columns += ["ok", "ok_news", "signed"]
    row = {"external_id": "8", "given_name": "Ref", "family_name": "Erred", "clinic_id": "101", "referred_by": "Dr Who"}
    clinic.config["sources"]["emr"]["max_age"] = "365d"
    for stamp, at in (("20260301-0600", AT - days(1)), ("20260302-0600", AT)):
        rows = [patient("1"), row | {"referral_received": "2026-02-25"}] if at == AT else [patient("1")]
        clinic.drop("patients", [_only(each, columns) for each in rows], stamp, columns=columns)
        clinic.run(at)
    assert clinic.status("8") == "lead"
    clinic.run(AT + days(100))
    assert clinic.status("8") == "lost_lead"


def _only(row: dict[str, str], columns: list[str]) -> dict[str, str]:
    return {name: cell for name, cell in row.items() if name in columns}


def test_a_service_request_without_an_appointment_makes_a_lead(clinic: Clinic) -> None:
    folder = clinic.folder / "drops" / "fhir"
    folder.mkdir()
    clinic.config["sources"]["hospital"] = {"kind": "fhir-files", "folder": "drops/fhir", "site": "lincoln"}
    clinic.segments["referred"] = {"purpose": "operations", "who": {"referral_received": {"within": "30 days ago"}}}
    person = {"resourceType": "Patient", "id": "h1", "name": [{"family": "Alder", "given": ["Ann"]}]}
    request = {
        "resourceType": "ServiceRequest", "id": "r1", "status": "active", "intent": "order",
        "subject": {"reference": "Patient/h1"}, "authoredOn": "2026-02-25",
        "requester": {"display": "Lakeside Orthopedics"},
    }  # fmt: skip
    for name, resource in (("Patient", person), ("ServiceRequest", request)):
        (folder / f"{name}-20260302-0600.ndjson").write_text(json.dumps(resource) + "\n", encoding="utf-8")
    clinic.run(AT)
    assert clinic.status("h1", "hospital") == "lead"
    assert "h1" in clinic.members()["referred"]


def test_a_proposed_map_passes_check_when_it_is_pasted(clinic: Clinic) -> None:
    folder = clinic.folder / "drops" / "new"
    folder.mkdir()
    path = folder / "people-20260302-0600.csv"
    path.write_text("Patient ID,First Name,Last Name,DOB\n0101,Ann,Alder,02/13/1980\n", encoding="utf-8")
    found = prm_sync(clinic, "columns", str(path), "--json").json()
    columns = {each["name"]: {"column": each["column"], "formats": each["formats"]} for each in found["columns"]}
    clinic.config["sources"]["new"] = {
        "kind": "tabular", "folder": "drops/new", "site": "lincoln",
        "patients": {"files": "people-*.csv", "columns": columns},
    }  # fmt: skip
    assert prm_sync(clinic, "check").code == 0
    clinic.run(AT)
    assert ("new", "0101") in clinic.statuses()


def test_the_status_tells_how_far_leads_have_come_by_site_and_source(clinic: Clinic) -> None:
    form(clinic, FORM, FORM | {"external_id": "w2", "given_name": "Otherq", "email": "w2@example.com"})
    clinic.run(AT)
    clinic.drop("patients", [patient("7", **BOOKED), patient("8")], "20260303-0600")
    done = [visit(f"v{n}", "7", day, "fulfilled") for n, day in enumerate(["2026-02-24", "2026-02-26"])]
    clinic.drop("appointments", done, "20260303-0600")
    clinic.run(AT + days(1))
    assert prm_sync(clinic, "status", "--json").json()["funnel"] == [
        {"site": "lincoln", "lead_source": "website", "lead": 2, "scheduled": 1, "evaluated": 1, "active": 1,
         "discharged_completed": 0}
    ]  # fmt: skip
    assert "how far they came" in prm_sync(clinic, "status").out
