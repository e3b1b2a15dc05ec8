"""`columns FILE`: what is proposed for an unknown file lands when it is pasted, and tells nothing of a person."""

from io import StringIO
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from ruamel.yaml import YAML
from typer.testing import CliRunner

from mappings.column_shape import shape_of
from mappings.proposal import kind_of, propose
from mappings.records import PatientRow, VisitRow
from sync.cli import app
from tests.fakes.drops import put, source
from tests.fakes.known import MemoryKnown, land, records

PATIENTS = (
    "Patient ID;First Name;Last Name;DOB;Email Address;Home Phone;Cell Phone;Zip;Email Consent;Locker\n"
    "0101;Ann;Alder;02/13/1980;ann.alder@example.com;(402) 555-0101;402-555-0102;68508;Y;x1\n"
    "0102;Zoë;Birch;12/31/1975;zoe.birch@example.com;;402-555-0103;02108;N;x2\n"
)
VISITS = (
    "Appt ID,Patient ID,Appt Date,Start Time,Status,Therapist\n"
    "A1,0101,2/13/2026,9:15 AM,Seen,Lee\nA2,0101,2/20/2026,10:00 AM,No Show,Lee\nA3,0102,3/05/2026,1:30 PM,Late Cancel,Lee\n"
)


def columns(path: Path, *options: str, code: int = 0) -> str:
    result = CliRunner().invoke(app, ["columns", str(path), *options], catch_exceptions=False)
    assert result.exit_code == code, result.output
    return result.stdout if code == 0 else result.stderr


def pasted(folder: Path, text: str, **keys: Any) -> list[Any]:
    """What the folder's rows say under a source with the proposal pasted into it."""
    made = source(folder, site="lincoln", **keys, **YAML(typ="safe", pure=True).load(StringIO(text)))
    return [record for _, rows in land(made, MemoryKnown()) for record in records(made, rows)]


def test_a_proposal_for_patients_lands_when_it_is_pasted(tmp_path: Path) -> None:
    path = put(tmp_path, "people-20260301-0600.csv", PATIENTS.encode("cp1252"))
    ann, zoe = pasted(tmp_path, columns(path))
    assert isinstance(ann, PatientRow)
    assert (ann.external_id, ann.given_name, str(ann.birth_date), ann.phone, ann.postal_code) == (
        "0101", "Ann", "1980-02-13", "+14025550102", "68508",
    )  # fmt: skip
    assert zoe.given_name == "Zoë"


def test_a_proposal_for_visits_lands_with_day_and_time_and_the_words_of_its_status(tmp_path: Path) -> None:
    visits = pasted(tmp_path, columns(put(tmp_path, "sched-20260301.csv", VISITS)))
    assert all(isinstance(visit, VisitRow) for visit in visits)
    assert [visit.status for visit in visits] == ["fulfilled", "noshow", "cancelled"]
    assert visits[0].starts_at.isoformat() == "2026-02-13T15:15:00+00:00"


def test_a_proposal_for_a_workbook_lands(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    assert book.active is not None
    for row in (["MRN", "Name", "Date of Birth"], [7, "Alder, Ann", 29254], [8, "Birch, Ben", 27759]):
        book.active.append(row)
    book.save(tmp_path / "list.xlsx")
    ann, _ = pasted(tmp_path, columns(tmp_path / "list.xlsx"))
    assert (ann.external_id, ann.family_name, str(ann.birth_date)) == ("7", "Alder", "1980-02-03")


def test_a_proposal_for_a_web_forms_drop_lands(tmp_path: Path) -> None:
    path = put(tmp_path, "leads.jsonl", '{"lead_id": "w1", "email": "a@example.com", "utm_campaign": "Spring"}\n')
    (lead,) = pasted(tmp_path, columns(path), role="leads")
    assert (lead.external_id, lead.email, lead.campaign) == ("w1", "a@example.com", "Spring")


@pytest.mark.parametrize("options", [(), ("--json",)])
def test_nothing_of_a_person_is_printed(tmp_path: Path, options: tuple[str, ...]) -> None:
    people = columns(put(tmp_path, "p.csv", PATIENTS), *options)
    visits = columns(put(tmp_path, "v.csv", VISITS.replace("No Show", "Ann Alder")), *options)
    for value in ("Ann", "Alder", "Zo", "0101", "02/13", "2/13", "@", "555", "68508", "x1", "Lee", "Appt A"):
        assert value not in people
        assert value not in visits


def test_a_file_without_titles_does_not_show_its_first_person(tmp_path: Path) -> None:
    for row in ("1,Ann,Alder,ann@example.com\n", "Ann,Alder,Lincoln\n", "Name,Ann,1980-02-03\n", "id,Ann,02/13/1980\n"):
        assert "Ann" not in columns(put(tmp_path, "p.csv", row), code=1)


def test_a_word_in_no_list_is_counted_and_not_shown(tmp_path: Path) -> None:
    text = columns(put(tmp_path, "v.csv", VISITS.replace("Seen", "Frobnicated")))
    assert "1 different words are in no list" in text
    assert "Frobnicated" not in text


def test_days_that_may_be_read_two_ways_are_left_to_a_person(tmp_path: Path) -> None:
    text = columns(put(tmp_path, "p.csv", "Patient ID,DOB\n1,02/03/1980\n2,04/05/1981\n"))
    assert '# for you to decide: birth_date: {column: "DOB", formats: ["%m/%d/%Y"]}' in text.replace("#   for", "# for")
    assert '"%d/%m/%Y"' in text
    assert pasted(tmp_path, text)[0].birth_date is None


def test_other_columns_of_the_same_meaning_are_named(tmp_path: Path) -> None:
    text = columns(put(tmp_path, "p.csv", PATIENTS))
    assert 'phone: "Cell Phone"' in text
    assert 'or one of: "Home Phone"' in text


def test_a_consent_column_is_left_to_a_person(tmp_path: Path) -> None:
    text = columns(put(tmp_path, "p.csv", PATIENTS))
    assert '# consent: [{column: "Email Consent"' in text
    assert "consent" not in YAML(typ="safe", pure=True).load(StringIO(text))


def test_what_is_needed_and_not_found_is_named(tmp_path: Path) -> None:
    text = columns(put(tmp_path, "p.csv", "First Name,Last Name\nAnn,Alder\n"))
    assert "# external_id is needed" in text


def test_beside_a_preset_only_what_it_leaves_open_is_proposed() -> None:
    path = Path(__file__).parent.parent / "data/presets/cliniko/individual_appointments-20260301-0600.csv"
    assert YAML(typ="safe", pure=True).load(StringIO(columns(path, "--preset", "cliniko"))) == {
        "tables": {"appointments": {"columns": {"patient_id": "patient_id"}}}
    }


def test_an_unknown_preset_is_refused(tmp_path: Path) -> None:
    assert "cliniko" in columns(put(tmp_path, "p.csv", PATIENTS), "--preset", "clinico", code=64)


@pytest.mark.parametrize("content", ["", 'Patient ID,"DOB\n', "a,b"])
def test_a_broken_file_is_refused_by_its_name(tmp_path: Path, content: str) -> None:
    assert "p.csv" in columns(put(tmp_path, "p.csv", content), code=1)


def test_ids_that_lost_digits_are_no_ids() -> None:
    shapes = [shape_of("Patient ID", ["1.23E+15", "1.24E+15"], "US"), shape_of("First Name", ["Ann", "Bea"], "US")]
    proposal = propose(shapes, "patients")
    assert proposal.lacking == ("external_id",)


@pytest.mark.parametrize(
    ("titles", "kind"),
    [
        (["id", "first_name", "email"], "patients"),
        (["Patient ID", "Visit Date", "Status"], "appointments"),
        (["Case ID", "Patient ID", "Start Date", "Discharge Date"], "episodes"),
    ],
)
def test_a_tables_titles_tell_its_kind(titles: list[str], kind: str) -> None:
    assert kind_of(titles) == kind
