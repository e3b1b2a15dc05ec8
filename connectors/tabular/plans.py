"""From settings to plans: the preset's columns, overridden by name by what the operator states."""

from collections.abc import Mapping
from typing import NamedTuple

from msgspec.structs import replace

from connectors.base import SnapshotRule
from connectors.settings import ConsentSettings, DatedBy, SiteMap
from connectors.tabular.settings import Columns, ColumnSettings, TableSettings, TabularSettings
from mappings.canonical import REQUIRED
from mappings.plan import Column, ConsentPlan, Flag, Identity, Once, Plan, Sign, SitePlan
from mappings.preset import PresetColumn, PresetConsent, PresetTable, load_preset


class FeedPlan(NamedTuple):
    """A feed: its plan, the patterns of its files, and what a missing row means."""

    plan: Plan
    patterns: tuple[str, ...]
    snapshot: SnapshotRule


def feed_plans(settings: TabularSettings) -> list[FeedPlan]:
    """Every feed in a fixed order: the preset's tables, then the source's own feeds, patients first."""
    feeds = [
        _of_table(name, table, settings.tables.get(name, TableSettings()), settings)
        for name, table in settings.preset_tables().items()
    ]
    generic = load_preset("generic").tables
    for kind, feed in settings.inline().items():
        stated = TableSettings(files=feed.files, columns=feed.columns, snapshot=feed.snapshot)
        feeds.append(_of_table(kind, generic[kind], stated, settings))
    return feeds


def _of_table(name: str, table: PresetTable, stated: TableSettings, settings: TabularSettings) -> FeedPlan:
    columns = _complete(table, merged(table.columns, stated.columns))
    plan = Plan(
        table=name,
        kind=table.kind,
        columns=columns,
        site=site_plan(settings.site) if table.kind != "consents" else SitePlan(),
        consents=_consents(table, settings) if table.kind == "patients" else (),
        target=table.target,
        flag=Flag(table.flag.column, frozenset(table.flag.removed)) if table.flag else None,
        identity=_identity_of(table, stated, columns),
        only_with=table.only_with,
    )
    return FeedPlan(plan, stated.files or table.files, stated.snapshot or table.snapshot)


def _consents(table: PresetTable, settings: TabularSettings) -> tuple[ConsentPlan, ...]:
    """The operator's entries, and those of the preset for columns that the operator says nothing of."""
    stated = tuple(map(consent_plan, settings.consent))
    named = {entry.column for entry in stated}
    return (*stated, *(_known_consent(entry) for entry in table.consents if entry.column not in named))


def _known_consent(entry: PresetConsent) -> ConsentPlan:
    return ConsentPlan(
        column=entry.column,
        always=None,
        yes=frozenset(word.casefold() for word in entry.yes),
        no=frozenset(word.casefold() for word in entry.no),
        channels=entry.channels,
        purposes=entry.purposes,
        evidence=entry.evidence,
        optional=True,
    )


def _identity(table: PresetTable, stated: TableSettings) -> Identity | None:
    """A joined identity, unless the operator names a column that holds a lasting id."""
    if table.identity is None or "external_id" in stated.columns:
        return None
    return Identity(columns=table.identity.columns, day=table.identity.day, newest=table.identity.newest)


def _identity_of(table: PresetTable, stated: TableSettings, columns: Mapping[str, Column]) -> Identity | None:
    if table.kind == "surveys":
        return _survey_identity(columns)
    return _of_decisions(columns) if table.kind == "consents" else _identity(table, stated)


def _survey_identity(columns: Mapping[str, Column]) -> Identity | None:
    """A survey without an id of its own is who answered, by patient or address, and on which day."""
    if "external_id" in columns:
        return None
    named = tuple(columns[name].column for name in ("patient_id", "email") if name in columns)
    return Identity(columns=named, day=columns["answered_on"].column, optional=True)


def _of_decisions(columns: Mapping[str, Column]) -> Identity:
    """A decision is named by who decided what, of which purpose, and when: it has no id of its own."""
    names = ("external_id", "email", "channel", "purpose", "decision", "decided_on")
    return Identity(columns=tuple(columns[name].column for name in names if name in columns), optional=True)


def merged(preset: Mapping[str, PresetColumn], stated: Columns) -> dict[str, Column]:
    """The preset's columns with the operator's in their places; a stated map adds to the preset's."""
    columns = {name: _column(column) for name, column in preset.items() if column.column is not None}
    for name, column in stated.items():
        columns[name] = _stated(column, preset.get(name))
    return columns


def _complete(table: PresetTable, columns: Mapping[str, Column]) -> dict[str, Column]:
    """A required column that neither the preset nor the operator names is looked for under its canonical name."""
    joined = {"external_id"} if table.identity else set()
    gaps = (name for name in REQUIRED[table.kind] if name not in columns and name not in joined)
    return dict(columns) | {
        name: _column(replace(table.columns.get(name, PresetColumn()), column=name)) for name in gaps
    }


def _column(column: PresetColumn) -> Column:
    return Column(
        column=column.column or "",
        codes=_compared(column.map),
        default=column.default,
        formats=column.formats,
        once=Once(column.once.column, column.once.status) if column.once else None,
        time=column.time,
        signs=tuple(Sign(sign.column, sign.word, frozenset(map(str.casefold, sign.words))) for sign in column.signs),
    )


def _stated(column: ColumnSettings, preset: PresetColumn | None) -> Column:
    """A column that the operator names; a preset's signs and time of day belong to the column that it stands for."""
    under = preset or PresetColumn()
    return Column(
        column=column.column.strip(),
        codes=_compared(under.map) | _compared(column.map),
        default=column.default if column.default is not None else under.default,
        formats=column.formats or under.formats,
        once=Once(under.once.column, under.once.status) if under.once else None,
        declared=True,
        time=column.time.strip() if column.time is not None else None,
    )


def site_plan(site: str | SiteMap | None) -> SitePlan:
    """The source's `site:` as a plan."""
    if not isinstance(site, SiteMap):
        return SitePlan(fixed=site)
    return SitePlan(
        column=site.column.strip() if site.column is not None else None,
        by_folder=site.by == "folder",
        codes=_compared(site.map),
        default=site.default,
    )


def consent_plan(entry: ConsentSettings) -> ConsentPlan:
    """One `consent:` entry as a plan."""
    dated = entry.dated_by if isinstance(entry.dated_by, DatedBy) else None
    named = dated.column if dated is not None else entry.dated_by
    return ConsentPlan(
        column=entry.column.strip() if entry.column is not None else None,
        always=entry.always,
        yes=frozenset(word.strip().casefold() for word in entry.yes),
        no=frozenset(word.strip().casefold() for word in entry.no),
        channels=entry.channels,
        purposes=entry.purposes,
        dated_by=named if isinstance(named, str) else None,
        formats=dated.formats if dated is not None else (),
        evidence=entry.evidence,
    )


def _compared(codes: Mapping[str, str]) -> dict[str, str]:
    return {word.strip().casefold(): meaning for word, meaning in codes.items()}
