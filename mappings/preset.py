"""Presets: column maps for known exports, kept as package data beside this module."""

from collections.abc import Iterator, Mapping
from functools import cache
from importlib import resources
from typing import Any, Literal

import msgspec
from ruamel.yaml import YAML

from mappings.records import Channel, Kind, Purpose, VisitStatus

SnapshotRule = Literal["full", "window", "flags", "delta"]


class PresetOnce(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A booked visit becomes `status` as soon as `column` is filled."""

    column: str
    status: VisitStatus


class PresetSign(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One of several columns that together say one thing: filled (or one of `words`), it gives `word`."""

    column: str
    word: str
    words: tuple[str, ...] = ()


class PresetColumn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A column of a known export; without `column` the operator names it and the map waits for that.

    `time` is the column with the time of day, `signs` are asked in order before the column itself is read.
    """

    column: str | None = None
    map: dict[str, str] = {}
    default: str | None = None
    formats: tuple[str, ...] = ()
    once: PresetOnce | None = None
    time: str | None = None
    signs: tuple[PresetSign, ...] = ()


class PresetFlag(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The export flag of a table."""

    column: str
    removed: tuple[str, ...]


class PresetIdentity(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Columns that together name a row, where its id does not last."""

    columns: tuple[str, ...]
    day: str | None = None
    newest: str | None = None


class PresetConsent(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A column of a patients table that states consent; the operator's entry for the same column takes its place."""

    column: str
    channels: tuple[Channel, ...]
    purposes: tuple[Purpose, ...]
    evidence: str
    yes: tuple[str, ...] = ()
    no: tuple[str, ...] = ()


class PresetTable(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One table of an export. `optional`: it takes part only where the operator lists it under `tables:`.

    A row whose `only_with` column is empty is none of ours.
    """

    kind: Kind
    files: tuple[str, ...]
    snapshot: SnapshotRule = "delta"
    columns: dict[str, PresetColumn] = {}
    target: Literal["patient", "episode"] = "patient"
    flag: PresetFlag | None = None
    identity: PresetIdentity | None = None
    consents: tuple[PresetConsent, ...] = ()
    only_with: str | None = None
    sees_ahead: int | None = None
    optional: bool = False

    def places(self) -> Iterator[str]:
        """Every column that the table knows of."""
        for column in self.columns.values():
            yield from (name for name in (column.column, column.time) if name is not None)
            yield from (sign.column for sign in column.signs)
            yield from (column.once.column,) if column.once is not None else ()
        yield from (entry.column for entry in self.consents)
        yield from self.identity.columns if self.identity is not None else ()
        beside = (self.only_with, self.flag.column if self.flag is not None else None)
        yield from (name for name in beside if name is not None)


class Preset(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A known export: what it is, where its columns are published, its tables and its payer words.

    `sees_ahead` of a table is in days; the tables of `together` are exported together.
    """

    tables: dict[str, PresetTable]
    together: tuple[str, ...] = ()
    payers: dict[str, tuple[str, ...]] = {}
    about: str = ""
    published: tuple[str, ...] = ()

    def sees_ahead(self) -> int | None:
        """Days that the export's narrowest table looks ahead; None = everything."""
        return min((table.sees_ahead for table in self.tables.values() if table.sees_ahead is not None), default=None)


def preset_names() -> list[str]:
    """The names of the presets that ship."""
    names = (entry.name for entry in resources.files("mappings").joinpath("presets").iterdir())
    return sorted(name.removesuffix(".yaml") for name in names if name.endswith(".yaml"))


@cache
def load_preset(name: str) -> Preset:
    """Loads a preset that ships; raises KeyError for a name that none has."""
    if name not in preset_names():
        raise KeyError(name)
    text = resources.files("mappings").joinpath("presets", f"{name}.yaml").read_text(encoding="utf-8")
    content: Mapping[str, Any] = YAML(typ="safe", pure=True).load(text)
    return msgspec.convert(_with_short_columns(content), Preset)


def _with_short_columns(content: Mapping[str, Any]) -> dict[str, Any]:
    """A column may be written as its bare name."""
    tables = {
        name: dict(table)
        | {
            "columns": {
                canonical: {"column": column} if isinstance(column, str) else column
                for canonical, column in (table.get("columns") or {}).items()
            }
        }
        for name, table in content["tables"].items()
    }
    return dict(content) | {"tables": tables}
