"""Files that come late, not whole, twice, out of order, or with far too few rows: what the line does and what it says."""

import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from sync.delays import say_late
from sync.deliveries import few_rows
from sync.status import status_of
from sync.store.engine import reading
from sync.store.files import KnownFiles
from sync.troubles import hold_reasons, troubles
from sync.vigil import Vigil, standing
from tests.fakes.clinic import AT, COLUMNS, Clinic, Row, days, patient, visit

HOUR = timedelta(hours=1)
MONDAY, TUESDAY = "20260302-0600", "20260303-0600"


@pytest.fixture
def clinic(tmp_path: Path, sqlite_template: Path) -> Clinic:
    return Clinic(tmp_path).laid_out(sqlite_template)


def _people(*numbers: int, **cells: str) -> list[Row]:
    return [patient(str(n), **cells) for n in numbers]


def _visits(*numbers: int) -> list[Row]:
    return [visit(f"a{n}", str(n), "2026-02-25") for n in numbers]


def _night(clinic: Clinic, stamp: str, *numbers: int) -> None:
    clinic.drop("patients", _people(*numbers), stamp)
    clinic.drop("appointments", _visits(*numbers), stamp)


def _emr(clinic: Clinic, **keys: Any) -> None:
    clinic.config["sources"]["emr"].update(keys)
    del clinic.config["sources"]["emr"]["episodes"]


def _status(clinic: Clinic, at: datetime) -> dict[str, Any]:
    with clinic.service() as service:
        return status_of(service, at)


def _failing(clinic: Clinic, at: datetime) -> list[str]:
    """What `status --fail` counts of the EMR; the leads' source has no files here."""
    status = _status(clinic, at)
    return [trouble.sentence for trouble in troubles(status) if trouble.fails and "leads" not in trouble.sentence]


def _said(capfd: pytest.CaptureFixture[str], *events: str) -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in capfd.readouterr().err.splitlines() if line.startswith("{")]
    return [line for line in lines if line["event"] in events]


# ---------------------------------------------------------------- expected


def test_an_export_that_has_not_come_by_its_time_is_an_alarm_once(
    clinic: Clinic, capfd: pytest.CaptureFixture[str]
) -> None:
    _emr(clinic, expected={"daily_by": "07:00", "skip": ["sat", "sun"]})
    _night(clinic, MONDAY, 1)
    clinic.run(AT)
    assert _said(capfd, "file.late") == []
    clinic.run(AT + days(1))
    late = _said(capfd, "file.late")
    assert [(line["place"], line["seconds"], line["urgency"]) for line in late] == [
        ("patients", 5 * 3600, "morning"),
        ("appointments", 5 * 3600, "morning"),
    ]
    clinic.run(AT + days(1) + HOUR)
    assert _said(capfd, "file.late") == []
    assert _failing(clinic, AT + days(1) + HOUR) == [
        "Source emr is late: no export of patients, appointments by 2026-03-03 07:00 CST"
    ]


def test_an_export_that_comes_after_all_ends_the_alarm(clinic: Clinic) -> None:
    _emr(clinic, expected={"daily_by": "07:00"})
    _night(clinic, MONDAY, 1)
    clinic.run(AT)
    clinic.run(AT + days(1))
    _night(clinic, "20260303-1300", 1)
    clinic.run(AT + days(1) + 2 * HOUR)
    assert _failing(clinic, AT + days(1) + 2 * HOUR) == []


def test_the_daemon_says_it_too_and_not_before_a_pull_could_have_found_the_file(
    clinic: Clinic, capfd: pytest.CaptureFixture[str]
) -> None:
    _emr(clinic, expected={"daily_by": "07:00", "tables": ["patients"]})
    _night(clinic, MONDAY, 1)
    clinic.run(AT)
    seven = AT + days(1) - 5 * HOUR
    now = [seven + timedelta(minutes=1)]
    with clinic.service() as service:
        Vigil(lambda: now[0], lambda: 0.0).look(service)
        assert _said(capfd, "file.late") == []
        now[0] = seven + HOUR
        Vigil(lambda: now[0], lambda: 0.0).look(service)
        assert [line["place"] for line in _said(capfd, "file.late")] == ["patients"]
        say_late(service, now[0] + HOUR)
        assert _said(capfd, "file.late") == []
        assert standing(status_of(service, now[0]), now[0])["state"] == "late"


def test_on_days_off_and_holidays_nothing_is_expected(clinic: Clinic) -> None:
    _emr(clinic, expected={"daily_by": "07:00", "skip": ["sat", "sun", "holidays"]}, max_age="5d")
    clinic.config["holidays"] = ["2026-03-09"]
    _night(clinic, "20260306-0600", 1)
    friday = AT + days(4)
    clinic.run(friday)
    for day in (1, 2, 3):
        clinic.run(friday + days(day))
        assert _failing(clinic, friday + days(day)) == []
    clinic.run(friday + days(4))
    assert len([line for line in _failing(clinic, friday + days(4)) if "late" in line]) == 1


def test_a_held_export_has_come(clinic: Clinic) -> None:
    _emr(clinic, expected={"daily_by": "07:00"})
    _night(clinic, MONDAY, *range(1, 9))
    clinic.run(AT)
    _night(clinic, TUESDAY, 1)
    assert clinic.run(AT + days(1)).exit_code() == 4
    assert _status(clinic, AT + days(1))["sources"]["emr"]["late"] is None


def test_a_late_export_goes_stale_at_its_max_age_and_both_are_told(
    clinic: Clinic, capfd: pytest.CaptureFixture[str]
) -> None:
    _emr(clinic, expected={"daily_by": "07:00"}, max_age="26h")
    _night(clinic, MONDAY, 1)
    clinic.run(AT)
    with clinic.service() as service:
        for hours, told in ((19, []), (20, ["file.late", "file.late"]), (22, ["source.stale"])):
            Vigil(lambda at=AT + hours * HOUR: at, lambda: 0.0).look(service)
            assert [line["event"] for line in _said(capfd, "file.late", "source.stale")] == told


# ---------------------------------------------------------------- sets

TOGETHER = {"together": ["patients", "appointments"], "wait": "2h"}
SIX = AT - 6 * HOUR


def test_fault_53_patients_without_their_visits_wait_and_nobody_counts_as_a_lead(clinic: Clinic) -> None:
    _emr(clinic, sets=TOGETHER)
    clinic.drop("patients", _people(1, 2), MONDAY)
    report = clinic.run(SIX + HOUR)
    assert (report.exit_code(), clinic.statuses()) == (0, {})
    clinic.drop("appointments", _visits(1, 2), MONDAY)
    assert clinic.run(SIX + HOUR).exit_code() == 0
    assert set(clinic.statuses().values()) == {"active"}


def test_fault_53_a_table_that_does_not_come_in_time_is_an_alarm_until_it_comes(
    clinic: Clinic, capfd: pytest.CaptureFixture[str]
) -> None:
    _emr(clinic, sets=TOGETHER)
    _night(clinic, MONDAY, 1, 2)
    clinic.run(AT)
    tuesday = SIX + days(1)
    clinic.drop("patients", _people(1, 2, 3), TUESDAY)
    clinic.run(tuesday + HOUR)
    assert ("emr", "3") not in clinic.statuses()
    assert (_said(capfd, "set.incomplete"), _failing(clinic, tuesday + HOUR)) == ([], [])
    clinic.run(tuesday + 2 * HOUR)
    assert ("emr", "3") in clinic.statuses()
    (line,) = _said(capfd, "set.incomplete")
    assert (line["file"], line["urgency"]) == ("patients-20260303-0600.csv", "morning")
    assert line["next"] == "appointments; not come in time with the rest of the export; what is there lands"
    (trouble,) = _failing(clinic, tuesday + 3 * HOUR)
    assert "patients-20260303-0600.csv lacks appointments" in trouble
    clinic.drop("appointments", _visits(1, 2, 3), TUESDAY)
    clinic.run(tuesday + 4 * HOUR)
    assert (_said(capfd, "set.incomplete"), _failing(clinic, tuesday + 4 * HOUR)) == ([], [])


def test_fault_53_one_that_rather_waits_on_is_told_once_and_changes_nobody(
    clinic: Clinic, capfd: pytest.CaptureFixture[str]
) -> None:
    _emr(clinic, sets=TOGETHER | {"then": "wait"})
    clinic.drop("patients", _people(1), MONDAY)
    for hours in (2, 5, 9):
        clinic.run(SIX + hours * HOUR)
    assert clinic.statuses() == {}
    assert len(_said(capfd, "set.incomplete")) == 1
    assert clinic.ask("SELECT first_complete_at FROM source_state WHERE source = 'emr'") == [(None,)]


# ---------------------------------------------------------------- rows


def test_far_fewer_rows_than_this_weekday_usually_has_are_told(
    clinic: Clinic, capfd: pytest.CaptureFixture[str]
) -> None:
    _emr(clinic)
    clinic.config["sources"]["emr"]["appointments"]["snapshot"] = "delta"
    first = AT - days(28)
    for week, rows in enumerate((60, 62, 64, 66, 3)):
        at = first + days(7 * week)
        clinic.drop("appointments", _visits(*range(rows)), f"{at:%Y%m%d}-0600")
        clinic.run(at)
    (line,) = _said(capfd, "rows.unusual")
    assert (line["place"], line["n_rows"], line["n_usual"]) == ("appointments", 3, 63)
    (unusual,) = _status(clinic, AT)["sources"]["emr"]["unusual"]
    assert unusual == {"feed": "appointments", "site": "101", "rows": 3, "usual": 63}
    clinic.run(AT + HOUR)
    assert _said(capfd, "rows.unusual") == []
    clinic.drop("appointments", _visits(*range(70)), f"{AT:%Y%m%d}-1400")
    clinic.run(AT + 2 * HOUR)
    assert _status(clinic, AT + 2 * HOUR)["sources"]["emr"]["unusual"] == []


def test_few_rows_on_a_holiday_are_usual_and_teach_nothing(clinic: Clinic, capfd: pytest.CaptureFixture[str]) -> None:
    _emr(clinic)
    clinic.config["sources"]["emr"]["appointments"]["snapshot"] = "delta"
    clinic.config["holidays"] = [f"{AT:%Y-%m-%d}"]
    for week, rows in enumerate((60, 62, 64, 66, 3, 65)):
        at = AT - days(28) + days(7 * week)
        clinic.drop("appointments", _visits(*range(rows)), f"{at:%Y%m%d}-0600")
        clinic.run(at)
    assert _said(capfd, "rows.unusual") == []


def test_a_snapshot_in_which_one_clinic_has_far_fewer_rows_than_usual_would_make_too_many_absent(
    clinic: Clinic,
) -> None:
    _emr(clinic)
    for week, boulder in enumerate((60, 61, 62, 63, 20)):
        at = AT - days(28) + days(7 * week)
        rows = _visits(*range(100)) + [row | {"clinic_id": "102"} for row in _visits(*range(200, 200 + boulder))]
        clinic.drop("appointments", rows, f"{at:%Y%m%d}-0600")
        if week < 4:
            clinic.run(at)
    with clinic.service() as service, reading(service.engine) as connection:
        source, settings = service.sources["emr"], service.config.settings
        known = KnownFiles(service.engine, "emr", source.fingerprint)
        (pass_,) = source.passes(known, AT)
        assert few_rows(settings, connection, "emr", pass_) == ("few_rows",)
        holiday = settings.model_copy(update={"holidays": (AT.date(),)})
        assert few_rows(holiday, connection, "emr", pass_) == ()
        pass_.snapshot = "delta"
        assert few_rows(settings, connection, "emr", pass_) == ()


# ---------------------------------------------------------------- header, order, doubles


def test_fault_56_a_renamed_column_holds_the_file_and_the_hold_says_so(clinic: Clinic) -> None:
    _emr(clinic)
    clinic.drop("patients", _people(1), MONDAY)
    clinic.run(AT)
    columns = ["postcode" if name == "postal_code" else name for name in COLUMNS["patients"]]
    clinic.drop("patients", _people(1, given_name="Changed"), TUESDAY, columns=columns)
    report = clinic.run(AT + days(1))
    assert report.exit_code() == 4
    assert clinic.ask("SELECT given_name FROM patient_record") == [("Givenb",)]
    (hold,) = _status(clinic, AT + days(1))["holds"]
    assert hold_reasons(hold) == "patients-20260303-0600.csv: header changed (1 rows, 1 before)"


def test_fault_51_the_same_file_twice_is_read_once(clinic: Clinic) -> None:
    _emr(clinic)
    path = clinic.drop("patients", _people(1), MONDAY)
    assert clinic.run(AT).to_json()["sources"]["emr"]["read"] == 1
    copy = path.with_name("patients-20260302-0600-copy.csv")
    copy.write_bytes(path.read_bytes())
    assert clinic.run(AT + HOUR).to_json()["sources"]["emr"]["read"] == 0
    assert {file.name for file in path.parent.iterdir()} == {path.name, copy.name}


def test_fault_52_deltas_that_come_in_the_wrong_order_in_one_run_land_in_that_of_their_export(clinic: Clinic) -> None:
    _emr(clinic)
    clinic.config["sources"]["emr"]["patients"]["snapshot"] = "delta"
    clinic.drop("patients", _people(1, given_name="Newer"), "20260302-0700")
    clinic.drop("patients", _people(1, given_name="Older"), "20260302-0600")
    clinic.run(AT)
    assert clinic.ask("SELECT given_name FROM patient_record") == [("Newer",)]


def test_fault_52_an_older_snapshot_after_a_newer_one_is_set_aside_with_a_warning(
    clinic: Clinic, capfd: pytest.CaptureFixture[str]
) -> None:
    _emr(clinic)
    clinic.drop("patients", _people(1, given_name="Newer"), TUESDAY)
    clinic.run(AT + days(1))
    clinic.drop("patients", _people(1, given_name="Older"), MONDAY)
    clinic.run(AT + days(1.1))
    assert [line["file"] for line in _said(capfd, "file.older")] == ["patients-20260302-0600.csv"]
    assert clinic.ask("SELECT given_name FROM patient_record") == [("Newer",)]


def test_fault_50_a_file_that_is_being_written_changes_nobody_and_lands_when_it_is_whole(
    clinic: Clinic, capfd: pytest.CaptureFixture[str]
) -> None:
    _emr(clinic)
    _night(clinic, MONDAY, *range(1, 9))
    clinic.run(AT)
    before = clinic.statuses()
    path = clinic.drop("patients", _people(*range(1, 8)), TUESDAY)
    with path.open("a"):
        report = clinic.run(AT + days(1))
        assert (report.exit_code(), clinic.statuses()) == (0, before)
        assert [line["reason"] for line in _said(capfd, "file.notice")] == ["unsettled"]
    clinic.run(AT + days(1))
    assert clinic.status("8") == "inactive"


def test_fault_60_a_folder_that_is_gone_is_an_alarm_and_later_a_late_export(
    clinic: Clinic, capfd: pytest.CaptureFixture[str]
) -> None:
    _emr(clinic, expected={"daily_by": "07:00", "tables": ["patients"]})
    clinic.drop("patients", _people(1), MONDAY)
    clinic.run(AT)
    folder = clinic.folder / "drops" / "emr"
    folder.rename(folder.with_name("gone"))
    assert clinic.run(AT + days(1)).exit_code() == 75
    assert [line["event"] for line in _said(capfd, "source.failed", "file.late")] == ["source.failed", "file.late"]
    assert clinic.status("1") == "lead"
