"""Bad input: what cannot be read is named without its values and kept, the rest goes on, and nobody is taken for absent."""

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from connectors.tabular import source
from sync.holds import apply_hold, discard_hold
from sync.status import status_of
from sync.store.engine import writing
from tests.fakes.clinic import AT, COLUMNS, Clinic, Row, days, episode, patient, visit
from tests.fakes.drops import growing

FIRST, SECOND, THIRD = "20260302-0600", "20260303-0600", "20260304-0600"


@pytest.fixture
def clinic(tmp_path: Path, sqlite_template: Path) -> Clinic:
    return Clinic(tmp_path).laid_out(sqlite_template)


def _people(*numbers: int, **cells: str) -> list[Row]:
    return [patient(str(n), **cells) for n in numbers]


def _attending(*numbers: int) -> list[Row]:
    """Seen last week and booked in two."""
    return [
        row
        for n in numbers
        for row in (visit(f"a{n}", str(n), "2026-02-25"), visit(f"b{n}", str(n), "2026-03-16", "booked"))
    ]


def _settled(clinic: Clinic, *numbers: int) -> None:
    """A practice whose first load is done."""
    clinic.drop("patients", _people(*numbers), FIRST)
    clinic.drop("appointments", _attending(*numbers), FIRST)
    assert clinic.run().exit_code() == 0


HEADER = ",".join(COLUMNS["patients"])
ROW = "1,Zebulon,Quagmire,1980-05-17,,zebulon@example.com,,,en,101,,,Y,Y,2026-01-05"
SECRETS = ("Zebulon", "Quagmire", "zebulon", "1980-05-17")


@pytest.mark.parametrize(
    ("content", "code", "line"),
    [
        (HEADER.replace("external_id", "Number") + f"\n{ROW}\n", "missing_column", 1),
        (HEADER.replace("phone", "email") + f"\n{ROW}\n", "duplicate_header", 1),
        (f"{HEADER}\n{ROW}\n".encode().replace(b"Zebulon", b"Zeb\xe9lon"), "encoding", 2),
        (f"{HEADER}\n{ROW}", "cut", 2),
        (f"{HEADER}\n{ROW.replace('Quagmire', chr(34) + 'Quagmire')}\n", "quote", None),
        ("", "empty", None),
    ],
)
def test_fault_48_a_file_that_is_not_whole_is_refused_by_name_and_left_where_it_was(
    clinic: Clinic, content: str | bytes, code: str, line: int | None
) -> None:
    path = clinic.drop("patients", [], FIRST)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    before = path.read_bytes()
    report = clinic.run()
    assert report.exit_code() == 1
    (said,) = report.to_json()["refused"]
    assert path.name in said
    (refusal,) = report.pulled["emr"].refused
    assert code in refusal.code or code in str(refusal)
    assert line is None or refusal.line == line
    assert not any(secret in said for secret in SECRETS)
    assert path.read_bytes() == before
    assert clinic.statuses() == {}


def test_a_refused_file_does_not_keep_the_others_from_landing(clinic: Clinic) -> None:
    clinic.drop("patients", _people(1), FIRST)
    clinic.drop("appointments", [], FIRST).write_text("external_id,patient_id\n")
    assert clinic.run().exit_code() == 1
    assert clinic.statuses() == {("emr", "1"): "lead"}


def test_a_refused_file_lands_once_it_is_mended(clinic: Clinic) -> None:
    clinic.drop("patients", _people(1), FIRST).write_text("nothing of use\n")
    assert clinic.run().exit_code() == 1
    clinic.drop("patients", _people(1), FIRST)
    assert clinic.run(AT + days(0.1)).exit_code() == 0
    assert clinic.statuses() == {("emr", "1"): "lead"}


# ---------------------------------------------------------------- source brakes


def _decide(clinic: Clinic, hold: str, act: Any, at: datetime) -> None:
    with clinic.service() as service, writing(service.engine) as connection:
        act(connection, hold, at)


@pytest.mark.parametrize("left", [(), (1, 2, 3, 4)])
def test_fault_48_fault_49_an_emptied_or_halved_snapshot_is_held_and_changes_nobody(
    clinic: Clinic, left: tuple[int, ...]
) -> None:
    _settled(clinic, *range(1, 9))
    before, ledger = clinic.statuses(), clinic.transitions()
    clinic.drop("patients", _people(*left), SECOND)
    report = clinic.run(AT + days(1))
    assert report.exit_code() == 4
    assert clinic.statuses() == before
    assert clinic.transitions() == ledger
    assert clinic.run(AT + days(1.1)).exit_code() == 0
    assert clinic.statuses() == before


def test_apply_lands_what_was_held(clinic: Clinic) -> None:
    _settled(clinic, *range(1, 9))
    clinic.drop("patients", _people(1, 2, 3), SECOND)
    (hold,) = clinic.run(AT + days(1)).to_json()["held"]
    _decide(clinic, hold["id"], apply_hold, AT + days(1))
    assert clinic.run(AT + days(1.1)).exit_code() == 0
    assert {key for (_, key), status in clinic.statuses().items() if status == "inactive"} == set("45678")


def test_a_discarded_file_stays_out(clinic: Clinic) -> None:
    _settled(clinic, *range(1, 9))
    clinic.drop("patients", _people(1), SECOND)
    (hold,) = clinic.run(AT + days(1)).to_json()["held"]
    _decide(clinic, hold["id"], discard_hold, AT + days(1))
    assert clinic.run(AT + days(1.1)).exit_code() == 0
    assert "inactive" not in clinic.statuses().values()


def test_a_site_that_is_gone_from_a_snapshot_is_held(clinic: Clinic) -> None:
    clinic.drop("patients", [*_people(1, 2, 3, 4, 5), *_people(6, clinic_id="102")], FIRST)
    clinic.run()
    clinic.drop("patients", _people(1, 2, 3, 4, 5), SECOND)
    (hold,) = clinic.run(AT + days(1)).to_json()["held"]
    assert "lost_site" in hold["reasons"]["codes"]
    assert "inactive" not in clinic.statuses().values()


# ---------------------------------------------------------------- delivery brakes


def test_what_a_discarded_hold_dropped_is_wished_again_by_the_next_review(clinic: Clinic) -> None:
    clinic.config["brakes"] = {"max_removals": {"number": 1, "share": "5%"}}
    _settled(clinic, *range(1, 9))
    clinic.drop("patients", [*_people(*range(1, 6)), *_people(6, 7, 8, active="no")], SECOND)
    (hold,) = clinic.run(AT + days(1)).to_json()["held"]
    assert hold["reasons"] == {"removals": {"count": 3, "of": 8}}
    _decide(clinic, hold["id"], discard_hold, AT + days(1))
    (again,) = clinic.run(AT + days(1.1)).to_json()["held"]
    assert again["reasons"] == hold["reasons"]
    _decide(clinic, again["id"], apply_hold, AT + days(1.1))
    assert clinic.run(AT + days(1.2)).exit_code() == 0


def test_a_share_is_one_of_those_who_are_still_there(clinic: Clinic) -> None:
    clinic.config["brakes"] = {"max_removals": {"number": 1, "share": "50%"}}
    _settled(clinic, *range(1, 9))
    for day, gone in ((1, [8]), (2, [7, 8]), (3, [6, 7, 8]), (4, [5, 6, 7, 8])):
        here = [n for n in range(1, 9) if n not in gone]
        clinic.drop("patients", [*_people(*here), *_people(*gone, active="no")], f"202603{day + 2:02}-0600")
        assert clinic.run(AT + days(day)).exit_code() == 0
    clinic.drop("patients", [*_people(1), *_people(*range(2, 9), active="no")], "20260307-0600")
    (hold,) = clinic.run(AT + days(5)).to_json()["held"]
    assert hold["reasons"] == {"removals": {"count": 3, "of": 4}}


# ---------------------------------------------------------------- rows


def test_what_nobody_has_mapped_is_quarantined_by_name(clinic: Clinic) -> None:
    clinic.drop("patients", [*_people(1, 2), *_people(3, clinic_id="999")], FIRST)
    strange = [visit("x1", "1", "2026-03-16", "Zapped"), visit("x2", "2", "2026-03-16", "booked", clinic_id="888")]
    clinic.drop("appointments", strange, FIRST)
    assert clinic.run().exit_code() == 3
    found = clinic.ask('SELECT external_id, code, field, "column", file, line FROM quarantine ORDER BY external_id')
    assert found == [
        ("3", "unknown_site", "site", "clinic_id", f"patients-{FIRST}.csv", 4),
        ("x1", "unknown_code", "status", "status", f"appointments-{FIRST}.csv", 2),
        ("x2", "unknown_site", "site", "clinic_id", f"appointments-{FIRST}.csv", 3),
    ]
    assert clinic.run(AT + days(0.1)).exit_code() == 0


@pytest.mark.parametrize("cells", [{"status": "Zapped"}, {"clinic_id": "888"}, {"starts_at": "soon"}])
def test_a_visit_that_cannot_be_read_is_not_absence(clinic: Clinic, cells: Row) -> None:
    """Without the visit to come the patient would be at risk, then dropped out."""
    _settled(clinic, 1)
    seen = visit("a1", "1", "2026-02-25")
    clinic.drop("patients", _people(1), SECOND)
    clinic.drop("appointments", [seen, visit("b1", "1", "2026-03-16", "booked") | cells], SECOND)
    assert clinic.run(AT + days(1)).exit_code() == 3
    assert clinic.status("1") == "active"
    clinic.drop("patients", _people(1), "20260310-0600")
    clinic.drop("appointments", [seen, visit("b1", "1", "2026-03-16", "booked") | cells], "20260310-0600")
    clinic.run(AT + days(8))
    assert clinic.status("1") == "active"


def test_a_patient_row_that_cannot_be_read_keeps_what_was_known(clinic: Clinic) -> None:
    _settled(clinic, 1, 2, 3)
    clinic.drop("patients", [*_people(1, 2), *_people(3, clinic_id="999")], SECOND)
    assert clinic.run(AT + days(1)).exit_code() == 3
    assert clinic.status("3") == "active"


def test_a_mended_file_releases_the_quarantine(clinic: Clinic) -> None:
    clinic.drop("patients", [*_people(1), *_people(2, clinic_id="999")], FIRST)
    clinic.drop("appointments", [visit("x1", "1", "2026-03-16", "Zapped")], FIRST)
    clinic.run()
    assert set(clinic.quarantined()) == {("patients", "2"), ("appointments", "x1")}
    clinic.drop("patients", _people(1, 2), SECOND)
    clinic.drop("appointments", [visit("x1", "1", "2026-03-16", "booked")], SECOND)
    assert clinic.run(AT + days(1)).exit_code() == 0
    assert clinic.quarantined() == {}
    assert clinic.statuses() == {("emr", "1"): "scheduled", ("emr", "2"): "lead"}


def test_a_mended_mapping_reads_the_same_file_again(clinic: Clinic) -> None:
    clinic.drop("patients", _people(1), FIRST)
    clinic.drop("appointments", [visit("x1", "1", "2026-03-16", "Zapped")], FIRST)
    clinic.run()
    clinic.config["sources"]["emr"]["appointments"]["columns"] = {
        "status": {"column": "status", "map": {"Zapped": "booked"}}
    }
    assert clinic.run(AT + days(0.1)).exit_code() == 0
    assert clinic.quarantined() == {}
    assert clinic.status("1") == "scheduled"


def test_a_value_that_is_optional_is_dropped_and_listed(clinic: Clinic) -> None:
    clinic.drop("patients", _people(1, birth_date="someday", email="nowhere"), FIRST)
    assert clinic.run().exit_code() == 0
    assert clinic.statuses() == {("emr", "1"): "lead"}
    found = {(field, n) for field, n in clinic.ask("SELECT field, n FROM notice")}
    assert found == {("birth_date", 1), ("email", 1)}
    with clinic.service() as service:
        listed = status_of(service)["sources"]["emr"]["warnings"]
    assert {(each["feed"], each["field"], each["n"]) for each in listed} == {
        ("patients", "birth_date", 1),
        ("patients", "email", 1),
    }


def test_rows_that_cannot_be_read_again_keep_their_old_mapping_and_are_counted(clinic: Clinic) -> None:
    def old() -> int:
        with clinic.service() as service:
            return int(status_of(service)["sources"]["emr"]["old_mapping"])

    clinic.config["sources"]["emr"]["patients"]["snapshot"] = "delta"
    gone = clinic.drop("patients", _people(1, 2), FIRST)
    clinic.drop("patients", _people(3), SECOND)
    clinic.run(AT + days(1))
    gone.unlink()
    clinic.config["sources"]["emr"]["patients"]["columns"] = {"lead_source": "sex"}
    clinic.run(AT + days(1.1))
    assert old() == 2
    clinic.drop("patients", _people(1, 2), THIRD)
    clinic.run(AT + days(2))
    assert old() == 0


def test_a_row_that_is_given_twice_in_a_snapshot_lands_once(clinic: Clinic) -> None:
    clinic.drop("patients", [*_people(1), *_people(2), *_people(1, given_name="Second")], FIRST)
    assert clinic.run().exit_code() == 0
    assert clinic.ask("SELECT given_name FROM patient_record WHERE external_id = '1'") == [("Second",)]


# ---------------------------------------------------------------- snapshots


def test_a_row_that_is_gone_from_a_full_snapshot_is_absent_and_one_that_returns_is_restored(clinic: Clinic) -> None:
    _settled(clinic, 1, 2, 3)
    clinic.drop("patients", _people(1, 2), SECOND)
    clinic.run(AT + days(1))
    assert clinic.status("3") == "inactive"
    clinic.drop("patients", _people(1, 2, 3), THIRD)
    clinic.run(AT + days(2))
    assert clinic.status("3") == "active"
    assert len(clinic.ask("SELECT id FROM contact")) == 3


def test_an_older_snapshot_is_ignored_with_a_warning(clinic: Clinic, capfd: pytest.CaptureFixture[str]) -> None:
    _settled(clinic, 1, 2, 3)
    older = clinic.drop("patients", _people(1, 2), "20260301-0600")
    capfd.readouterr()
    report = clinic.run(AT + days(1))
    assert report.exit_code() == 0
    assert report.pulled["emr"].older == [older.name]
    said = [json.loads(line) for line in capfd.readouterr().err.splitlines() if "file.older" in line]
    assert [(line["level"], line["file"]) for line in said] == [("warning", older.name)]
    assert clinic.status("3") != "inactive"
    assert clinic.run(AT + days(1.1)).pulled["emr"].older == []


def test_a_window_says_nothing_of_what_lies_outside_it(clinic: Clinic) -> None:
    clinic.config["sources"]["emr"]["appointments"]["snapshot"] = "window"
    past, inside, beyond = (
        visit("p1", "1", "2026-02-25"),
        visit("i1", "1", "2026-03-06", "booked"),
        visit("o1", "1", "2026-05-06", "booked"),
    )
    others = [visit("p2", "2", "2026-02-26"), visit("i2", "2", "2026-03-12", "booked")]
    clinic.drop("patients", _people(1, 2), FIRST)
    clinic.drop("appointments", [past, inside, beyond, *others], FIRST)
    clinic.run()
    clinic.drop("patients", _people(1, 2), SECOND)
    clinic.drop("appointments", [visit("s2", "2", "2026-03-04", "booked"), *others], SECOND)
    clinic.run(AT + days(1))
    present = dict(clinic.ask("SELECT external_id, present FROM visit_record"))
    assert {key for key, there in present.items() if not there} == {"i1"}
    assert clinic.status("1") == "active"


def test_a_delta_infers_nothing(clinic: Clinic) -> None:
    clinic.config["sources"]["emr"]["patients"]["snapshot"] = "delta"
    _settled(clinic, 1, 2, 3)
    clinic.drop("patients", _people(4), SECOND)
    clinic.run(AT + days(1))
    assert "inactive" not in clinic.statuses().values()
    assert len(clinic.statuses()) == 4


def test_a_visit_may_come_before_its_patient(clinic: Clinic) -> None:
    clinic.drop("appointments", _attending(1), FIRST)
    clinic.drop("episodes", [episode("e1", "1", "2026-02-01")], FIRST)
    assert clinic.run().exit_code() == 0
    clinic.drop("patients", _people(1), SECOND)
    clinic.run(AT + days(1))
    assert clinic.status("1") == "active"


def test_fault_60_a_folder_that_is_not_there_leaves_the_other_sources_alone(clinic: Clinic) -> None:
    clinic.config["sources"]["leads"]["folder"] = "drops/unmounted"
    clinic.drop("patients", _people(1), FIRST)
    assert clinic.run().exit_code() == 75
    assert clinic.statuses() == {("emr", "1"): "lead"}


def test_the_same_bytes_exported_anew_keep_the_clock_going(clinic: Clinic) -> None:
    clinic.drop("patients", _people(1), FIRST)
    clinic.drop("appointments", [visit("a1", "1", "2026-02-25")], FIRST)
    clinic.run()
    assert clinic.status("1") == "active"
    clinic.run(AT + days(30))
    assert clinic.status("1") == "active"
    clinic.drop("patients", _people(1), "20260401-0600")
    clinic.drop("appointments", [visit("a1", "1", "2026-02-25")], "20260401-0600")
    report = clinic.run(AT + days(30.1))
    assert clinic.status("1") == "dropped_out"
    assert report.to_json()["sources"]["emr"]["changed"] == 0
    assert clinic.run(AT + days(30.2)).to_json()["sources"]["emr"]["read"] == 0


def test_a_snapshot_that_goes_back_to_how_things_were_lands(clinic: Clinic) -> None:
    names = [_people(1, given_name=name) for name in ("Before", "After", "Before")]
    for number, rows in enumerate(names):
        clinic.drop("patients", rows, f"2026030{2 + number}-0600")
        clinic.run(AT + days(number))
    assert clinic.ask("SELECT given_name FROM patient_record") == [("Before",)]


def test_a_first_load_that_finds_a_file_still_being_written_is_not_the_whole_one(
    clinic: Clinic, monkeypatch: pytest.MonkeyPatch
) -> None:
    clinic.drop("patients", _people(1, 2), FIRST)
    clinic.drop("appointments", _attending(1, 2), FIRST)
    with monkeypatch.context() as patched:
        patched.setattr(source, "prove", growing)
        clinic.run()
    assert clinic.ask("SELECT first_complete_at FROM source_state WHERE source = 'emr'") == [(None,)]
    clinic.run()
    assert set(clinic.ask("SELECT entered_by FROM membership")) == {("baseline",)}


@pytest.mark.parametrize("hours", [-1, -30, 1])
def test_fault_31_a_clock_that_jumps_flips_nobody_back_and_sends_nothing(clinic: Clinic, hours: int) -> None:
    clinic.drop("patients", _people(1), FIRST)
    clinic.drop("appointments", [visit("a1", "1", "2026-02-24")], FIRST)
    clinic.run()
    midnight = AT + days(1.5)
    clinic.run(midnight + days(0.02))
    assert clinic.status("1") == "at_risk"
    ledger = clinic.transitions()
    report = clinic.run(midnight + days(0.02 + hours / 24))
    assert (clinic.status("1"), clinic.transitions()) == ("at_risk", ledger)
    assert report.to_json()["destinations"]["contacts"]["sent"] == 0


def test_fault_59_a_front_desks_address_and_a_stand_in_join_nobody_and_are_never_sent_to(clinic: Clinic) -> None:
    clinic.config["identity"] = {"shared_address_limit": 2}
    desk = [patient(str(n), email="frontdesk@example.com") for n in (1, 2, 3)]
    clinic.drop("patients", [*desk, patient("4", email="none@none.com"), patient("5")], FIRST)
    clinic.run()
    assert clinic.ask("SELECT count(DISTINCT contact) FROM link WHERE until IS NULL") == [(5,)]
    assert {number: "newsletter" in clinic.withheld(number, "contacts") for number in "12345"} == {
        **dict.fromkeys("1234", True),
        "5": False,
    }
    mailed = (clinic.folder / "out" / "contacts" / "segments" / "newsletter.csv").read_text(encoding="utf-8")
    assert "p5@example.com" in mailed
    assert "frontdesk" not in mailed
    assert "none@none" not in mailed
