"""Slots: one compiled reader a canonical name, from the text of a cell to a typed value."""

from collections.abc import Callable, Mapping
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
    read_moment,
    read_name,
    read_text,
    read_whole,
)
from mappings.names import clean
from mappings.payers import payer_reader
from mappings.phones import read_phone
from mappings.plan import Column, Plan, Practice
from mappings.words import CANONICAL_STATUSES, read_language, read_sex, read_status

Read = Callable[[str], Any]
ReadMoment = Callable[[str, ZoneInfo], tuple[datetime, Any]]
Body = tuple[str, ...]

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
    """Like a slot, for instants: they are read once the row's zone is known."""

    at: int
    name: str
    column: str
    read: ReadMoment
    required: bool
    default: str | None


def positions(plan: Plan) -> dict[str, int]:
    """Where each source column's cell stands in a row's body."""
    return {name: at for at, name in enumerate(plan.layout(), start=FIRST_CELL)}


def plain_slots(plan: Plan, practice: Practice) -> tuple[Slot, ...]:
    """The slots of every mapped name but the site, the id of a joined identity, and instants."""
    places = positions(plan)
    types = CANONICAL[plan.kind]
    return tuple(
        Slot(
            places[column.column],
            name,
            column.column,
            coded(column, name, _reader(types[name], column, practice)),
            name in REQUIRED[plan.kind],
            column.default,
        )
        for name, column in plan.columns.items()
        if types[name] not in ("site", "moment") and name != "external_id"
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
    """The word that the column's map or default gives; raises Unlisted."""
    word = column.codes.get(text.casefold(), column.default)
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
        "id": read_name,
        "text": read_text,
        "name": lambda text: read_name(clean(text)),
        "day": lambda text: read_day(text, column.formats),
        "birth_day": lambda text: read_birth_day(text, column.formats),
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
    }
    return readers[kind]
