"""Which settings model belongs to a `kind:`; modules are imported only for the kinds that are used."""

from collections.abc import Mapping
from importlib import import_module
from typing import Any, cast

from pydantic import ValidationInfo
from pydantic_core import PydanticCustomError

from config.problem import did_you_mean
from connectors import registry
from connectors.settings import DestinationSettings, SourceSettings

KIND_ERROR = "kind"
"""The error type of a missing or unknown kind; it belongs to the key `kind` of the value it is raised for."""


def kinds_of(group: str) -> Mapping[str, str]:
    """The registry of `sources` or `destinations`: kind -> "module:Class"."""
    return registry.SOURCES if group == "sources" else registry.DESTINATIONS


def settings_model(group: str, kind: object) -> type[SourceSettings] | type[DestinationSettings] | None:
    """Imports the connector of a kind and returns its settings model; None for an unknown kind."""
    target = kinds_of(group).get(kind) if isinstance(kind, str) else None
    if target is None:
        return None
    module, _, name = target.partition(":")
    connector = getattr(import_module(module), name)
    return cast("type[SourceSettings] | type[DestinationSettings]", connector.settings_model)


def source_of(value: Any, info: ValidationInfo) -> Any:
    """Reads one source by its kind (a validator: errors keep the path of the value)."""
    return _by_kind("sources", value, info)


def destination_of(value: Any, info: ValidationInfo) -> Any:
    """Reads one destination by its kind (a validator: errors keep the path of the value)."""
    return _by_kind("destinations", value, info)


def _by_kind(group: str, value: Any, info: ValidationInfo) -> Any:
    if not isinstance(value, Mapping):
        return value
    known = sorted(kinds_of(group))
    if value.get("kind") is None:
        raise PydanticCustomError(KIND_ERROR, "is missing; known are {known}", {"known": ", ".join(known)})
    model = settings_model(group, value["kind"])
    if model is None:
        hint = did_you_mean(value["kind"], known)
        message = "unknown kind; known are {known}{hint}"
        raise PydanticCustomError(KIND_ERROR, message, {"known": ", ".join(known), "hint": hint})
    return model.model_validate(value, context=info.context)
