"""YAML files become plain data with places."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.document import Document, read_document
from config.problem import ConfigError, Problem


def read(folder: Path, text: str | bytes) -> Document:
    path = folder / "file.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_document(path)


def refusal(folder: Path, text: str | bytes) -> Problem:
    with pytest.raises(ConfigError) as caught:
        read(folder, text)
    (problem,) = caught.value.problems
    return problem


@pytest.mark.parametrize(
    "word", ["no", "yes", "on", "off", "Y", "12:30", "1_000", "2026-03-01", "0x1F", "0o17", "=", "<<"]
)
def test_words_that_older_yaml_reads_as_something_else_stay_text(tmp_path: Path, word: str) -> None:
    assert read(tmp_path, f"key: {word}").data == {"key": word}


@pytest.mark.parametrize(
    ("word", "value"),
    [("12", 12), ("-3", -3), ("0012", 12), ("1.5", 1.5), ("true", True), ("False", False), ("~", None), ("", None)],
)
def test_numbers_truth_values_and_nothing_are_read(tmp_path: Path, word: str, value: object) -> None:
    assert read(tmp_path, f"key: {word}").data == {"key": value}


@pytest.mark.parametrize("word", ["'12'", '"12"', "!!str 12"])
def test_quoted_numbers_are_text(tmp_path: Path, word: str) -> None:
    assert read(tmp_path, f"key: {word}").data == {"key": "12"}


def test_a_version_directive_does_not_bring_older_rules_back(tmp_path: Path) -> None:
    assert read(tmp_path, "%YAML 1.1\n---\nkey: no\n").data == {"key": "no"}


def test_every_duplicate_key_is_listed_and_the_first_is_kept(tmp_path: Path) -> None:
    document = read(tmp_path, "a: 1\nb: {c: 1, c: 2}\na: 3\na: 4\n")
    assert document.data == {"a": 1, "b": {"c": 1}}
    assert [(p.line, p.column, p.path) for p in document.problems] == [(2, 11, "b.c"), (3, 1, "a"), (4, 1, "a")]
    assert "first in line 1" in document.problems[1].message


def test_scalars_stand_where_their_value_does_and_blocks_where_their_key_does(tmp_path: Path) -> None:
    places = read(tmp_path, "top:\n  list:\n    - one\n    - two\n  flow: {x: 1}\n").places
    assert places["top",][1:] == (1, 1)
    assert places["top", "list"][1:] == (2, 3)
    assert places["top", "list", 1][1:] == (4, 7)
    assert places["top", "flow"][1:] == (5, 9)
    assert places["top", "flow", "x"][1:] == (5, 13)


def test_an_empty_file_holds_nothing(tmp_path: Path) -> None:
    assert read(tmp_path, "# only a comment\n").data is None


def test_aliases_are_followed(tmp_path: Path) -> None:
    assert read(tmp_path, "a: &x {k: v}\nb: *x\n").data == {"a": {"k": "v"}, "b": {"k": "v"}}


def test_an_alias_bomb_is_refused(tmp_path: Path) -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12)]
    assert "aliases" in refusal(tmp_path, "\n".join(lines)).message


def test_an_alias_of_itself_is_refused(tmp_path: Path) -> None:
    assert "aliases" in refusal(tmp_path, "a: &a [*a]\n").message


def test_deep_nesting_is_refused(tmp_path: Path) -> None:
    assert "deep" in refusal(tmp_path, "[" * 600).message


def test_a_syntax_error_names_its_place(tmp_path: Path) -> None:
    problem = refusal(tmp_path, "a: 1\nb: [1, 2\nc: 3\n")
    assert problem.line in {2, 3}
    assert problem.message.startswith("this is no YAML")


def test_a_tab_is_called_a_tab(tmp_path: Path) -> None:
    problem = refusal(tmp_path, "a:\n\tb: 1\n")
    assert (problem.line, problem.message) == (2, "this is no YAML: a tab stands here; indent with spaces")


def test_a_syntax_error_does_not_repeat_what_was_written(tmp_path: Path) -> None:
    assert "hunter2" not in str(refusal(tmp_path, "api_key: *hunter2\n"))


def test_other_encodings_are_refused_with_the_line(tmp_path: Path) -> None:
    problem = refusal(tmp_path, b"a: 1\nb: caf\xe9\n")
    assert (problem.line, "UTF-8" in problem.message) == (2, True)


def test_a_byte_order_mark_is_no_content(tmp_path: Path) -> None:
    assert read(tmp_path, b"\xef\xbb\xbfa: 1\n").data == {"a": 1}


def test_control_characters_are_refused_with_the_line(tmp_path: Path) -> None:
    assert refusal(tmp_path, "a: 1\nb: \x01\n").line == 2


def test_tags_are_refused(tmp_path: Path) -> None:
    (problem,) = read(tmp_path, "a: 1\nb: !env SECRET\n").problems
    assert (problem.line, problem.path) == (2, "b")


def test_a_second_document_is_refused(tmp_path: Path) -> None:
    assert "no YAML" in refusal(tmp_path, "a: 1\n---\nb: 2\n").message


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"nowhere\.yaml:1:1: cannot be read"):
        read_document(tmp_path / "nowhere.yaml")


LEAVES = st.none() | st.booleans() | st.integers(-(10**9), 10**9) | st.text("abc 012:-#'\"{}[],&*!|>%@\n", max_size=8)
TREES: st.SearchStrategy[Any] = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abc1: ", max_size=4), inner, max_size=3),
    max_leaves=10,
)


@given(tree=st.dictionaries(st.text("abc", min_size=1, max_size=3), TREES, max_size=4))
def test_json_is_read_as_what_it_says_and_every_key_has_a_place(
    tree: dict[str, Any], tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.getbasetemp() / "tree.yaml"
    path.write_text(json.dumps(tree), encoding="utf-8")
    document = read_document(path)
    assert document.data == tree
    assert {(key,) for key in tree} <= document.places.keys()
