"""Fault 50: a file that may still be written is not read; one that is whole lands at once, without waiting."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from connectors.base import Pass
from connectors.tabular import readiness
from connectors.tabular.readiness import AS_OF, HELD_OPEN, QUIET, Look, State, Writers, patience, writers
from connectors.tabular.source import TabularSource
from tests.fakes.drops import AROUND, PATIENTS, only, put, settings, source
from tests.fakes.known import AT, MemoryKnown, land
from tests.fakes.lent import lent

ROWS = "external_id,given_name\n1,Ann\n"
FRESH = AT - timedelta(seconds=1)


def _offered(plain: TabularSource, at: Any = AT) -> Pass:
    pass_, _ = only(land(plain, MemoryKnown(), at))
    return pass_


def _seen_by(monkeypatch: pytest.MonkeyPatch, answer: Writers) -> None:
    """A system that gives this answer, as one where the files are another user's, or on a network disk."""
    monkeypatch.setattr(readiness, "writers", lambda _path: answer)


def test_fault_50_a_file_that_was_copied_a_moment_ago_lands_when_nobody_writes_to_it(tmp_path: Path) -> None:
    put(tmp_path, "patients.csv", ROWS, changed=FRESH)
    assert _offered(source(tmp_path)).skipped is None


def test_fault_50_a_file_that_somebody_has_open_for_writing_waits_and_lands_whole(tmp_path: Path) -> None:
    path, plain, known = put(tmp_path, "patients.csv", ROWS, changed=FRESH), source(tmp_path), MemoryKnown()
    with path.open("a") as upload:
        pass_, rows = only(land(plain, known))
        assert (pass_.skipped, pass_.proof, rows) == ("unsettled", None, [])
        assert pass_.notices == ("unsettled: it may still be written; it is read later",)
        upload.write("2,Bob\n")
    _, rows = only(land(plain, known))
    assert [row.external_id for row in rows] == ["1", "2"]


def test_fault_50_a_file_of_another_user_lands_when_it_has_not_changed_for_ten_seconds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _seen_by(monkeypatch, "unknown")
    put(tmp_path, "patients.csv", ROWS, changed=FRESH)
    plain = source(tmp_path)
    assert _offered(plain).skipped == "unsettled"
    assert _offered(plain, FRESH + QUIET).skipped is None


def test_fault_50_a_file_dated_ahead_by_its_disk_lands_when_two_looks_find_it_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _seen_by(monkeypatch, "unknown")
    ahead = AT + timedelta(hours=3)
    put(tmp_path, "patients.csv", ROWS, changed=ahead)
    plain = source(tmp_path)
    assert _offered(plain).skipped == "unsettled"
    put(tmp_path, "patients.csv", ROWS + "2,Bob\n", changed=ahead)
    assert _offered(plain, AT + QUIET).skipped == "unsettled"
    assert _offered(plain, AT + 2 * QUIET).skipped is None


def test_fault_50_what_one_run_saw_the_next_one_knows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _seen_by(monkeypatch, "unknown")
    put(tmp_path, "patients.csv", ROWS, changed=AT + timedelta(hours=3))
    kept = lent()
    first, second = (TabularSource("plain", settings(tmp_path), AROUND, kept) for _ in range(2))
    assert _offered(first).skipped == "unsettled"
    assert _offered(second, AT + QUIET).skipped is None
    assert kept.memo.get("unready files") == {"files": {}}


def test_an_idle_look_at_settled_files_keeps_nothing(tmp_path: Path) -> None:
    put(tmp_path, "patients.csv", ROWS)
    kept = lent()
    land(TabularSource("plain", settings(tmp_path), AROUND, kept), MemoryKnown())
    assert kept.memo.get("unready files") is None


@pytest.mark.parametrize(
    ("who", "quiet", "left"),
    [
        ("none", timedelta(), timedelta()),
        ("unknown", QUIET - timedelta(seconds=1), QUIET),
        ("unknown", QUIET, timedelta()),
        ("some", QUIET, HELD_OPEN),
        ("some", HELD_OPEN, timedelta()),
        ("unknown", -AS_OF + QUIET, QUIET),
        ("unknown", -AS_OF, timedelta()),
        ("some", -AS_OF, HELD_OPEN),
    ],
)
def test_how_long_a_file_must_stay_as_it_is(who: Writers, quiet: timedelta, left: timedelta) -> None:
    changed = round((AT - quiet).timestamp() * 1e9)
    assert patience(Look(State(1, changed), who), AT) == left


def test_the_system_tells_who_writes(tmp_path: Path) -> None:
    path = put(tmp_path, "patients.csv", ROWS)
    assert writers(path) == "none"
    with path.open("a"):
        assert writers(path) == "some"
    assert writers(path) == "none"
    assert writers(tmp_path / "gone.csv") == "unknown"


@pytest.mark.parametrize("suffix", [".done", ".ok"])
def test_fault_50_with_ready_done_a_file_waits_for_its_marker(tmp_path: Path, suffix: str) -> None:
    put(tmp_path, "patients.csv", ROWS)
    plain = source(tmp_path, **PATIENTS, ready="done")
    pass_ = _offered(plain)
    assert (pass_.skipped, pass_.proof) == ("unsettled", None)
    assert pass_.notices == ("no_marker: patients.csv.done is not there yet; the file is read when it is",)
    put(tmp_path, f"patients.csv{suffix}", "")
    assert _offered(plain).skipped is None


def test_fault_50_a_marker_of_yesterday_does_not_vouch_for_the_file_of_today(tmp_path: Path) -> None:
    put(tmp_path, "patients.csv.done", "", changed=AT - timedelta(days=1))
    put(tmp_path, "patients.csv", ROWS, changed=AT - timedelta(minutes=1))
    plain = source(tmp_path, **PATIENTS, ready="done")
    pass_ = _offered(plain)
    assert pass_.skipped == "unsettled"
    assert pass_.notices[0].startswith("old_marker: ")
    put(tmp_path, "patients.csv.done", "", changed=AT)
    assert _offered(plain).skipped is None


def test_markers_and_names_of_unfinished_uploads_are_no_exports(tmp_path: Path) -> None:
    put(tmp_path, "patients.csv", ROWS)
    for name in ("patients.csv.done", "patients.csv.ok", "patients-2.csv.part", "patients-2.csv.filepart"):
        put(tmp_path, name, "")
    pass_, _ = only(land(source(tmp_path), MemoryKnown()))
    assert pass_.name == "patients.csv"
