"""A YAML file as plain data with the place of every key and value.

Scalars follow the core schema of YAML 1.2 (yaml.org/spec/1.2.2, section 10.3): `no`, `12:30` and dates stay text.
"""

import re
from dataclasses import dataclass, field
from pathlib import Path as FilePath
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import CollectionNode, MappingNode, Node, ScalarNode
from ruamel.yaml.reader import ReaderError

from config.problem import ConfigError, Path, Place, Problem, at

_MOST_BYTES = 5_000_000
_MOST_NODES = 200_000
"""Aliases are expanded: nine nested ones make a billion nodes out of a few lines."""

_TAG = "tag:yaml.org,2002:"
_NULL = frozenset({"", "~", "null", "Null", "NULL"})
_BOOL = {word: word.lower() == "true" for word in ("true", "True", "TRUE", "false", "False", "FALSE")}
_INT = re.compile(r"[-+]?[0-9]{1,18}")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"")


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """One file: its data (None when it holds nothing), where each value and key stands, what is wrong with its form."""

    file: str
    data: Any
    places: dict[Path, Place]
    keys: dict[Path, Place] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)


def read_document(path: FilePath, root: Path = ()) -> Document:
    """Reads a file whose top stands at `root` of the whole configuration.

    Raises ConfigError when it cannot be read, is not UTF-8 or is no YAML; duplicate keys are only listed.
    """
    file = str(path)
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise _refused(file, "the file is larger than 5 MB; this is no configuration")
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise _refused(file, f"cannot be read ({error.strerror})") from None
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise _refused(file, "this is not UTF-8; save the file as UTF-8", line) from None
    return _built(file, text, root)


def _refused(file: str, message: str, line: int = 1, column: int = 1) -> ConfigError:
    return ConfigError([Problem(file, line, column, "", message)])


def _built(file: str, text: str, root: Path) -> Document:
    builder = _Builder(file)
    try:
        node = YAML(typ="safe", pure=True).compose(text)
        if node is None:
            return Document(file=file, data=None, places={root: Place(file, 1, 1)})
        data = builder.value(node, root, Place(file, 1, 1))
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        raise _refused(file, _wording(error), line, column) from None
    except ReaderError as error:
        line = text[: error.position].count("\n") + 1
        raise _refused(file, "a control character stands here; remove it", line) from None
    except RecursionError:
        raise _refused(file, "nested too deeply; this is no configuration") from None
    except YAMLError:
        raise _refused(file, "this is no YAML") from None
    return Document(file=file, data=data, places=builder.places, keys=builder.keys, problems=builder.problems)


def _wording(error: MarkedYAMLError) -> str:
    """What the parser says, without the words of the file that it quotes; its own tokens are short or in <>."""
    said = " ".join(part for part in (error.context, error.problem) if part)
    if "'\\t'" in said:
        return "this is no YAML: a tab stands here; indent with spaces"
    shown = _QUOTED.sub(lambda quoted: quoted[0] if len(quoted[0]) <= 4 or quoted[0][1] == "<" else "…", said)
    return f"this is no YAML: {shown}"


class _Builder:
    """Turns nodes into data; keeps what it learns on the way."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.places: dict[Path, Place] = {}
        self.keys: dict[Path, Place] = {}
        self.problems: list[Problem] = []
        self._made = 0
        self._open: set[int] = set()

    def value(self, node: Node, path: Path, key_place: Place) -> Any:
        place = self._place(node)
        in_block = isinstance(node, CollectionNode) and not node.flow_style
        self.places[path] = key_place if in_block else place
        self._made += 1
        if self._made > _MOST_NODES or id(node) in self._open:
            raise _refused(self.file, "aliases (*name) expand without end here; write the values out", *place[1:])
        if isinstance(node, ScalarNode):
            return self._scalar(node, path)
        self._check_tag(node, path)
        self._open.add(id(node))
        data = self._mapping(node, path) if isinstance(node, MappingNode) else self._sequence(node, path)
        self._open.discard(id(node))
        return data

    def _mapping(self, node: MappingNode, path: Path) -> dict[Any, Any]:
        data: dict[Any, Any] = {}
        first: dict[Any, int] = {}
        for key_node, value_node in node.value:
            place = self._place(key_node)
            if not isinstance(key_node, ScalarNode):
                self.problems.append(at(place, path, "a key must be a plain word"))
                continue
            key = self._scalar(key_node, path)
            if key in first:
                message = f"is given twice (first in line {first[key]}); keep one"
                self.problems.append(at(place, (*path, step_of(key)), message))
                continue
            first[key] = place.line
            self.keys[*path, step_of(key)] = place
            data[key] = self.value(value_node, (*path, step_of(key)), place)
        return data

    def _sequence(self, node: Node, path: Path) -> list[Any]:
        return [self.value(item, (*path, index), self._place(item)) for index, item in enumerate(node.value)]

    def _scalar(self, node: ScalarNode, path: Path) -> Any:
        text: str = node.value
        self._check_tag(node, path)
        if node.style is not None or node.tag == _TAG + "str":
            return text
        if text in _NULL:
            return None
        if text in _BOOL:
            return _BOOL[text]
        if _INT.fullmatch(text):
            return int(text)
        return float(text) if _FLOAT.fullmatch(text) and not text.lstrip("+-").isdigit() else text

    def _check_tag(self, node: Node, path: Path) -> None:
        if not str(node.tag).startswith(_TAG):
            message = "tags (!name) are not used here; quote the text if it begins with !"
            self.problems.append(at(self._place(node), path, message))

    def _place(self, node: Node) -> Place:
        return Place(self.file, node.start_mark.line + 1, node.start_mark.column + 1)


def step_of(key: object) -> str:
    """A key as a step of a path; an index is always of a list."""
    return key if isinstance(key, str) else "null" if key is None else str(key)
