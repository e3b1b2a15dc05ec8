"""The WebPT extract through its preset."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from connectors.tabular import TabularSource
from mappings.records import Mapped, VisitRow
from tests.fakes.drops import only, put, settings, source
from tests.fakes.known import MemoryKnown, land, records

CLINICS = {"column": "clinic_id", "map": {"101": "lincoln", "102": "boulder"}}
STATED = {
    "patients": {"columns": {"external_id": "Patient ID", "given_name": "First"}},
    "visits": {
        "columns": {
            "external_id": "Visit",
            "patient_id": "Patient ID",
            "starts_at": "On",
            "status": {"column": "Note", "map": {"CXL": "cancelled"}},
        }
    },
}
APPOINTMENTS = "appointmnet_id,start_date,end_date,check_in_time,clinic_id,therapist_id,appointment_type,case_id,patient_id,appointment_status\n"


def webpt(folder: Path, **keys: Any) -> TabularSource:
    return source(folder, preset="webpt.standard-extract", site=CLINICS, **{"tables": STATED} | keys)


def test_the_preset_names_the_columns_that_only_the_operator_knows(tmp_path: Path) -> None:
    gaps = settings(
        tmp_path, preset="webpt.standard-extract", tables={"cases": {"columns": {"external_id": "C"}}}
    ).missing()
    assert gaps == ["tables.patients.columns.external_id", "tables.cases.columns.patient_id"]


def test_a_column_that_nobody_names_is_looked_for_under_its_canonical_name(tmp_path: Path) -> None:
    put(tmp_path, "patients-20260301.csv", "external_id,clinic_id\nP1,101\n")
    put(tmp_path, "patients-20260302.csv", "Patient ID,clinic_id\nP1,101\n")
    landed, refused = land(webpt(tmp_path, tables={}), MemoryKnown())
    assert [row.external_id for row in landed[1]] == ["P1"]
    refusal = refused[0].refusal
    assert refusal is not None
    assert (refusal.code, refusal.column) == ("missing_column", "external_id")


def test_the_preset_looks_two_weeks_ahead_unless_told_otherwise(tmp_path: Path) -> None:
    keys = {"preset": "webpt.standard-extract"}
    assert settings(tmp_path, **keys).sees_ahead == timedelta(days=14)
    assert settings(tmp_path, **keys, sees_ahead="7d").sees_ahead == timedelta(days=7)


def test_an_appointment_keeps_its_identity_when_checking_in_changes_its_id(tmp_path: Path) -> None:
    put(tmp_path, "appointments-20260302-0600.csv", APPOINTMENTS + "-5,2026-03-02 09:00,,,101,T1,PT,C1,P1,Active\n")
    extract, known = webpt(tmp_path), MemoryKnown()
    _, before = only(land(extract, known))
    put(
        tmp_path,
        "appointments-20260302-1000.csv",
        APPOINTMENTS + "77,2026-03-02 09:00,,2026-03-02 08:55,101,T1,PT,C1,P1,Active\n",
    )
    _, after = only(land(extract, known))
    assert before[0].external_id == after[0].external_id
    assert [record.status for record in records(extract, before + after)] == ["booked", "arrived"]


def test_of_two_rows_of_a_case_and_day_the_highest_id_counts(tmp_path: Path) -> None:
    rows = "-5,2026-03-02 09:00,,,101,T1,PT,C1,P1,Active\n77,2026-03-02 09:00,,08:55,101,T1,PT,C1,P1,Active\n-6,2026-03-03 09:00,,,101,T1,PT,C1,P1,Inactive\n"
    put(tmp_path, "appointments-20260302-0600.csv", APPOINTMENTS + rows)
    extract = webpt(tmp_path)
    pass_, landed = only(land(extract, MemoryKnown()))
    assert pass_.snapshot == "window"
    assert [(record.status, record.site) for record in records(extract, landed)] == [
        ("arrived", "lincoln"),
        ("cancelled", "lincoln"),
    ]


def test_visit_notes_add_the_operators_words_to_the_note_types(tmp_path: Path) -> None:
    put(
        tmp_path,
        "visits-20260302-0600.csv",
        "Visit,Patient ID,On,Note,clinic_id,export_flag\nV1,P1,2026-03-01,IE,102,1\nV2,P1,2026-03-01,CXL,102,2\nV3,P1,2026-03-01,DN,102,3\n",
    )
    extract = webpt(tmp_path)
    _, rows = only(land(extract, MemoryKnown()))
    first, second, third = (extract.map(row) for row in rows)
    assert isinstance(first, Mapped)
    assert first.record == VisitRow(
        external_id="V1", patient_id="P1", starts_at=datetime(2026, 3, 1, 7, 0, tzinfo=UTC), day=date(2026, 3, 1),
        status="fulfilled", site="boulder",
    )  # fmt: skip
    assert isinstance(second, Mapped)
    assert isinstance(second.record, VisitRow)
    assert second.record.status == "cancelled"
    assert third == Mapped(record=None, removed=True)


def test_charges_and_authorizations_supplement_patients_and_cases(tmp_path: Path) -> None:
    put(
        tmp_path,
        "charges-20260302-0600.csv",
        "record_id,visit_date,patient_id,insurance_type_id\nR1,2026-03-01,P1,16\n",
    )
    put(
        tmp_path,
        "authorizations-20260302-0600.csv",
        "record_id,case_id,auth_start_date,auth_end_date,visit_authorized_for,export_flag\nA1,C1,2026-01-01,2026-06-30,12,1\n",
    )
    extract = webpt(tmp_path)
    authorization, charge = (records(extract, rows)[0] for _, rows in land(extract, MemoryKnown()))
    assert (charge.target, charge.target_id, charge.values) == ("patient", "P1", {"payer_class": "medicare"})
    assert authorization.target == "episode"
    assert authorization.values == {"visits_authorized": 12, "authorization_ends": date(2026, 6, 30)}


def test_side_tables_do_not_stop_the_sources_clock(tmp_path: Path) -> None:
    assert list(webpt(tmp_path).feeds) == ["patients", "appointments", "visits"]
