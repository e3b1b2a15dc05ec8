"""Settings of a tabular source: a preset's tables or feeds of its own, columns, and how files are read and dated."""

import codecs
import difflib
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Annotated, Any, ClassVar

from pydantic import AfterValidator, BeforeValidator, Field, field_validator, model_validator

from connectors.base import SnapshotRule
from connectors.settings import ConfigPath, SiteMap, Strict
from connectors.tabular.arrival_settings import ArrivalSettings
from connectors.tabular.export_sets import SetSettings
from mappings.canonical import CANONICAL, REQUIRED
from mappings.consent import PURPOSES
from mappings.payers import PAYER_CLASSES
from mappings.preset import PresetTable, load_preset, preset_names
from mappings.records import Kind, Purpose
from mappings.words import read_status


def _inside(pattern: str) -> str:
    path = PurePosixPath(pattern)
    if not pattern or path.is_absolute() or ".." in path.parts:
        raise ValueError("a file pattern is relative to the source's folder and stays in it, such as patients-*.csv")
    return pattern


def _as_tuple(value: object) -> object:
    return (value,) if isinstance(value, str) else value


Pattern = Annotated[str, AfterValidator(_inside)]
Patterns = Annotated[tuple[Pattern, ...], BeforeValidator(_as_tuple), Field(min_length=1)]


class ColumnSettings(Strict):
    """A column by name, with a map of its codes, a default, the formats of its dates, and the column of its time of day.

    A format is a strptime pattern, or excel (excel-1904) for a spreadsheet's day numbers.
    """

    column: str
    time: str | None = None
    map: Mapping[str, str] = Field(default_factory=dict)
    default: str | None = None
    formats: tuple[str, ...] = ()


def _as_column(value: object) -> object:
    return {"column": value} if isinstance(value, str) else value


ColumnOrName = Annotated[ColumnSettings, BeforeValidator(_as_column)]
Columns = dict[str, ColumnOrName]


class TableSettings(Strict):
    """What the operator states or overrides of one of the preset's tables."""

    files: Patterns | None = None
    columns: Columns = Field(default_factory=dict)
    snapshot: SnapshotRule | None = None


class FeedSettings(Strict):
    """A feed without a preset; columns not named here are those called like the canonical names."""

    files: Patterns
    columns: Columns = Field(default_factory=dict)
    snapshot: SnapshotRule = "delta"

    @field_validator("snapshot")
    @classmethod
    def _no_flags(cls, value: SnapshotRule) -> SnapshotRule:
        if value == "flags":
            raise ValueError("flags needs a preset that knows the export flag; write full, window or delta")
        return value


class DaylessFeedSettings(FeedSettings):
    """A feed whose rows have no day that a window could speak of."""

    @field_validator("snapshot")
    @classmethod
    def _no_window(cls, value: SnapshotRule) -> SnapshotRule:
        if value == "window":
            raise ValueError("window is for appointments; write full or delta")
        return value


def _named_in(kind: Kind) -> AfterValidator:
    def check(name: str) -> str:
        if name not in CANONICAL[kind]:
            raise ValueError(f"no such canonical name{_close(name, CANONICAL[kind])}")
        return name

    return AfterValidator(check)


PatientName = Annotated[str, _named_in("patients")]
VisitName = Annotated[str, _named_in("appointments")]
EpisodeName = Annotated[str, _named_in("episodes")]
SurveyName = Annotated[str, _named_in("surveys")]
ConsentName = Annotated[str, _named_in("consents")]


class PatientFeedSettings(DaylessFeedSettings):
    """The patients feed."""

    columns: dict[PatientName, ColumnOrName] = Field(default_factory=dict)


class VisitFeedSettings(FeedSettings):
    """The appointments feed."""

    columns: dict[VisitName, ColumnOrName] = Field(default_factory=dict)


class EpisodeFeedSettings(DaylessFeedSettings):
    """The episodes feed."""

    columns: dict[EpisodeName, ColumnOrName] = Field(default_factory=dict)


class SurveyFeedSettings(DaylessFeedSettings):
    """The surveys feed: scores by patient_id or email."""

    columns: dict[SurveyName, ColumnOrName] = Field(default_factory=dict)


class ConsentFeedSettings(DaylessFeedSettings):
    """Decisions on being contacted as a feed of their own, by the patient's id or by address."""

    columns: dict[ConsentName, ColumnOrName] = Field(default_factory=dict)


class TabularSettings(ArrivalSettings):
    """A folder of CSV or XLSX files."""

    folder: ConfigPath
    preset: str | None = None
    tables: dict[str, TableSettings] = Field(default_factory=dict)
    patients: PatientFeedSettings | None = None
    appointments: VisitFeedSettings | None = None
    episodes: EpisodeFeedSettings | None = None
    surveys: SurveyFeedSettings | None = None
    consents: ConsentFeedSettings | None = None
    encoding: str | None = None
    delimiter: str = Field(default=",", min_length=1, max_length=1)

    INLINE: ClassVar[tuple[Kind, ...]] = ("patients", "appointments", "episodes", "surveys", "consents")

    @model_validator(mode="before")
    @classmethod
    def _look_ahead_of_preset(cls, values: Any) -> Any:
        """A preset's look ahead holds where the operator gives none."""
        if isinstance(values, dict) and values.get("preset") in preset_names() and "sees_ahead" not in values:
            days = load_preset(values["preset"]).sees_ahead()
            return values if days is None else values | {"sees_ahead": f"{days}d"}
        return values

    @field_validator("site")
    @classmethod
    def _no_location(cls, value: str | SiteMap | None) -> str | SiteMap | None:
        if isinstance(value, SiteMap) and value.by == "location":
            raise ValueError(
                "a table names no FHIR location: write {column: NAME, map: {…}}, {by: folder, …} or one site"
            )
        return value

    @field_validator("preset")
    @classmethod
    def _known_preset(cls, value: str | None) -> str | None:
        if value is not None and value not in preset_names():
            raise ValueError("no such preset; there are " + ", ".join(preset_names()))
        return value

    @field_validator("encoding")
    @classmethod
    def _known_encoding(cls, value: str | None) -> str | None:
        try:
            codecs.lookup(value or "utf-8")
        except LookupError:
            raise ValueError("no such encoding; write for example cp1252") from None
        return value

    @field_validator("payers")
    @classmethod
    def _known_payers(cls, value: Mapping[str, tuple[str, ...]]) -> Mapping[str, tuple[str, ...]]:
        for name in value:
            if name not in PAYER_CLASSES:
                raise ValueError("the keys are payer classes: " + ", ".join(PAYER_CLASSES))
        return value

    @model_validator(mode="after")
    def _feeds(self) -> "TabularSettings":
        problems = [
            *self._shape_problems(),
            *self._column_problems(),
            *self.misnamed([*self.preset_tables(), *self.inline()]),
        ]
        if problems:
            raise ValueError("; ".join(problems))
        return self

    def inline(self) -> dict[Kind, FeedSettings]:
        """The feeds that stand in the source itself."""
        feeds = {kind: getattr(self, kind) for kind in self.INLINE}
        return {kind: feed for kind, feed in feeds.items() if feed is not None}

    def preset_tables(self) -> dict[str, PresetTable]:
        """The preset's tables that take part: all but the optional ones that the operator does not list."""
        if self.preset is None:
            return {}
        tables = load_preset(self.preset).tables
        return {name: table for name, table in tables.items() if not table.optional or name in self.tables}

    def fed(self) -> set[str]:
        """The feeds that it can fill; a side table fills what it adds to."""
        tables = self.preset_tables().values()
        sides = {
            "patients" if table.target == "patient" else "episodes" for table in tables if table.kind == "supplements"
        }
        return {table.kind for table in tables if table.kind != "supplements"} | sides | set(self.inline())

    def set_of_tables(self) -> SetSettings:
        """The tables that land together: as stated, else those of the preset's set that take part."""
        preset = load_preset(self.preset).together if self.preset is not None else ()
        return self.set_of([table for table in preset if table in self.preset_tables()])

    def consented(self) -> frozenset[Purpose]:
        """The purposes of which a feed of decisions may speak."""
        return frozenset(PURPOSES) if self.consents is not None else frozenset()

    def missing(self) -> list[str]:
        """What the preset cannot know and the operator has not stated, as `tables.TABLE.columns.NAME`."""
        gaps = []
        for name, table in self.preset_tables().items():
            stated = self.tables[name].columns if name in self.tables else {}
            known = {canonical for canonical, column in table.columns.items() if column.column is not None}
            joined = {"external_id"} if table.identity else set()
            gaps += [
                f"tables.{name}.columns.{required}"
                for required in REQUIRED[table.kind]
                if required not in known | joined | stated.keys()
            ]
        return gaps

    def _shape_problems(self) -> list[str]:
        if self.preset is None and not self.inline():
            return ["give a preset, or at least one of patients, appointments, episodes, surveys, consents"]
        if self.preset is None and self.tables:
            return [
                "tables: belongs to a preset; name one, or write patients:, appointments:, episodes:, surveys:, consents:"
            ]
        if self.preset is None:
            return []
        known = load_preset(self.preset).tables
        return [
            f"tables: the preset has no table {name!r}{_close(name, known)}"
            for name in self.tables
            if name not in known
        ]

    def _column_problems(self) -> list[str]:
        known = load_preset(self.preset).tables if self.preset else {}
        stated: list[tuple[str, Kind, Columns]] = [(kind, kind, feed.columns) for kind, feed in self.inline().items()]
        stated += [
            (f"tables.{name}", known[name].kind, table.columns) for name, table in self.tables.items() if name in known
        ]
        return [
            f"{where}.columns.{name}: {trouble}"
            for where, kind, columns in stated
            for name, column in columns.items()
            for trouble in _troubles(kind, name, column)
        ]


def _troubles(kind: Kind, name: str, column: ColumnSettings) -> list[str]:
    if name not in CANONICAL[kind]:
        return [f"no such canonical name{_close(name, CANONICAL[kind])}"]
    if column.time is not None and CANONICAL[kind][name] != "moment":
        return ["time: belongs to an instant: starts_at, ends_at or created_at"]
    if CANONICAL[kind][name] != "status":
        return []
    words = [*column.map.values(), *([column.default] if column.default is not None else [])]
    return ["map and default give proposed, booked, arrived, fulfilled, cancelled or noshow"] * (
        not all(_is_status(word) for word in words)
    )


def _is_status(word: str) -> bool:
    try:
        read_status(word)
    except ValueError:
        return False
    return True


def _close(name: str, known: Mapping[str, object]) -> str:
    near = difflib.get_close_matches(name, known, n=3)
    return f" (did you mean {' or '.join(near)}?)" if near else ""
