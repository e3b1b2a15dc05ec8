"""The JSON schema of the configuration for editors; `python -m config.schema` writes it anew."""

import json
import re
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from config.kinds import kinds_of, settings_model
from config.operators import OperatorsFile
from config.settings import Settings
from mappings.facts import FACTS

FILE = Path(__file__).with_name("schema.json")
_DURATION = r"^\s*\d+\s*(s|m|h|d|seconds?|minutes?|hours?|days?|weeks?)\s*$"
_GROUPS = {"sources": "SourceSettings", "destinations": "DestinationSettings"}


def schema() -> dict[str, Any]:
    """Returns the schema (draft 2020-12) of the main file and of the files in operators/."""
    by_kind = {(group, kind): settings_model(group, kind) for group in _GROUPS for kind in sorted(kinds_of(group))}
    models: list[type[BaseModel]] = [Settings, OperatorsFile, *(model for model in by_kind.values() if model)]
    references, whole = models_json_schema([(model, "validation") for model in models])
    definitions = _tidied(whole["$defs"])
    for group, base in _GROUPS.items():
        kinds = {kind: references[model, "validation"] for (g, kind), model in by_kind.items() if g == group and model}
        definitions[base] = _one_of_kinds(kinds)
    definitions["Rule"] = _rule()
    for model in ("SegmentSettings", "PlaybookEntry"):
        for key in ("who", "leave_when"):
            definitions[model]["properties"][key] = {"$ref": "#/$defs/Rule"}
    main = definitions["Settings"]["properties"]
    main["sites"] = {"anyOf": [_sites_file(), main["sites"]]}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "prm-sync",
        "anyOf": [{"$ref": "#/$defs/Settings"}, {"$ref": "#/$defs/OperatorsFile"}],
        "$defs": dict(sorted(definitions.items())),
    }


def text() -> str:
    """Returns the schema as it stands in files."""
    return json.dumps(schema(), indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def _one_of_kinds(kinds: dict[str, Any]) -> dict[str, Any]:
    """`kind` decides which model applies; editors follow if/then better than a union."""
    return {
        "type": "object",
        "required": ["kind"],
        "properties": {"kind": {"enum": list(kinds)}},
        "allOf": [
            {"if": {"properties": {"kind": {"const": kind}}}, "then": reference} for kind, reference in kinds.items()
        ],
    }


def _rule() -> dict[str, Any]:
    """The facts as keys, so that an editor can offer them; what each may be asked, `check` says."""
    rule = {"$ref": "#/$defs/Rule"}
    return {
        "type": "object",
        "additionalProperties": False,
        "properties": {
            **{fact.name: {"description": fact.sentence} for fact in FACTS.values()},
            "any": {"type": "array", "items": rule},
            "not": rule,
        },
    }


def _sites_file() -> dict[str, Any]:
    return {
        "type": "object",
        "additionalProperties": False,
        "required": ["file"],
        "properties": {"file": {"type": "string"}},
    }


def _tidied(node: Any) -> Any:
    """Writes durations as people do, leaves out pydantic's defaults (in its own spelling), joins wrapped docstrings."""
    if isinstance(node, list):
        return [_tidied(item) for item in node]
    if not isinstance(node, dict):
        return node
    if node.get("format") == "duration":
        kept = {key: node[key] for key in ("title", "description") if key in node}
        return {**kept, "type": "string", "pattern": _DURATION}
    return {key: _part(key, value) for key, value in node.items() if key != "default"}


def _part(key: str, value: Any) -> Any:
    if key == "properties":
        return {name: _brief(name, _tidied(own)) for name, own in value.items()}
    return re.sub(r"\s+", " ", value) if key == "description" else _tidied(value)


def _brief(name: str, own: dict[str, Any]) -> dict[str, Any]:
    """A column may be written as its name alone, one file pattern without a list (validators that no schema shows)."""
    if name == "columns" and "additionalProperties" in own:
        return {**own, "additionalProperties": {"anyOf": [{"type": "string"}, own["additionalProperties"]]}}
    if name == "files" and "anyOf" not in own:
        return {"anyOf": [{"type": "string"}, own]}
    return {"anyOf": [{"type": "string"}, *own["anyOf"]]} if name == "files" else own


if __name__ == "__main__":
    FILE.write_text(text(), encoding="utf-8")
