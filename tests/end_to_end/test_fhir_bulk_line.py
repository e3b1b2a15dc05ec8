"""The whole line from a FHIR server that exports files: what a pass makes of it, however often it is broken off."""

import shutil
from collections import Counter
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from sync.holds import apply_hold
from sync.store.engine import writing
from tests.fakes.clinic import AT, Clinic, days
from tests.fakes.dying import Death, Spot, dies
from tests.fakes.fhir_clinic import KINDS, Waits, differences, fhir_clinic, landed
from tests.fakes.fhir_people import appointment, patient, practice
from tests.fakes.fhir_server import FakeFhir

pytestmark = pytest.mark.skipif("fhir-bulk" not in KINDS, reason="fhir-bulk is not registered")
PEOPLE = 24
THREE = ["Location", "Patient", "Appointment"]
STATUSES = {"active": 23, "at_risk": 1}
"""Number 21 missed the last visit and has none to come."""


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeFhir]:
    with FakeFhir("generic", at=AT - days(2)) as fake:
        Waits(fake).install(monkeypatch)
        fake.bulk.file_lines = 20
        for resource in practice(AT, PEOPLE):
            fake.store.put(resource)
            fake.tick(900)
        fake.now = AT
        yield fake


@pytest.fixture
def clinic(tmp_path: Path, sqlite_template: Path, fake: FakeFhir) -> Clinic:
    return fhir_clinic(tmp_path / "clinic", sqlite_template, fake, "fhir-bulk")


def run(clinic: Clinic, fake: FakeFhir, after: float = 0.0) -> Any:
    """A pass so many days after the first, by both clocks."""
    fake.now = max(fake.now, AT + days(after))
    return clinic.run(AT + days(after)).to_json()


def test_statuses_segments_and_sites_are_what_the_visits_say(clinic: Clinic, fake: FakeFhir) -> None:
    report = run(clinic, fake)
    assert report["troubles"] == []
    assert Counter(clinic.statuses().values()) == STATUSES
    sites = dict(clinic.ask("SELECT external_id, site FROM visit_record WHERE external_id LIKE 'Appointment/a%'"))
    assert Counter(sites.values()) == {"lincoln": 18, "boulder": 6}
    assert clinic.members()["no-show-recovery"] == {"21"}


def test_two_runs_over_an_unchanged_server_make_few_requests_and_no_change(clinic: Clinic, fake: FakeFhir) -> None:
    run(clinic, fake)
    before, calls = landed(clinic), len(fake.calls)
    report = run(clinic, fake, 0.5)
    assert differences(before, landed(clinic)) == {}
    # Kick-off, two polls, the job's end: there is no file to fetch.
    assert len(fake.calls) - calls <= 4, fake.templates(calls)
    assert report["sources"]["emr"]["changed"] == 0
    assert report["wishes"] == 0


def test_an_emptied_server_moves_nobody(clinic: Clinic, fake: FakeFhir) -> None:
    run(clinic, fake)
    before = landed(clinic)
    fake.store.empty()
    report = run(clinic, fake, 15)
    assert {hold["name"] for hold in report["held"]} == {"emr"}
    assert differences(before, landed(clinic), "patients", "visits") == {}
    assert "inactive" not in clinic.statuses().values()


def test_a_held_whole_export_is_not_made_anew_at_each_run_and_a_released_one_is_made_once(
    clinic: Clinic, fake: FakeFhir
) -> None:
    def whole_exports(since: int) -> int:
        kick_offs = [call for call in fake.calls[since:] if call.template == "/$export"]
        return sum(call.get("_since") is None for call in kick_offs)

    run(clinic, fake)
    fake.store.empty()
    held = run(clinic, fake, 15)["held"]
    calls = len(fake.calls)
    assert run(clinic, fake, 15.1)["held"] == []
    assert whole_exports(calls) == 0
    with clinic.service() as service, writing(service.engine) as connection:
        for hold in held:
            apply_hold(connection, hold["id"], AT + days(15.1))
    calls = len(fake.calls)
    report = run(clinic, fake, 15.2)
    assert report["held"] == []
    assert report["sources"]["emr"]["absent"] > 0
    assert set(clinic.ask("SELECT present FROM visit_record")) == {(0,)}
    run(clinic, fake, 15.3)
    assert whole_exports(calls) == 1


def test_f09_f10_fault_27_changes_deletions_and_merges_arrive_together(clinic: Clinic, fake: FakeFhir) -> None:
    run(clinic, fake)
    fake.tick(7200)
    fake.store.change("Appointment", "c1", status="cancelled")
    fake.store.delete("Appointment", "c2")
    fake.store.merge("4", "5")
    fake.store.put(patient(50))
    fake.store.put(appointment("n50", 50, AT + days(4)))
    assert run(clinic, fake, 0.5)["troubles"] == []
    rows = dict(clinic.ask("SELECT external_id, status FROM visit_record WHERE present"))
    assert rows["Appointment/c1"] == "cancelled"
    assert "Appointment/c2" not in rows
    assert clinic.status("50") == "scheduled"
    contacts = dict(
        clinic.ask(
            "SELECT p.external_id, l.contact FROM patient_record p JOIN link l ON l.row_id = p.id AND l.until IS NULL"
        )
    )
    assert contacts["4"] == contacts["5"]


@pytest.mark.parametrize(
    ("spot", "number", "step"), [("before_call", 1, 1), ("after_call", 2, 2), ("before_commit", 1, 2)]
)
def test_f18_a_run_killed_at_every_call_and_page_and_resumed_loses_and_repeats_nothing(
    clinic: Clinic, fake: FakeFhir, tmp_path: Path, spot: Spot, number: int, step: int
) -> None:
    clinic.config["sources"]["emr"]["resources"] = THREE
    blank = clinic.copy(tmp_path / "blank")
    run(clinic, fake)
    wanted = landed(clinic)
    while True:
        each = blank.copy(tmp_path / "practice")
        first = len(fake.calls)
        with each.service() as service:
            died = dies(service, partial(each.run, AT, stages={"pull"}), Death(spot, number))
        if not died:
            break
        assert each.run(AT).to_json()["troubles"] == [], f"{spot} {number}"
        assert differences(wanted, landed(each)) == {}, f"{spot} {number}"
        asked = Counter(fake.templates(first))
        # A kick-off whose answer nobody heard cannot be known of; a job that was heard of is found again.
        assert asked["GET /$export"] <= (1 if spot == "before_call" else 2), f"{spot} {number}"
        files = [call for call in fake.calls[first:] if call.template == "/files/{id}"]
        assert len(files) <= len(fake.bulk.paths), f"{spot} {number}"
        shutil.rmtree(each.folder)
        number += step
    assert number >= 8


def test_processes_that_die_one_after_the_other_get_there_together(
    clinic: Clinic, fake: FakeFhir, tmp_path: Path
) -> None:
    clinic.config["sources"]["emr"]["resources"] = THREE
    calm = clinic.copy(tmp_path / "calm")
    run(calm, fake)
    deaths, first = 0, len(fake.calls)
    while True:
        with clinic.service() as service:
            died = dies(service, partial(clinic.run, AT, stages={"pull"}), Death("before_commit", 8 + deaths))
        if not died:
            break
        deaths += 1
        assert deaths < 60
    assert deaths >= 3
    assert fake.templates(first).count("GET /$export") == 1
    run(clinic, fake)
    assert differences(landed(calm), landed(clinic)) == {}
