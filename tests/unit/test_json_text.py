"""Cutting JSON into members without reading it."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.json_text import members, parts

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.floats(),
    lambda below: st.lists(below, max_size=4) | st.dictionaries(st.text(), below, max_size=4),
    max_leaves=20,
)


@given(st.lists(VALUES, max_size=5), st.sampled_from([None, 1]))
def test_an_array_is_cut_into_its_elements(values: list[object], indent: int | None) -> None:
    found = parts(json.dumps(values, indent=indent).encode())
    assert found is not None
    assert [repr(json.loads(each)) for each in found] == [repr(value) for value in values]


@given(st.dictionaries(st.text(), VALUES, max_size=5), st.sampled_from([None, 1]))
def test_an_object_is_cut_into_its_members(values: dict[str, object], indent: int | None) -> None:
    found = members(json.dumps(values, indent=indent).encode())
    assert found is not None
    assert {json.loads(name): repr(json.loads(each)) for name, each in found.items()} == {
        name: repr(value) for name, value in values.items()
    }


def test_what_is_no_json_inside_is_left_as_it_is() -> None:
    deep = b"[" * 100_000 + b"]" * 100_000
    assert members(b'{"a":NaN,"b":"\\ud800","c":' + deep + b"}") == {
        b'"a"': b"NaN",
        b'"b"': b'"\\ud800"',
        b'"c"': deep,
    }


@pytest.mark.parametrize(
    "text", [b"", b"1", b'"a"', b"[", b"{]", b"[1]x", b'{"a', b'{"a":1', b"<html></html>", b'["a]', b"[1}"]
)
def test_what_is_not_whole_is_not_cut(text: bytes) -> None:
    assert parts(text) is None
    assert members(text) is None


def test_only_an_object_has_members() -> None:
    assert members(b"[1, 2]") is None
    assert members(b'{"a"}') is None
