"""Slots: one compiled reader a canonical name, from the text of a cell to a typed value."""

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from functools import partial
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from mappings.addresses import read_email
from mappings.body import FIRST_CELL
from mappings.canonical import CANONICAL, REQUIRED, Type
from mappings.cells import (
    death_reader,
    read_active,
    read_birth_day,
    read_day,
    read_flag,
    read_id,
    read_moment,
    read_name,
    read_text,
    read_whole,
)
from mappings.names import clean
from mappings.payers import payer_reader
from mappings.phones import read_phone
from mappings.plan import Column, Plan, Practice
from mappings.words import (
    CANONICAL_STATUSES,
    read_answer,
    read_channel,
    read_language,
    read_purpose,
    read_sex,
    read_status,
)

Read = Callable[[str], Any]
ReadMoment = Callable[[str, ZoneInfo], tuple[datetime, Any]]
Body = tuple[str, ...]

_SILENT = frozenset({"", "no", "false", "0", "n", "f", "null", "none"})
"""What a sign's column says when nothing has happened."""
_FLOAT = re.compile(r"(\d+)\.0+")
_SEXES = frozenset({"female", "male", "other", "unknown"})
_MISS_CODES = {"site": "unknown_site", "kind": "unknown_type"}


class Fault(Exception):
    """Why a row cannot be used: a code of `mappings/rejections.py`, the canonical name and the column."""

    def __init__(self, code: str, name: str, column: str | None) -> None:
        super().__init__(code)
        self.code, self.name, self.column = code, name, column


class Unlisted(ValueError):
    """A cell's word is in no map."""


class Slot(NamedTuple):
    """Where a canonical name is read from, and how. `read` gets trimmed text that is not empty."""

    at: int
    name: str
    column: str
    read: Read
    required: bool
    default: str | None


class MomentSlot(NamedTuple):
    """Like a slot, for instants: they are read once the row's zone is known. `time_at`: the time of day stands apart."""

    at: int
    name: str
    column: str
    read: ReadMoment
    required: bool
    default: str | None
    time_at: int | None = None

    def text(self, body: Body) -> str:
        """The cell, with the time of day behind it where that has a cell of its own; "" where the day is missing."""
        day = body[self.at].strip()
        return f"{day} {body[self.time_at].strip()}".rstrip() if self.time_at is not None and day else day


class SignedSlot(NamedTuple):
    """A slot that other columns speak before: each as (place, its word, the words that it needs)."""

    slot: Slot
    signs: tuple[tuple[int, str, frozenset[str]], ...]

    def text(self, body: Body) -> str:
        """The word of the first sign that holds, else the slot's own cell, else the default; "" for none."""
        for at, word, words in self.signs:
            cell = body[at].strip().casefold()
            if cell in words if words else cell not in _SILENT:
                return word
        own = "" if any(at == self.slot.at for at, _, _ in self.signs) else body[self.slot.at].strip()
        return own or self.slot.default or ""


def positions(plan: Plan) -> dict[str, int]:
    """Where each source column's cell stands in a row's body."""
    return {name: at for at, name in enumerate(plan.layout(), start=FIRST_CELL)}


def plain_slots(plan: Plan, practice: Practice) -> tuple[Slot, ...]:
    """The slots of every mapped name but the site, the external id, instants, and names with signs."""
    return tuple(slot for slot in _slots(plan, practice) if not plan.columns[slot.name].signs)


def signed_slots(plan: Plan, practice: Practice) -> tuple[SignedSlot, ...]:
    """The slots of names that several columns speak of."""
    places = positions(plan)
    return tuple(
        SignedSlot(slot, tuple((places[sign.column], sign.word, sign.words) for sign in signs))
        for slot in _slots(plan, practice)
        if (signs := plan.columns[slot.name].signs)
    )


def _slots(plan: Plan, practice: Practice) -> Iterator[Slot]:
    places = positions(plan)
    types = CANONICAL[plan.kind]
    return (
        Slot(
            places[column.column],
            name,
            column.column,
            coded(column, name, _reader(types[name], column, practice)),
            name in REQUIRED[plan.kind],
            column.default,
        )
        for name, column in plan.columns.items()
        if types[name] not in ("site", "moment") and (name != "external_id" or plan.kind == "consents")
    )


def moment_slots(plan: Plan) -> tuple[MomentSlot, ...]:
    """The slots of instants."""
    places = positions(plan)
    types = CANONICAL[plan.kind]
    return tuple(
        MomentSlot(
            places[column.column],
            name,
            column.column,
            partial(_moment, column),
            name in REQUIRED[plan.kind],
            column.default,
            places[column.time] if column.time is not None else None,
        )
        for name, column in plan.columns.items()
        if types[name] == "moment"
    )


def _moment(column: Column, text: str, zone: ZoneInfo) -> tuple[datetime, Any]:
    if column.codes:
        text = listed(column, text)
    return read_moment(text, zone, column.formats)


def coded(column: Column, name: str, read: Read) -> Read:
    """Puts the column's map before its reader; a word of a closed list stands for itself."""
    if not column.codes:
        return _with_default(read, column.default) if name == "status" else read
    itself: Mapping[str, object] = (
        CANONICAL_STATUSES if name == "status" else dict.fromkeys(_SEXES) if name == "sex" else {}
    )

    def read_code(text: str) -> Any:
        return read(text if text.casefold() in itself else listed(column, text))

    return read_code


def listed(column: Column, text: str) -> str:
    """The word that the column's map or default gives; raises Unlisted. `2.0` is the code 2, as spreadsheets write it."""
    word = column.codes.get(text.casefold())
    if word is None and (number := _FLOAT.fullmatch(text)) is not None:
        word = column.codes.get(number[1])
    word = column.default if word is None else word
    if word is None:
        raise Unlisted("in no map")
    return word


def _with_default(read: Read, default: str | None) -> Read:
    def read_or_default(text: str) -> Any:
        try:
            return read(text)
        except ValueError:
            if default is None:
                raise Unlisted("in no map") from None
            return read(default)

    return read_or_default


def miss_code(name: str) -> str:
    """The rejection code of a word of `name` that is in no map."""
    return _MISS_CODES.get(name, "unknown_code")


def _reader(kind: Type, column: Column, practice: Practice) -> Read:
    readers: dict[Type, Read] = {
        "id": read_id,
        "text": read_text,
        "name": lambda text: read_name(clean(text)),
        "day": lambda text: read_day(text, column.formats),
        "birth_day": lambda text: read_birth_day(text, column.formats, practice.today),
        "whole": read_whole,
        "flag": read_flag,
        "active": read_active,
        "death": death_reader(column.formats),
        "email": read_email,
        "phone": lambda text: read_phone(text, practice.phone_region),
        "sex": read_sex,
        "language": read_language,
        "payer": payer_reader(*practice.payers),
        "status": read_status,
        "channel": read_channel,
        "purpose": read_purpose,
        "yes_no": read_answer,
    }
    return readers[kind]
