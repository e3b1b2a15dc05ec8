"""The whole line into a worklist: whom the newsletter does not reach, and what the front desk answers."""

from collections.abc import Iterator
from pathlib import Path

import openpyxl
import pytest

from connectors.mailchimp.destination import Mailchimp
from tests.fakes.clinic import AT, Clinic, days, mailchimp, patient, visit
from tests.fakes.mailchimp import FakeMailchimp

LIST = {
    "kind": "worklist",
    "folder": "out/{site}",
    "inside": True,
    "segments": ["win-back"],
    "only": {"not_reached_by": ["newsletter"]},
    "fields": {"First": "given_name"},
}


@pytest.fixture
def fake() -> Iterator[FakeMailchimp]:
    with FakeMailchimp() as fake:
        yield fake


@pytest.fixture
def clinic(tmp_path: Path, fake: FakeMailchimp, sqlite_template: Path, monkeypatch: pytest.MonkeyPatch) -> Clinic:
    """Patients 1 to 3 have dropped out: one with an address and consent, one without address, one without consent."""
    monkeypatch.setattr(Mailchimp.__init__, "__kwdefaults__", {"sleep": lambda _seconds: None})
    clinic = Clinic(tmp_path).laid_out(sqlite_template)
    clinic.config["destinations"] = {"calls": LIST, "newsletter": mailchimp(fake.url)}
    people = [patient("1"), patient("2", email=""), patient("3", ok="", ok_news="")]
    clinic.drop("patients", people, "20260302-0600")
    clinic.drop("appointments", [visit(f"a{n}", n, "2026-02-01") for n in ("1", "2", "3")], "20260302-0600")
    return clinic


def _rows(clinic: Clinic) -> dict[str, tuple[str, ...]]:
    """Reason and answer of each row, by first name."""
    book = openpyxl.load_workbook(clinic.folder / "out/lincoln/calls.xlsx")
    rows = [[str(cell.value or "") for cell in row] for row in book.worksheets[0].iter_rows(min_row=2)]
    return {row[1]: (row[3], row[-1]) for row in rows}


def _type(clinic: Clinic, first: str, text: str) -> None:
    path = clinic.folder / "out/lincoln/calls.xlsx"
    book = openpyxl.load_workbook(path)
    row = next(row for row in book.worksheets[0].iter_rows(min_row=2) if row[1].value == first)
    row[-1].value = text
    book.save(path)


def test_it_lists_whom_nobody_else_reaches_and_why(clinic: Clinic, fake: FakeMailchimp) -> None:
    for hours in (0, 0.1):
        assert clinic.run(AT + days(hours)).exit_code() == 0
        assert _rows(clinic) == {
            "Givenc": ("no usable e-mail address", ""),
            "Givend": ("no dated consent is on file", ""),
        }
    assert set(fake.audience.members) != set()
    fake.audience.act("p1@example.com", "unsubscribed")
    clinic.run(AT + days(0.5))
    assert _rows(clinic)["Givenb"] == ("the address, or the person, has unsubscribed", "")


def test_answers_are_kept_and_a_refusal_of_calls_closes_the_telephone_alone(
    clinic: Clinic, fake: FakeMailchimp
) -> None:
    clinic.run()
    fake.audience.act("p1@example.com", "cleaned")
    clinic.run(AT + days(0.1))
    _type(clinic, "Givenb", "do not call")
    _type(clinic, "Givenc", "left message")
    clinic.run(AT + days(0.2))
    assert set(_rows(clinic)) == {"Givend"}
    assert clinic.ask("select state from feedback where destination = 'calls' order by state") == [
        ("do_not_call",), ("left_message",),
    ]  # fmt: skip
    assert clinic.withheld("1", "calls") == {"win-back": "consent_withdrawn"}
    assert clinic.withheld("1")["win-back"] == "bounced"
    clinic.run(AT + days(3))
    assert set(_rows(clinic)) == {"Givenc", "Givend"}
