"""Every preset that ships lands an invented file of its published columns."""

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from connectors.base import Refusal
from connectors.tabular import TabularSource
from mappings.canonical import CANONICAL
from mappings.preset import load_preset, preset_names
from mappings.records import Consent, PatientRow, VisitRow
from mappings.words import read_status
from sync.preset_reference import reference
from tests.fakes.drops import put, refusal, settings, source
from tests.fakes.known import MemoryKnown, land, records

DATA = Path(__file__).parent.parent / "data" / "presets"
ONE = {"site": "lincoln"}
CLINIKO = ONE | {"preset": "cliniko", "tables": {"appointments": {"columns": {"patient_id": "patient_id"}}}}
OPENEMR = {"preset": "openemr", "site": {"column": "pc_facility", "map": {"3": "lincoln", "4": "boulder"}}}
WEBCHART = {
    "preset": "webchart",
    "site": {"column": "sched.Location", "map": {"LNK": "lincoln", "BLD": "boulder"}},
    "tables": {"patients": {"columns": {"external_id": "MRN", "given_name": "First", "family_name": "Last"}}},
}
MIRAH = {
    "preset": "mirah",
    "site": {"column": "instituteShortcode", "map": {"LNK": "lincoln"}},
    "tables": {"patients": {"columns": {"external_id": "Patient", "given_name": "Given", "family_name": "Family"}}},
}


def landed(keys: dict[str, Any]) -> dict[str, list[Any]]:
    """What each feed's rows say, with every pass landed."""
    made: TabularSource = source(DATA / keys["preset"], **keys)
    return {pass_.feed: _said(made, rows, pass_.refusal) for pass_, rows in land(made, MemoryKnown())}


def _said(made: TabularSource, rows: list[Any], refused: Refusal | None) -> list[Any]:
    assert refused is None
    return records(made, rows)


def statuses(visits: list[VisitRow]) -> list[str]:
    return [visit.status for visit in visits]


@pytest.mark.parametrize("name", preset_names())
def test_a_presets_names_are_canonical_and_its_words_are_words(name: str) -> None:
    for table in load_preset(name).tables.values():
        assert set(table.columns) <= set(CANONICAL[table.kind])
        status = table.columns.get("status")
        for word in [*status.map.values(), *(sign.word for sign in status.signs)] if status is not None else []:
            assert read_status(word) == word


@pytest.mark.parametrize("name", [name for name in preset_names() if name != "generic"])
def test_a_preset_says_what_it_is_and_where_its_columns_are_published(name: str) -> None:
    preset = load_preset(name)
    assert preset.about
    assert all(address.startswith("https://") for address in preset.published)
    assert preset.published


def test_cliniko_lands_with_arrivals_no_shows_cancellations_and_deletions() -> None:
    assert statuses(landed(CLINIKO)["appointments"]) == ["arrived", "noshow", "cancelled", "booked", "cancelled"]


def test_clinikos_marketing_flags_are_consents_and_no_response_is_none() -> None:
    ann, ben, cal = landed(CLINIKO)["patients"]
    assert ann.consents == (
        Consent(
            channel="email", purpose="marketing", decision="yes", evidence="Cliniko: accepted_email_marketing"
        ),
        Consent(channel="sms", purpose="marketing", decision="no", evidence="Cliniko: accepted_sms_marketing"),
    )  # fmt: skip
    assert [(consent.channel, consent.decision) for consent in ben.consents] == [("email", "no")]
    assert cal.consents == ()


def test_an_archived_patient_of_cliniko_is_inactive() -> None:
    assert [patient.active for patient in landed(CLINIKO)["patients"]] == [True, True, False]


def test_the_operators_consent_entry_replaces_the_presets_for_its_column(tmp_path: Path) -> None:
    put(tmp_path, "patients.csv", "id,accepted_email_marketing,accepted_sms_marketing\n1,true,true\n")
    entry = {
        "column": "accepted_email_marketing", "yes": ["true"], "no": ["false"], "channels": ["email"],
        "purposes": ["operations"],
    }  # fmt: skip
    made = source(tmp_path, **CLINIKO, consent=[entry])
    ((_, rows),) = land(made, MemoryKnown())
    (patient,) = records(made, rows)
    assert [(each.channel, each.purpose) for each in patient.consents] == [
        ("email", "operations"),
        ("sms", "marketing"),
    ]


def test_a_presets_consent_column_that_a_file_lacks_states_nothing(tmp_path: Path) -> None:
    put(tmp_path, "patients.csv", "id,first_name\n1,Ann\n")
    made = source(tmp_path, **CLINIKO)
    ((_, rows),) = land(made, MemoryKnown())
    assert records(made, rows) == [PatientRow(external_id="1", given_name="Ann", site="lincoln")]


def test_a_file_without_the_flag_of_a_no_show_is_refused(tmp_path: Path) -> None:
    put(tmp_path, "appointments.csv", "id,patient_id,starts_at,cancelled_at,deleted_at,patient_arrived\n")
    refused = refusal(tmp_path, **CLINIKO)
    assert (refused.code, refused.column) == ("missing_column", "did_not_arrive")


def test_what_cliniko_does_not_publish_is_named(tmp_path: Path) -> None:
    assert settings(tmp_path, **ONE, preset="cliniko").missing() == ["tables.appointments.columns.patient_id"]


def test_openemr_lands_with_day_and_time_of_day_joined() -> None:
    visit = landed(OPENEMR)["appointments"][4]
    assert visit == VisitRow(
        external_id="15", patient_id="2", starts_at=datetime(2026, 3, 9, 19, 30, tzinfo=UTC), day=date(2026, 3, 9),
        ends_at=datetime(2026, 3, 9, 20, 15, tzinfo=UTC), status="booked", site="boulder", provider="5",
        kind="New Patient", created_at=datetime(2026, 1, 20, 17, 0, tzinfo=UTC),
    )  # fmt: skip


def test_openemrs_marks_are_statuses_and_a_blocked_hour_is_no_visit() -> None:
    visits = landed(OPENEMR)["appointments"]
    assert statuses(visits[:5]) == ["fulfilled", "noshow", "cancelled", "arrived", "booked"]
    assert visits[5:] == [None]


def test_openemrs_patients_bring_consent_guardian_and_death() -> None:
    dora, eli, fay = landed(OPENEMR)["patients"]
    assert {(each.channel, each.purpose, each.decision) for each in dora.consents} == {
        ("email", "treatment", "yes"), ("email", "operations", "yes"),
        ("sms", "treatment", "no"), ("sms", "operations", "no"),
    }  # fmt: skip
    assert (dora.phone, dora.language) == ("+14025550101", "en")
    assert (eli.guardian_name, eli.consents) == ("Eva East", ())
    assert fay.deceased


def test_webchart_lands_without_an_id_of_its_own() -> None:
    visits = landed(WEBCHART)["appointments"]
    assert statuses(visits) == ["booked", "cancelled", "noshow", "booked"]
    assert len({visit.external_id for visit in visits}) == 4
    assert visits[0].starts_at == datetime(2026, 2, 2, 15, 0, tzinfo=UTC)
    assert [visit.site for visit in visits] == ["lincoln", "lincoln", "lincoln", "boulder"]


def test_what_webchart_and_mirah_do_not_publish_is_named(tmp_path: Path) -> None:
    for preset in ("webchart", "mirah"):
        assert settings(tmp_path, **ONE, preset=preset).missing() == ["tables.patients.columns.external_id"]


def test_mirah_lands_in_any_order_of_columns() -> None:
    visits = landed(MIRAH)["appointments"]
    assert statuses(visits) == ["fulfilled", "noshow", "cancelled", "booked", "proposed"]
    assert visits[0].patient_id == "M1"


def test_an_operators_status_column_takes_the_place_of_a_presets_signs(tmp_path: Path) -> None:
    put(tmp_path, "appointments.csv", "id,patient_id,starts_at,State\n1,P1,2026-03-02T15:00:00Z,No Show\n")
    columns = {"patient_id": "patient_id", "status": "State"}
    made = source(tmp_path, **CLINIKO | {"tables": {"appointments": {"columns": columns}}})
    ((_, rows),) = land(made, MemoryKnown())
    assert statuses(records(made, rows)) == ["noshow"]


def test_an_operator_may_name_a_time_of_day_beside_a_day(tmp_path: Path) -> None:
    put(tmp_path, "visits.csv", "external_id,patient_id,Date,Start,status\n1,P1,03/02/2026,9:15 AM,booked\n")
    starts = {"column": "Date", "time": "Start", "formats": ["%m/%d/%Y %I:%M %p"]}
    made = source(tmp_path, **ONE, appointments={"files": "visits*.csv", "columns": {"starts_at": starts}})
    ((_, rows),) = land(made, MemoryKnown())
    assert [visit.starts_at for visit in records(made, rows)] == [datetime(2026, 3, 2, 15, 15, tzinfo=UTC)]


def test_a_time_of_day_beside_what_is_no_instant_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="belongs to an instant"):
        settings(tmp_path, patients={"files": "*.csv", "columns": {"birth_date": {"column": "A", "time": "B"}}})


def test_the_page_on_presets_is_up_to_date() -> None:
    page = Path(__file__).parents[2] / "docs" / "reference" / "presets.md"
    assert page.read_text(encoding="utf-8") == reference(), "run: python -m sync.preset_reference"
