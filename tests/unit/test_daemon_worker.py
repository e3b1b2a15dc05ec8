"""The one worker of the line: what it does with a job, with a failure, and with the wish to stop."""

import shutil
import sqlite3
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import orjson
import pytest
from sqlalchemy.exc import DatabaseError

from config.load import load
from sync import worker as module
from sync.build import Service, build
from sync.jobs import Job, jobs_of
from sync.owner import owning
from sync.pipeline import Line, Scope
from sync.report import Report
from sync.store import tables as t
from sync.store.engine import writing
from sync.store.runs import last_run, last_successes
from sync.worker import Worker

NOW = datetime(2026, 3, 4, 18, 0, tzinfo=UTC)
CONFIG = """
version: 1
practice: {name: Lakeside Physical Therapy, timezone: America/Chicago}
sites: {lincoln: {name: Lincoln}}
sources: {plain: {kind: tabular, site: lincoln, folder: drops, patients: {files: "patients-*.csv", snapshot: full}}}
destinations: {list: {kind: contact-file, folder: out, inside: true, fields: {First: given_name}, segments: all}}
"""
PATIENTS = "external_id,given_name,family_name,birth_date\nP1,Ann,Example,1980-01-01\nP2,Bob,Sample,1970-02-02\n"


@pytest.fixture
def service(tmp_path: Path, sqlite_template: Path) -> Iterator[Service]:
    (tmp_path / "drops").mkdir()
    (tmp_path / "var").mkdir()
    shutil.copy(sqlite_template, tmp_path / "var" / "prm.db")
    (tmp_path / "drops" / "patients-20260304-0600.csv").write_text(PATIENTS)
    path = tmp_path / "prm-sync.yaml"
    path.write_text(CONFIG)
    made = build(load(path))
    with owning(made.engine, NOW):
        yield made
    made.engine.dispose()


def _job(service: Service, name: str) -> Job:
    return next(job for job in jobs_of(service.config.settings) if job.name == name)


def _instead(monkeypatch: pytest.MonkeyPatch, act: Callable[[Line], object]) -> None:
    """Puts an act in the place of a pass."""

    def run(line: Line, _scope: Scope | None = None) -> Report:
        act(line)
        return line.report

    monkeypatch.setattr(module.Line, "run", run)


def _events(capsys: pytest.CaptureFixture[str]) -> list[str]:
    return [str(orjson.loads(line)["event"]) for line in capsys.readouterr().err.splitlines()]


def _raise(error: Exception) -> Callable[[Line], object]:
    def act(_line: Line) -> object:
        raise error

    return act


def test_a_job_runs_its_stretch_of_the_line_and_its_success_is_noted(service: Service, tmp_path: Path) -> None:
    worker = Worker(service, lambda: NOW)
    worker.work(_job(service, "pull:plain"))
    assert last_successes(service.engine) == {"pull:plain": NOW}
    assert not (tmp_path / "out" / "contacts.csv").exists()
    worker.work(_job(service, "push:list"))
    assert len((tmp_path / "out" / "contacts.csv").read_text().splitlines()) == 3


def test_an_unchanged_tick_says_one_line(service: Service, capsys: pytest.CaptureFixture[str]) -> None:
    worker = Worker(service, lambda: NOW)
    jobs = [_job(service, "pull:plain"), _job(service, "push:list")]
    for job in jobs:
        worker.work(job)
    capsys.readouterr()
    for job in jobs:
        worker.work(job)
        assert _events(capsys) == ["run.ended"]


def test_a_review_is_skipped_when_nobody_is_due_and_says_nothing(
    service: Service, capsys: pytest.CaptureFixture[str]
) -> None:
    worker = Worker(service, lambda: NOW)
    worker.work(_job(service, "pull:plain"))
    before = last_run(service.engine)
    capsys.readouterr()
    worker.work(_job(service, "review"))
    assert (_events(capsys), last_run(service.engine)) == ([], before)


def test_a_review_runs_when_somebody_is_due_or_the_configuration_changed(
    service: Service, capsys: pytest.CaptureFixture[str]
) -> None:
    worker = Worker(service, lambda: NOW)
    worker.work(_job(service, "pull:plain"))
    with writing(service.engine) as connection:
        connection.execute(t.contact.update().values(next_review_at=NOW))
    capsys.readouterr()
    worker.work(_job(service, "review"))
    assert "run.ended" in _events(capsys)
    worker.due_anyway.set()
    worker.work(_job(service, "review"))
    assert "run.ended" in _events(capsys)
    worker.work(_job(service, "review"))
    assert _events(capsys) == []


def test_an_unforeseen_error_is_said_without_its_text_and_the_next_job_runs(
    service: Service, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    worker = Worker(service, lambda: NOW)
    with monkeypatch.context() as patched:
        _instead(patched, _raise(KeyError("ann@example.com")))
        worker.work(_job(service, "pull:plain"))
    text = capsys.readouterr().err
    line = orjson.loads(text)
    assert (line["event"], line["job"], line["error"]) == ("job.failed", "pull:plain", "KeyError")
    assert "ann@example.com" not in text
    assert last_successes(service.engine) == {"pull:plain": None}
    worker.work(_job(service, "pull:plain"))
    assert last_successes(service.engine) == {"pull:plain": NOW}


def test_a_failure_keeps_the_instant_of_the_last_success(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    Worker(service, lambda: NOW).work(_job(service, "pull:plain"))
    _instead(monkeypatch, _raise(KeyError("x")))
    Worker(service, lambda: NOW + timedelta(hours=1)).work(_job(service, "pull:plain"))
    assert last_successes(service.engine) == {"pull:plain": NOW}


def test_a_job_ends_at_its_next_page_when_the_daemon_is_to_stop(service: Service, tmp_path: Path) -> None:
    worker = Worker(service, lambda: NOW)
    stopped = [_job(service, "pull:plain"), _job(service, "push:list")]
    worker.drain()
    for job in stopped:
        worker.work(job)
    assert last_run(service.engine) is None
    assert not worker.busy


def test_what_a_drained_pass_left_undone_the_next_one_does(
    service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = Worker(service, lambda: NOW)
    plain = Line.pull

    def pull_and_stop(line: Line, names: list[str]) -> None:
        first.drain()
        plain(line, names)

    with monkeypatch.context() as patched:
        patched.setattr(module.Line, "pull", pull_and_stop)
        first.work(_job(service, "pull:plain"))
    assert last_successes(service.engine) == {}
    second = Worker(service, lambda: NOW)
    second.work(_job(service, "pull:plain"))
    second.work(_job(service, "push:list"))
    assert len((tmp_path / "out" / "contacts.csv").read_text().splitlines()) == 3


def test_a_worker_without_the_line_sends_nothing_and_ends_the_daemon(
    service: Service, capsys: pytest.CaptureFixture[str]
) -> None:
    with writing(service.engine) as connection:
        connection.execute(t.owner.update().values(pid=1, host="elsewhere.example.com"))
    worker = Worker(service, lambda: NOW)
    worker.work(_job(service, "push:list"))
    assert (worker.ruin, _events(capsys), last_run(service.engine)) == (75, ["owner.lost"], None)


def test_a_damaged_database_ends_the_daemon_and_no_other_job_begins(
    service: Service, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = sqlite3.DatabaseError("database disk image is malformed")
    broken.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
    _instead(monkeypatch, _raise(DatabaseError("SELECT", {}, broken)))
    worker = Worker(service, lambda: NOW)
    worker.work(_job(service, "pull:plain"))
    worker.work(_job(service, "pull:plain"))
    assert (worker.ruin, _events(capsys)) == (1, ["database.corrupt"])


def test_silence_counts_from_the_last_page(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])
    worker, seen = Worker(service, lambda: NOW), list[timedelta]()

    def act(line: Line) -> None:
        clock[0] += 600
        seen.append(worker.silence())
        line._checkpoint()
        clock[0] += 5
        seen.append(worker.silence())

    _instead(monkeypatch, act)
    worker.work(_job(service, "pull:plain"))
    assert seen == [timedelta(seconds=600), timedelta(seconds=5)]
    assert worker.silence() == timedelta()
