"""What pydantic found, in words for the person who wrote the file; no sentence repeats a value."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from config.document import step_of
from config.kinds import KIND_ERROR
from config.problem import Path, did_you_mean
from config.settings import Settings
from config.vocabulary import keys_at
from connectors.settings import Located

_NUMBERS = {"int_type", "int_parsing", "int_from_float"}
_MAPPINGS = {"dict_type", "mapping_type", "model_type", "model_attributes_type"}
_LISTS = {"list_type", "tuple_type", "set_type", "frozen_set_type"}
_SHAPES = {"string_type", "path_type", "literal_error", "bool_type", "bool_parsing", *_NUMBERS, *_MAPPINGS, *_LISTS}
_KEY = "[key]"


class Fault(NamedTuple):
    """A sentence for a path; `on_key`: what is wrong is the key itself, not its value."""

    path: Path
    message: str
    on_key: bool


class _Finding(NamedTuple):
    path: Path
    details: ErrorDetails
    value: Any
    is_key: bool


def faults(error: ValidationError, data: Any, model: type[BaseModel] = Settings) -> list[Fault]:
    """Translates all errors of a validation of `data` into paths and sentences, one a path."""
    findings = [_finding(details, data) for details in error.errors(include_url=False, include_input=False)]
    by_path: dict[Path, list[_Finding]] = {}
    for finding in findings:
        by_path.setdefault(finding.path, []).append(finding)
    return [
        fault
        for path, group in by_path.items()
        if not (all(f.details["type"] in _SHAPES and not f.is_key for f in group) and _outdone(path, by_path))
        for fault in _faults_of(path, group, data, model)
    ]


def _faults_of(path: Path, group: list[_Finding], data: Any, model: type[BaseModel]) -> Iterator[Fault]:
    causes = [finding.details.get("ctx", {}).get("error") for finding in group]
    located = [cause for cause in causes if isinstance(cause, Located)]
    if not located:
        yield Fault(path, _sentence(group, data, model), any(finding.is_key for finding in group))
    for cause in located:
        yield from (Fault((*path, *below), message, False) for below, message in cause.problems)


def _outdone(path: Path, paths: Mapping[Path, object]) -> bool:
    """A union's other member got further into the value: its errors say more."""
    return any(len(other) > len(path) and other[: len(path)] == path for other in paths)


def _finding(details: ErrorDetails, data: Any) -> _Finding:
    """Finds the path of an error in the data; steps that are no keys are pydantic's names of union members."""
    path: list[str | int] = []
    value, key, location = data, None, details["loc"]
    for step in location:
        for key in _keys_like(step, value):
            path.append(step_of(key) if isinstance(value, Mapping) else key)
            value = value[key]
            break
    if details["type"] == "missing":
        path.append(location[-1])
    if details["type"] == KIND_ERROR:
        path.append("kind")
    is_key = location[-1:] == (_KEY,) or details["type"] in {"invalid_key", "extra_forbidden"}
    return _Finding(tuple(path), details, key if is_key else value, is_key)


def _keys_like(step: str | int, value: Any) -> list[Any]:
    """The key or index that pydantic means by `step`; it shows keys that are no text as text."""
    if isinstance(value, Mapping):
        return [step] if step in value else [key for key in value if str(key) == str(step)]
    if isinstance(step, int) and isinstance(value, Sequence) and not isinstance(value, str):
        return [step] if step < len(value) else []
    return []


def _sentence(group: list[_Finding], data: Any, model: type[BaseModel]) -> str:
    telling = [f for f in group if f.details["type"] not in _SHAPES] or group
    if any(f.details["type"] in _MAPPINGS and _names_a_secret(f.details) for f in telling):
        return "never write a secret here; write {env: NAME}, {file: PATH} or {credential: NAME}"
    said: list[str] = []
    for finding in telling:
        sentence = _one(finding, data, model)
        if sentence not in said:
            said.append(sentence)
    return " or ".join([said[0], *(s.removeprefix("write ") for s in said[1:])])


def _names_a_secret(details: ErrorDetails) -> bool:
    return details.get("ctx", {}).get("class_name") == "SecretRef"


def _one(finding: _Finding, data: Any, model: type[BaseModel]) -> str:
    kind, context = finding.details["type"], finding.details.get("ctx", {})
    if kind == "missing":
        return "is missing"
    if kind == "extra_forbidden":
        known = keys_at(model, finding.path[:-1], _kind_in(data, finding.path))
        return "unknown key" + did_you_mean(finding.path[-1], known)
    if kind == "invalid_key":
        return _as_text(finding.value, is_key=True)
    if kind == "value_error":
        return str(context.get("error", "this cannot be read"))
    if kind == "literal_error":
        words = [word.strip("' ") for word in str(context["expected"]).replace(" or ", ", ").split(", ")]
        return f"write {' or '.join(words)}" + did_you_mean(finding.value, words)
    return _shape(finding) or _bounds(kind, context) or finding.details["msg"]


def _shape(finding: _Finding) -> str | None:
    kind, value = finding.details["type"], finding.value
    if kind in {"string_type", "path_type"}:
        return _as_text(value, is_key=finding.is_key)
    if kind in _NUMBERS:
        return "write a whole number"
    if kind in _MAPPINGS:
        return "is empty; write keys below it" if value is None else "write keys and values here (key: value)"
    if kind in _LISTS:
        return "write a list, such as [a, b]"
    return "write true or false" if kind in {"bool_type", "bool_parsing"} else None


def _as_text(value: Any, *, is_key: bool) -> str:
    what = "this key" if is_key else "this"
    if isinstance(value, bool):
        return f"YAML read {what} as true or false; quote it"
    if isinstance(value, int | float):
        return f"YAML read {what} as a number; quote it"
    if value is None:
        return f"YAML read {what} as nothing; quote it" if is_key else "is empty; write a text"
    return "write a text"


def _bounds(kind: str, context: Mapping[str, Any]) -> str | None:
    words = {"greater_than_equal": ("at least", "ge"), "less_than_equal": ("at most", "le")}
    if kind in words:
        word, key = words[kind]
        return f"must be {word} {context[key]}"
    if kind in {"string_too_short", "too_short"}:
        return "is empty; write something"
    return None


def _kind_in(data: Any, path: Path) -> object:
    """The `kind` of the source or destination that a path lies in."""
    entry = data.get(path[0], {}).get(path[1]) if len(path) >= 2 and isinstance(data.get(path[0]), Mapping) else None
    return entry.get("kind") if isinstance(entry, Mapping) else None
