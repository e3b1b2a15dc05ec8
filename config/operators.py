"""What a file of operators may hold."""

from typing import Annotated, Any

from pydantic import BeforeValidator

from config.cases import CaseSettings
from config.names import Name, Text
from config.playbook import PlaybookEntry
from config.segments import SegmentSettings
from connectors.settings import Day, Strict


def _nothing(value: Any) -> Any:
    return {} if value is None else value


Playbooks = dict[
    Text, Annotated[dict[Name, Annotated[PlaybookEntry, BeforeValidator(_nothing)]], BeforeValidator(_nothing)]
]
"""Entries that are switched on, by playbook."""


class OperatorsFile(Strict):
    """What a file in operators/ may hold."""

    segments: dict[Name, SegmentSettings] | None = None
    playbook: Playbooks | None = None
    tests: tuple[CaseSettings, ...] | None = None
    holidays: tuple[Day, ...] | None = None
