"""XLSX workbooks read like CSV files."""

import zipfile
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from connectors.tabular import workbook as module
from mappings.records import PatientRow
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
