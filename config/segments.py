"""Segments as operators write them; the rules under `who` and `leave_when` are read by mappings.rules."""

import re
from itertools import pairwise
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, field_validator

from config.cases import CaseSettings
from config.manners import HoursSettings, RepeatText, Step
from config.names import Name, Text
from connectors.settings import Strict
from mappings.facts import FACTS
from mappings.points import Offset
from mappings.records import Purpose
from mappings.series import Manner

_CODE = re.compile(r"[A-Z]{2}[0-9]{2}")


def _code(value: str) -> str:
    if not _CODE.fullmatch(value):
        raise ValueError("a code is two capital letters and two digits, such as KF27")
    return value


class SegmentKeys(Strict):
    """What a segment may say beside its rule and its purpose.

    `off: true` keeps a segment in the file without computing it. Whoever is in it leaves when `who` no longer holds or
    `leave_when` does. `sites`: at which clinics it exists. `steps` are tags of their own, due so long after entering or
    after the day of the fact `count_from`. `repeat`: how often it may be entered loudly. Of a `group` one at a time, the
    higher `priority` first; `counts: false` leaves it out of the cap of nudges.
    """

    describe: str = ""
    code: Annotated[str, AfterValidator(_code), Field(json_schema_extra={"pattern": f"^{_CODE.pattern}$"})] | None = (
        None
    )
    off: bool = False
    leave_when: dict[Text, Any] | None = None
    sites: tuple[Text, ...] | Literal["all"] = "all"
    steps: tuple[Step, ...] = ()
    count_from: Text | None = None
    repeat: RepeatText | None = None
    group: Name | None = None
    priority: Annotated[int, Field(strict=True)] = 0
    counts: bool = True
    send_between: HoursSettings | None = None
    tests: tuple[CaseSettings, ...] = ()

    @field_validator("steps")
    @classmethod
    def _in_order(cls, steps: tuple[Offset, ...]) -> tuple[Offset, ...]:
        if any(later.span()[0] <= earlier.span()[1] for earlier, later in pairwise(steps)):
            raise ValueError("each step must come after the one before it")
        return steps

    @field_validator("count_from")
    @classmethod
    def _a_day(cls, name: str | None) -> str | None:
        if name is not None and (name not in FACTS or FACTS[name].type != "date" or name in ("entered", "today")):
            days = sorted(f.name for f in FACTS.values() if f.type == "date" and f.name not in ("entered", "today"))
            raise ValueError(f"count from a fact that is a day: {', '.join(days)}")
        return name

    def manner(self) -> Manner:
        """How it speaks, as the deciders know it."""
        return Manner(
            steps=self.steps,
            count_from=self.count_from,
            repeat=self.repeat,
            group=self.group,
            priority=self.priority,
            counts=self.counts,
            hours=self.send_between.hours() if self.send_between is not None else None,
        )


class SegmentSettings(SegmentKeys):
    """A named set of contacts: `who` is in it, for which purpose it is used, and under which code it leaves.

    Under the name of an entry that `playbook` switches on, it overrides the keys that it gives.
    """

    purpose: Purpose
    who: dict[Text, Any]
