"""What somebody types to find a person, made comparable with what rows hold."""

import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from datetime import date, datetime
from typing import Final

from mappings.addresses import read_email
from mappings.name_keys import name_key
from mappings.names import split_full_name
from mappings.phones import read_phone
from sync.store.contact_list import Wanted

FIELDS: Final = ("name", "email", "phone", "birth date")
_NAMED: Final = re.compile(r"\s*(name|e-?mail|phone|birth[ _]?date)\s*[:=]\s*(.*)", re.IGNORECASE)
_DATES: Final = ("%Y-%m-%d", "%m/%d/%Y")


class Unreadable(Exception):
    """Something that was typed is not what it should be; the message names the field, never the value."""


def wanted(said: Mapping[str, str], region: str) -> Wanted:
    """Reads what was said, by field (name, email, phone, birth date; empty: not said); raises Unreadable.

    `region` (ISO 3166) is assumed of phone numbers without a country code.
    """
    email, phone, born = (said.get(field, "").strip() for field in ("email", "phone", "birth date"))
    try:
        return _name(said.get("name", ""))._replace(
            email=_email(email) if email else None,
            phone=_phone(phone, region) if phone else None,
            birth_date=_day(born) if born else None,
        )
    except ValueError as error:
        raise Unreadable(str(error)) from None


def _name(text: str) -> Wanted:
    if not text.strip():
        return Wanted()
    parts = split_full_name(text)
    first, last = name_key(parts.given), name_key(parts.family)
    return Wanted(first_key=first, last_key=last) if first and last else Wanted(any_key=first or last)


def _email(text: str) -> str:
    try:
        return read_email(text)
    except ValueError:
        raise ValueError("the e-mail address cannot be read") from None


def _phone(text: str, region: str) -> str:
    try:
        return read_phone(text, region)
    except ValueError:
        raise ValueError("the phone number cannot be read") from None


def _day(text: str) -> date:
    for pattern in _DATES:
        with suppress(ValueError):
            return datetime.strptime(text, pattern).date()  # noqa: DTZ007 - a calendar day has no zone
    raise ValueError("the birth date cannot be read; write 1980-03-31 or 03/31/1980")


def sorted_out(lines: Iterable[str], region: str) -> dict[str, str]:
    """What lines of text say, by field: `email: …`, or a bare address, phone number, date or name."""
    said: dict[str, str] = {}
    for line in filter(None, map(str.strip, lines)):
        named = _NAMED.fullmatch(line)
        field, text = (_field(named[1]), named[2]) if named else (_guess(line, region), line)
        said[field] = text
    return said


def _field(name: str) -> str:
    plain = name.casefold().replace("-", "").replace("_", " ")
    return "birth date" if plain.startswith("birth") else plain


def _guess(text: str, region: str) -> str:
    if "@" in text:
        return "email"
    with suppress(ValueError):
        _day(text)
        return "birth date"
    with suppress(ValueError):
        _phone(text, region)
        return "phone"
    return "name"
