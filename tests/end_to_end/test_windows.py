"""A feed that shows two weeks either way: what it does not show is nobody's absence."""

import csv
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from tests.fakes.clinic import AT, SITE, Clinic

WEBPT: dict[str, Any] = {
    "kind": "tabular",
    "preset": "webpt.standard-extract",
    "folder": "drops/emr",
    "site": SITE,
    "tables": {
        "patients": {"columns": {"external_id": "patient_id", "given_name": "first", "birth_date": "born"}},
        "cases": {"columns": {"external_id": "case_id", "patient_id": "patient_id", "started_on": "opened"}},
    },
}
EVERY, WINDOW, DAYS = 21, 14, 120
PEOPLE = [str(n) for n in range(1, 9)]


def test_a_patient_seen_every_21_days_through_a_rolling_extract_is_never_at_risk(
    tmp_path: Path, sqlite_template: Path
) -> None:
    clinic = Clinic(tmp_path).laid_out(sqlite_template)
    clinic.config["sources"] = {"emr": WEBPT}
    for day in range(DAYS):
        at = AT + timedelta(days=day)
        _extract(clinic, at)
        report = clinic.run(at, stages={"pull", "review"})
        assert report.to_json()["troubles"] == []
        assert report.to_json()["held"] == []
        assert clinic.status("1") in ("scheduled", "active"), day
    kept = clinic.ask("SELECT id FROM visit_record WHERE present AND patient_id = '1'")
    assert len(kept) >= 1 + (DAYS - 1) // EVERY
    assert "at_risk" not in {new for _, new, _, _ in clinic.transitions()}


def _extract(clinic: Clinic, at: datetime) -> None:
    """The night's export: the ids of visits that took place are positive, those of coming ones negative."""
    folder, stamp = clinic.folder / "drops" / "emr", f"{at:%Y%m%d}-0600"
    for old in folder.iterdir():
        old.unlink()
    first, today = AT.date(), at.date()
    flag = "1" if today == first else "2"
    same = {"clinic_id": "101", "export_flag": flag}
    people = [{"patient_id": n, "first": f"Ada{n}", "born": "1980-05-17", **same} for n in PEOPLE]
    cases = [{"case_id": f"C{n}", "patient_id": n, "opened": "2026-03-02", **same} for n in PEOPLE]
    _write(folder / f"patients-{stamp}.csv", people)
    _write(folder / f"cases-{stamp}.csv", cases)
    _write(folder / f"appointments-{stamp}.csv", [row for n in PEOPLE for row in _appointments(n, first, today)])


def _appointments(patient: str, first: date, today: date) -> Iterator[dict[str, str]]:
    """The first patient comes every 21 days, the others weekly: an export that halves would be held."""
    every = EVERY if patient == "1" else 7
    for number in range((DAYS + 60) // every):
        day = first + timedelta(days=number * every + int(patient) % 7 - 1)
        if abs((day - today).days) <= WINDOW:
            yield _appointment(1000 * int(patient) + number, patient, day, taken_place=day <= today)


def _appointment(number: int, patient: str, day: date, *, taken_place: bool) -> dict[str, str]:
    return {
        "appointmnet_id": str(number if taken_place else -number),
        "start_date": f"{day} 09:00",
        "end_date": f"{day} 09:30",
        "check_in_time": f"{day} 08:55" if taken_place else "",
        "clinic_id": "101",
        "therapist_id": "T1",
        "appointment_type": "PT",
        "case_id": f"C{patient}",
        "patient_id": patient,
        "appointment_status": "Active",
    }


def _write(path: Path, rows: list[dict[str, str]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
