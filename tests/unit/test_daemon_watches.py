"""What the daemon notices: a moved clock, changed files, another database; and what it tells systemd."""

import os
import socket
import threading
from pathlib import Path

import pytest

from sync.clock_watch import ClockWatch, Drift
from sync.file_watch import ConfigWatch, DatabaseWatch
from sync.notify import notify


class Clocks:
    """A wall clock and a monotonic one, both turned by hand."""

    def __init__(self) -> None:
        self.wall, self.monotonic = 1_000_000.0, 50.0

    def pass_time(self, seconds: float) -> None:
        self.wall += seconds
        self.monotonic += seconds

    def drift(self) -> Drift:
        return Drift(lambda: self.wall, lambda: self.monotonic)


@pytest.mark.parametrize("moved", [3600.0, -3600.0, 61.0, -86400.0])
def test_fault_31_a_moved_clock_is_told_once(moved: float) -> None:
    clocks = Clocks()
    drift = clocks.drift()
    clocks.wall += moved
    assert drift.jump() == moved
    clocks.pass_time(600)
    assert drift.jump() is None


def test_fault_31_time_that_passes_and_small_corrections_are_no_jump() -> None:
    clocks = Clocks()
    drift = clocks.drift()
    clocks.pass_time(7200)
    clocks.wall -= 30
    assert drift.jump() is None


def test_the_clock_watch_tells_a_jump_from_a_thread_of_its_own() -> None:
    clocks, told, heard = Clocks(), threading.Event(), list[tuple[float, str]]()

    def moved(seconds: float) -> None:
        heard.append((seconds, threading.current_thread().name))
        told.set()

    watch = ClockWatch(moved, clocks.drift(), every_s=0.001)
    watch.start()
    clocks.wall -= 3600
    assert told.wait(10)
    watch.end()
    assert heard == [(-3600.0, "clock-watch")]


def test_a_changed_file_is_told_once_when_it_stands_still(tmp_path: Path) -> None:
    file = tmp_path / "prm-sync.yaml"
    file.write_text("version: 1\n")
    watch = ConfigWatch(lambda: [file])
    assert not watch.changed()
    file.write_text("version: 1\npract")
    assert not watch.changed()
    file.write_text("version: 1\npractice: {}\n")
    assert not watch.changed()
    assert watch.changed()
    assert not watch.changed()


def test_a_new_file_in_a_watched_folder_is_a_change(tmp_path: Path) -> None:
    watch = ConfigWatch(lambda: [tmp_path / "operators"])
    (tmp_path / "operators").mkdir()
    assert [watch.changed(), watch.changed()] == [False, True]
    (tmp_path / "operators" / "more.yaml").touch()
    os.utime(tmp_path / "operators", ns=(1, 1))
    assert [watch.changed(), watch.changed()] == [False, True]


def test_a_removed_file_is_a_change(tmp_path: Path) -> None:
    file = tmp_path / "segments.yaml"
    file.touch()
    watch = ConfigWatch(lambda: [file])
    file.unlink()
    assert [watch.changed(), watch.changed(), watch.changed()] == [False, True, False]


def test_a_database_that_is_written_is_the_same_one(tmp_path: Path) -> None:
    database = tmp_path / "prm.db"
    database.write_bytes(b"before")
    watch = DatabaseWatch(database)
    database.write_bytes(b"after, and longer")
    assert not watch.replaced()


def test_a_replaced_and_a_removed_database_are_noticed(tmp_path: Path) -> None:
    database, other = tmp_path / "prm.db", tmp_path / "copy.db"
    database.write_bytes(b"one")
    other.write_bytes(b"one")
    watch = DatabaseWatch(database)
    other.rename(database)
    assert watch.replaced()
    database.unlink()
    assert watch.replaced()


def test_a_server_s_database_has_no_file_to_be_replaced() -> None:
    assert not DatabaseWatch(None).replaced()


@pytest.mark.parametrize("abstract", [False, True])
def test_systemd_is_told_by_a_datagram(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, abstract: bool) -> None:
    name = f"@prm-test-{os.getpid()}" if abstract else str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
        channel.bind("\0" + name[1:] if abstract else name)
        monkeypatch.setenv("NOTIFY_SOCKET", name)
        notify("READY=1")
        assert channel.recv(100) == b"READY=1"


def test_without_systemd_nothing_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    notify("READY=1")


def test_a_systemd_that_is_gone_stops_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "nobody"))
    notify("WATCHDOG=1")
