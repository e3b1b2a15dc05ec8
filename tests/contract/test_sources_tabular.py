"""What every source promises (`connectors.base.Source`), kept by the tabular one on a folder of mixed files."""

from datetime import timedelta
from pathlib import Path
from shutil import copytree
from zoneinfo import ZoneInfo

import pytest

from connectors.base import Source
from connectors.settings import Surroundings
from connectors.tabular import TabularSettings, TabularSource
from mappings.records import Mapped, Rejected
from mappings.rejections import REJECTIONS
from tests.fakes.known import AT, MemoryKnown, land
from tests.fakes.lent import lent

DATA = Path(__file__).parent.parent / "data" / "tabular"
ZONES = {"lincoln": ZoneInfo("America/Chicago"), "boulder": ZoneInfo("America/Denver")}
AROUND = Surroundings(zone=ZoneInfo("America/Chicago"), phone_region="US", site_zones=ZONES)
KEYS = {
    "kind": "tabular",
    "site": {"column": "clinic", "map": {"101": "lincoln", "102": "boulder"}},
    "patients": {
        "files": "patients-*.csv",
        "columns": {"birth_date": {"column": "DOB", "formats": ["%m/%d/%Y"]}},
        "snapshot": "full",
    },
    "appointments": {
        "files": "appointments-*.csv",
        "columns": {"status": {"column": "Status", "map": {"Seen": "fulfilled"}}},
    },
    "episodes": {"files": "cases-*.csv"},
    "outcomes": {"completed": ["Goals met"]},
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return copytree(DATA / "clinic", tmp_path / "clinic")


@pytest.fixture
def source(folder: Path) -> Source:
    return TabularSource("clinic", TabularSettings.model_validate(KEYS | {"folder": folder}), AROUND, lent())


def test_every_pass_has_either_a_proof_or_a_refusal(source: Source) -> None:
    for pass_ in source.passes(MemoryKnown(), AT):
        assert (pass_.proof is None) != (pass_.refusal is None)


def test_every_pass_belongs_to_a_configured_feed_and_is_not_of_the_future(source: Source) -> None:
    for pass_ in source.passes(MemoryKnown(), AT):
        assert pass_.feed in source.feeds
        assert pass_.data_as_of.utcoffset() == timedelta(0)
        assert pass_.data_as_of <= AT


def test_a_proof_counts_the_rows_that_the_pages_yield(source: Source) -> None:
    for pass_, rows in land(source, MemoryKnown()):
        if pass_.proof is not None:
            assert pass_.proof.rows == len(rows)
            assert {row.kind for row in rows} <= pass_.kinds


def test_what_has_landed_is_not_offered_again(source: Source) -> None:
    known = MemoryKnown()
    assert [pass_.refusal for pass_, _ in land(source, known)].count(None) == 3
    assert all(pass_.refusal is not None for pass_, _ in land(source, known))


def test_two_readings_give_the_same_rows(source: Source) -> None:
    assert [rows for _, rows in land(source, MemoryKnown())] == [rows for _, rows in land(source, MemoryKnown())]


def test_mapping_a_row_twice_says_the_same_and_keeps_its_id(source: Source) -> None:
    for _, rows in land(source, MemoryKnown()):
        for row in rows:
            outcome = source.map(row)
            assert outcome == source.map(row)
            assert (
                not isinstance(outcome, Mapped)
                or outcome.record is None
                or outcome.record.external_id == row.external_id
            )


def test_a_rejection_has_a_reason_of_the_closed_list_and_no_value(source: Source) -> None:
    rejected = [
        outcome
        for _, rows in land(source, MemoryKnown())
        for row in rows
        if isinstance(outcome := source.map(row), Rejected)
    ]
    assert sorted(each.code for each in rejected) == [
        "missing_value",
        "unknown_code",
        "unknown_site",
        "unreadable_value",
    ]
    assert {each.code for each in rejected} <= REJECTIONS.keys()


def test_a_rejected_visit_still_names_its_patient(source: Source) -> None:
    _, rows = next(each for each in land(source, MemoryKnown()) if each[0].feed == "appointments" and each[1])
    rejected = [outcome for row in rows if isinstance(outcome := source.map(row), Rejected)]
    assert [each.patient_id for each in rejected] == ["2", "2", "3"]


def test_two_sources_of_the_same_settings_have_the_same_fingerprint(source: Source, folder: Path) -> None:
    twin = TabularSource("twin", TabularSettings.model_validate(KEYS | {"folder": folder}), AROUND, lent())
    assert twin.fingerprint == source.fingerprint


def test_files_are_left_where_they_were(source: Source, folder: Path) -> None:
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    land(source, MemoryKnown())
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
