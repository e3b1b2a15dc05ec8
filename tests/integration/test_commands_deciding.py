"""The commands by which a person decides: each does what it says, and the ledger says who."""

import getpass
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import time_machine
from sqlalchemy import text

from sync.disclosure import subscriber_id
from sync.store import schema
from sync.store.engine import writing
from tests.fakes.clinic import AT, Clinic, Row, patient, visit
from tests.fakes.command_line import prm_sync

MORNING, NOON = "20260302-0600", "20260302-0900"


@pytest.fixture(autouse=True)
def _clock() -> Iterator[None]:
    with time_machine.travel(AT, tick=False):
        yield


@pytest.fixture
def clinic(tmp_path: Path, sqlite_template: Path) -> Clinic:
    return Clinic(tmp_path / "clinic").laid_out(sqlite_template)


@pytest.fixture
def either(tmp_path: Path, database_url: str) -> Clinic:
    """An empty practice on each engine."""
    clinic = Clinic(tmp_path / "clinic")
    clinic.config["database"] = {"url": database_url}
    return clinic


def _change(clinic: Clinic, statement: str) -> None:
    with clinic.service() as service, writing(service.engine) as connection:
        connection.execute(text(statement))


def _decisions(clinic: Clinic) -> list[tuple[Any, ...]]:
    return clinic.ask("SELECT actor, action, subject FROM decision ORDER BY id")


def _patients(n: int) -> list[Row]:
    return [patient(str(number), email=f"p{number}@example.com") for number in range(1, n + 1)]


# ---------------------------------------------------------------- holds


def _held(clinic: Clinic) -> str:
    """A full snapshot that has lost most of its rows is held."""
    clinic.drop("patients", _patients(6), MORNING)
    clinic.run()
    clinic.drop("patients", _patients(2), NOON)
    clinic.run()
    [hold] = prm_sync(clinic, "status", "--json").json()["holds"]
    assert (hold["kind"], hold["name"], hold["reasons"]["codes"]) == ("source", "emr", ["shrank"])
    return str(hold["id"])


def test_an_open_hold_is_told_with_what_to_do_and_fails_the_status(clinic: Clinic) -> None:
    hold = _held(clinic)
    shown = prm_sync(clinic, "status", "--fail")
    assert shown.code == 1
    assert f"prm-sync apply {hold}" in shown.out


def test_an_applied_hold_lands_with_the_next_run(clinic: Clinic) -> None:
    hold = _held(clinic)
    assert prm_sync(clinic, "apply", hold).code == 0
    assert prm_sync(clinic, "status", "--json").json()["holds"] == []
    clinic.run()
    assert prm_sync(clinic, "status", "--json").json()["by_status"]["inactive"] == 4
    assert _decisions(clinic) == [(getpass.getuser(), "apply", hold)]


def test_a_discarded_hold_changes_nobody(clinic: Clinic) -> None:
    hold = _held(clinic)
    assert prm_sync(clinic, "discard", hold).code == 0
    clinic.run()
    assert "inactive" not in prm_sync(clinic, "status", "--json").json()["by_status"]
    assert _decisions(clinic) == [(getpass.getuser(), "discard", hold)]


def test_a_decided_or_unknown_hold_decides_nothing(clinic: Clinic, monkeypatch: pytest.MonkeyPatch) -> None:
    hold = _held(clinic)
    prm_sync(clinic, "discard", hold)
    before = _decisions(clinic)
    monkeypatch.setattr("sys.argv", ["prm-sync", "--config", str(clinic.path), "apply", hold])
    from sync.cli import main  # noqa: PLC0415 - the answer to an unknown hold is given there

    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 64
    assert _decisions(clinic) == before


# ---------------------------------------------------------------- quarantine


def _with_unknown_word(clinic: Clinic) -> None:
    clinic.drop("patients", [patient("1"), patient("2")], MORNING)
    clinic.drop(
        "appointments",
        [visit("a1", "1", "2026-02-26", "showed up"), visit("a2", "2", "2026-02-26", "vanished")],
        MORNING,
    )
    clinic.run()


def test_quarantine_names_the_place_and_the_advice_and_never_the_value(either: Clinic) -> None:
    _with_unknown_word(either)
    listed = prm_sync(either, "quarantine", "list", "--json")
    rows = listed.lines()
    assert [(row["file"], row["line"], row["column"], row["code"]) for row in rows] == [
        (f"appointments-{MORNING}.csv", 2, "status", "unknown_code"),
        (f"appointments-{MORNING}.csv", 3, "status", "unknown_code"),
    ]
    assert rows[0]["sentence"] == "a code is in no map"
    assert (rows[0]["source"], rows[0]["acked"]) == ("emr", False)
    assert "vanished" not in listed.out + prm_sync(either, "quarantine", "list").out
    assert prm_sync(either, "quarantine", "list", "--source", "leads", "--json").out == ""


def test_quarantine_show_holds_what_was_delivered(clinic: Clinic) -> None:
    _with_unknown_word(clinic)
    number = prm_sync(clinic, "quarantine", "list", "--json").lines()[1]["id"]
    assert "vanished" in prm_sync(clinic, "quarantine", "show", str(number), "--json").json()["row"]
    assert "  status: vanished\n" in prm_sync(clinic, "quarantine", "show", str(number)).out
    assert prm_sync(clinic, "quarantine", "show", "999").code == 64


def test_quarantine_list_refuses_a_source_that_nobody_knows(clinic: Clinic) -> None:
    assert prm_sync(clinic, "quarantine", "list", "--source", "emrr").code == 64


def test_replay_lands_what_todays_configuration_can_read(either: Clinic) -> None:
    _with_unknown_word(either)
    assert prm_sync(either, "quarantine", "replay", "--json").json()["landed"] == {}
    columns = {"columns": {"status": {"column": "status", "map": {"showed up": "fulfilled"}}}}
    either.config["sources"]["emr"]["appointments"] |= columns
    replayed = prm_sync(either, "quarantine", "replay", "--json").json()
    assert replayed == {"landed": {"emr": 1}, "still": {"unknown_code": 1}, "unconfigured": 0}
    assert either.quarantined() == {("appointments", "a2"): "unknown_code"}
    prm_sync(either, "review")
    assert either.status("1") == "active"
    assert [action for _, action, _ in _decisions(either)] == ["quarantine replay"] * 2


def test_a_replayed_row_is_unchanged_when_its_file_comes_again(clinic: Clinic) -> None:
    _with_unknown_word(clinic)
    columns = {"columns": {"status": {"column": "status", "map": {"showed up": "fulfilled", "vanished": "noshow"}}}}
    clinic.config["sources"]["emr"]["appointments"] |= columns
    prm_sync(clinic, "quarantine", "replay")
    tally = clinic.run().pulled["emr"].tally
    assert (tally.changed, tally.quarantined) == (0, 0)


def test_replay_takes_ids_and_refuses_unknown_ones(clinic: Clinic) -> None:
    _with_unknown_word(clinic)
    columns = {"columns": {"status": {"column": "status", "map": {"showed up": "fulfilled", "vanished": "noshow"}}}}
    clinic.config["sources"]["emr"]["appointments"] |= columns
    number = prm_sync(clinic, "quarantine", "list", "--json").lines()[0]["id"]
    assert prm_sync(clinic, "quarantine", "replay", "999").code == 64
    assert prm_sync(clinic, "quarantine", "replay", "--source", "nope").code == 64
    prm_sync(clinic, "quarantine", "replay", str(number))
    assert clinic.quarantined() == {("appointments", "a2"): "unknown_code"}


def test_an_acknowledged_row_stays_and_no_longer_counts(clinic: Clinic) -> None:
    _with_unknown_word(clinic)
    first, second = prm_sync(clinic, "quarantine", "list", "--json").lines()
    assert prm_sync(clinic, "quarantine", "ack", str(first["id"])).code == 0
    assert prm_sync(clinic, "status", "--json").json()["quarantine"]["emr"] == 1
    assert [row["acked"] for row in prm_sync(clinic, "quarantine", "list", "--json").lines()] == [True, False]
    prm_sync(clinic, "quarantine", "ack", "--all")
    assert prm_sync(clinic, "status", "--json").json()["quarantine"]["emr"] == 0
    ledger = clinic.ask("SELECT detail FROM decision ORDER BY id")
    assert [str(first["id"]) in ledger[0][0], str(second["id"]) in ledger[1][0]] == [True, True]


def test_ack_wants_ids_or_all(clinic: Clinic) -> None:
    assert prm_sync(clinic, "quarantine", "ack").code == 64
    assert prm_sync(clinic, "quarantine", "ack", "1", "--all").code == 64


# ---------------------------------------------------------------- outbox


def _with_wishes(clinic: Clinic) -> None:
    """Two wishes that a destination refused."""
    clinic.drop("patients", [patient("1"), patient("2")], MORNING)
    clinic.run(stages={"pull", "review"})
    _change(clinic, "UPDATE wish SET state = 'parked', last_code = 'invalid_resource', attempts = 3")


def test_the_outbox_names_wishes_without_their_address(either: Clinic) -> None:
    _with_wishes(either)
    first, _ = prm_sync(either, "outbox", "list", "--json").lines()
    [(key,), _] = either.ask("SELECT key FROM wish ORDER BY key")
    ids = {wish["id"] for wish in prm_sync(either, "outbox", "list", "--json").lines()}
    assert f"contacts:{subscriber_id(key)}" in ids
    assert (first["state"], first["code"], first["attempts"], first["age_s"]) == ("parked", "invalid_resource", 3, 0)
    assert prm_sync(either, "outbox", "list", "--destination", "nope").code == 64
    assert "@" not in prm_sync(either, "outbox", "list").out
    status = prm_sync(either, "status", "--json").json()["destinations"]["contacts"]
    assert (status["parked"], status["pending"]) == (2, 0)
    assert prm_sync(either, "status", "--fail").code == 1


def test_a_retried_wish_is_ready_again(either: Clinic) -> None:
    _with_wishes(either)
    first = prm_sync(either, "outbox", "list", "--json").lines()[0]["id"]
    assert prm_sync(either, "outbox", "retry", first).code == 0
    assert sorted(state for _, _, state, _ in either.wishes()) == ["parked", "ready"]
    assert prm_sync(either, "outbox", "retry", "--all-parked").code == 0
    assert [state for _, _, state, _ in either.wishes()] == ["ready", "ready"]
    assert _decisions(either) == [
        (getpass.getuser(), "outbox retry", first),
        (getpass.getuser(), "outbox retry", "all parked"),
    ]
    either.run()
    assert either.wishes() == []


def test_a_dropped_wish_is_gone(clinic: Clinic) -> None:
    _with_wishes(clinic)
    first, second = prm_sync(clinic, "outbox", "list", "--json").lines()
    assert prm_sync(clinic, "outbox", "drop", first["id"]).code == 0
    assert [wish["id"] for wish in prm_sync(clinic, "outbox", "list", "--json").lines()] == [second["id"]]
    assert _decisions(clinic) == [(getpass.getuser(), "outbox drop", first["id"])]
    assert prm_sync(clinic, "outbox", "drop", first["id"]).code == 64


def test_a_wish_that_is_being_sent_is_not_dropped(clinic: Clinic) -> None:
    _with_wishes(clinic)
    _change(clinic, "UPDATE wish SET state = 'claimed'")
    first = prm_sync(clinic, "outbox", "list", "--json").lines()[0]["id"]
    assert prm_sync(clinic, "outbox", "drop", first).code == 64
    assert len(clinic.wishes()) == 2


def test_retry_wants_exactly_one_choice(clinic: Clinic) -> None:
    assert prm_sync(clinic, "outbox", "retry").code == 64
    assert prm_sync(clinic, "outbox", "retry", "--all-parked", "--destination", "contacts").code == 64


# ---------------------------------------------------------------- database


def test_an_empty_database_is_given_its_tables(tmp_path: Path) -> None:
    clinic = Clinic(tmp_path / "clinic")
    assert "given its tables" in prm_sync(clinic, "db", "upgrade").out
    assert "up to date already" in prm_sync(clinic, "db", "upgrade").out


def test_an_older_database_is_copied_before_it_is_upgraded(clinic: Clinic, monkeypatch: pytest.MonkeyPatch) -> None:
    clinic.drop("patients", [patient("1")], MORNING)
    clinic.run()
    monkeypatch.setattr(schema, "state", lambda _engine: "older")
    answer = prm_sync(clinic, "db", "upgrade")
    monkeypatch.undo()
    [copy] = (clinic.folder / "var").glob("prm.db.before-*")
    assert copy.name in answer.out
    assert copy.stat().st_mode & 0o077 == 0
    with closing(sqlite3.connect(copy)) as database:
        assert database.execute("SELECT count(*) FROM patient_record").fetchone() == (1,)
    assert prm_sync(clinic, "status", "--json").json()["contacts"] == 1
