"""The daemon at work: it ticks, reloads, notices what is wrong, drains."""

import os
import queue
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import orjson
import pytest
import requests
from sqlalchemy import Engine, func, select, text
from sqlalchemy.exc import OperationalError

from config.load import Config, load
from connectors.settings import Schedule
from sync import worker as worker_module
from sync.daemon import Daemon, Terms
from sync.jobs import Job, jobs_of
from sync.log import set_up
from sync.owner import Busy, owning, owns
from sync.pipeline import Line, Scope
from sync.report import Report
from sync.store import tables as t
from sync.store.engine import connect, reading
from tests.database_server import Postgres

PATIENCE_S = 60
CONFIG = """
version: 1
practice: {name: Lakeside Physical Therapy, timezone: America/Chicago}
sites: {lincoln: {name: Lincoln}}
sources: {plain: {kind: tabular, site: lincoln, folder: drops, patients: {files: "patients-*.csv", snapshot: full}}}
destinations: {list: {kind: contact-file, folder: out, inside: true, fields: {First: given_name}, segments: all}}
"""
PATIENTS = "external_id,given_name,family_name,birth_date\nP1,Ann,Example,1980-01-01\nP2,Bob,Sample,1970-02-02\n"
SEGMENTS = "segments:\n  born-early: {describe: Born early, purpose: operations, who: {age: {over: 50}}}\n"


@pytest.fixture
def folder(tmp_path: Path, sqlite_template: Path) -> Path:
    for name in ("drops", "var", "operators"):
        (tmp_path / name).mkdir()
    (tmp_path / "drops" / "patients-20260304-0600.csv").write_text(PATIENTS)
    (tmp_path / "prm-sync.yaml").write_text(CONFIG)
    shutil.copy(sqlite_template, tmp_path / "var" / "prm.db")
    return tmp_path


def _every(schedule: Schedule) -> Callable[[Config], Sequence[Job]]:
    return lambda config: [job._replace(schedule=schedule) for job in jobs_of(config.settings)]


OFTEN = Schedule.model_construct(every=timedelta(milliseconds=50), cron=None)
SELDOM = Schedule(every=timedelta(days=1))


class Running:
    """A daemon in a thread; its signals come from a queue, its log from captured stderr."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str], **terms: object) -> None:
        self.signals: queue.SimpleQueue[int] = queue.SimpleQueue()
        self.aborts: list[int] = []
        self.code: int | None = None
        self._capsys, self._lines = capsys, list[dict[str, object]]()
        config = load(folder / "prm-sync.yaml")
        set_up(config)
        chosen = {"jobs": _every(OFTEN), "look_every": timedelta(milliseconds=10), "abort": self.aborts.append} | terms
        self.daemon = Daemon(config, self.signals, Terms(**chosen))  # type: ignore[arg-type] # each test names its own
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        self.code = self.daemon.serve()

    def log(self) -> list[dict[str, object]]:
        self._lines += [orjson.loads(line) for line in self._capsys.readouterr().err.splitlines()]
        return self._lines

    def events(self) -> list[str]:
        return [str(line["event"]) for line in self.log()]

    def wait_for(self, event: str, times: int = 1) -> dict[str, object]:
        wait_until(lambda: self.events().count(event) >= times, event)
        return [line for line in self.log() if line["event"] == event][-1]

    def stop(self, number: int = signal.SIGTERM) -> int:
        self.signals.put(number)
        return self.ended()

    def ended(self) -> int:
        self._thread.join(PATIENCE_S)
        assert not self._thread.is_alive()
        assert self.code is not None
        return self.code


def wait_until(holds: Callable[[], object], what: str) -> None:
    end = time.monotonic() + PATIENCE_S
    while not holds():
        assert time.monotonic() < end, f"waited in vain for {what}"
        threading.Event().wait(0.01)


@pytest.fixture
def start(folder: Path, capsys: pytest.CaptureFixture[str]) -> Iterator[Callable[..., Running]]:
    started: list[Running] = []

    def make(**terms: object) -> Running:
        started.append(Running(folder, capsys, **terms))
        return started[-1]

    yield make
    for running in started:
        if running.code is None:
            running.stop()


def _instead(monkeypatch: pytest.MonkeyPatch, act: Callable[[Line], object]) -> None:
    def run(line: Line, _scope: Scope | None = None) -> Report:
        act(line)
        return line.report

    monkeypatch.setattr(worker_module.Line, "run", run)


def test_it_catches_up_at_start_then_ticks_and_drains(start: Callable[..., Running], folder: Path) -> None:
    running = start()
    wait_until((folder / "out" / "contacts.csv").exists, "the list")
    running.wait_for("run.ended", times=6)
    assert running.stop() == 0
    events = running.events()
    assert (events[0], events[-2:]) == ("daemon.started", ["daemon.draining", "daemon.stopped"])
    assert running.log()[0]["n_missed"] == 3
    assert events.count("source.pulled") == events.count("push.done") == 1
    assert len((folder / "out" / "contacts.csv").read_text().splitlines()) == 3


def test_after_a_restart_what_has_just_been_done_is_not_missed(start: Callable[..., Running]) -> None:
    first = start(jobs=_every(SELDOM))
    first.wait_for("push.done")
    first.stop()
    second = start(jobs=lambda config: [job for job in _every(SELDOM)(config) if job.name != "review"])
    assert second.wait_for("daemon.started", times=1)["n_missed"] == 0


def test_it_says_that_it_lives_and_how_it_stands(start: Callable[..., Running]) -> None:
    line = start(jobs=_every(SELDOM)).wait_for("daemon.alive")
    assert {"state", "oldest_wish_seconds", "n_holds"} <= line.keys()


def test_a_source_with_old_data_is_called_stale_once(start: Callable[..., Running]) -> None:
    running = start(jobs=_every(SELDOM))
    running.wait_for("push.done")
    running.daemon._vigil._next_freshness = 0.0
    assert running.wait_for("source.stale")["source"] == "plain"
    _wait_for_looks(running)
    assert running.events().count("source.stale") == 1


def test_fault_31_a_moved_clock_runs_every_job_at_once(start: Callable[..., Running]) -> None:
    running = start(jobs=_every(SELDOM))
    running.wait_for("push.done")
    running.wait_for("run.ended", times=2)

    def everything_ran_again() -> bool:
        # A job that is still in flight is not run a second time at once, so the clock is moved until none is.
        running.daemon._clock_jumped(-3600.0)
        jobs = [line["job"] for line in running.log() if line["event"] == "run.ended"]
        return min(jobs.count("pull:plain"), jobs.count("push:list")) >= 2

    wait_until(everything_ran_again, "another run of both")
    assert running.wait_for("clock.jumped")["seconds"] == -3600


def test_a_changed_operator_file_is_in_force_without_a_restart(start: Callable[..., Running], folder: Path) -> None:
    running = start(jobs=_every(OFTEN))
    running.wait_for("push.done")
    (folder / "operators" / "segments.yaml").write_text(SEGMENTS)
    running.wait_for("config.reloaded")
    wait_until((folder / "out" / "segments" / "born-early.csv").exists, "the segment's file")


def test_a_bad_file_is_named_and_the_old_configuration_stays_in_force(
    start: Callable[..., Running], folder: Path
) -> None:
    running = start()
    running.wait_for("push.done")
    (folder / "operators" / "segments.yaml").write_text("segments:\n  early: {describe: Early, purpse: operations}\n")
    line = running.wait_for("config.reload_rejected")
    assert (str(line["file"]).rpartition("/")[2], line["line"]) == ("segments.yaml", 2)
    running.wait_for("run.ended", times=running.events().count("run.ended") + 2)
    assert running.events().count("config.reload_rejected") == 1
    (folder / "operators" / "segments.yaml").write_text(SEGMENTS)
    running.wait_for("config.reloaded")


def test_a_hangup_reloads_and_another_database_needs_a_restart(start: Callable[..., Running], folder: Path) -> None:
    running = start()
    running.signals.put(signal.SIGHUP)
    running.wait_for("config.reloaded")
    (folder / "prm-sync.yaml").write_text(CONFIG + 'database: {url: "sqlite:///elsewhere.db"}\n')
    assert "restart" in str(running.wait_for("config.reload_rejected")["next"])
    assert not (folder / "elsewhere.db").exists()


def test_a_reload_takes_up_new_sources_and_lets_go_of_old_ones(start: Callable[..., Running], folder: Path) -> None:
    running = start()
    running.wait_for("push.done")
    (folder / "more").mkdir()
    (folder / "more" / "patients-20260304-0600.csv").write_text(PATIENTS.replace("P1", "P8").replace("P2", "P9"))
    (folder / "prm-sync.yaml").write_text(CONFIG.replace("plain:", "other:").replace("drops", "more"))
    running.wait_for("config.reloaded")
    wait_until(lambda: "other" in {line.get("source") for line in running.log()}, "the new source")
    assert set(running.daemon._jobs) == {"pull:other", "review", "push:list"}


def test_a_replaced_database_stops_it_with_an_error(start: Callable[..., Running], folder: Path) -> None:
    running = start()
    running.wait_for("push.done")
    shutil.copy(folder / "var" / "prm.db", folder / "var" / "copy.db")
    (folder / "var" / "copy.db").rename(folder / "var" / "prm.db")
    assert running.ended() == 1
    assert "database.replaced" in running.events()


def test_fault_61_a_second_signal_ends_at_once(start: Callable[..., Running], monkeypatch: pytest.MonkeyPatch) -> None:
    begun, go_on = threading.Event(), threading.Event()
    _instead(monkeypatch, lambda _line: (begun.set(), go_on.wait(PATIENCE_S)))
    running = start()
    assert begun.wait(PATIENCE_S)
    running.signals.put(signal.SIGTERM)
    running.wait_for("daemon.draining")
    running.signals.put(signal.SIGTERM)
    running.wait_for("daemon.cut")
    go_on.set()
    running.ended()
    assert running.aborts == [130]


def test_fault_61_what_does_not_end_in_time_is_cut(
    start: Callable[..., Running], monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, go_on = threading.Event(), threading.Event()
    _instead(monkeypatch, lambda _line: (begun.set(), go_on.wait(PATIENCE_S)))
    running = start(drain_for=timedelta(milliseconds=50))
    assert begun.wait(PATIENCE_S)
    running.signals.put(signal.SIGTERM)
    running.wait_for("daemon.cut")
    go_on.set()
    running.ended()
    assert running.aborts == [1]


def test_fault_61_a_batch_in_flight_is_finished(start: Callable[..., Running], monkeypatch: pytest.MonkeyPatch) -> None:
    begun, go_on, finished = threading.Event(), threading.Event(), threading.Event()
    _instead(monkeypatch, lambda _line: (begun.set(), go_on.wait(PATIENCE_S), finished.set()))
    running = start()
    assert begun.wait(PATIENCE_S)
    running.signals.put(signal.SIGTERM)
    running.wait_for("daemon.draining")
    go_on.set()
    assert running.ended() == 0
    assert finished.is_set()
    assert running.aborts == []


def _wait_for_looks(running: Running) -> None:
    """Waits until the daemon has looked after everything twice more."""
    for _ in range(2):
        running.daemon._vigil._next_freshness = 0.0
        wait_until(lambda: running.daemon._vigil._next_freshness, "another look")


def _heard_by_now(systemd: socket.socket) -> list[bytes]:
    systemd.settimeout(0)
    heard: list[bytes] = []
    with suppress(BlockingIOError):
        while True:
            heard.append(systemd.recv(100))
    return heard


@pytest.fixture
def systemd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
        channel.bind(str(tmp_path / "notify"))
        channel.settimeout(PATIENCE_S)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        yield channel


def test_systemd_hears_of_start_life_and_end(start: Callable[..., Running], systemd: socket.socket) -> None:
    running = start()
    heard = [systemd.recv(100), systemd.recv(100)]
    running.signals.put(signal.SIGTERM)
    while heard[-1] != b"STOPPING=1":
        heard.append(systemd.recv(100))
    assert heard[:2] == [b"READY=1", b"WATCHDOG=1"]


def test_a_job_that_hangs_starves_the_watchdog(
    start: Callable[..., Running], systemd: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    go_on = threading.Event()
    _instead(monkeypatch, lambda _line: go_on.wait(PATIENCE_S))
    running = start(silent_for=timedelta(milliseconds=100))
    running.wait_for("job.overdue")
    _heard_by_now(systemd)
    _wait_for_looks(running)
    assert _heard_by_now(systemd) == []
    go_on.set()
    assert running.events().count("job.overdue") == 1


def test_a_scheduler_that_stands_starves_the_watchdog(start: Callable[..., Running], systemd: socket.socket) -> None:
    running = start(jobs=_every(SELDOM))
    running.wait_for("push.done")
    running.daemon._pulse = time.monotonic() - 3600
    _wait_for_looks(running)
    _heard_by_now(systemd)
    _wait_for_looks(running)
    assert _heard_by_now(systemd) == []


def test_only_one_daemon_holds_the_line(start: Callable[..., Running], folder: Path) -> None:
    running = start()
    running.wait_for("daemon.started")
    with pytest.raises(Busy, match=rf"pid {os.getpid()} on "):
        Daemon(load(folder / "prm-sync.yaml"), queue.SimpleQueue()).serve()


def test_an_owner_knows_that_it_holds_the_line_and_when_it_no_longer_does(database_url: str) -> None:
    engine = connect(database_url)
    assert not owns(engine)
    with owning(engine, datetime(2026, 3, 4, tzinfo=UTC)):
        assert owns(engine)
    engine.dispose()


def test_a_lock_that_went_with_its_connection_is_missed(postgres: Postgres) -> None:
    for url in postgres.clone():
        engine = connect(url)
        with pytest.raises(OperationalError), owning(engine, datetime(2026, 3, 4, tzinfo=UTC)):
            _cut_the_owner_off(engine)
        engine.dispose()


def test_the_lock_of_another_database_on_the_server_is_not_ours(postgres: Postgres) -> None:
    at = datetime(2026, 3, 4, tzinfo=UTC)
    for ours, theirs in zip(postgres.clone(), postgres.clone(), strict=True):
        engine, other = connect(ours), connect(theirs)
        with owning(engine, at):
            pass
        with owning(other, at):
            assert not owns(engine)
            assert owns(other)
        engine.dispose()
        other.dispose()


def _cut_the_owner_off(engine: Engine) -> None:
    with reading(engine) as connection:
        connection.execute(
            text(
                "SELECT pg_terminate_backend(l.pid) FROM pg_locks l JOIN pg_database d ON d.oid = l.database"
                " WHERE l.locktype = 'advisory' AND d.datname = current_database()"
            )
        )
    wait_until(lambda: not owns(engine), "the end of the lock")


def test_the_command_works_until_sigterm_and_a_second_one_is_told_who_is_at_work(folder: Path) -> None:
    command = [sys.executable, "-m", "sync", "--config", str(folder / "prm-sync.yaml"), "daemon"]
    place = Path(__file__).parents[2]
    with (folder / "log").open("wb") as log, subprocess.Popen(command, stderr=log, cwd=place) as process:
        try:
            wait_until((folder / "out" / "contacts.csv").exists, "the list")
            second = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S, check=False, cwd=place)
            process.terminate()
            assert process.wait(PATIENCE_S) == 0
        finally:
            process.kill()
    lines = [orjson.loads(line) for line in (folder / "log").read_text().splitlines()]
    assert (lines[0]["event"], lines[-1]["event"], lines[-1]["exit_code"]) == ("daemon.started", "daemon.stopped", 0)
    assert (second.returncode, f"pid {process.pid} on" in second.stderr) == (75, True)
    with reading(connect(f"sqlite:///{folder / 'var' / 'prm.db'}")) as connection:
        assert connection.execute(select(func.count()).select_from(t.contact)).scalar_one() == 2


def test_the_web_server_answers_while_the_daemon_runs(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    (folder / "prm-sync.yaml").write_text(CONFIG + f"web: {{listen: 127.0.0.1:{port}}}\n")
    running = Running(folder, capsys, jobs=_every(SELDOM))
    running.wait_for("run.ended")
    url = f"http://127.0.0.1:{port}/healthz"
    assert requests.get(url, timeout=5).json() == {"status": "ok"}
    assert running.stop() == 0
    with pytest.raises(requests.ConnectionError):
        requests.get(url, timeout=5)
