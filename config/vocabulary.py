"""Which keys may stand at a place of the configuration, read off the settings models."""

from collections.abc import Iterable, Mapping, Sequence
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel

from config.kinds import settings_model
from config.problem import Path


def keys_at(model: type[BaseModel], path: Path, kind: object) -> list[str]:
    """The keys that may stand under `path` of a model; `kind` is that of the source or destination it lies in, if any."""
    annotations: list[Any] = [model]
    steps = path
    if len(path) >= 2 and path[0] in {"sources", "destinations"}:
        annotations, steps = [settings_model(str(path[0]), kind)], path[2:]
    for step in steps:
        annotations = [inner for annotation in annotations for inner in _below(annotation, step)]
    return [key for annotation in annotations for choice in _alternatives(annotation) for key in _fields(choice)]


def _below(annotation: Any, step: str | int) -> Iterable[Any]:
    for choice in _alternatives(annotation):
        origin, arguments = get_origin(choice), get_args(choice)
        if str(step) in _fields(choice):
            yield choice.model_fields[str(step)].annotation
        elif isinstance(origin, type) and arguments and issubclass(origin, Mapping | Sequence):
            yield arguments[1] if issubclass(origin, Mapping) else arguments[0]


def _alternatives(annotation: Any) -> Iterable[Any]:
    """Takes a type out of Annotated and splits unions."""
    origin = get_origin(annotation)
    if origin is Annotated:
        yield from _alternatives(get_args(annotation)[0])
    elif origin in {Union, UnionType}:
        for choice in get_args(annotation):
            yield from _alternatives(choice)
    else:
        yield annotation


def _fields(model: Any) -> Iterable[str]:
    return model.model_fields if isinstance(model, type) and issubclass(model, BaseModel) else ()
