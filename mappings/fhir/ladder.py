"""How a resource is read: strictly if it can be, without its broken parts if it must be, else not at all.

The rungs: (1) the shape's own rules; (2) fhir.resources on the mapped elements, broken elements cut out one by one;
(3) id, status and references alone; then the resource is unreadable. No rung looks at elements that are not mapped.
fhir.resources 8 has models for R4B, which read R4 as well, and for R5.
"""

import re
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import import_module
from typing import Any, Literal, NamedTuple, get_args

import msgspec
from pydantic import ValidationError

from mappings.fhir.moment import read_moment
from mappings.fhir.shapes import SHAPES, Resource, Shape
from mappings.records import Warned

Release = Literal["R4B", "R5"]
Tree = Mapping[str, "Tree | None"]
Place = tuple[str | int, ...]

_OUR_OWN = ("extension", "contained")
"""Read for what we know in them; other vendors' contents must not cost the resource."""

_MINIMAL = frozenset(
    {"id", "status", "intent", "participant", "subject", "patient", "beneficiary", "location", "episodeOfCare"}
)
_ROUNDS = 4
_PATH = re.compile(r" - at `\$([^`]*)`")
_STEP = re.compile(r"\.(\w+)|\[(\d+)\]")


class Reading(NamedTuple):
    """A resource as far as it could be read, with what was cut out (FHIR path and code, never a value)."""

    resource: Resource
    warnings: tuple[Warned, ...] = ()


def read_resource(release: Release, kind: str, body: bytes) -> Reading | None:
    """Reads the mapped elements of one resource of type `kind`; None when it cannot be read as FHIR at all."""
    try:
        resource = _decoder(release, kind).decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _read_tolerantly(release, kind, body)
    return Reading(resource) if resource.whole() else _read_tolerantly(release, kind, body)


@cache
def _decoder(release: Release, kind: str) -> msgspec.json.Decoder[Resource]:
    return msgspec.json.Decoder(SHAPES[release][kind], dec_hook=read_moment)


def _read_tolerantly(release: Release, kind: str, body: bytes) -> Reading | None:
    try:
        document = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    if not isinstance(document, dict):
        return None
    chosen = _project(document, _tree(SHAPES[release][kind]))
    warnings = _one_deceased(chosen)
    warnings += _judge(release, kind, chosen)
    resource, more = _convert(SHAPES[release][kind], chosen)
    if resource is None:
        return None
    return Reading(resource, tuple(dict.fromkeys(warnings + more)))


def _one_deceased(document: dict[str, Any]) -> list[Warned]:
    if "deceasedBoolean" in document and "deceasedDateTime" in document:
        del document["deceasedBoolean"]
        return [Warned("deceased[x]", "two_values")]
    return []


def _judge(release: Release, kind: str, document: dict[str, Any]) -> list[Warned]:
    """Cuts out of the document what fhir.resources refuses; a required element that is missing is only reported."""
    warnings: list[Warned] = []
    for _ in range(_ROUNDS):
        missing, broken = _faults(release, kind, document)
        if not broken:
            return warnings + [Warned(_path(place), "missing_element") for place in missing]
        warnings += [Warned(_path(place), "unusable_element") for place in broken]
        if not _cut(document, broken):
            break
    for name in document.keys() - _MINIMAL:
        del document[name]
    warnings.append(Warned(kind, "minimal_reading"))
    return warnings


def _faults(release: Release, kind: str, document: Mapping[str, Any]) -> tuple[list[Place], list[Place]]:
    """The places of missing and of broken elements; the whole document, (), when the library itself fails."""
    judged = {name: value for name, value in document.items() if name not in _OUR_OWN}
    try:
        _model(release, kind).model_validate(judged)
    except ValidationError as error:
        found = [(fault["type"].endswith("missing"), fault["loc"]) for fault in error.errors(include_url=False)]
        return [loc for gone, loc in found if gone], [loc for gone, loc in found if not gone]
    except Exception:  # fhir.resources raises KeyError and others on what it does not know
        return [], [()]
    return [], []


@cache
def _model(release: Release, kind: str) -> Any:
    package = "fhir.resources.R4B" if release == "R4B" else "fhir.resources"
    return getattr(import_module(f"{package}.{kind.lower()}"), kind)


def _convert(shape: type[Resource], document: dict[str, Any]) -> tuple[Resource | None, list[Warned]]:
    """Fills the shape; what FHIR allows but a row cannot hold (a null in a list, a fraction of a visit) is cut out."""
    warnings: list[Warned] = []
    for _ in range(16):
        try:
            return msgspec.convert(document, shape, dec_hook=read_moment), warnings
        except msgspec.ValidationError as error:
            place = _place(str(error))
        warnings.append(Warned(_path(place), "unusable_element"))
        if not _cut(document, [place]):
            break
    return None, warnings


def _place(message: str) -> Place:
    match = _PATH.search(message)
    steps = _STEP.findall(match[1]) if match else []
    return tuple(int(index) if index else name for name, index in steps)


def _path(place: Place) -> str:
    """The FHIR path without list positions, `name.given`."""
    return ".".join(str(step) for step in place if isinstance(step, str)) or "resource"


def _cut(document: dict[str, Any], places: Sequence[Place]) -> bool:
    """Removes each place, the last of a list first; False when one of them cannot be removed."""
    removed = [_remove(document, place) for place in sorted(set(places), key=_order, reverse=True)]
    return all(removed)


def _order(place: Place) -> tuple[tuple[int, str], ...]:
    return tuple((step, "") if isinstance(step, int) else (-1, step) for step in place)


def _remove(document: dict[str, Any], place: Place) -> bool:
    holder: Any = document
    trail: list[tuple[Any, str | int]] = []
    for step in place:
        if not _holds(holder, step):
            break
        trail.append((holder, step))
        holder = holder[step]
    if not trail:
        return False
    inner, step = trail[-1]
    del inner[step]
    return True


def _holds(holder: Any, step: str | int) -> bool:
    if isinstance(holder, list):
        return isinstance(step, int) and step < len(holder)
    return isinstance(holder, dict) and step in holder


def _project(document: Mapping[str, Any], tree: Tree) -> dict[str, Any]:
    """A copy that holds mapped elements only; values are left as they are."""
    return {name: _projected(document[name], tree[name]) for name in tree if document.get(name) is not None}


def _projected(value: Any, tree: Tree | None) -> Any:
    if tree is None:
        return value
    if isinstance(value, list):
        return [_projected(item, tree) for item in value]
    return _project(value, tree) if isinstance(value, dict) else value


@cache
def _tree(shape: type[Shape]) -> Tree:
    return {field.encode_name: _subtree(field.type) for field in msgspec.structs.fields(shape)}


def _subtree(annotation: Any) -> Tree | None:
    if isinstance(annotation, type) and issubclass(annotation, Shape):
        return _tree(annotation)
    return next((tree for part in get_args(annotation) if (tree := _subtree(part)) is not None), None)
