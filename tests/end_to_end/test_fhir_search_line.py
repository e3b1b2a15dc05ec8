"""The whole line from a FHIR server that is searched: what a pass makes of it, however often it is broken off."""

import json
import shutil
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from sync.status import status_of
from sync.troubles import troubles
from tests.fakes.clinic import AT, Clinic, days
from tests.fakes.dying import Death, Spot, dies
from tests.fakes.fhir_clinic import Waits, differences, fhir_clinic, landed
from tests.fakes.fhir_people import appointment, patient, practice
from tests.fakes.fhir_server import FakeFhir

PEOPLE = 24
STATUSES = {"active": 23, "at_risk": 1}
"""Number 21 missed the last visit and has none to come."""
SMALL: dict[str, Any] = {"page_size": 10}


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeFhir]:
    with FakeFhir("generic", at=AT - days(2)) as fake:
        Waits(fake).install(monkeypatch)
        for resource in practice(AT, PEOPLE):
            fake.store.put(resource)
            fake.tick(900)
        fake.now = AT
        yield fake


@pytest.fixture
def clinic(tmp_path: Path, sqlite_template: Path, fake: FakeFhir) -> Clinic:
    return fhir_clinic(tmp_path / "clinic", sqlite_template, fake, "fhir-search", **SMALL)


def run(clinic: Clinic, fake: FakeFhir, after: float = 0.0) -> Any:
    """A pass so many days after the first, by both clocks."""
    fake.now = max(fake.now, AT + days(after))
    return clinic.run(AT + days(after)).to_json()


def test_statuses_segments_and_sites_are_what_the_visits_say(clinic: Clinic, fake: FakeFhir) -> None:
    report = run(clinic, fake)
    assert report["troubles"] == []
    statuses = clinic.statuses()
    assert len(statuses) == PEOPLE
    assert Counter(statuses.values()) == STATUSES
    sites = dict(clinic.ask("SELECT external_id, site FROM visit_record WHERE external_id LIKE 'Appointment/a%'"))
    assert Counter(sites.values()) == {"lincoln": 18, "boulder": 6}
    assert clinic.members()["no-show-recovery"] == {"21"}


def test_two_runs_over_an_unchanged_server_make_few_requests_and_no_change(clinic: Clinic, fake: FakeFhir) -> None:
    run(clinic, fake)
    before, calls = landed(clinic), len(fake.calls)
    report = run(clinic, fake, 0.1)
    assert differences(before, landed(clinic)) == {}
    # One search a type, one look at deletions where the hour has come; the statement is known for a day.
    searches = Counter(fake.templates(calls))
    assert max(searches.values()) == 1, searches
    assert report["sources"]["emr"]["changed"] == 0
    assert report["wishes"] == 0
    calls = len(fake.calls)
    run(clinic, fake, 0.101)
    assert sum("_history" in each for each in fake.templates(calls)) == 0


def test_f15_what_a_server_warns_of_on_any_page_is_in_the_status(
    clinic: Clinic, fake: FakeFhir, capsys: pytest.CaptureFixture[str]
) -> None:
    fake.fail("warning_entry", template="/Appointment")
    fake.fail("warning_entry", template="/")
    run(clinic, fake)
    with clinic.service() as service:
        status = status_of(service, AT)
    warnings = status["sources"]["emr"]["warnings"]
    assert {(each["field"], each["code"]) for each in warnings} == {("", "suppressed")}
    assert sum(each["n"] for each in warnings) == 2
    told = [trouble for trouble in troubles(status) if "warned" in trouble.sentence]
    assert told
    assert not any(trouble.fails for trouble in told)
    assert "Zanzibar" not in json.dumps(status) + capsys.readouterr().err


def test_an_emptied_server_moves_nobody(clinic: Clinic, fake: FakeFhir) -> None:
    run(clinic, fake)
    before = landed(clinic)
    fake.store.empty()
    report = run(clinic, fake, 8)
    assert {hold["name"] for hold in report["held"]} == {"emr"}
    assert differences(before, landed(clinic), "patients", "visits") == {}
    statuses = set(clinic.statuses().values())
    assert "inactive" not in statuses


def test_fault_19_an_empty_answer_where_thousands_were_moves_nobody(clinic: Clinic, fake: FakeFhir) -> None:
    run(clinic, fake)
    before = landed(clinic)
    fake.fail("empty", times=50, method="GET")
    run(clinic, fake, 8)
    assert differences(before, landed(clinic), "patients", "visits") == {}


def test_f09_f10_fault_27_changes_deletions_and_merges_arrive_together(clinic: Clinic, fake: FakeFhir) -> None:
    run(clinic, fake)
    fake.now = AT + timedelta(hours=2)
    fake.store.change("Appointment", "c1", status="cancelled")
    fake.store.delete("Appointment", "c2")
    fake.store.merge("4", "5")
    fake.store.put(patient(50))
    fake.store.put(appointment("n50", 50, AT + days(4)))
    run(clinic, fake, 0.2)
    rows = {key: (status, present) for key, status, present in _visits(clinic)}
    assert rows["Appointment/c1"][0] == "cancelled"
    assert not rows["Appointment/c2"][1]
    assert clinic.status("50") == "scheduled"
    contacts = dict(
        clinic.ask(
            "SELECT p.external_id, l.contact FROM patient_record p JOIN link l ON l.row_id = p.id AND l.until IS NULL"
        )
    )
    assert contacts["4"] == contacts["5"]
    fake.tick(60)
    fake.store.unmerge("4")
    run(clinic, fake, 0.3)
    contacts = dict(
        clinic.ask(
            "SELECT p.external_id, l.contact FROM patient_record p JOIN link l ON l.row_id = p.id AND l.until IS NULL"
        )
    )
    assert contacts["4"] != contacts["5"]


def _visits(clinic: Clinic) -> list[tuple[Any, ...]]:
    return clinic.ask("SELECT external_id, status, present FROM visit_record")


def test_what_was_deleted_unheard_of_is_absent_after_the_next_whole_reading(
    tmp_path: Path, sqlite_template: Path, fake: FakeFhir
) -> None:
    clinic = fhir_clinic(tmp_path / "deaf", sqlite_template, fake, "fhir-search", deletions="none")
    run(clinic, fake)
    fake.store.delete("Appointment", "c2")
    run(clinic, fake, 1)
    assert {key: present for key, _, present in _visits(clinic)}["Appointment/c2"]
    run(clinic, fake, 8)
    assert not {key: present for key, _, present in _visits(clinic)}["Appointment/c2"]


# ---------------------------------------------------------------- broken off


@pytest.mark.parametrize(("spot", "step"), [("before_call", 1), ("after_call", 2), ("before_commit", 4)])
def test_a_run_killed_at_every_page_and_resumed_loses_and_repeats_nothing(
    clinic: Clinic, fake: FakeFhir, tmp_path: Path, spot: Spot, step: int
) -> None:
    blank = clinic.copy(tmp_path / "blank")
    first = len(fake.calls)
    run(clinic, fake)
    calm, wanted = Counter(_questions(fake, first)), landed(clinic)
    number = 1
    while True:
        each = blank.copy(tmp_path / "practice")
        first = len(fake.calls)
        with each.service() as service:
            died = dies(service, partial(each.run, AT), Death(spot, number))
        if not died:
            break
        each.run(AT)
        assert differences(wanted, landed(each)) == {}, f"{spot} {number}"
        repeated = Counter(_questions(fake, first)) - calm
        # The page that was under way, and the one that was being fetched ahead of it.
        assert sum(repeated.values()) <= 2, f"{spot} {number}: {repeated}"
        shutil.rmtree(each.folder)
        number += step
    assert number >= 10


def _questions(fake: FakeFhir, since: int) -> list[str]:
    """What was asked for, by type and offset; the statement apart, and what is only asked for changes."""
    calls = [call for call in fake.calls[since:] if call.template != "/metadata" and not call.get("_lastUpdated")]
    return [f"{call.template} {call.get('_getpagesoffset') or ''}" for call in calls if "_history" not in call.template]


def test_processes_that_die_one_after_the_other_get_there_together(
    clinic: Clinic, fake: FakeFhir, tmp_path: Path
) -> None:
    calm = clinic.copy(tmp_path / "calm")
    run(calm, fake)
    deaths = 0
    while True:
        with clinic.service() as service:
            died = dies(service, partial(clinic.run, AT), Death("before_commit", 8 + 2 * deaths))
        if not died:
            break
        deaths += 1
        assert deaths < 60
    assert deaths >= 5
    assert differences(landed(calm), landed(clinic)) == {}


def test_the_cursor_may_expire_between_the_runs(clinic: Clinic, fake: FakeFhir, tmp_path: Path) -> None:
    calm = clinic.copy(tmp_path / "calm")
    run(calm, fake)
    fake.fail("503", times=100, template="/", after=3)
    assert run(clinic, fake)["troubles"]
    fake.heal()
    fake.search.expire()
    assert run(clinic, fake)["troubles"] == []
    assert differences(landed(calm), landed(clinic), "patients", "visits") == {}


# ---------------------------------------------------------------- windows


@pytest.mark.parametrize(("profile", "length"), [("epic", 120), ("cerner", 50)])
def test_a_patient_seen_every_21_days_through_a_window_is_never_at_risk(
    tmp_path: Path, sqlite_template: Path, monkeypatch: pytest.MonkeyPatch, profile: str, length: int
) -> None:
    with FakeFhir(profile, at=AT) as fake:
        Waits(fake).install(monkeypatch)
        for resource in practice(AT - days(60), 1):
            if resource["resourceType"] != "Appointment":
                fake.store.put(resource)
        for number in range(8):
            fake.store.put(appointment(f"v{number}", 1, AT + days(21 * number)))
        window = {"back": "14 days", "ahead": "14 days"}
        clinic = fhir_clinic(
            tmp_path, sqlite_template, fake, "fhir-search", profile=profile, window=window, sees_ahead="14 days"
        )
        for day in range(length):
            fake.now = AT + days(day)
            if day % 21 == 0:
                fake.store.change("Appointment", f"v{day // 21}", status="fulfilled")
            report = clinic.run(AT + days(day), stages={"pull", "review"})
            assert report.exit_code() == 0
            assert clinic.status("1") in ("scheduled", "active"), day
        assert "at_risk" not in {new for _, new, _, _ in clinic.transitions()}


@pytest.mark.parametrize("profile", ["epic", "cerner", "openemr", "medplum", "generic"])
def test_every_kind_of_server_gives_the_same_practice(
    tmp_path: Path, sqlite_template: Path, monkeypatch: pytest.MonkeyPatch, profile: str
) -> None:
    with FakeFhir(profile, at=AT - days(2)) as fake:
        Waits(fake).install(monkeypatch)
        for resource in practice(AT, PEOPLE):
            fake.store.put(resource)
            fake.tick(900)
        clinic = fhir_clinic(tmp_path, sqlite_template, fake, "fhir-search", profile=profile)
        assert run(clinic, fake)["troubles"] == []
        assert Counter(clinic.statuses().values()) == STATUSES
        assert len(_visits(clinic)) == 2 * PEOPLE + 16
        fake.tick(3600)
        fake.store.change("Appointment", "c1", status="noshow", start=(AT - days(1)).isoformat(timespec="seconds"))
        assert run(clinic, fake, 0.2)["troubles"] == []
        assert {key: status for key, status, _ in _visits(clinic)}["Appointment/c1"] == "noshow"
