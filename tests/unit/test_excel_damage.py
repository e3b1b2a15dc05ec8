"""What spreadsheets do to a table: mended where it is plain, refused or left out where it is not."""

from datetime import date
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from connectors.base import Refusal
from connectors.tabular.damage import Damage, find_damage
from connectors.tabular.header import Header
from connectors.tabular.plans import feed_plans
from mappings.addresses import is_placeholder
from mappings.cells import is_scientific, read_birth_day, read_day, read_moment, read_whole
from mappings.postal_codes import american_postal_code
from tests.fakes.drops import only, put, settings, source
from tests.fakes.known import MemoryKnown, land, records

APPOINTMENTS = Header(names=("external_id", "patient_id", "starts_at", "status"))


def found(*rows: str) -> Damage:
    """The damage of an appointments table with these rows, written with blanks between the cells."""
    (feed,) = feed_plans(settings(Path("/none"), appointments={"files": "*.csv"}))
    head = [(line, row.split()) for line, row in enumerate(rows, start=2)]
    return find_damage(head, APPOINTMENTS, feed.plan, "a.csv")


def mended(damage: Damage, *cells: str) -> list[str]:
    ((_, row),) = damage.mend(iter([(2, list(cells))]))
    return row


def test_fault_57_ids_that_all_end_in_a_decimal_lose_it() -> None:
    damage = found("101.0 7.0 2026-03-02 booked", "102.0 8.0 2026-03-03 booked")
    assert damage.floats == (0, 1)
    assert mended(damage, "103.0", "9.0", "5.0", "booked") == ["103", "9", "5.0", "booked"]


def test_ids_of_which_only_some_end_in_a_decimal_stay() -> None:
    damage = found("101.0 7 2026-03-02 booked", "102 8 2026-03-03 booked")
    assert damage.floats == ()
    assert damage.context == ""


def test_a_decimal_that_is_none_of_a_spreadsheets_stays() -> None:
    assert found("1.5 7 2026-03-02 booked", "2.0 8 2026-03-03 booked").floats == ()


def test_a_text_that_was_kept_as_a_formula_is_the_text() -> None:
    damage = found('="00101" 7 2026-03-02 booked', '="00102" 8 2026-03-02 booked')
    assert mended(damage, '="00103"', "7", "2026-03-02", "booked")[0] == "00103"
    assert damage.context != Damage().context


def test_fault_57_ids_in_scientific_notation_refuse_the_file_by_line_and_column() -> None:
    with pytest.raises(Refusal) as caught:
        found("1 7 2026-03-02 booked", "2 1.23E+15 2026-03-02 booked")
    assert (caught.value.code, caught.value.line, caught.value.column) == ("unreadable", 3, "patient_id")
    assert "1.23" not in str(caught.value)


def test_fault_57_ids_of_which_some_lost_their_zeros_are_noticed() -> None:
    assert len(found("00101 7 2026-03-02 booked", "102 8 2026-03-03 booked").notices) == 1
    assert found("101 7 2026-03-02 booked", "1020 8 2026-03-03 booked").notices == ()


@pytest.mark.parametrize("text", ["1.23E+15", "1,2e+17", "1E+15", "1.234567890123457e+17", "1E-05"])
def test_scientific_notation_is_known(text: str) -> None:
    assert is_scientific(text)


@pytest.mark.parametrize("text", ["4e8", "5E10", "12E", "2026-03-02", "c0ffee-12", "E+15", "1.23"])
def test_an_id_with_an_e_is_no_scientific_notation(text: str) -> None:
    assert not is_scientific(text)


@pytest.mark.parametrize(
    ("text", "number"),
    [("12.0", 12), ("1,200", 1200), ("$12.00", 12), ("12 €", 12), ("1200%", 12), ("$1,200.00", 1200)],
)
def test_a_number_loses_what_a_cells_format_adds(text: str, number: int) -> None:
    assert read_whole(text) == number


@pytest.mark.parametrize("text", ["12%", "1,20", "12.5", "-3", "$", "1,2000"])
def test_a_number_that_is_not_whole_is_none(text: str) -> None:
    with pytest.raises(ValueError, match="whole"):
        read_whole(text)


@pytest.mark.parametrize(
    ("text", "form", "day"),
    [
        ("46083", "excel", date(2026, 3, 2)),
        ("44621", "excel-1904", date(2026, 3, 2)),
        ("61", "excel", date(1900, 3, 1)),
    ],
)
def test_fault_57_a_day_number_counts_from_its_date_system(text: str, form: str, day: date) -> None:
    assert read_day(text, (form,)) == day


def test_a_day_number_with_a_fraction_is_an_instant() -> None:
    instant, day = read_moment("46083.375", ZoneInfo("America/Chicago"), ("excel",))
    assert (instant.isoformat(), day) == ("2026-03-02T15:00:00+00:00", date(2026, 3, 2))


@pytest.mark.parametrize("text", ["60", "0", "-1", "1e5", "460830", "soon"])
def test_what_is_no_day_number_of_our_times_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"not a|day is out"):
        read_birth_day(text, ("excel",))


@pytest.mark.parametrize("text", ["02/13/2026", "13.02.2026", "2026-02-13", "46066"])
def test_dates_of_several_forms_stand_in_one_column(text: str) -> None:
    assert read_day(text, ("%m/%d/%Y", "%d.%m.%Y", "excel")) == date(2026, 2, 13)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("2108", "02108"), ("501", "00501"), ("68508", "68508"), ("68508.0", "68508"), ("21081234", "02108-1234"),
        ("685081234", "68508-1234"), ("68508-1234", "68508-1234"), ("K1A 0B1", "K1A 0B1"), ("12", "12"), ("123456", "123456"),
    ],
)  # fmt: skip
def test_fault_57_a_zip_code_gets_its_lost_zeros_back(text: str, code: str) -> None:
    assert american_postal_code(text) == code


def test_a_foreign_postal_code_in_an_american_practice_stays(tmp_path: Path) -> None:
    put(tmp_path, "patients.csv", "external_id,postal_code,country\n1,2108,USA\n2,3000,Australia\n3,2108,\n")
    plain = source(tmp_path)
    _, rows = only(land(plain, MemoryKnown()))
    assert [patient.postal_code for patient in records(plain, rows)] == ["02108", "3000", "02108"]


def test_a_code_that_a_spreadsheet_wrote_with_a_decimal_is_the_code(tmp_path: Path) -> None:
    put(tmp_path, "visits.csv", "external_id,patient_id,starts_at,status\n1,P1,2026-03-02,2.0\n")
    status = {"column": "status", "map": {"2": "noshow"}}
    plain = source(tmp_path, appointments={"files": "visits*", "columns": {"status": status}})
    _, rows = only(land(plain, MemoryKnown()))
    assert [visit.status for visit in records(plain, rows)] == ["noshow"]


@pytest.mark.parametrize(
    "address",
    ["noemail12@clinic.com", "none1@gmail.com", "x@x.com", "abc@abc.com", "noreply@clinic.com", "nobody@nothing.com",
     "not.on.file@clinic.com", "doesnt.have.email@clinic.com"],
)  # fmt: skip
def test_fault_59_what_front_desks_type_for_no_address_is_known(address: str) -> None:
    assert is_placeholder(address)


@pytest.mark.parametrize(
    "address", ["5550101@163.com", "a@example.com", "patient@example.com", "abc@example.com", "nora1@none-such.com"]
)
def test_an_odd_address_may_be_a_persons(address: str) -> None:
    assert not is_placeholder(address)
