"""What the operator may write of a tabular source, and when its rows must be mapped again."""

from pathlib import Path
from typing import Any

import pytest

from connectors.tabular import TabularSettings
from mappings.records import Mapped, PatientRow
from tests.fakes.drops import PATIENTS, only, put, source
from tests.fakes.known import MemoryKnown, land


def test_the_fingerprint_changes_with_what_a_row_would_be_mapped_to(tmp_path: Path) -> None:
    variants: list[dict[str, Any]] = [
        PATIENTS,
        {"patients": {"files": "patients*", "columns": {"email": "Email"}}},
        PATIENTS | {"site": "boulder"},
        PATIENTS | {"payers": {"medicare": ["3"]}},
        PATIENTS | {"outcomes": {"completed": ["DS"]}},
        PATIENTS | {"consent": [{"always": "form", "channels": ["email"], "purposes": ["marketing"]}]},
    ]
    assert len({source(tmp_path, **keys).fingerprint for keys in variants}) == len(variants)


def test_the_fingerprint_stays_when_only_the_schedule_or_the_folder_changes(tmp_path: Path) -> None:
    other = source(tmp_path / "other", schedule={"every": "5m"}, **PATIENTS)
    assert other.fingerprint == source(tmp_path, **PATIENTS).fingerprint


@pytest.mark.parametrize(
    ("keys", "sentence"),
    [
        ({}, "give a preset"),
        ({"patients": {"files": "../*.csv"}}, "stays in it"),
        ({"patients": {"files": "*.csv", "columns": {"emial": "Email"}}}, "did you mean email"),
        ({"preset": "webpt.standard-extract", "tables": {"patient": {}}}, "did you mean patients"),
        ({"preset": "webpt"}, "webpt.standard-extract"),
        ({"patients": {"files": "*"}, "payers": {"gold": ["1"]}}, "payer classes"),
        ({"patients": {"files": "*"}, "site": {"by": "location", "map": {"L/1": "lincoln"}}}, "no FHIR location"),
        ({"patients": {"files": "*", "snapshot": "window"}}, "window is for appointments"),
        (
            {"appointments": {"files": "*", "columns": {"status": {"column": "S", "map": {"x": "gone"}}}}},
            "proposed, booked",
        ),
        ({"patients": {"files": "*"}, "encoding": "cp9999"}, "no such encoding"),
        ({"patients": {"files": "*"}, "exported_at": {"name": "(", "format": "%Y"}}, "regular expression"),
    ],
)
def test_wrong_settings_are_refused_with_what_to_write(tmp_path: Path, keys: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        TabularSettings.model_validate({"kind": "tabular", "folder": tmp_path} | keys)


def test_mapping_is_pure_and_finds_its_table_in_the_body(tmp_path: Path) -> None:
    put(tmp_path, "patients.csv", "external_id\n1\n")
    _, rows = only(land(source(tmp_path), MemoryKnown()))
    again = source(tmp_path).map(rows[0])
    assert isinstance(again, Mapped)
    assert again.record == PatientRow(external_id="1")
