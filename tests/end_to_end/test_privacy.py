"""A faulty line, run as people run it: whatever it prints or logs, nothing of a patient is in it."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from sync import cli, land
from tests.fakes.clinic import COLUMNS, Clinic, Row, mailchimp, patient, visit
from tests.fakes.mailchimp import FakeMailchimp

WHO = {
    "given_name": "Zyxwvana",
    "family_name": "Quorlthorpe",
    "email": "zyx.quorl@example.com",
    "phone": "402-555-0177",
    "birth_date": "1961-09-23",
    "address_line": "7431 Wobblesnatch Crescent",
    "postal_code": "68599",
}
CANARIES = (
    "Zyxwvana", "Quorlthorpe", "zyx.quorl", "5550177", "555-0177", "1961-09-23", "09/23/1961", "Wobblesnatch", "68599",
    "Blunderfax",
)  # fmt: skip
FIRST = "run --json"
COMMANDS = (
    "run", "status", "status --json", "segments list", "quarantine list", "outbox list", "codes",
    "matches list --json", "contacts list --json", "plan", "check",
)  # fmt: skip
_LOOP = """
import sys
from sync import cli
for command in sys.argv[1:]:
    sys.argv = ["prm-sync", *command.split()]
    try:
        cli.main()
    except SystemExit:
        print(f"== {command} ended")
"""


@dataclass
class Said:
    """What one command printed."""

    command: str
    code: int
    out: str
    err: str


def _columns() -> list[str]:
    return [*COLUMNS["patients"], "address_line"]


def _patient(number: str, **cells: str) -> Row:
    return patient(number, **WHO | cells)


def _faulty(folder: Path, fake: FakeMailchimp) -> Clinic:
    """Bad rows of every sort, a refused file, a member that the provider calls fake, calls that fail."""
    clinic = Clinic(folder)
    clinic.config["destinations"]["newsletter"] = mailchimp(fake.url)
    good = [_patient("1"), _patient("2", email="zyx.quorl2@example.com"), _patient("3", email="Blunderfax")]
    bad = [
        _patient("4", clinic_id="Blunderfax"),
        _patient("9", external_id="", ok="Blunderfax"),
        _patient("5", birth_date="Blunderfax"),
    ]
    clinic.drop("patients", [*good, *bad], "20260302-0600", columns=_columns())
    visits = [visit("v1", "1", "2026-02-25"), visit("v2", "1", "2026-03-01", "Blunderfax")]
    visits += [
        visit("v3", "2", "Blunderfax"),
        visit("v4", "2", "2026-02-01"),
        visit("v5", "2", "2026-02-02", clinic_id="Blunderfax"),
    ]
    clinic.drop("appointments", visits, "20260302-0600")
    cut = clinic.drop("patients", [_patient("6")], "20260302-0700", columns=_columns())
    cut.write_text(cut.read_text().rstrip("\n"))
    quote = clinic.drop("appointments", [], "20260302-0700")
    quote.write_text(quote.read_text() + f'v9,"{WHO["family_name"]}\n')
    clinic.write()
    fake.audience.fake_looking.add("zyx.quorl2@example.com")
    fake.fail("500", 1, method="POST")
    return clinic


@pytest.fixture(scope="module")
def fake() -> Iterator[FakeMailchimp]:
    with FakeMailchimp() as fake:
        yield fake


@pytest.fixture(scope="module")
def clinic(fake: FakeMailchimp, tmp_path_factory: pytest.TempPathFactory) -> Clinic:
    return _faulty(tmp_path_factory.mktemp("privacy"), fake)


@pytest.fixture(scope="module")
def said(clinic: Clinic) -> list[Said]:
    """The first pass by itself, then everything else, one after the other, in a second process."""
    return [_said(clinic, "-m", "sync", *FIRST.split()), _said(clinic, "-c", _LOOP, *COMMANDS)]


def _said(clinic: Clinic, *arguments: str) -> Said:
    environment = os.environ | {"PRM_SYNC_CONFIG": str(clinic.path)}
    done = subprocess.run(
        [sys.executable, *arguments], env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    return Said(" ".join(arguments), done.returncode, done.stdout, done.stderr)


def _leaks(text: str) -> set[str]:
    return {canary for canary in CANARIES if canary.casefold() in text.casefold()}


def test_no_command_prints_or_logs_anything_of_a_patient(said: list[Said]) -> None:
    leaks = {each.command: found for each in said if (found := _leaks(each.out + each.err))}
    assert leaks == {}


def test_the_faults_are_told_all_the_same(said: list[Said]) -> None:
    told = json.loads(said[0].out)
    assert said[0].code == 1
    assert len(told["refused"]) == 2
    assert told["sources"]["emr"]["quarantined"] >= 5
    assert all("Traceback" not in each.err for each in said)
    assert said[1].out.count("ended") == len(COMMANDS)


def test_every_line_of_the_log_is_json(said: list[Said]) -> None:
    lines = said[0].err.splitlines()
    assert lines
    assert all({"ts", "level", "event"} <= json.loads(line).keys() for line in lines)


def test_no_url_holds_anything_of_a_patient(said: list[Said], fake: FakeMailchimp) -> None:
    assert said
    assert fake.calls
    assert _leaks(json.dumps([[call.template, dict(call.params)] for call in fake.calls])) == set()


def test_an_error_that_nobody_foresaw_names_its_place_and_no_value(
    clinic: Clinic, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def broken(record: object) -> bytes:
        raise ValueError(f"cannot hash {record}")

    monkeypatch.setattr(land, "row_hash", broken)
    monkeypatch.setattr(sys, "argv", ["prm-sync", "--config", str(clinic.path), "run"])
    changed = [_patient(number, given_name="Zyxwvana Maria") for number in "123456"]
    clinic.drop("patients", changed, "20260302-0800", columns=_columns())
    with pytest.raises(SystemExit) as end:
        cli.main()
    out, err = capfd.readouterr()
    assert end.value.code == 1
    assert "ValueError" in err
    assert _leaks(out + err) == set()


def test_what_is_kept_for_ever_holds_no_value(clinic: Clinic, said: list[Said]) -> None:
    assert said
    for ledger in ("match", "transition", "entry", "disclosure", "decision", "run", "landing"):
        rows = clinic.ask(f'SELECT * FROM "{ledger}"')  # noqa: S608 - names from the line above
        assert _leaks(json.dumps(rows, default=str)) == set(), ledger
