"""JSON on stdout: one value, or one object a line, written as it comes so that memory stays flat."""

import sys
from collections.abc import Iterable, Mapping
from typing import Any

import orjson


def write_json(value: Any) -> None:
    """Writes one value on a line."""
    sys.stdout.write(orjson.dumps(value).decode() + "\n")


def write_lines(objects: Iterable[Mapping[str, Any]]) -> None:
    """Writes one object a line."""
    for found in objects:
        sys.stdout.write(orjson.dumps(found).decode() + "\n")
