"""Worklists: what stands in them, what the front desk types, and that no answer is ever lost."""

import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from pydantic import ValidationError

from config.checks import cross_check
from connectors.base import FileDestination, Lent, ListDestination, ListEntry, Unavailable
from connectors.settings import Surroundings
from connectors.worklist import Worklist, WorklistSettings
from connectors.worklist.answers import Taken, rests, word
from tests.fakes.lent import SURROUNDINGS, lent

AT = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
ANN = ListEntry("c1", "lincoln", ("Ann", "Lee", "402-555-0101"), frozenset({"no-show-recovery"}), "no_address")
BEA = ListEntry("c2", "boulder", ("Bea", "Low", "303-555-0102"), frozenset({"no-show-recovery"}), "unsubscribed")
CAL = ListEntry("c3", "lincoln", ("Cal", "Moe", "402-555-0103"), frozenset({"no-email-on-file"}))
HEADER = ["Contact", "First name", "Last name", "Phone", "List", "Not reached because", "Next step", "Answer"]
PLACES = Surroundings(
    zone=SURROUNDINGS.zone, phone_region="US", site_zones=dict.fromkeys(("lincoln", "boulder"), SURROUNDINGS.zone)
)


class Desk:
    """A worklist, and somebody who types into it."""

    def __init__(self, folder: Path, kept: Lent | None = None, where: str = "{site}", **keys: Any) -> None:
        plain = {"kind": "worklist", "folder": folder / where, "inside": True, "segments": ["no-show-recovery"]}
        self.folder, self.lent = folder, kept or lent()
        self.list = Worklist("calls", WorklistSettings.model_validate(plain | keys), PLACES, self.lent)

    def path(self, site: str = "lincoln") -> Path:
        return self.folder / site / "calls.xlsx"

    def rows(self, site: str = "lincoln") -> list[list[str]]:
        sheet = openpyxl.load_workbook(self.path(site)).worksheets[0]
        return [[str(cell.value or "") for cell in row] for row in sheet.iter_rows()]

    def type(self, contact: str, text: str, site: str = "lincoln") -> None:
        book = openpyxl.load_workbook(self.path(site))
        sheet = book.worksheets[0]
        row = next(row for row in sheet.iter_rows(min_row=2) if row[0].value == contact)
        row[HEADER.index("Answer")].value = text
        book.save(self.path(site))

    def write(self, *entries: ListEntry, days: float = 0) -> int:
        return self.list.write(entries, AT + timedelta(days=days))

    def read(self, days: float = 0) -> list[tuple[str, str]]:
        pages = list(self.list.feedback(None, AT + timedelta(days=days)))
        return [(item.address, item.state) for page in pages for item in page.items]


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def test_it_takes_whole_lists(desk: Desk) -> None:
    assert isinstance(desk.list, ListDestination)
    assert not isinstance(desk.list, FileDestination)
    assert (desk.list.capabilities.unit, desk.list.capabilities.channel) == ("contact", "phone")


def test_each_site_has_a_workbook_that_says_why_and_what_next(desk: Desk) -> None:
    assert desk.write(ANN, BEA, CAL) == 2
    assert desk.rows() == [
        HEADER,
        ["c3", *CAL.values, "no-email-on-file", "", "Call", ""],
        ["c1", *ANN.values, "no-show-recovery", "no usable e-mail address",
         "Call; ask for an e-mail address and put it into the EMR", ""],
    ]  # fmt: skip
    assert desk.rows("boulder")[1][-2] == "Call about the visit only; say nothing of e-mail"


def test_without_a_placeholder_all_sites_share_one_workbook(tmp_path: Path) -> None:
    desk = Desk(tmp_path, where="all")
    assert desk.write(ANN, BEA, ListEntry("c4", None, ("Dee", "Poe", ""), frozenset({"x"}))) == 1
    assert {row[0] for row in desk.rows("all")[1:]} == {"c1", "c2", "c4"}


def _written(path: Path) -> tuple[int, int, int]:
    """What changes when a file is written, not when it is read."""
    found = path.stat()
    return found.st_ino, found.st_mtime_ns, found.st_size


def test_writing_the_same_again_touches_nothing(desk: Desk) -> None:
    desk.write(ANN, BEA)
    before = _written(desk.path())
    assert desk.write(ANN, BEA) == 0
    assert _written(desk.path()) == before
    assert desk.write(ANN) == 1
    assert desk.rows("boulder") == [HEADER]


def test_files_and_folders_are_their_owners_alone_and_no_draft_stays(desk: Desk) -> None:
    desk.write(ANN)
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in desk.folder.rglob("*")}
    assert modes == {"lincoln": 0o700, "calls.xlsx": 0o600}


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@x", "\tx"])
def test_no_cell_is_a_formula(desk: Desk, text: str) -> None:
    desk.write(ANN._replace(values=(text, "http://example.com", "0402")))
    row = openpyxl.load_workbook(desk.path()).worksheets[0][2]
    assert {cell.data_type for cell in row} <= {"s", "n"}
    assert [str(cell.value) for cell in row[1:4]] == ["'" + text, "http://example.com", "0402"]
    assert all(cell.hyperlink is None for cell in row)


# ---------------------------------------------------------------- answers


@pytest.mark.parametrize("text", ["left_message", "Left message", " LEFT-MESSAGE "])
def test_answers_are_read_once_in_any_spelling(desk: Desk, text: str) -> None:
    desk.write(ANN, CAL)
    desk.type("c1", text)
    assert desk.read() == [("c1", "left_message")]
    assert desk.read() == []


def test_an_answered_row_rests_and_comes_back_without_its_answer(desk: Desk) -> None:
    desk.write(ANN, CAL)
    desk.type("c1", "left message")
    desk.read()
    desk.write(ANN, CAL)
    assert [row[0] for row in desk.rows()[1:]] == ["c3"]
    desk.write(ANN, CAL, days=2.1)
    assert desk.rows()[2] == ["c1", *ANN.values, *desk.rows()[2][4:7], ""]
    desk.type("c1", "left message")
    assert desk.read(days=2.2) == [("c1", "left_message")]


def test_an_answer_typed_between_reading_and_writing_is_kept(desk: Desk) -> None:
    desk.write(ANN, CAL)
    desk.read()
    desk.type("c1", "booked")
    desk.write(CAL)
    assert [row[-1] for row in desk.rows()[1:]] == ["", "booked"]
    assert desk.read() == [("c1", "booked")]
    desk.write(CAL)
    assert [row[0] for row in desk.rows()[1:]] == ["c3"]


def test_text_that_is_no_answer_stays_where_it_was_typed(desk: Desk) -> None:
    desk.write(ANN)
    desk.type("c1", "call after six")
    assert desk.read() == []
    desk.write(ANN._replace(reason="bounced"))
    assert desk.rows()[1][-1] == "call after six"
    desk.type("c1", "booked")
    assert desk.read() == [("c1", "booked")]


@pytest.mark.parametrize("lock", ["~$calls.xlsx", ".~lock.calls.xlsx#"])
def test_a_workbook_that_is_open_is_left_alone_and_its_answers_count_once(desk: Desk, lock: str) -> None:
    desk.write(ANN, CAL)
    desk.type("c1", "booked")
    (desk.path().parent / lock).touch()
    assert desk.read() == [("c1", "booked")]
    assert desk.write(CAL) == 0
    assert desk.read() == []
    (desk.path().parent / lock).unlink()
    assert desk.write(CAL) == 1
    assert [row[0] for row in desk.rows()[1:]] == ["c3"]


def test_a_workbook_saved_while_a_new_one_is_made_is_left_alone(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.write(ANN, CAL)
    monkeypatch.setattr("connectors.worklist.workbook._write", lambda *_: desk.type("c1", "booked"))
    assert desk.write(CAL) == 0
    monkeypatch.undo()
    assert desk.read() == [("c1", "booked")]
    assert [path.name for path in desk.path().parent.iterdir()] == ["calls.xlsx"]


def test_a_workbook_that_cannot_be_read_is_never_replaced(desk: Desk) -> None:
    desk.write(ANN)
    desk.path().write_bytes(b"half a file")
    with pytest.raises(Unavailable, match="no readable worklist"):
        desk.write(CAL)
    with pytest.raises(Unavailable, match="no readable worklist"):
        desk.read()
    assert desk.path().read_bytes() == b"half a file"


def test_columns_may_be_moved_and_rows_sorted_by_hand(desk: Desk) -> None:
    desk.write(ANN, CAL)
    desk.type("c1", "booked")
    book = openpyxl.load_workbook(desk.path())
    book.worksheets[0].move_range("A1:H3", cols=2)
    book.save(desk.path())
    assert desk.read() == [("c1", "booked")]


def test_a_reading_that_was_not_stored_is_repeated(desk: Desk) -> None:
    desk.write(ANN)
    desk.type("c1", "do_not_call")
    next(iter(desk.list.feedback(None, AT)))
    assert desk.read() == [("c1", "do_not_call")]


def test_what_was_answered_survives_another_process(desk: Desk) -> None:
    desk.write(ANN)
    desk.type("c1", "not_interested")
    desk.read()
    other = Desk(desk.folder, desk.lent)
    other.write(ANN, days=99)
    assert other.rows() == [HEADER]


def taken(answer: Any) -> Taken:
    return Taken(answer=answer, at=AT.isoformat(), lists=("a",), phone="1")


@pytest.mark.parametrize(
    ("answer", "days", "lists", "phone", "away"),
    [
        ("booked", 6.9, ("a",), "1", True),
        ("booked", 7, ("a",), "1", False),
        ("left_message", 1.9, ("a",), "1", True),
        ("left_message", 2, ("a",), "1", False),
        ("left_message", 1, ("a", "b"), "1", False),
        ("not_interested", 999, ("a",), "1", True),
        ("not_interested", 1, ("b",), "1", False),
        ("wrong_number", 999, ("a", "b"), "1", True),
        ("wrong_number", 1, ("a",), "2", False),
        ("do_not_call", 999, ("b",), "2", True),
    ],
)
def test_a_row_rests_by_its_answer(answer: str, days: float, lists: tuple[str, ...], phone: str, away: bool) -> None:
    assert rests(taken(answer), AT + timedelta(days=days), lists, phone) is away


def test_other_words_are_no_answers() -> None:
    assert [word(text) for text in ("", "bookd", "do not", "yes")] == [None] * 4


@pytest.mark.parametrize(
    "keys",
    [
        {"inside": False, "recipient": "x"},
        {"folder": "out/{place}"},
        {"fields": {"answer": "phone"}},
        {"on_leave": "archive"},
    ],
)
def test_settings_that_cannot_work_are_refused(keys: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        WorklistSettings.model_validate({"kind": "worklist", "folder": "out", "inside": True} | keys)


def test_a_list_asks_other_destinations_that_exist() -> None:
    asked = {"not_reached_by": ["news", "calls", "newz"]}
    data = {"destinations": {"news": {"kind": "mailchimp"}, "calls": {"kind": "worklist", "only": asked}}}
    place = ("destinations", "calls", "only", "not_reached_by")
    assert cross_check(data).faults == [
        ((*place, 1), "name another destination; a list cannot ask itself"),
        ((*place, 2), "no such destination (did you mean 'news'?)"),
    ]
