"""JSON Lines (jsonlines.org): one flat object a line, its keys the columns; what web forms drop."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from connectors.base import Refusal

SUFFIXES: Final = frozenset({".jsonl", ".ndjson"})
_LONGEST: Final = 1 << 20
_MOST_KEYS: Final = 1000
_CUT = "the last line does not end with a newline, as after a broken transfer; write the line to its end"
_FLAT = "the value is a list or an object; write flat objects, one text, number, true, false or null a key"


class _Twice(ValueError):
    """A key stands twice in one object."""


def json_rows(path: Path, name: str) -> Iterator[tuple[int, list[str]]]:
    """Yields (line, cells), the header first: every key of the file, in the order in which they first appear.

    Texts come as they are, numbers as written, true and false as such; null and keys that a line lacks are empty.
    Empty lines are left out. The file is read twice. Raises Refusal (cut_last_line, wrong_encoding, too_large,
    duplicate_header for a key that stands twice in a line, unreadable).
    """
    keys: dict[str, int] = {}
    for _, found in _objects(path, name):
        for key in found:
            keys.setdefault(key, len(keys))
    if not keys:
        return
    if len(keys) > _MOST_KEYS:
        raise Refusal(name, "too_large", f"the lines have more than {_MOST_KEYS} different keys; use fixed ones")
    yield 1, list(keys)
    for line, found in _objects(path, name):
        yield line, [found.get(key, "") for key in keys]


def _objects(path: Path, name: str) -> Iterator[tuple[int, dict[str, str]]]:
    with path.open("rb") as file:
        number = 0
        while line := file.readline(_LONGEST + 1):
            number += 1
            if len(line) > _LONGEST:
                raise Refusal(name, "too_large", "the line is longer than 1 MiB", line=number)
            if not line.endswith(b"\n"):
                raise Refusal(name, "cut_last_line", _CUT, line=number)
            if line.strip():
                yield number, _object(line, name, number)


def _object(line: bytes, name: str, number: int) -> dict[str, str]:
    try:
        text = line.decode("utf-8-sig" if number == 1 else "utf-8")
    except UnicodeDecodeError:
        raise Refusal(name, "wrong_encoding", "the line is not UTF-8; write JSON in UTF-8", line=number) from None
    try:
        found = json.loads(
            text, object_pairs_hook=_pairs, parse_int=str, parse_float=str, parse_constant=_refuse_constant
        )
    except _Twice as error:
        advice = "the key stands twice in the line; write it once"
        raise Refusal(name, "duplicate_header", advice, line=number, column=str(error)) from None
    except (ValueError, RecursionError):
        raise Refusal(
            name, "unreadable", "the line is no JSON object; write one whole object a line", line=number
        ) from None
    if not isinstance(found, dict):
        raise Refusal(name, "unreadable", "the line is no JSON object; write one whole object a line", line=number)
    return {_text(key, name, number, key).strip(): _text(value, name, number, key) for key, value in found.items()}


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    seen: set[str] = set()
    for key, _ in pairs:
        if key.strip() in seen:
            raise _Twice(_shown(key))
        seen.add(key.strip())
    return dict(pairs)


def _refuse_constant(_word: str) -> Any:
    raise ValueError("not a number of JSON")


def _text(value: object, name: str, number: int, key: str) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if not isinstance(value, str):
        raise Refusal(name, "unreadable", _FLAT, line=number, column=_shown(key))
    if "\0" in value or not _encodable(value):
        advice = "the value holds a character that is none (NUL, or half of a pair)"
        raise Refusal(name, "unreadable", advice, line=number, column=_shown(key))
    return value


def _shown(key: str) -> str:
    """A key as an error may name it."""
    return key.strip()[:60].encode("ascii", "backslashreplace").decode()


def _encodable(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True
