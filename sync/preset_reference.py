"""The page of the documentation on presets: tables, columns, words, and where they are published."""

from pathlib import Path
from typing import Final

from mappings.canonical import REQUIRED
from mappings.preset import Preset, PresetColumn, PresetTable, load_preset, preset_names

_HEAD: Final = """# Presets

Generated from `mappings/presets/*.yaml` by `python -m sync.preset_reference`; do not edit.

A preset knows the columns of an export (`preset: NAME` at a `tabular` source). It holds only what the vendor publishes;
what is not published the operator states, and `prm-sync check` names it:

```yaml
sources:
  clinic:
    kind: tabular
    preset: cliniko
    folder: drops/clinic
    site: lincoln
    tables: {appointments: {columns: {patient_id: "Patient"}}}
```

A column that the operator states takes the place of the preset's; its `map:` adds to the preset's. A consent column of a
preset states nothing where a file lacks it, and an entry of `consent:` for the same column takes its place.
A column is *filled* by anything but nothing, no, false, 0, null or none.
`prm-sync columns FILE --preset NAME` proposes what a preset leaves open. Files may be CSV or `.xlsx`; JSON Lines (`.jsonl`, one
flat object a line) where `files:` says so.

A spreadsheet's day numbers are read where a column says `formats: [excel]` (or `excel-1904`); a day and its time of day in two
columns as `{column: Date, time: Start, formats: ["%m/%d/%Y %I:%M %p"]}`.
"""


def reference() -> str:
    """The whole page."""
    return _HEAD + "".join(_preset(name, load_preset(name)) for name in preset_names())


def _preset(name: str, preset: Preset) -> str:
    published = "".join(f"- <{address}>\n" for address in preset.published)
    sources = f"\nPublished at:\n\n{published}" if published else ""
    tables = "".join(_table(each, table) for each, table in preset.tables.items())
    return f"\n## {name}\n\n{preset.about}.\n{sources}{tables}"


def _table(name: str, table: PresetTable) -> str:
    files = ", ".join(f"`{pattern}`" for pattern in table.files)
    notes = [f"Files {files}; snapshot `{table.snapshot}`", *_notes(table)]
    rows = "".join(_row(canonical, column) for canonical, column in table.columns.items())
    columns = f"\n| name | column | words |\n|---|---|---|\n{rows}" if rows else ""
    return f"\n### {name} ({table.kind})\n\n{'; '.join(notes)}.\n{columns}{_consents(table)}{_open(table)}"


def _notes(table: PresetTable) -> list[str]:
    notes = []
    if table.optional:
        notes.append("takes part only where `tables:` names it")
    if table.sees_ahead is not None:
        notes.append(f"sees {table.sees_ahead} days ahead")
    if table.identity is not None:
        notes.append("its id is made of " + ", ".join(f"`{column}`" for column in table.identity.columns))
    if table.flag is not None:
        notes.append(f"`{table.flag.column}` marks rows that were removed")
    if table.only_with is not None:
        notes.append(f"rows without `{table.only_with}` are left out")
    return notes


def _row(name: str, column: PresetColumn) -> str:
    where = f"`{column.column}`" if column.column is not None else "(yours to name)"
    where += f" and `{column.time}`" if column.time is not None else ""
    words = [f"`{word}` {meaning}" for word, meaning in column.map.items()]
    words += [f"`{sign.column}` filled: {sign.word}" for sign in column.signs]
    words += [f"`{column.once.column}` filled: {column.once.status}"] if column.once is not None else []
    words += [f"else {column.default}"] if column.default is not None else []
    words += [f"form `{pattern}`" for pattern in column.formats]
    return f"| {name} | {where} | {', '.join(words)} |\n"


def _consents(table: PresetTable) -> str:
    return "".join(
        f"\nConsent: `{entry.column}` ({', '.join(entry.channels)}; {', '.join(entry.purposes)}),"
        f" yes {', '.join(f'`{word}`' for word in entry.yes)}, no {', '.join(f'`{word}`' for word in entry.no)}; undated.\n"
        for entry in table.consents
    )


def _open(table: PresetTable) -> str:
    known = {name for name, column in table.columns.items() if column.column is not None}
    joined = {"external_id"} if table.identity is not None else set()
    gaps = [f"`{name}`" for name in REQUIRED[table.kind] if name not in known | joined]
    return f"\nYours to state: {', '.join(gaps)}.\n" if gaps else ""


if __name__ == "__main__":
    Path("docs/reference/presets.md").write_text(reference(), encoding="utf-8")
