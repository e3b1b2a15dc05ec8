"""Files in a folder become passes: matched, dated, ordered, and read once."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from connectors.base import Unavailable, Window
from connectors.tabular import source as module
from mappings.records import PatientRow, Rejected
from tests.fakes.drops import PATIENTS, growing, only, put, refusal, source
from tests.fakes.known import AT, MemoryKnown, land, records


def test_a_csv_with_canonical_column_names_needs_no_columns(tmp_path: Path) -> None:
    put(tmp_path, "patients.csv", "external_id,given_name,birth_date\n007,Ann,1980-02-03\n")
    plain = source(tmp_path)
    pass_, rows = only(land(plain, MemoryKnown()))
    assert records(plain, rows) == [PatientRow(external_id="007", given_name="Ann", birth_date=date(1980, 2, 3))]
    assert pass_.proof is not None
    assert (pass_.proof.rows, pass_.snapshot, sorted(pass_.kinds)) == (1, "delta", ["patients"])


def test_operators_columns_override_single_names(tmp_path: Path) -> None:
    put(tmp_path, "patients.csv", "DOB,Patient ID,given_name\n02/03/1980,1,Ann\n")
    columns = {"external_id": "Patient ID", "birth_date": {"column": "DOB", "formats": ["%m/%d/%Y"]}}
    plain = source(tmp_path, patients={"files": "patients*.csv", "columns": columns})
    _, rows = only(land(plain, MemoryKnown()))
    assert records(plain, rows) == [PatientRow(external_id="1", given_name="Ann", birth_date=date(1980, 2, 3))]


def test_the_body_holds_only_mapped_cells_so_other_columns_change_nothing(tmp_path: Path) -> None:
    put(tmp_path, "patients-1.csv", "external_id,Fax\n1,A\n")
    put(tmp_path, "patients-2.csv", "Fax,external_id\nB,1\n")
    (_, first), (_, second) = land(source(tmp_path), MemoryKnown())
    assert first[0].body == second[0].body


def test_fault_56_unmapped_columns_are_named_in_one_notice(tmp_path: Path) -> None:
    put(tmp_path, "patients.csv", "external_id,Fax,Notes\n1,A,B\n")
    pass_, _ = only(land(source(tmp_path), MemoryKnown()))
    assert pass_.notices == ["unmapped_columns: Fax, Notes"]


def test_fault_55_a_quoted_newline_is_part_of_its_cell_and_lines_are_counted_by_the_file(tmp_path: Path) -> None:
    put(tmp_path, "patients.csv", 'external_id,address_line\n1,"1 Main St\nApt 2"\n\n2,x\n')
    _, rows = only(land(source(tmp_path), MemoryKnown()))
    assert [(row.external_id, row.place) for row in rows] == [("1", 2), ("2", 5)]


def test_pages_hold_a_thousand_rows(tmp_path: Path) -> None:
    put(tmp_path, "patients.csv", "external_id\n" + "".join(f"{n}\n" for n in range(2001)))
    (pass_,) = source(tmp_path).passes(MemoryKnown(), AT)
    assert [len(page.rows) for page in pass_.pages()] == [1000, 1000, 1]


def test_a_row_with_other_than_the_headers_cells_is_rejected_under_its_own_id(tmp_path: Path) -> None:
    put(tmp_path, "patients.csv", "external_id,given_name,city\n1,Ann\n2,Ann,Lincoln,NE\n3,Ann,Lincoln\n")
    plain = source(tmp_path)
    _, rows = only(land(plain, MemoryKnown()))
    assert [row.external_id for row in rows] == ["1", "2", "3"]
    assert [isinstance(plain.map(row), Rejected) for row in rows] == [True, True, False]


def test_a_row_without_an_id_gets_the_same_stand_in_on_every_reading(tmp_path: Path) -> None:
    put(tmp_path, "patients.csv", "external_id,given_name\n,Ann\n,Bea\n")
    readings = [[row.external_id for row in only(land(source(tmp_path), MemoryKnown()))[1]] for _ in range(2)]
    assert readings[0] == readings[1]
    assert len(set(readings[0])) == 2


def test_fault_55_the_delimiter_is_as_declared(tmp_path: Path) -> None:
    put(tmp_path, "patients.csv", "external_id;given_name\n1;Ann\n")
    plain = source(tmp_path, delimiter=";", **PATIENTS)
    assert records(plain, only(land(plain, MemoryKnown()))[1]) == [PatientRow(external_id="1", given_name="Ann")]
    assert "delimiter" in refusal(tmp_path).advice


@pytest.mark.parametrize(
    ("content", "encoding"),
    [
        ("external_id,given_name\n1,Zoë\n".encode(), None),
        ("external_id,given_name\n1,Zoë\n".encode("utf-8-sig"), None),
        ("external_id,given_name\n1,Zoë\n".encode("utf-16"), None),
        ("external_id,given_name\n1,Zoë\n".encode("cp1252"), "cp1252"),
        ("external_id,given_name\n1,Zoe\u0308\n".encode(), "cp1252"),
    ],
)
def test_fault_54_encodings_go_mark_then_utf8_then_the_declared_one(
    tmp_path: Path, content: bytes, encoding: str | None
) -> None:
    put(tmp_path, "patients.csv", content)
    plain = source(tmp_path, encoding=encoding, **PATIENTS)
    assert records(plain, only(land(plain, MemoryKnown()))[1]) == [PatientRow(external_id="1", given_name="Zoë")]


def test_a_file_whose_bytes_have_landed_is_not_read_again(tmp_path: Path) -> None:
    put(tmp_path, "patients-1.csv", "external_id\n1\n")
    known = MemoryKnown()
    assert len(land(source(tmp_path), known)) == 1
    put(tmp_path, "patients-2.csv", "external_id\n1\n")
    assert land(source(tmp_path), known) == []


def test_a_file_that_changes_after_its_proof_does_not_land(tmp_path: Path) -> None:
    path = put(tmp_path, "patients.csv", "external_id\n1\n")
    (pass_,) = source(tmp_path).passes(MemoryKnown(), AT)
    path.write_text("external_id\n1\n2\n")
    with pytest.raises(Unavailable, match="changed"):
        list(pass_.pages())


def test_files_go_in_the_order_of_the_time_in_their_names(tmp_path: Path) -> None:
    names = [
        "patients-20260302-0600.csv",
        "patients-2026-03-01.csv",
        "patients_20260301T0700.csv",
        "patients-20260228.csv",
    ]
    for at, name in enumerate(names):
        put(tmp_path, name, f"external_id\n{at}\n")
    assert [pass_.name for pass_, _ in land(source(tmp_path), MemoryKnown())] == [
        names[3],
        names[2],
        names[1],
        names[0],
    ]


@pytest.mark.parametrize(
    ("name", "data_as_of"),
    [
        ("patients-20260301-0600.csv", datetime(2026, 3, 1, 12, 0, tzinfo=UTC)),
        ("patients-202603010600.csv", datetime(2026, 3, 1, 12, 0, tzinfo=UTC)),
        ("patients-20260301T060030Z.csv", datetime(2026, 3, 1, 6, 0, 30, tzinfo=UTC)),
        ("patients-2026-02-28.csv", datetime(2026, 3, 1, 5, 59, 59, 999999, tzinfo=UTC)),
        ("patients-20260302.csv", AT),
        ("patients-20261399.csv", AT - timedelta(hours=1)),
        ("patients.csv", AT - timedelta(hours=1)),
    ],
)
def test_data_are_as_of_the_time_in_the_name_else_the_last_change_never_later_than_now(
    tmp_path: Path, name: str, data_as_of: datetime
) -> None:
    put(tmp_path, name, "external_id\n1\n")
    assert only(land(source(tmp_path), MemoryKnown()))[0].data_as_of == data_as_of


def test_a_declared_pattern_dates_a_file(tmp_path: Path) -> None:
    put(tmp_path, "patients-0301.2026.csv", "external_id\n1\n")
    rule = {"name": r"-(\d{4}\.\d{4})\.csv$", "format": "%m%d.%Y"}
    pass_, _ = only(land(source(tmp_path, exported_at=rule, **PATIENTS), MemoryKnown()))
    assert pass_.data_as_of == datetime(2026, 3, 2, 5, 59, 59, 999999, tzinfo=UTC)


def test_a_declared_column_dates_a_file_by_its_newest_cell(tmp_path: Path) -> None:
    put(tmp_path, "patients.csv", "external_id,made\n1,03/01/2026 06:00\n2,03/01/2026 07:00\n")
    rule = {"column": "made", "format": "%m/%d/%Y %H:%M"}
    pass_, _ = only(land(source(tmp_path, exported_at=rule, **PATIENTS), MemoryKnown()))
    assert pass_.data_as_of == datetime(2026, 3, 1, 13, 0, tzinfo=UTC)
    assert pass_.notices == []


def test_an_older_full_snapshot_asks_not_to_land_after_a_newer_one(tmp_path: Path) -> None:
    full = {"patients": {"files": "patients*", "snapshot": "full"}}
    known = MemoryKnown()
    put(tmp_path, "patients-20260302.csv", "external_id\n1\n")
    land(source(tmp_path, **full), known)
    put(tmp_path, "patients-20260301.csv", "external_id\n2\n")
    pass_, _ = only(land(source(tmp_path, **full), known))
    assert pass_.skipped == "older_snapshot"


def test_a_file_that_grows_while_it_is_proved_asks_not_to_land_yet(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(tmp_path, "patients.csv", "external_id\n1\n")
    monkeypatch.setattr(module, "prove", growing)
    (pass_,) = source(tmp_path).passes(MemoryKnown(), AT)
    assert pass_.skipped == "unsettled"
    assert [notice.partition(":")[0] for notice in pass_.notices] == ["unsettled"]


def test_an_older_delta_lands(tmp_path: Path) -> None:
    known = MemoryKnown()
    put(tmp_path, "patients-20260302.csv", "external_id\n1\n")
    land(source(tmp_path), known)
    put(tmp_path, "patients-20260301.csv", "external_id\n2\n")
    assert only(land(source(tmp_path), known))[0].skipped is None


def test_hidden_files_and_office_locks_are_left_alone(tmp_path: Path) -> None:
    for name in (".patients.csv", "~$patients.csv"):
        put(tmp_path, name, "external_id\n1\n")
    assert land(source(tmp_path, patients={"files": "*.csv"}), MemoryKnown()) == []


def test_a_proof_counts_rows_by_the_raw_clinic(tmp_path: Path) -> None:
    put(tmp_path, "patients.csv", "external_id,clinic\n1,101\n2,101\n3,102\n")
    site = {"column": "clinic", "map": {"101": "lincoln", "102": "boulder"}}
    pass_, _ = only(land(source(tmp_path, site=site, **PATIENTS), MemoryKnown()))
    assert pass_.proof is not None
    assert pass_.proof.sites == {"101": 2, "102": 1}


def test_a_site_by_folder_makes_each_folder_a_feed_of_its_own(tmp_path: Path) -> None:
    put(tmp_path, "den/patients.csv", "external_id\n1\n")
    put(tmp_path, "lnk/patients.csv", "external_id\n2\n")
    by_folder = source(tmp_path, site={"by": "folder", "map": {"den": "boulder", "lnk": "lincoln"}}, **PATIENTS)
    landed = land(by_folder, MemoryKnown())
    assert [pass_.feed for pass_, _ in landed] == list(by_folder.feeds) == ["patients/den", "patients/lnk"]
    assert [records(by_folder, rows)[0].site for _, rows in landed] == ["boulder", "lincoln"]


def test_a_window_speaks_of_its_own_first_to_last_local_day(tmp_path: Path) -> None:
    rows = "1,1,2026-03-09 09:00,booked\n2,1,2026-02-20 09:00,fulfilled\n3,1,never,booked\n"
    put(tmp_path, "appointments.csv", "external_id,patient_id,starts_at,status\n" + rows)
    windowed = source(tmp_path, site="boulder", appointments={"files": "app*", "snapshot": "window"})
    pass_, _ = only(land(windowed, MemoryKnown()))
    assert pass_.window() == Window(first=date(2026, 2, 20), last=date(2026, 3, 9))


def test_a_mistyped_year_does_not_stretch_a_window_beyond_what_the_source_sees(tmp_path: Path) -> None:
    rows = "1,1,2026-03-01 09:00,fulfilled\n2,1,2096-03-09 09:00,booked\n"
    put(tmp_path, "appointments-20260302-0600.csv", "external_id,patient_id,starts_at,status\n" + rows)
    keys = {"appointments": {"files": "app*", "snapshot": "window"}, "sees_ahead": "14d"}
    pass_, _ = only(land(source(tmp_path, **keys), MemoryKnown()))
    assert pass_.window() == Window(first=date(2026, 3, 1), last=date(2026, 3, 17))


def test_fault_58_birth_years_of_two_digits_are_of_the_past(tmp_path: Path) -> None:
    put(tmp_path, "patients.csv", "external_id,DOB\n1,05/17/50\n")
    born = {"patients": {"files": "*.csv", "columns": {"birth_date": {"column": "DOB", "formats": ["%m/%d/%y"]}}}}
    from_ = source(tmp_path, **born)
    (row,) = records(from_, only(land(from_, MemoryKnown()))[1])
    assert row.birth_date == date(1950, 5, 17)
