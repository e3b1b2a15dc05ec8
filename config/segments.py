"""Segments as operators write them; the rule under `who` is read by mappings.rules."""

import re
from typing import Annotated, Any

from pydantic import AfterValidator, Field

from config.cases import CaseSettings
from config.names import Name, Text
from connectors.settings import Day, Strict
from mappings.records import Purpose

_CODE = re.compile(r"[A-Z]{2}[0-9]{2}")


def _code(value: str) -> str:
    if not _CODE.fullmatch(value):
        raise ValueError("a code is two capital letters and two digits, such as KF27")
    return value


class SegmentSettings(Strict):
    """A named set of contacts: `who` is in it, for which purpose it is used, and under which code it leaves.

    `off: true` keeps a segment in the file without computing it.
    """

    describe: str = ""
    purpose: Purpose
    code: Annotated[str, AfterValidator(_code), Field(json_schema_extra={"pattern": f"^{_CODE.pattern}$"})] | None = (
        None
    )
    off: bool = False
    who: dict[Text, Any]
    tests: tuple[CaseSettings, ...] = ()


class OperatorsFile(Strict):
    """What a file in operators/ may hold."""

    segments: dict[Name, SegmentSettings] | None = None
    tests: tuple[CaseSettings, ...] | None = None
    holidays: tuple[Day, ...] | None = None
