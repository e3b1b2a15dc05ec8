"""The code book: opaque names under which segments, statuses and sites leave without a BAA.

Two letters and two digits, random per installation, never changed or reused; kept in the database and copied to a
file beside it, from which a new database takes them first.
"""

import os
import random
import tempfile
from collections.abc import Container, Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Final, NamedTuple

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError
from sqlalchemy import Connection, select

from mappings.policy import CODE
from sync.store import tables as t
from sync.store.statements import insert

# Without I and O, which read as digits, and E, so that no spreadsheet takes a code for a number.
LETTERS: Final = "ABCDFGHJKLMNPQRSTUVWXYZ"
HEADER: Final = (
    "# Codes of this installation; prm-sync writes this file. Keep it: a new database takes its codes from here.\n"
)


class CodeTaken(Exception):
    """A code that an operator asked for cannot be given, or the file of codes cannot be read; the message says why."""


Key = tuple[str, str]
"""Kind and plain name."""


class Wanted(NamedTuple):
    """Something that needs a code: its kind (segment, status, site), plain name, and the code asked for, if any."""

    kind: str
    name: str
    code: str | None = None


def ensure_codes(connection: Connection, wanted: Sequence[Wanted], file: Path, at: datetime) -> dict[Key, str]:
    """Codes by (kind, name); makes those that are missing; raises CodeTaken.

    When one is missing, the whole file is taken over first, so that what it alone knows is not given away.
    """
    book = code_book(connection)
    known = len(book)
    if any((w.kind, w.name) not in book for w in wanted):
        taken = set(book.values())
        filed = _filed(file).items()
        book.update((key, code) for key, code in filed if key not in book and code not in taken)
    # What operators ask for goes first, lest the dice give it away.
    for item in sorted(wanted, key=lambda w: w.code is None):
        _give(item, book)
    new = list(book.items())[known:]
    insert(connection, t.code, [{"code": code, "kind": kind, "name": n, "since": at} for (kind, n), code in new])
    return {(w.kind, w.name): book[(w.kind, w.name)] for w in wanted}


def _give(item: Wanted, book: dict[Key, str]) -> None:
    key = (item.kind, item.name)
    owners = {code: owner for owner, code in book.items()}
    if item.code is not None and book.get(key, item.code) != item.code:
        raise CodeTaken(f"segments.{item.name}.code: its code is {book[key]} already and never changes; leave it out")
    if item.code is not None and owners.get(item.code, key) != key:
        kind, name = owners[item.code]
        raise CodeTaken(
            f"segments.{item.name}.code: {item.code} stands for the {kind} {name!r} already; choose another"
        )
    if key not in book:
        book[key] = item.code or _roll(owners)


def _roll(taken: Container[str]) -> str:
    dice = random.SystemRandom()
    while True:
        code = f"{dice.choice(LETTERS)}{dice.choice(LETTERS)}{dice.randrange(100):02d}"
        if code not in taken:
            return code


def code_book(connection: Connection) -> dict[Key, str]:
    """Every code ever given, by (kind, name)."""
    c = t.code.c
    return {(kind, name): code for code, kind, name in connection.execute(select(c.code, c.kind, c.name))}


def listed(connection: Connection) -> dict[str, dict[str, Any]]:
    """The code book for people: {CODE: {kind, name, since}}."""
    rows = connection.execute(select(t.code).order_by(t.code.c.kind, t.code.c.name)).mappings()
    return {row["code"]: {"kind": row["kind"], "name": row["name"], "since": row["since"].isoformat()} for row in rows}


def _filed(file: Path) -> dict[Key, str]:
    if not file.exists():
        return {}
    try:
        stored = YAML(typ="safe").load(file.read_text(encoding="utf-8")) or {}
        found = {(str(entry["kind"]), str(entry["name"])): str(code) for code, entry in stored.items()}
    except (YAMLError, ValueError, LookupError, TypeError, AttributeError) as error:
        raise CodeTaken(f"{file}: no file of codes; put back the one that prm-sync wrote") from error
    if len(found) < len(stored) or not all(CODE.fullmatch(code) for code in found.values()):
        raise CodeTaken(f"{file}: a code is malformed or a name has two; put back the file that prm-sync wrote")
    return found


def write_file(entries: Mapping[str, Mapping[str, Any]], file: Path) -> None:
    """Copies the code book beside the database, by temporary file and rename; leaves an equal one alone."""
    text = HEADER + "".join(_lines(entries))
    if file.exists() and file.read_text(encoding="utf-8") == text:
        return
    file.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=file.parent, prefix=".codes-")
    with os.fdopen(handle, "w", encoding="utf-8") as stream:
        stream.write(text)
    Path(name).replace(file)


def _lines(entries: Mapping[str, Mapping[str, Any]]) -> Iterable[str]:
    for code, entry in sorted(entries.items()):
        # Quoted, as a name such as 101 or no would come back as something else.
        yield f'{code}: {{kind: {entry["kind"]}, name: "{entry["name"]}", since: "{entry["since"]}"}}\n'
