"""Scores come in by a surveys feed, by patient or by address, and become facts; corrections and removals follow."""

import csv
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.clinic import AT, Clinic, days, patient, visit
from tests.fakes.command_line import prm_sync

ASK: dict[str, Any] = {"purpose": "marketing", "who": {"nps_score": {"at_least": 9}, "nps": {"within": "30 days ago"}}}


@pytest.fixture
def clinic(tmp_path: Path, sqlite_template: Path) -> Clinic:
    clinic = Clinic(tmp_path / "clinic").laid_out(sqlite_template)
    clinic.config["sources"]["emr"]["surveys"] = {
        "files": "surveys-*.csv",
        "snapshot": "full",
        "columns": {"patient_id": "Patient", "score": "Rating", "answered_on": "Answered"},
    }
    clinic.segments = {"referral-ask": ASK}
    clinic.drop("patients", [patient("1"), patient("2")], "20260302-0600")
    clinic.drop("appointments", [visit("a", "1", "2026-02-27"), visit("b", "2", "2026-02-27")], "20260302-0600")
    return clinic


def _answers(clinic: Clinic, stamp: str, columns: list[str], *rows: list[str]) -> None:
    with (clinic.folder / "drops" / "emr" / f"surveys-{stamp}.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([columns, *rows])


def test_a_score_by_patient_and_one_by_address_put_their_people_into_a_segment(clinic: Clinic) -> None:
    columns = ["Patient", "email", "Rating", "Answered"]
    _answers(clinic, "20260302-0600", columns, ["1", "", "10", "2026-03-01"], ["", "P2@example.com", "9", "2026-03-01"])
    assert clinic.run().exit_code() == 0
    assert clinic.members() == {"referral-ask": {"1", "2"}}


def test_the_last_score_counts_and_a_file_may_lack_the_address(clinic: Clinic) -> None:
    columns = ["Patient", "Rating", "Answered"]
    _answers(clinic, "20260302-0600", columns, ["1", "10", "2026-02-20"], ["2", "3", "2026-02-20"])
    clinic.run()
    assert clinic.members() == {"referral-ask": {"1"}}
    _answers(
        clinic, "20260303-0600", columns, ["1", "4", "2026-03-02"], ["2", "3", "2026-02-20"], ["2", "9", "2026-03-02"]
    )
    clinic.run(AT + days(1))
    assert clinic.members() == {"referral-ask": {"2"}}


def test_a_score_without_anybody_is_quarantined_and_a_file_without_both_columns_is_refused(clinic: Clinic) -> None:
    _answers(clinic, "20260302-0600", ["Patient", "Rating", "Answered"], ["", "10", "2026-03-01"])
    clinic.run()
    assert set(clinic.quarantined().values()) == {"missing_value"}
    _answers(clinic, "20260303-0600", ["Rating", "Answered"], ["10", "2026-03-01"])
    assert clinic.run(AT + days(1)).exit_code() != 0


def test_a_segment_that_asks_for_scores_is_refused_where_no_feed_brings_them(clinic: Clinic) -> None:
    assert prm_sync(clinic, "check", "--offline").code == 0
    del clinic.config["sources"]["emr"]["surveys"]
    found = prm_sync(clinic, "check", "--offline")
    assert found.code == 78
    assert "tests nps_score, which no configured source can fill" in found.err
