"""JSON Lines drops of web forms, read like CSV files."""

from datetime import date
from pathlib import Path

import pytest

from connectors.base import Refusal
from connectors.tabular.json_lines import json_rows
from mappings.records import PatientRow
from tests.fakes.drops import only, put, source
from tests.fakes.known import MemoryKnown, land, records

LEADS = {"role": "leads", "patients": {"files": ["*.jsonl", "*.ndjson"]}}


def refused(folder: Path, content: str | bytes) -> Refusal:
    with pytest.raises(Refusal) as caught:
        list(json_rows(put(folder, "leads.jsonl", content), "leads.jsonl"))
    return caught.value


def test_a_line_is_a_row_and_its_keys_are_columns(tmp_path: Path) -> None:
    path = put(
        tmp_path, "a.jsonl", '{"id": 7, "email": "a@example.com"}\n\n{"id": 8.50, "campaign": null, "ok": true}\n'
    )
    assert list(json_rows(path, "a.jsonl")) == [
        (1, ["id", "email", "campaign", "ok"]),
        (1, ["7", "a@example.com", "", ""]),
        (3, ["8.50", "", "", "true"]),
    ]


@pytest.mark.parametrize("name", ["leads.jsonl", "leads.ndjson", "LEADS.JSONL"])
def test_a_web_forms_drop_lands_as_leads(tmp_path: Path, name: str) -> None:
    put(tmp_path, name, '{"external_id":"w-1","given_name":"Ann","lead_source":"website","lead_since":"2026-03-01"}\n')
    form = source(tmp_path, **LEADS)
    _, rows = only(land(form, MemoryKnown()))
    assert records(form, rows) == [
        PatientRow(external_id="w-1", given_name="Ann", lead_source="website", lead_since=date(2026, 3, 1))
    ]


def test_a_drop_without_the_required_key_is_refused_by_its_name(tmp_path: Path) -> None:
    put(tmp_path, "leads.jsonl", '{"email": "a@example.com"}\n')
    pass_, _ = only(land(source(tmp_path, **LEADS), MemoryKnown()))
    assert pass_.refusal is not None
    assert (pass_.refusal.code, pass_.refusal.column) == ("missing_column", "external_id")


def test_a_line_that_is_still_being_written_is_refused(tmp_path: Path) -> None:
    found = refused(tmp_path, '{"id": 1}\n{"id": 2')
    assert (found.code, found.line) == ("cut_last_line", 2)


@pytest.mark.parametrize("value", ['{"city": "x"}', "[1]"])
def test_a_nested_value_is_refused_by_the_name_of_its_key(tmp_path: Path, value: str) -> None:
    found = refused(tmp_path, f'{{"id": 1}}\n{{"id": 2, "address": {value}}}\n')
    assert (found.code, found.line, found.column) == ("unreadable", 2, "address")


def test_a_key_that_stands_twice_is_refused(tmp_path: Path) -> None:
    found = refused(tmp_path, '{"email": "a@example.com", "email ": "b@example.com"}\n')
    assert (found.code, found.column) == ("duplicate_header", "email")


@pytest.mark.parametrize(
    "line", ["[1]", '"text"', "{'id': 1}", '{"id": 1} {"id": 2}', '{"id": NaN}', '{"id": 1', "[" * 100_000]
)
def test_a_line_that_is_no_object_is_refused_by_its_number(tmp_path: Path, line: str) -> None:
    found = refused(tmp_path, f'{{"id": 0}}\n{line}\n')
    assert (found.code, found.line) == ("unreadable", 2)
    assert "text" not in str(found)


@pytest.mark.parametrize("value", [r"\u0000", r"\ud800"])
def test_a_character_that_is_none_is_refused(tmp_path: Path, value: str) -> None:
    assert refused(tmp_path, f'{{"name": "{value}"}}\n').column == "name"


def test_other_encodings_and_endless_lines_are_refused(tmp_path: Path) -> None:
    assert refused(tmp_path, '{"name": "Zoë"}\n'.encode("cp1252")).code == "wrong_encoding"
    assert refused(tmp_path, '{"name": "' + "x" * (1 << 20) + '"}\n').code == "too_large"
    assert refused(tmp_path, "".join(f'{{"k{n}": 1}}\n' for n in range(1001))).code == "too_large"
