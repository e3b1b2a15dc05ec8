"""The JSON schema says what the loader says, as far as a schema can."""

from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from config import schema
from config.document import read_document
from config.load import load

EXAMPLE = Path(__file__).parent.parent / "data" / "config" / "example"


@pytest.fixture(scope="module")
def validator() -> Draft202012Validator:
    Draft202012Validator.check_schema(schema.schema())
    return Draft202012Validator(schema.schema())


def valid(validator: Draft202012Validator, data: Any) -> bool:
    return not list(validator.iter_errors(data))


def test_the_stored_schema_is_current() -> None:
    assert schema.FILE.read_text(encoding="utf-8") == schema.text(), "run: python -m config.schema"


def test_the_example_loads_without_a_warning() -> None:
    config = load(EXAMPLE / "prm-sync.yaml")
    assert sorted(config.rules) == ["lead-follow-up", "win-back", "workers-comp-lapsed"]
    assert config.warnings == ()


@pytest.mark.parametrize("name", ["prm-sync.yaml", "operators/segments.yaml"])
def test_the_example_validates(validator: Draft202012Validator, name: str) -> None:
    assert list(validator.iter_errors(read_document(EXAMPLE / name).data)) == []


def test_sites_may_be_a_file(validator: Draft202012Validator) -> None:
    data = read_document(EXAMPLE / "prm-sync.yaml").data
    assert valid(validator, {**data, "sites": {"file": "sites.yaml"}})


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("webs",), {}),
        (("fresh_for",), "soon"),
        (("version",), 2),
        (("practice", "sandbox"), "maybe"),
        (("sources", "plain", "kind"), "fhir-bulk"),
        (("sources", "plain", "folder"), 3),
        (("sources", "plain", "pattern"), "x"),
        (("sources", "plain", "schedule"), {"every": "15 parsecs"}),
        (("destinations", "newsletter", "api_key"), "plain text"),
        (("destinations", "newsletter", "max_member"), 5),
        (("destinations", "contacts", "api_key"), {"env": "A"}),
        (("segments",), {"s": {"purpose": "fun", "who": {"status": "lead"}}}),
        (("segments",), {"s": {"purpose": "marketing", "who": {"statu": "lead"}}}),
        (("segments",), {"s": {"purpose": "marketing", "who": {"any": [{"statu": "lead"}]}}}),
    ],
)
def test_what_the_loader_refuses_an_editor_underlines(
    validator: Draft202012Validator, path: tuple[str, ...], value: object
) -> None:
    data = read_document(EXAMPLE / "prm-sync.yaml").data
    below = data
    for step in path[:-1]:
        below = below[step]
    below[path[-1]] = value
    assert not valid(validator, data)


def test_an_operators_file_holds_nothing_else(validator: Draft202012Validator) -> None:
    assert valid(validator, {"segments": {"s": {"purpose": "marketing", "who": {"status": "lead"}}}})
    assert not valid(validator, {"segments": {}, "lifecycle": {}})
