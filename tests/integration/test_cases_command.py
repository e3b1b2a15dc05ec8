"""`test` runs the operators' cases by the very code of a review, explains failures, and writes cases from contacts."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import time_machine
from ruamel.yaml import YAML

from tests.fakes.clinic import AT, Clinic, patient, visit
from tests.fakes.command_line import prm_sync

STAMP = "20260302-0600"
LAPSED: dict[str, Any] = {
    "name": "lapsed worker",
    "as_of": "2026-03-31",
    "given": {
        "payer_class": "workers_comp",
        "visits": [{"date": "2026-03-01", "status": "fulfilled"}, {"date": "2026-03-05", "status": "fulfilled"}],
    },
    "expect": {"status": "dropped_out", "segments": ["workers-comp-lapsed"], "last_visit": "2026-03-05"},
}
SEGMENT: dict[str, Any] = {
    "purpose": "treatment",
    "who": {
        "status": ["at_risk", "dropped_out"],
        "payer_class": "workers_comp",
        "last_visit": {"over": "21 days ago"},
        "next_visit": "none",
    },
    "tests": [LAPSED],
}


@pytest.fixture(autouse=True)
def _clock() -> Iterator[None]:
    with time_machine.travel(AT, tick=False):
        yield


@pytest.fixture
def clinic(tmp_path: Path, sqlite_template: Path) -> Clinic:
    clinic = Clinic(tmp_path / "clinic").laid_out(sqlite_template)
    clinic.segments = {"workers-comp-lapsed": SEGMENT | {}, "newsletter": clinic.segments["newsletter"]}
    return clinic


def _with(clinic: Clinic, **changes: Any) -> None:
    clinic.segments["workers-comp-lapsed"] = SEGMENT | {"tests": [LAPSED | changes]}


def test_a_case_that_comes_out_as_expected_passes_and_segments_without_one_are_named(clinic: Clinic) -> None:
    found = prm_sync(clinic, "test", "--json")
    assert found.code == 0, found.out
    assert found.json()["passed"] == 1
    assert found.json()["without_case"] == ["newsletter"]
    assert "Segments without a case: newsletter" in prm_sync(clinic, "test").out


def test_a_failure_exits_1_and_shows_the_rule_with_its_actual_values(clinic: Clinic) -> None:
    _with(clinic, expect={"status": "active", "not_segments": ["workers-comp-lapsed"]})
    found = prm_sync(clinic, "test")
    assert found.code == 1
    assert "status: expected active, found dropped_out" in found.out
    assert "✓ whose payer class is workers_comp: workers_comp" in found.out
    (case,) = prm_sync(clinic, "test", "--json").json()["cases"]
    assert [failure["what"] for failure in case["failures"]] == ["status", "segment workers-comp-lapsed"]
    assert case["trees"]["workers-comp-lapsed"]["holds"] is True


def test_a_case_is_judged_at_noon_of_its_day_and_as_of_replaces_that(clinic: Clinic) -> None:
    _with(clinic, as_of="2026-03-27", expect={"status": "dropped_out", "days_in_status": 0})
    assert prm_sync(clinic, "test").code == 0
    assert prm_sync(clinic, "test", "--as-of", "2026-03-26").code == 1


def test_source_and_site_lend_a_case_their_horizon_and_zone(clinic: Clinic) -> None:
    clinic.config["sources"]["emr"]["sees_ahead"] = "14 days"
    clinic.config["sites"]["boulder"]["lifecycle"] = {"dropout_after_days": 14}
    visits = [{"date": f"2026-03-{day:02}", "status": "fulfilled"} for day in (2, 16)]
    given = {"site": "boulder", "visits": visits}
    _with(clinic, as_of="2026-03-18", given=given | {"source": "emr"}, expect={"next_visit": "open"})
    assert prm_sync(clinic, "test").code == 0
    _with(clinic, given=given, expect={"status": "dropped_out", "next_visit": "none", "site": "boulder"})
    assert prm_sync(clinic, "test").code == 0


def test_facts_given_by_name_are_not_computed_and_episodes_close_by_their_words(clinic: Clinic) -> None:
    episode = {"started_on": "2026-01-05", "discharged_on": "2026-02-20", "discharge_reason": "Goals met"}
    given = {"episodes": [episode], "visits": [{"date": "2026-02-20", "status": "fulfilled"}], "visits_left": 3}
    expect = {"status": "discharged", "discharge_outcome": "completed", "visits_left": 3, "segments": "newsletter"}
    _with(clinic, as_of="2026-03-01", given=given, expect=expect)
    found = prm_sync(clinic, "test")
    assert found.code == 0, found.out


SLIPS: dict[str, dict[str, Any]] = {
    "given.emial": {"given": {"emial": "x@example.com"}},
    "given.visits[0]": {"given": {"visits": [{"status": "fulfilled"}]}},
    "given.visits[0].status": {"given": {"visits": [{"date": "2026-03-01", "status": "went well"}]}},
    "given.site": {"given": {"site": "omaha"}},
    "expect.segments": {"expect": {"segments": ["win-bakc"]}},
    "expect.status": {"expect": {"status": "lapsed"}},
}


def test_what_a_case_cannot_say_is_refused_at_its_place(clinic: Clinic) -> None:
    clinic.segments["workers-comp-lapsed"] = SEGMENT | {"tests": [LAPSED | change for change in SLIPS.values()]}
    found = prm_sync(clinic, "check", "--offline")
    assert found.code == 78
    for number, place in enumerate(SLIPS):
        assert f"segments.workers-comp-lapsed.tests[{number}].{place}: " in found.err


def test_a_case_written_from_a_contact_passes_and_says_nothing_of_who_it_was(clinic: Clinic) -> None:
    clinic.drop("patients", [patient("1")], STAMP)
    clinic.drop("appointments", [visit("v1", "1", "2026-02-02"), visit("v2", "1", "2026-02-05")], STAMP)
    clinic.run()
    written = prm_sync(clinic, "test", "--from", "emr:1")
    assert written.code == 0, written.err
    for told in ("Given", "Family", "p1@", "1980-05-17", "2026-02-02"):
        assert told not in written.out
    (case,) = YAML(typ="safe").load(written.out)["tests"]
    assert case["expect"]["status"] == clinic.status("1")
    plain = {**case, "as_of": str(case["as_of"])}
    assert date.fromisoformat(plain["as_of"]).weekday() == AT.weekday()
    (clinic.folder / "operators" / "written.yaml").write_text(written.out, encoding="utf-8")
    assert prm_sync(clinic, "test", "--json").json()["passed"] == 2
