"""No problem repeats a value, whichever value is wrong."""

import json
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from config.document import read_document
from config.load import load
from config.problem import ConfigError
from config.salvage import salvage

EXAMPLE = Path(__file__).parent.parent / "data" / "config" / "example"
MARKERS = ["Xk7-hunter2", 918273645, ["Xk7-hunter2"], {"a": "Xk7-hunter2"}]
# Every value is made a text; the other shapes take turns, to keep this quick.
TURNS = [(0, 1), (0, 3), (1, 3), (2, 3)]


def leaves(node: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if isinstance(node, dict | list):
        for key, below in node.items() if isinstance(node, dict) else enumerate(node):
            yield from leaves(below, (*path, key))
    else:
        yield path


def example() -> dict[str, Any]:
    main: dict[str, Any] = read_document(EXAMPLE / "prm-sync.yaml").data
    return {**main, **read_document(EXAMPLE / "operators" / "segments.yaml").data}


@pytest.mark.parametrize(
    ("marker", "turn"), list(zip(MARKERS, TURNS, strict=True)), ids=["text", "number", "list", "mapping"]
)
def test_a_wrong_value_is_never_repeated(tmp_path: Path, marker: object, turn: tuple[int, int]) -> None:
    data, refused = example(), 0
    for path in list(leaves(data))[turn[0] :: turn[1]]:
        changed = deepcopy(data)
        below = changed
        for step in path[:-1]:
            below = below[step]
        below[path[-1]] = marker
        (tmp_path / "prm-sync.yaml").write_text(json.dumps(changed), encoding="utf-8")
        try:
            load(tmp_path / "prm-sync.yaml")
        except ConfigError as error:
            refused += 1
            said = "\n".join(problem.message for problem in error.problems)
            assert "hunter2" not in said, path
            assert "918273645" not in said, path
    assert refused > 15


def test_whatever_value_is_wrong_the_rest_is_understood(tmp_path: Path) -> None:
    data = example()
    for path in list(leaves(data))[::9]:
        changed = deepcopy(data)
        below = changed
        for step in path[:-1]:
            below = below[step]
        below[path[-1]] = {"a": ["wrong"]}
        settings, left_out, _ = salvage(changed, tmp_path)
        assert settings is not None, path
        assert all(each[: len(path) - 1] == path[: len(each)][: len(path) - 1] for each in left_out), (path, left_out)
        assert settings.sources.keys() | settings.destinations.keys(), path


def test_next_to_nothing_is_understood_too(tmp_path: Path) -> None:
    settings, left_out, _ = salvage({"versoin": 1, "sources": [], "destinations": {"x": {"kind": "fax"}}}, tmp_path)
    assert settings is not None
    assert left_out >= {("version",), ("practice",), ("versoin",), ("sources",)}
