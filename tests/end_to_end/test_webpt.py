"""WebPT's extract through the whole line: its window, its ids, its flags, and what its tables say only together."""

from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest

from tests.fakes.clinic import AT, SITE, Clinic, days

TABLES = {
    "patients": ["patient_id", "first", "last", "dob", "clinic_id", "export_flag"],
    "appointments": [
        "appointmnet_id", "start_date", "end_date", "check_in_time", "clinic_id", "therapist_id", "appointment_type",
        "case_id", "patient_id", "appointment_status",
    ],
    "visits": ["note_id", "patient_id", "case_id", "note_date", "note_type", "clinic_id", "export_flag"],
    "cases": ["case_id", "patient_id", "opened", "closed", "why", "clinic_id", "export_flag"],
}  # fmt: skip
STATED = {
    "patients": {"columns": {"external_id": "patient_id", "given_name": "first", "family_name": "last", "birth_date": "dob"}},
    "visits": {
        "columns": {
            "external_id": "note_id", "patient_id": "patient_id", "episode_id": "case_id", "starts_at": "note_date",
            "status": {"column": "note_type", "map": {"CX": "cancelled", "NS": "noshow"}},
        }
    },
    "cases": {
        "columns": {
            "external_id": "case_id", "patient_id": "patient_id", "started_on": "opened", "discharged_on": "closed",
            "discharge_reason": "why",
        }
    },
}  # fmt: skip
Row = Mapping[str, str]
TODAY = AT.date()


@pytest.fixture
def clinic(tmp_path: Path, sqlite_template: Path) -> Clinic:
    made = Clinic(tmp_path).laid_out(sqlite_template)
    made.config["sources"] = {
        "emr": {
            "kind": "tabular", "preset": "webpt.standard-extract", "folder": "drops/emr", "site": SITE,
            "tables": STATED, "outcomes": {"completed": ["Goals met"]},
        }
    }  # fmt: skip
    return made


def _drop(clinic: Clinic, table: str, rows: Iterable[Row], at: datetime) -> None:
    clinic.drop(table, rows, f"{at:%Y%m%d}-0600", columns=TABLES[table])


def _pull(clinic: Clinic, at: datetime) -> None:
    report = clinic.run(at, stages={"pull", "review"})
    assert (report.exit_code(), report.to_json()["refused"]) == (0, [])


def _patient(number: str = "P1", flag: str = "1", **cells: str) -> Row:
    row = {"patient_id": number, "first": "Ann", "last": "Ashdown", "dob": "1980-05-17", "clinic_id": "101"}
    return row | {"export_flag": flag} | cells


def _booked(day: date, number: int = -1, **cells: str) -> Row:
    row = {"appointmnet_id": str(number), "start_date": f"{day} 09:00", "clinic_id": "101", "case_id": "C1"}
    return row | {"patient_id": "P1", "appointment_status": "Active"} | cells


def _came(day: date, number: int = 1, **cells: str) -> Row:
    return _booked(day, number, check_in_time=f"{day} 08:55") | cells


def _note(number: str, day: date, kind: str, flag: str = "1") -> Row:
    row = {"note_id": number, "patient_id": "P1", "case_id": "C1", "note_date": str(day), "note_type": kind}
    return row | {"clinic_id": "101", "export_flag": flag}


def _case(flag: str = "1", **cells: str) -> Row:
    row = {"case_id": "C1", "patient_id": "P1", "opened": str(TODAY - days(20)), "clinic_id": "101"}
    return row | {"export_flag": flag} | cells


def _others(at: datetime) -> list[Row]:
    """What else the window holds: the day's visits of a practice that is never empty."""
    day = at.date() - timedelta(days=1)
    return [_came(day, 100 + n, patient_id=f"X{n}", case_id=f"CX{n}") for n in range(8)]


def _visits(clinic: Clinic) -> list[tuple[str, str]]:
    """Day and status of every visit that is known and there."""
    rows = clinic.ask("SELECT day, status FROM visit_record WHERE present AND patient_id = 'P1' ORDER BY day, status")
    return [(str(day), status) for day, status in rows]


def _statuses(clinic: Clinic, every: int, nights: range) -> set[str]:
    """Of a patient who has come every so many days, as the window of these nights shows it."""
    series = [TODAY + timedelta(days=every * n) for n in range(8)]
    history = [_note(f"N{n}", TODAY - timedelta(days=every * n), "DN") for n in (1, 2)]
    seen = set()
    for passed in nights:
        at = AT + days(passed)
        window = [day for day in series if abs(day - at.date()) <= timedelta(days=14)]
        rows = [(_came if day <= at.date() else _booked)(day, n + 1) for n, day in enumerate(window)]
        _drop(clinic, "appointments", [*rows, *_others(at)], at)
        _drop(clinic, "patients", [_patient(flag="2")], at)
        _drop(clinic, "visits", history, at)
        _pull(clinic, at)
        seen.add(clinic.status("P1"))
    return seen


@pytest.mark.parametrize(("every", "nights"), [(21, range(0, 121, 4)), (24, range(0, 49, 3))])
def test_a_patient_seen_every_three_weeks_through_a_window_of_14_days_is_never_at_risk(
    clinic: Clinic, every: int, nights: range
) -> None:
    assert _statuses(clinic, every, nights) == {"active"}


def test_without_the_windows_horizon_the_same_patient_would_be_taken_for_lost(clinic: Clinic) -> None:
    clinic.config["sources"]["emr"]["sees_ahead"] = "60d"
    assert "at_risk" in _statuses(clinic, 24, range(0, 10, 3))


def test_what_leaves_the_window_behind_it_is_no_deletion(clinic: Clinic) -> None:
    old, new = TODAY - timedelta(days=13), TODAY - timedelta(days=6)
    _drop(clinic, "patients", [_patient()], AT)
    _drop(clinic, "appointments", [_came(old), _came(new, 2), *_others(AT)], AT)
    _pull(clinic, AT)
    _drop(clinic, "appointments", [_came(new, 2), *_others(AT + days(3))], AT + days(3))
    _pull(clinic, AT + days(3))
    assert _visits(clinic) == [(str(old), "arrived"), (str(new), "arrived")]


def test_a_visit_ahead_that_is_gone_from_inside_the_window_is_off(clinic: Clinic) -> None:
    came, dropped, kept = (TODAY + timedelta(days=n) for n in (-6, 2, 9))
    _drop(clinic, "patients", [_patient()], AT)
    _drop(clinic, "appointments", [_came(came), _booked(dropped, -2), _booked(kept, -3)], AT)
    _pull(clinic, AT)
    _drop(clinic, "appointments", [_came(came), _booked(kept, -3)], AT + days(1))
    _pull(clinic, AT + days(1))
    assert _visits(clinic) == [(str(came), "arrived"), (str(kept), "booked")]


def test_checking_in_changes_an_appointments_id_and_makes_no_second_one(clinic: Clinic) -> None:
    _drop(clinic, "patients", [_patient()], AT)
    _drop(clinic, "appointments", [_booked(TODAY + timedelta(days=1), -7)], AT)
    _pull(clinic, AT)
    _drop(clinic, "appointments", [_came(TODAY + timedelta(days=1), 4711)], AT + days(1))
    _pull(clinic, AT + days(1))
    assert _visits(clinic) == [(str(TODAY + timedelta(days=1)), "arrived")]


def test_a_series_in_one_case_is_a_visit_a_day_and_two_cases_are_two(clinic: Clinic) -> None:
    day = TODAY - timedelta(days=1)
    rows = [_booked(day, -7), _came(day, 12), _came(day, 30, case_id="C2"), _booked(TODAY + timedelta(days=2), -8)]
    _drop(clinic, "patients", [_patient()], AT)
    _drop(clinic, "appointments", rows, AT)
    _pull(clinic, AT)
    later = str(TODAY + timedelta(days=2))
    assert _visits(clinic) == [(str(day), "arrived"), (str(day), "arrived"), (later, "booked")]


def test_a_no_show_stands_only_in_the_notes_and_is_one(clinic: Clinic) -> None:
    day = TODAY - timedelta(days=1)
    _drop(clinic, "patients", [_patient()], AT)
    _drop(clinic, "appointments", [_came(TODAY - timedelta(days=8)), _booked(day, -2)], AT)
    _drop(clinic, "visits", [_note("N1", day, "NS")], AT)
    _pull(clinic, AT)
    assert clinic.members()["no-show-recovery"] == {"P1"}


def test_a_cancellation_in_the_notes_is_no_attendance(clinic: Clinic) -> None:
    day = TODAY - timedelta(days=1)
    for at in (AT, AT + days(4)):
        _drop(clinic, "patients", [_patient(flag="2")], at)
        _drop(clinic, "appointments", [_came(TODAY - timedelta(days=9)), _booked(day, -2), *_others(at)], at)
        _drop(clinic, "visits", [_note("N1", day, "CX", "2")], at)
        _pull(clinic, at)
    assert clinic.status("P1") == "at_risk"


def test_a_daily_note_without_an_appointment_counts_as_attended(clinic: Clinic) -> None:
    day = TODAY - timedelta(days=1)
    _drop(clinic, "patients", [_patient()], AT)
    _drop(clinic, "appointments", [_booked(day, -2, appointment_status="Inactive")], AT)
    _drop(clinic, "visits", [_note("N1", day, "DN")], AT)
    _pull(clinic, AT)
    assert clinic.status("P1") == "active"


def test_an_update_may_be_the_first_sight_of_a_row_and_a_removed_one_goes(clinic: Clinic) -> None:
    _drop(clinic, "patients", [_patient("P1", "2"), _patient("P2", "1", first="Bob", last="Birch")], AT)
    _pull(clinic, AT)
    assert set(clinic.statuses()) == {("emr", "P1"), ("emr", "P2")}
    _drop(clinic, "patients", [_patient("P2", "3", first="Bob", last="Birch")], AT + days(1))
    _pull(clinic, AT + days(1))
    assert clinic.status("P2") == "inactive"
    assert clinic.status("P1") != "inactive"


def test_a_note_that_is_removed_takes_its_attendance_back(clinic: Clinic) -> None:
    _drop(clinic, "patients", [_patient()], AT)
    _drop(clinic, "visits", [_note("N1", TODAY - timedelta(days=1), "DN")], AT)
    _pull(clinic, AT)
    assert clinic.status("P1") == "active"
    _drop(clinic, "visits", [_note("N1", TODAY - timedelta(days=1), "DN", "3")], AT + days(1))
    _pull(clinic, AT + days(1))
    assert _visits(clinic) == []
    assert clinic.status("P1") == "lead"


def test_a_case_that_is_reopened_is_open_again(clinic: Clinic) -> None:
    _drop(clinic, "patients", [_patient()], AT)
    _drop(clinic, "appointments", [_came(TODAY - timedelta(days=3))], AT)
    _drop(clinic, "cases", [_case(closed=str(TODAY - timedelta(days=2)), why="Goals met")], AT)
    _pull(clinic, AT)
    assert clinic.status("P1") == "discharged"
    _drop(
        clinic, "appointments", [_came(TODAY - timedelta(days=3)), _booked(TODAY + timedelta(days=4), -5)], AT + days(1)
    )
    _drop(clinic, "cases", [_case("2")], AT + days(1))
    _pull(clinic, AT + days(1))
    assert clinic.status("P1") == "active"


def test_a_visit_after_the_closing_of_its_case_begins_a_new_course(clinic: Clinic) -> None:
    _drop(clinic, "patients", [_patient()], AT)
    _drop(clinic, "cases", [_case(closed=str(TODAY - timedelta(days=9)), why="Goals met")], AT)
    _drop(
        clinic,
        "visits",
        [_note("N1", TODAY - timedelta(days=12), "DN"), _note("N2", TODAY - timedelta(days=1), "DN")],
        AT,
    )
    _pull(clinic, AT)
    assert clinic.status("P1") == "active"


def test_a_row_that_is_taken_out_and_put_in_again_in_one_file_is_there(clinic: Clinic) -> None:
    _drop(clinic, "patients", [_patient("P1", "3"), _patient("P1", "2"), _patient("P2", "3", first="Bob")], AT)
    _pull(clinic, AT)
    assert clinic.statuses() == {("emr", "P1"): "lost_lead"}


def test_an_appointment_that_gets_its_case_later_is_no_second_visit(clinic: Clinic) -> None:
    day, ahead = TODAY + timedelta(days=1), TODAY + timedelta(days=8)
    clinic.segments["once"] = {"purpose": "treatment", "who": {"visits_attended": 1}}
    _drop(clinic, "patients", [_patient()], AT)
    _drop(clinic, "appointments", [_booked(day, -7, case_id=""), _booked(ahead, -8, case_id="")], AT)
    _pull(clinic, AT)
    assert clinic.status("P1") == "scheduled"
    later = AT + days(2)
    _drop(clinic, "cases", [_case(opened=str(day))], later)
    _drop(clinic, "appointments", [_came(day, 4711), _booked(ahead, -8)], later)
    _pull(clinic, later)
    assert [visit for visit in _visits(clinic) if visit[0] == str(ahead)] == [(str(ahead), "booked")]
    assert clinic.status("P1") == "active"
    assert clinic.members()["once"] == {"P1"}


def test_a_window_without_any_row_takes_nobodys_visits_away(clinic: Clinic) -> None:
    ahead = TODAY + timedelta(days=5)
    _drop(clinic, "patients", [_patient()], AT)
    _drop(clinic, "appointments", [_booked(ahead), *_others(AT)], AT)
    _pull(clinic, AT)
    _drop(clinic, "appointments", [], AT + days(1))
    assert clinic.run(AT + days(1), stages={"pull", "review"}).exit_code() == 4
    assert _visits(clinic) == [(str(ahead), "booked")]


def test_fault_53_the_tables_of_a_night_land_together(clinic: Clinic) -> None:
    _drop(clinic, "patients", [_patient()], AT)
    _drop(clinic, "appointments", [_came(TODAY - timedelta(days=3))], AT)
    _drop(clinic, "cases", [_case()], AT)
    _pull(clinic, AT)
    seven = AT + days(1) - timedelta(hours=5)
    _drop(clinic, "appointments", [_came(TODAY - timedelta(days=3)), _came(TODAY, 2)], AT + days(1))
    _drop(clinic, "patients", [_patient(flag="2")], AT + days(1))
    _pull(clinic, seven)
    assert len(_visits(clinic)) == 1
    _drop(clinic, "cases", [_case("2", closed=str(TODAY), why="Goals met")], AT + days(1))
    _pull(clinic, seven)
    assert (len(_visits(clinic)), clinic.status("P1")) == (2, "discharged")
