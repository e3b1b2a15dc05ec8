"""Files that must not land: refused whole, by name and line, and left where they were."""

from pathlib import Path

import pytest

from connectors.base import Unavailable
from tests.fakes.drops import PATIENTS, put, refusal, source
from tests.fakes.known import MemoryKnown, land


@pytest.mark.parametrize(
    ("content", "code", "line"),
    [
        (b"", "empty_file", None),
        (b"external_id,given_name\n1,Ann\n2,B", "cut_last_line", 3),
        (b"external_id,given_name\n1,Ann\n2,Zo\xeb\n", "wrong_encoding", 3),
        (b"external_id,external_id\n1,2\n", "duplicate_header", 1),
        (b"given_name\nAnn\n", "missing_column", 1),
        (b'external_id,given_name\n1,Ann\n2,"Bea\n3,Cy\n', "unclosed_quote", 3),
        (b'external_id,given_name\n1,Ann\n2,"Bea\n3,"Cy"\n', "unclosed_quote", 3),
        (b"external_id,given_name\n1,Ann\n2,B\0ea\n", "unreadable", 3),
        (b"external_id,given_name\n1," + b"x" * 131_073 + b"\n", "too_large", 2),
    ],
)  # fmt: skip
def test_fault_48_fault_49_fault_55_a_file_that_is_not_whole_is_refused_by_name_and_line(
    tmp_path: Path, content: bytes, code: str, line: int | None
) -> None:
    path = put(tmp_path, "patients.csv", content)
    told = refusal(tmp_path)
    assert (told.name, told.code, told.line) == ("patients.csv", code, line)
    assert told.advice
    assert path.read_bytes() == content


def test_a_refusal_never_repeats_a_value(tmp_path: Path) -> None:
    put(tmp_path, "patients.csv", 'external_id,given_name\n1,"Quillfeather\n')
    assert "Quillfeather" not in str(refusal(tmp_path))


def test_fault_56_a_missing_column_is_named_with_the_closest_one(tmp_path: Path) -> None:
    put(tmp_path, "patients.csv", "external_id,E-mail\n1,x\n")
    told = refusal(tmp_path, patients={"files": "*.csv", "columns": {"email": "Email"}})
    assert told.column == "Email"
    assert "'E-mail'" in told.advice


def test_a_consent_column_that_is_missing_refuses_the_file(tmp_path: Path) -> None:
    put(tmp_path, "patients.csv", "external_id\n1\n")
    entry = {"column": "Email OK", "yes": ["Y"], "no": ["N"], "channels": ["email"], "purposes": ["marketing"]}
    assert refusal(tmp_path, consent=[entry], **PATIENTS).column == "Email OK"


def test_a_visit_file_without_the_clinics_column_is_refused(tmp_path: Path) -> None:
    put(tmp_path, "appointments.csv", "external_id,patient_id,starts_at,status\n1,1,2026-03-02 09:00,booked\n")
    site = {"column": "clinic", "map": {"101": "lincoln"}}
    assert refusal(tmp_path, site=site, appointments={"files": "app*.csv"}).column == "clinic"


def test_a_refused_file_does_not_keep_the_others_back(tmp_path: Path) -> None:
    put(tmp_path, "patients-1.csv", "given_name\nAnn\n")
    put(tmp_path, "patients-2.csv", "external_id\n1\n")
    codes = [pass_.refusal.code if pass_.refusal else None for pass_, _ in land(source(tmp_path), MemoryKnown())]
    assert codes == ["missing_column", None]


def test_fault_60_a_file_that_may_not_be_opened_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(tmp_path, "patients.csv", "external_id\n1\n")
    monkeypatch.setattr("connectors.tabular.source.file_hash", _denied)
    assert refusal(tmp_path).code == "unreadable"


def _denied(path: Path) -> str:
    raise PermissionError(13, "Permission denied")


def test_fault_60_a_link_out_of_the_folder_is_never_read(tmp_path: Path) -> None:
    outside = put(tmp_path, "elsewhere/patients.csv", "external_id\n1\n")
    drops = tmp_path / "drops"
    drops.mkdir()
    (drops / "patients.csv").symlink_to(outside)
    assert refusal(drops).code == "unreadable"


def test_fault_60_a_folder_that_is_not_there_is_unavailable(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="create it or mount it"):
        land(source(tmp_path / "nowhere"), MemoryKnown())
