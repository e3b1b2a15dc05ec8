"""XLSX workbooks read like CSV files."""

import zipfile
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from openpyxl.utils.datetime import MAC_EPOCH, WINDOWS_EPOCH

from connectors.base import RawRow
from connectors.tabular import workbook as module
from mappings.cells import is_scientific
from mappings.records import PatientRow, Rejected
from tests.fakes.drops import only, put, refusal, source
from tests.fakes.known import MemoryKnown, land, records


def workbook(path: Path, rows: list[list[Any]]) -> None:
    book = openpyxl.Workbook()
    assert book.active is not None
    for row in rows:
        book.active.append(row)
    book.save(path)


def test_a_workbooks_first_sheet_reads_like_a_csv(tmp_path: Path) -> None:
    header = ["external_id", "given_name", "birth_date", "created_at", "active"]
    workbook(tmp_path / "patients.xlsx", [header, [101, "Ann", date(1980, 2, 3), datetime(2026, 1, 2, 10, 0), True]])  # noqa: DTZ001  a cell has no zone
    plain = source(tmp_path)
    _, rows = only(land(plain, MemoryKnown()))
    assert records(plain, rows) == [
        PatientRow(
            external_id="101", given_name="Ann", birth_date=date(1980, 2, 3),
            created_at=datetime(2026, 1, 2, 16, 0, tzinfo=UTC),
        )
    ]  # fmt: skip


def test_a_workbook_with_a_duplicate_header_is_refused(tmp_path: Path) -> None:
    workbook(tmp_path / "patients.xlsx", [["external_id", "city", "city"], [1, "a", "b"]])
    assert refusal(tmp_path).code == "duplicate_header"


def test_a_workbook_that_is_none_is_refused(tmp_path: Path) -> None:
    put(tmp_path, "patients.xlsx", "external_id\n1\n")
    assert refusal(tmp_path).code == "unreadable"


def test_a_workbook_that_unpacks_to_a_hundred_times_its_size_is_refused(tmp_path: Path) -> None:
    workbook(tmp_path / "patients.xlsx", [["external_id"], *([["x"]] * 60_000)])
    blow_up(tmp_path / "patients.xlsx")
    assert refusal(tmp_path).code == "too_large"


@pytest.mark.parametrize("place", ["XFD1048576", "ZZZZZZ99999999999"])
def test_a_workbook_with_a_cell_at_the_end_of_the_world_is_refused(tmp_path: Path, place: str) -> None:
    path = tmp_path / "patients.xlsx"
    workbook(path, [["external_id"], ["P1"]])
    rewrite(path, "xl/worksheets/sheet1.xml", b'r="A2"', f'r="{place}"'.encode())
    assert refusal(tmp_path).code == "too_large"


def test_a_panic_of_the_library_refuses_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    panic = type("PanicException", (BaseException,), {"__module__": "pyo3_runtime"})

    def fail(_path: Path) -> None:
        raise panic

    workbook(tmp_path / "patients.xlsx", [["external_id"], ["P1"]])
    monkeypatch.setattr(module.CalamineWorkbook, "from_path", fail)
    assert refusal(tmp_path).code == "unreadable"


def rewrite(path: Path, entry: str, before: bytes, after: bytes) -> None:
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    assert before in parts[entry]
    parts[entry] = parts[entry].replace(before, after)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)


def blow_up(path: Path) -> None:
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/media/blank.bin", b"\0" * (40 << 20))


def test_fault_57_formulas_whose_results_were_never_stored_refuse_the_file(tmp_path: Path) -> None:
    workbook(tmp_path / "patients.xlsx", [["external_id", "city"], [1, '="Lin"&"coln"']])
    found = refusal(tmp_path)
    assert (found.code, "formulas" in found.advice) == ("unreadable", True)


def test_fault_57_a_formula_gives_its_stored_result_and_may_give_an_empty_text(tmp_path: Path) -> None:
    path = tmp_path / "patients.xlsx"
    workbook(path, [["external_id", "city", "region"], [1, "=A1", "=B1"]])
    rewrite(
        path,
        "xl/worksheets/sheet1.xml",
        b'<c r="B2"><f>A1</f><v /></c>',
        b'<c r="B2" t="str"><f>A1</f><v>Lincoln</v></c>',
    )
    rewrite(
        path, "xl/worksheets/sheet1.xml", b'<c r="C2"><f>B1</f><v /></c>', b'<c r="C2" t="str"><f>B1</f><v></v></c>'
    )
    plain = source(tmp_path)
    _, rows = only(land(plain, MemoryKnown()))
    assert records(plain, rows) == [PatientRow(external_id="1", city="Lincoln")]


@pytest.mark.parametrize("part", ["xl/worksheets/sheet1.xml", "_rels/.rels"])
def test_a_part_that_unpacks_to_more_than_it_says_refuses_the_file(tmp_path: Path, part: str) -> None:
    path = tmp_path / "patients.xlsx"
    workbook(path, [["external_id"], *([["P1"]] * 300)])
    with zipfile.ZipFile(path) as archive:
        size = archive.getinfo(part).file_size
    content = path.read_bytes()
    at = content.rindex(part.encode()) - 22
    assert int.from_bytes(content[at : at + 4], "little") == size
    path.write_bytes(content[:at] + (100).to_bytes(4, "little") + content[at + 4 :])
    assert refusal(tmp_path).code == "unreadable"


@pytest.mark.parametrize("epoch", [WINDOWS_EPOCH, MAC_EPOCH])
def test_fault_57_a_date_cell_is_its_day_in_either_date_system(tmp_path: Path, epoch: datetime) -> None:
    book = openpyxl.Workbook()
    book.epoch = epoch
    assert book.active is not None
    book.active.append(["external_id", "birth_date"])
    book.active.append([1, date(1980, 2, 3)])
    book.save(tmp_path / "patients.xlsx")
    plain = source(tmp_path)
    _, rows = only(land(plain, MemoryKnown()))
    assert records(plain, rows) == [PatientRow(external_id="1", birth_date=date(1980, 2, 3))]


@pytest.mark.parametrize(("number", "form"), [(29254, "excel"), (27792, "excel-1904")])
def test_a_day_number_is_a_day_where_the_column_says_so(tmp_path: Path, number: int, form: str) -> None:
    workbook(tmp_path / "patients.xlsx", [["external_id", "DOB"], [1, number]])
    columns = {"birth_date": {"column": "DOB", "formats": [form]}}
    plain = source(tmp_path, patients={"files": "patients*", "columns": columns})
    _, rows = only(land(plain, MemoryKnown()))
    assert records(plain, rows) == [PatientRow(external_id="1", birth_date=date(1980, 2, 3))]


def test_a_day_number_where_nothing_says_so_is_no_day(tmp_path: Path) -> None:
    workbook(tmp_path / "patients.xlsx", [["external_id", "birth_date"], [1, 29254]])
    plain = source(tmp_path)
    _, rows = only(land(plain, MemoryKnown()))
    assert records(plain, rows) == [PatientRow(external_id="1")]


def test_fault_57_a_number_too_long_for_a_spreadsheet_shows_that_digits_are_lost() -> None:
    assert is_scientific(module.cell_text(123456789012345678.0))
    assert module.cell_text(123456789012345.0) == "123456789012345"


@pytest.mark.parametrize("text", ["1.23E+15", "1.2345678901234568e+17"])
def test_an_id_that_lost_its_last_digits_is_rejected_by_the_name_of_its_column(tmp_path: Path, text: str) -> None:
    columns = {"external_id": "MRN"}
    plain = source(tmp_path, patients={"files": "patients*", "columns": columns})
    cells = [text if column == "MRN" else "" for column in plain.columns("patients")]
    rejected = plain.map(RawRow("patients", text, ("patients", "", *cells), 2))
    assert isinstance(rejected, Rejected)
    assert (rejected.code, rejected.field, rejected.column) == ("unreadable_value", "external_id", "MRN")
