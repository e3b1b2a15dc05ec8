"""The two gates, quarantine, files and passes, as the store keeps them."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, select

from sync.store import files, gates, runs
from sync.store import tables as t
from sync.store.engine import connect, reading, writing

AT = datetime(2026, 3, 2, 12, tzinfo=UTC)
LATER = AT + timedelta(hours=1)


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    engine = connect(database_url)
    yield engine
    engine.dispose()


def gate_row(external_id: str, **changes: Any) -> dict[str, Any]:
    stated = {"source": "webpt", "kind": "patients", "feed": "patients", "state": "landed", "present": True}
    return {"external_id": external_id, "raw_hash": b"raw", "row_hash": b"row", **stated, **changes}


def rejected(external_id: str, at: datetime, **changes: Any) -> dict[str, Any]:
    return {
        "source": "webpt",
        "feed": "patients",
        "kind": "patients",
        "external_id": external_id,
        "code": "unknown_code",
        "file": "patients.csv",
        "line": 7,
        "body": b"{}",
        "cells": True,
        "first_at": at,
        "last_at": at,
        "acked_at": None,
        **changes,
    }


FEED = gates.Feed("webpt", "patients")


def test_a_gate_remembers_what_a_row_hashed_to_last(engine: Engine) -> None:
    many = [gate_row(str(n)) for n in range(2_100)]
    with writing(engine) as connection:
        gates.remember(connection, many)
        gates.remember(connection, [gate_row("1", raw_hash=b"new", row_hash=None, state="quarantined")])
        known = gates.known_rows(connection, "webpt", "patients", (str(n) for n in range(-1, 2_100)))
        assert len(known) == 2_100
        assert known["0"] == gates.Passed(b"raw", b"row", "landed", present=True)
        assert known["1"] == gates.Passed(b"new", None, "quarantined", present=True)
        assert gates.known_rows(connection, "webpt", "appointments", ["1"]) == {}
        assert gates.known_rows(connection, "leads", "patients", ["1"]) == {}


def test_absent_is_what_the_feed_had_and_a_complete_pass_did_not_hold(engine: Engine) -> None:
    with writing(engine) as connection:
        gates.remember(
            connection,
            [
                gate_row("stays"),
                gate_row("goes"),
                gate_row("quarantined", state="quarantined"),
                gate_row("gone before", present=False),
                gate_row("of another feed", feed="cases"),
                gate_row("of another source", source="leads"),
                gate_row("of another kind", kind="episodes"),
            ],
        )
        gates.note_seen(connection, FEED, "patients", ["stays", "new", "stays"])
        gates.note_seen(connection, FEED, "episodes", ["goes"])
        gates.note_seen(connection, gates.Feed("webpt", "cases"), "patients", ["goes"])
        absent = gates.absent_rows(connection, FEED, "patients")
        assert sorted(absent) == ["goes", "quarantined"]
        gates.mark_gate(connection, "webpt", "patients", absent, present=False)
        assert gates.absent_rows(connection, FEED, "patients") == []
        gates.mark_gate(connection, "webpt", "patients", ["goes"], present=True)
        assert gates.absent_rows(connection, FEED, "patients") == ["goes"]


def test_quarantine_keeps_one_entry_a_row_with_its_first_time_and_no_old_acknowledgement(engine: Engine) -> None:
    c = t.quarantine.c
    query = select(c.external_id, c.first_at, c.last_at, c.line, c.acked_at).order_by(c.external_id)
    with writing(engine) as connection:
        assert gates.quarantined_at(connection, "webpt") is None
        gates.quarantine(connection, [rejected("1", AT, acked_at=AT), rejected("2", LATER)])
        gates.quarantine(connection, [rejected("1", LATER, line=9)])
        assert connection.execute(query).all() == [("1", AT, LATER, 9, None), ("2", LATER, LATER, 7, None)]
        assert gates.quarantined_at(connection, "webpt") == AT
        gates.release(connection, "webpt", "appointments", ["1"])
        gates.release(connection, "leads", "patients", ["1"])
        gates.release(connection, "webpt", "patients", iter(["1", "unknown"]))
        assert connection.execute(query).scalars().all() == ["2"]


def landing(state: str, **changes: Any) -> dict[str, Any]:
    stated = {"source": "webpt", "feed": "patients", "name": "patients.csv", "sha256": "abc", "fingerprint": "one"}
    return {**stated, "state": state, "at": AT, "hold_id": None, **changes}


def test_a_file_is_settled_by_its_newest_record_under_the_present_mapping(engine: Engine) -> None:
    known = files.KnownFiles(engine, "webpt", "one")
    answers = {}
    for state in ("refused", "landed", "held", "released", "discarded", "older"):
        with writing(engine) as connection:
            files.record_landing(connection, landing(state))
        answers[state] = known.landed("patients", "abc")
    assert [state for state, settled in answers.items() if settled] == ["landed", "held", "discarded", "older"]
    assert not known.landed("patients", "other")
    assert not known.landed("appointments", "abc")
    assert not files.KnownFiles(engine, "webpt", "two").landed("patients", "abc")
    assert not files.KnownFiles(engine, "leads", "one").landed("patients", "abc")


def test_a_hold_of_a_file_is_settled_by_its_id(engine: Engine) -> None:
    with writing(engine) as connection:
        assert files.last_landing(connection, "webpt", "patients", "abc") is None
        files.record_landing(connection, landing("held", hold_id="H1"))
        files.record_landing(connection, landing("held", hold_id="H2", sha256="def"))
        files.settle_hold(connection, "H1", "released")
        assert files.last_landing(connection, "webpt", "patients", "abc") == ("released", "H1")
        assert files.last_landing(connection, "webpt", "patients", "def") == ("held", "H2")


def test_a_feed_is_as_new_as_its_newest_delivery_and_a_source_as_its_oldest_feed(engine: Engine) -> None:
    known = files.KnownFiles(engine, "webpt", "one")
    assert known.newest("patients") is None
    with writing(engine) as connection:
        for feed, at in (("patients", AT), ("patients", LATER), ("appointments", AT), ("cases", AT - timedelta(1))):
            row = {"source": "webpt", "feed": feed, "data_as_of": at, "name": "f", "n_rows": 3, "sites": {"101": 3}}
            files.record_feed(connection, row)
        assert files.feed_states(connection, "webpt")["patients"].sites == {"101": 3}
        assert files.oldest_feed(connection, "webpt", ["patients", "appointments"]) == AT
        assert files.oldest_feed(connection, "webpt", []) == AT - timedelta(1)
        assert files.oldest_feed(connection, "leads", []) is None
    assert known.newest("patients") == LATER


def test_passes_and_jobs_are_noted_and_found(engine: Engine) -> None:
    assert runs.last_run(engine) is None
    for name, at in (("r1", AT), ("r2", LATER)):
        runs.start_run(engine, name, at)
    runs.end_run(engine, "r1", AT, 3, {"read": 5})
    last = runs.last_run(engine)
    assert last is not None
    assert (last["id"], last["exit_code"], last["counts"], last["ended_at"]) == ("r1", 3, {"read": 5}, AT)
    runs.note_job(engine, "pull", AT, succeeded=True, code="0")
    runs.note_job(engine, "pull", LATER, succeeded=False, code="75")
    assert runs.last_successes(engine) == {"pull": AT}
    runs.note_attempt(engine, "webpt", AT)
    runs.note_attempt(engine, "webpt", LATER)
    with reading(engine) as connection:
        assert connection.execute(select(t.source_state.c.last_attempt)).scalars().all() == [LATER]
