"""XLSX workbooks read like CSV files."""

import zipfile
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import openpyxl

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


def blow_up(path: Path) -> None:
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/media/blank.bin", b"\0" * (40 << 20))
