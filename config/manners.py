"""How segments speak, as operators write it: hours, steps, repeats, and the practice's cap."""

from datetime import time, timedelta
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, model_validator

from connectors.settings import Duration, Strict
from mappings.points import Offset
from mappings.series import Cap, Hours, Repeat, parse_days, parse_repeat, parse_span, parse_time

_ALL_DAYS = "mon-sun"


def _step(value: Any) -> Offset:
    return value if isinstance(value, Offset) else parse_span(value, ahead=True)


def _repeat(value: Any) -> Any:
    return value if isinstance(value, Offset) else parse_repeat(value)


Step = Annotated[Offset, BeforeValidator(_step, json_schema_input_type=str)]
"""How long after entering a step falls due: `3 days`, `2 months`."""

RepeatText = Annotated[Repeat, BeforeValidator(_repeat, json_schema_input_type=str)]
"""`once`, `once per episode`, `once per 12 months`."""

Days = Annotated[frozenset[int], BeforeValidator(parse_days, json_schema_input_type=str | list[str])]
Time = Annotated[time, BeforeValidator(parse_time, json_schema_input_type=str)]


class HoursSettings(Strict):
    """The hours, in clinic time, in which whatever may start an automation goes out."""

    days: Days = parse_days(_ALL_DAYS)
    opens: Annotated[Time, Field(alias="from")] = time.min
    closes: Annotated[Time, Field(alias="to")] = time.max

    @model_validator(mode="after")
    def _in_order(self) -> "HoursSettings":
        if self.opens >= self.closes:
            raise ValueError("from must come before to, both on one day")
        return self

    def hours(self) -> Hours:
        """As the deciders know it."""
        return Hours(self.days, self.opens, self.closes)


class CapSettings(Strict):
    """At most so many nudges per address, over all destinations."""

    nudges: Annotated[int, Field(strict=True, ge=1)] = 1
    per: Duration = timedelta(days=3)


class ArbitrationSettings(Strict):
    """What holds back entries that come together."""

    cap: CapSettings | None = None

    def limit(self) -> Cap | None:
        """As the deciders know it."""
        return Cap(self.cap.nudges, self.cap.per) if self.cap is not None else None
