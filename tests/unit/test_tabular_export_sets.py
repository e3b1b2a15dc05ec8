"""Fault 53: files that belong together land together; where one is missing an alarm follows the wait."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from connectors.tabular import TabularSource
from connectors.tabular.export_sets import Dated, gaps
from tests.fakes.drops import put, settings, source
from tests.fakes.known import MemoryKnown, land

PATIENTS = "external_id,given_name\n1,Ann\n"
VISITS = "external_id,patient_id,starts_at,status\nA1,1,2026-03-03 09:00,booked\n"
FEEDS: dict[str, Any] = {
    "patients": {"files": "patients-*.csv", "snapshot": "full"},
    "appointments": {"files": "appointments-*.csv", "snapshot": "full"},
    "sets": {"together": ["patients", "appointments"], "wait": "2h"},
}
EXPORTED = datetime(2026, 3, 2, 11, 0, tzinfo=UTC)
"""05:00 in Chicago."""
HOUR = timedelta(hours=1)
Said = list[tuple[str, str | None]]


def _put(folder: Path, name: str, content: str) -> None:
    put(folder, name, content, changed=EXPORTED)


def _plain(folder: Path, **keys: Any) -> TabularSource:
    return source(folder, **FEEDS | keys)


def _said(plain: TabularSource, known: MemoryKnown, at: datetime) -> Said:
    return [(pass_.name, pass_.skipped) for pass_, _ in land(plain, known, at)]


def _codes(plain: TabularSource, at: datetime) -> set[str]:
    return {notice.partition(":")[0] for pass_ in plain.passes(MemoryKnown(), at) for notice in pass_.notices}


def test_fault_53_both_files_of_a_night_land(tmp_path: Path) -> None:
    _put(tmp_path, "patients-20260302-0500.csv", PATIENTS)
    _put(tmp_path, "appointments-20260302-0510.csv", VISITS)
    plain = _plain(tmp_path)
    assert _codes(plain, EXPORTED + HOUR) == set()
    assert _said(plain, MemoryKnown(), EXPORTED + HOUR) == [
        ("patients-20260302-0500.csv", None),
        ("appointments-20260302-0510.csv", None),
    ]


def test_fault_53_one_file_waits_for_the_other_and_then_both_land(tmp_path: Path) -> None:
    _put(tmp_path, "patients-20260302-0500.csv", PATIENTS)
    plain, known = _plain(tmp_path), MemoryKnown()
    assert _said(plain, known, EXPORTED + HOUR) == [("patients-20260302-0500.csv", "unsettled")]
    assert _codes(plain, EXPORTED + HOUR) == {"waiting"}
    _put(tmp_path, "appointments-20260302-0501.csv", VISITS)
    assert [skipped for _, skipped in _said(plain, known, EXPORTED + HOUR)] == [None, None]


def test_fault_53_after_the_wait_an_alarm_is_raised_and_what_is_there_lands(tmp_path: Path) -> None:
    _put(tmp_path, "patients-20260302-0500.csv", PATIENTS)
    plain, known = _plain(tmp_path), MemoryKnown()
    assert _codes(plain, EXPORTED + 2 * HOUR) == {"incomplete_set"}
    assert _said(plain, known, EXPORTED + 2 * HOUR) == [("patients-20260302-0500.csv", None)]
    _put(tmp_path, "appointments-20260302-0501.csv", VISITS)
    assert _codes(plain, EXPORTED + 5 * HOUR) == set()
    assert _said(plain, known, EXPORTED + 5 * HOUR) == [("appointments-20260302-0501.csv", None)]


def test_fault_53_a_practice_may_rather_wait_on(tmp_path: Path) -> None:
    _put(tmp_path, "patients-20260302-0500.csv", PATIENTS)
    plain = _plain(tmp_path, sets=FEEDS["sets"] | {"then": "wait"})
    assert _codes(plain, EXPORTED + 9 * HOUR) == {"incomplete_set"}
    assert _said(plain, MemoryKnown(), EXPORTED + 9 * HOUR) == [("patients-20260302-0500.csv", "unsettled")]


def test_fault_53_a_later_whole_export_ends_the_wait_for_an_earlier_one(tmp_path: Path) -> None:
    _put(tmp_path, "patients-20260301-0500.csv", PATIENTS)
    _put(tmp_path, "patients-20260302-0500.csv", PATIENTS + "2,Bob\n")
    _put(tmp_path, "appointments-20260302-0500.csv", VISITS)
    plain = _plain(tmp_path, sets=FEEDS["sets"] | {"then": "wait"})
    assert _codes(plain, EXPORTED + HOUR) == {"part_of_export"}
    assert [skipped for _, skipped in _said(plain, MemoryKnown(), EXPORTED + HOUR)] == [None, None, None]


def test_a_broken_file_of_a_set_is_refused_at_once(tmp_path: Path) -> None:
    _put(tmp_path, "patients-20260302-0500.csv", "given_name\nAnn\n")
    (pass_,) = _plain(tmp_path).passes(MemoryKnown(), EXPORTED + HOUR)
    assert (pass_.refusal is not None, pass_.skipped) == (True, None)


def test_what_has_landed_does_not_wait_again(tmp_path: Path) -> None:
    _put(tmp_path, "patients-20260302-0500.csv", PATIENTS)
    known = MemoryKnown()
    land(_plain(tmp_path, sets={"together": []}), known, EXPORTED + HOUR)
    assert _said(_plain(tmp_path), known, EXPORTED + HOUR) == []


def test_each_clinics_folder_is_a_set_of_its_own(tmp_path: Path) -> None:
    for name in ("a/patients-20260302-0500.csv", "b/patients-20260302-0500.csv"):
        _put(tmp_path, name, PATIENTS)
    _put(tmp_path, "b/appointments-20260302-0500.csv", VISITS)
    site = {"by": "folder", "map": {"a": "lincoln", "b": "boulder"}}
    said = dict(_said(_plain(tmp_path, site=site), MemoryKnown(), EXPORTED + HOUR))
    assert said == {
        "a/patients-20260302-0500.csv": "unsettled",
        "b/patients-20260302-0500.csv": None,
        "b/appointments-20260302-0500.csv": None,
    }


def _dated(*files: tuple[str, int]) -> list[Dated]:
    """Files of tables p and a, so many minutes after the export began."""
    return [Dated(table, "", f"{table}{minute:03}", EXPORTED + timedelta(minutes=minute)) for table, minute in files]


@pytest.mark.parametrize(
    ("files", "lonely"),
    [
        (_dated(("p", 0), ("a", 5)), set()),
        (_dated(("p", 0), ("p", 1), ("a", 2), ("a", 3)), set()),
        (_dated(("p", 0), ("a", 5), ("p", 60)), {"p060"}),
        (_dated(("p", 0), ("a", 5), ("p", 60), ("a", 65)), set()),
        (_dated(("p", 0), ("a", 121)), {"p000", "a121"}),
    ],
)
def test_files_are_told_apart_by_export_and_several_files_of_a_table_may_be_of_one(
    files: list[Dated], lonely: set[str]
) -> None:
    assert {file.name for file in gaps(files, {"": ["p", "a"]}, 2 * HOUR)} == lonely


def test_a_presets_set_waits_only_for_tables_that_came_before(tmp_path: Path) -> None:
    stated = {"patients": {"columns": {"external_id": "Patient ID"}}}
    keys: dict[str, Any] = {"preset": "webpt.standard-extract", "tables": stated, "site": "lincoln"}
    _put(tmp_path, "patients-20260302-0500.csv", "Patient ID\nP1\n")
    extract, known = source(tmp_path, **keys), MemoryKnown()
    assert settings(tmp_path, **keys).set_of_tables().together == ("patients", "appointments")
    assert _said(extract, known, EXPORTED + HOUR) == [("patients-20260302-0500.csv", None)]
    known.times["appointments"] = EXPORTED
    _put(tmp_path, "patients-20260303-0500.csv", "Patient ID\nP2\n")
    (pass_,) = (each for each in extract.passes(known, EXPORTED + 25 * HOUR))
    assert pass_.notices[-1] == "waiting: for appointments of the same export"


@pytest.mark.parametrize(
    ("keys", "sentence"),
    [
        ({"sets": {"together": ["patients"]}}, "name two tables or more"),
        ({"sets": {"together": ["patients", "visitz"]}}, "sets.together: the source has no table 'visitz'"),
        ({"expected": {"daily_by": "07:00", "tables": ["patient"]}}, "(did you mean patients?)"),
        ({"expected": {"daily_by": "7:00"}}, 'write a time of the day in quotes, such as "07:00"'),
        ({"exported_at": {"column": "At", "format": "%Y"}}, "date them by their names"),
    ],
)
def test_settings_of_arrival_that_make_no_sense_are_refused(tmp_path: Path, keys: Any, sentence: str) -> None:
    with pytest.raises(ValidationError) as caught:
        settings(tmp_path, **FEEDS | keys)
    assert sentence in str(caught.value)
