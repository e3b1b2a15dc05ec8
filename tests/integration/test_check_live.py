"""`check --live`: a finding a step with what to do, the exit code that the worst calls for, and nothing changed."""

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from config.load import load
from sync.trial import Step, exit_code, trial
from tests.fakes.clinic import AT, Clinic, days, mailchimp, patient
from tests.fakes.command_line import prm_sync
from tests.fakes.fhir_server import FakeFhir
from tests.fakes.mailchimp import FakeMailchimp


@pytest.fixture
def clinic(tmp_path: Path, database_url: str) -> Clinic:
    made = Clinic(tmp_path)
    made.config["database"] = {"url": database_url}
    made.drop("patients", [patient("1")], "20260302-0600")
    return made


@pytest.fixture
def small(tmp_path: Path) -> Clinic:
    """A clinic without a database, so far."""
    made = Clinic(tmp_path)
    made.drop("patients", [patient("1")], "20260302-0600")
    return made


def _steps(clinic: Clinic, at: datetime | None = None) -> dict[tuple[str, str, str], Step]:
    clinic.write()
    return {step[:3]: step for step in trial(load(clinic.path), at or datetime.now(UTC))}


def _failed(steps: dict[tuple[str, str, str], Step]) -> dict[tuple[str, str, str], int]:
    return {key: step.code for key, step in steps.items() if not step.ok}


def _seen(folder: Path) -> dict[str, tuple[int, int]]:
    """All files but those that the test itself writes anew, and SQLite's own beside an open database."""
    return {
        path.relative_to(folder).as_posix(): (path.stat().st_mtime_ns, path.stat().st_size)
        for path in folder.rglob("*")
        if not path.name.endswith((".yaml", "-wal", "-shm")) and not path.is_dir()
    }


def test_each_step_is_told_and_nothing_is_changed(clinic: Clinic) -> None:
    clinic.drop("leads", [], "20260302-0600")
    clinic.run(AT)
    rows = clinic.ask("SELECT count(*) FROM memo")
    before = _seen(clinic.folder)
    steps = _steps(clinic)
    assert _failed(steps) == {}
    told = {f"{kind} {name} {step}".replace("  ", " ") for kind, name, step in steps}
    assert {
        "secrets log_key readable", "database opens", "database writable", "database version", "database owner",
        "source emr folder", "source emr files of patients", "source leads folder", "destination contacts folder",
    } <= told  # fmt: skip
    assert steps["source", "emr", "files of patients"].hint.startswith("1 found, the newest changed 0 min ago")
    assert _seen(clinic.folder) == before
    assert clinic.ask("SELECT count(*) FROM memo") == rows


def test_a_database_that_is_not_there_is_not_made(small: Clinic) -> None:
    small.drop("leads", [], "20260302-0600")
    before = _seen(small.folder)
    small.write()
    found = prm_sync(small, "check", "--live")
    assert found.code == 0
    assert "the first run will make it" in found.out
    assert "will be made" in found.out
    assert _seen(small.folder) == before


def test_a_folder_that_is_not_there_is_an_outside_system_that_is_down(small: Clinic) -> None:
    (small.folder / "drops" / "leads").rmdir()
    assert _failed(_steps(small)) == {("source", "leads", "folder"): 75}
    assert prm_sync(small, "check", "--live").code == 75


def test_a_folder_whose_files_match_nothing_is_a_matter_of_the_configuration(small: Clinic) -> None:
    small.drop("leads", [], "20260302-0600")
    small.config["sources"]["leads"]["patients"] = {"files": "inquiries-*.csv"}
    steps = _steps(small)
    assert _failed(steps) == {("source", "leads", "files"): 78}
    assert "none of the 1 entries" in steps["source", "leads", "files"].hint


def test_a_secret_that_is_not_there_is_told_by_its_setting_and_exits_77(small: Clinic) -> None:
    small.drop("leads", [], "20260302-0600")
    (small.folder / "secrets" / "log.key").unlink()
    steps = _steps(small)
    assert _failed(steps) == {("secrets", "log_key", "readable"): 77}
    assert prm_sync(small, "check", "--live").code == 77


def test_the_worst_trouble_gives_the_exit_code(small: Clinic) -> None:
    (small.folder / "drops" / "leads").rmdir()
    (small.folder / "secrets" / "log.key").unlink()
    found = list(_steps(small).values())
    assert exit_code(found) == 77
    assert exit_code([step for step in found if step.ok]) == 0


def test_a_retired_source_is_not_tried(small: Clinic) -> None:
    (small.folder / "drops" / "leads").rmdir()
    small.config["sources"]["leads"]["retired"] = "2026-03-03"
    assert ("source", "leads", "folder") in _steps(small, AT)
    assert ("source", "leads", "folder") not in _steps(small, AT + days(1))


def test_json_holds_every_step_and_nothing_else_is_on_stdout(small: Clinic) -> None:
    (small.folder / "drops" / "leads").rmdir()
    found = prm_sync(small, "check", "--live", "--json")
    live: list[dict[str, Any]] = found.json()["live"]
    assert [step for step in live if not step["ok"]] == [
        {
            "kind": "source", "name": "leads", "step": "folder", "ok": False,
            "hint": f"{small.folder}/drops/leads is not there, or this user may not enter the folders above it;"
            " create it or mount it",
        }
    ]  # fmt: skip


def test_a_full_trial_of_a_mailchimp_audience_only_reads(small: Clinic) -> None:
    small.drop("leads", [], "20260302-0600")
    with FakeMailchimp() as fake:
        small.config["destinations"]["newsletter"] = mailchimp(fake.url)
        steps = _steps(small)
        assert [(key[2], step.ok) for key, step in steps.items() if key[1] == "newsletter"] == [
            ("key", True), ("audience", True), ("merge fields", True),
        ]  # fmt: skip
        assert fake.writes == []
        small.config["destinations"]["newsletter"]["audience"] = "zzzz"
        assert _failed(_steps(small)) == {("destination", "newsletter", "audience"): 78}
    assert _failed(_steps(small)) == {("destination", "newsletter", "server"): 75}


def test_a_server_that_shows_its_statement_and_no_record_is_a_matter_of_the_credentials(small: Clinic) -> None:
    small.drop("leads", [], "20260302-0600")
    token = small.folder / "secrets" / "token"
    token.touch(mode=0o600)
    token.write_text("anothers", encoding="utf-8")
    with FakeFhir("generic") as fake:
        auth = {"kind": "bearer", "token": {"file": "secrets/token"}}
        small.config["sources"]["hospital"] = {
            "kind": "fhir-search", "base_url": fake.url, "site": "lincoln", "auth": auth,
        }  # fmt: skip
        failed = {
            step: code for (_, name, step), code in _failed(_steps(small, fake.now)).items() if name == "hospital"
        }
    assert failed == {"one Patient": 77, "one Appointment": 77}


def test_a_check_warns_of_files_that_come_for_a_retired_source(small: Clinic) -> None:
    small.config["sources"]["emr"]["retired"] = "2026-03-03"
    path = next((small.folder / "drops" / "emr").iterdir())
    for day, warned in ((-1, False), (2, True)):
        moment = (AT + days(day)).timestamp()
        os.utime(path, (moment, moment))
        warnings = prm_sync(small, "check", "--json").json()["warnings"]
        assert any("retired since 2026-03-03, but 1 files came after" in line for line in warnings) is warned
    assert not any("retired" in line for line in prm_sync(small, "check", "--offline", "--json").json()["warnings"])
