"""A proposed column map as YAML to paste, and as JSON: titles, forms and counts, and words of closed lists only."""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase
from typing import Any, NamedTuple

from connectors.tabular.guess import Look
from mappings.canonical import REQUIRED
from mappings.preset import load_preset
from mappings.proposal import Proposal, Suggestion
from mappings.records import Kind

_STAMP = re.compile(r"\d[\d_T:-]*")


class Table(NamedTuple):
    """A preset's table that a file belongs to."""

    name: str
    kind: Kind


class Placed(NamedTuple):
    """A file that was looked at, and the preset's table that it belongs to, if a preset was named."""

    name: str
    look: Look
    table: Table | None


def table_of(file: str, kind: Kind, preset: str | None) -> Table | None:
    """The preset's table whose files are called like this one, else its only table of the kind; None for neither."""
    if preset is None:
        return None
    tables = load_preset(preset).tables
    called = [name for name, table in tables.items() if any(_is_called(file, pattern) for pattern in table.files)]
    alike = [name for name, table in tables.items() if table.kind == kind]
    name = called[0] if called else alike[0] if len(alike) == 1 else None
    return None if name is None else Table(name, tables[name].kind)


def _is_called(file: str, pattern: str) -> bool:
    return fnmatchcase(file.casefold(), pattern.casefold())


def beside_preset(proposal: Proposal, preset: str, table: str, titles: Sequence[str]) -> Proposal:
    """What a preset's table leaves open in a file with these titles."""
    known = load_preset(preset).tables[table]
    at_work = {name for name, column in known.columns.items() if column.column in titles}
    joined = {"external_id"} if known.identity is not None else set()
    taken = set(known.places())
    left = tuple(each for each in proposal.suggestions if each.name not in at_work and each.column not in taken)
    named = {each.name for each in left if each.certainty == "sure"} | at_work | joined
    return replace(
        proposal,
        suggestions=left,
        lacking=tuple(name for name in REQUIRED[known.kind] if name not in named),
        consents=tuple(title for title in proposal.consents if title not in taken),
        unread=tuple(title for title in proposal.unread if title not in taken),
    )


def described(placed: Placed, proposal: Proposal) -> dict[str, Any]:
    """The proposal as JSON."""
    return {
        "file": placed.name,
        "rows": placed.look.rows,
        "encoding": placed.look.encoding,
        "delimiter": placed.look.delimiter,
        "kind": proposal.kind,
        "table": placed.table.name if placed.table is not None else None,
        "columns": [_described(each) for each in proposal.suggestions],
        "lacking": proposal.lacking,
        "clinic": proposal.clinic,
        "consents": proposal.consents,
        "unread": proposal.unread,
    }


def _described(each: Suggestion) -> dict[str, Any]:
    return {
        "name": each.name,
        "column": each.column,
        "certainty": each.certainty,
        "why": each.why,
        "formats": each.formats,
        "other_formats": each.other_formats,
        "time": each.time,
        "map": dict(each.codes),
        "unlisted": each.unlisted,
        "instead": each.instead,
    }


def as_yaml(placed: Placed, proposal: Proposal) -> str:
    """The proposal as YAML for a source, each column with a comment on why."""
    look, table = placed.look, placed.table
    lines = [
        f"# {_quoted(placed.name)}: {len(look.titles)} columns, {look.rows} rows looked at. Paste this under a source."
    ]
    if look.encoding is not None:
        lines += [
            "# Guessed from its bytes; a look at names with accents tells whether it is right.",
            f"encoding: {look.encoding}",
        ]
    if look.delimiter is not None:
        lines.append(f"delimiter: {_quoted(look.delimiter)}")
    lines += list(_clinic(proposal))
    if table is not None:
        lines += ["tables:", f"  {table.name}:", *_indented(_columns(proposal), 4)]
    else:
        lines += [
            f"{proposal.kind}:",
            f"  files: {_quoted(_STAMP.sub('*', placed.name))}",
            *_indented(_columns(proposal), 2),
        ]
    return "\n".join([*lines, *_rest(proposal)])


def _clinic(proposal: Proposal) -> Iterator[str]:
    if proposal.clinic is not None:
        yield f"# {_quoted(proposal.clinic)} seems to name the clinic. Write each of its values and the site that it means:"
        yield f'# site: {{column: {_quoted(proposal.clinic)}, map: {{"…": …}}}}'


def _columns(proposal: Proposal) -> Iterator[str]:
    sure = any(each.certainty == "sure" for each in proposal.suggestions)
    yield "columns:" if sure else "columns: {}"
    for each in proposal.suggestions:
        yield from _indented(_suggested(each), 2)


def _suggested(each: Suggestion) -> Iterator[str]:
    yield f"# {_quoted(each.column)}: {each.why}"
    if each.instead:
        yield f"#   or one of: {', '.join(map(_quoted, each.instead))}"
    if each.unlisted:
        yield f"#   {each.unlisted} different words are in no list: give each its meaning under map:"
    if each.certainty == "sure":
        yield _entry(each)
        return
    yield f"#   for you to decide: {_entry(each)}"
    if each.other_formats:
        yield f"#   or, the days read otherwise: {_entry(replace(each, formats=each.other_formats))}"


def _entry(each: Suggestion) -> str:
    parts = [f"column: {_quoted(each.column)}"]
    if each.time is not None:
        parts.append(f"time: {_quoted(each.time)}")
    if each.formats:
        parts.append(f"formats: [{', '.join(map(_quoted, each.formats))}]")
    if each.codes:
        parts.append("map: {" + ", ".join(f"{_quoted(word)}: {meaning}" for word, meaning in each.codes.items()) + "}")
    return f"{each.name}: {_quoted(each.column) if len(parts) == 1 else '{' + ', '.join(parts) + '}'}"


def _rest(proposal: Proposal) -> Iterator[str]:
    for name in proposal.lacking:
        yield f"# {name} is needed and no column is sure to hold it: name one under columns:"
    for title in proposal.consents:
        yield f"# {_quoted(title)} may state a consent. If it does, write at the source, with the purposes that people agreed to:"
        yield f'# consent: [{{column: {_quoted(title)}, yes: [], no: [], channels: [], purposes: [], evidence: ""}}]'
    if proposal.unread:
        yield f"# Nothing here reads: {', '.join(map(_quoted, proposal.unread))}"


def _indented(lines: Iterator[str], by: int) -> Iterator[str]:
    return (" " * by + line for line in lines)


def _quoted(text: str) -> str:
    """A text as YAML and a comment can hold it, on one line."""
    return (
        json.dumps(text, ensure_ascii=False)
        .replace("\x85", "\\u0085")
        .replace("\u2028", "\\u2028")
        .replace("\u2029", "\\u2029")
    )
