"""The safety brakes: how much may change at once before a person is asked."""

import re
from collections.abc import Callable, Mapping
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from connectors.settings import Strict

_SHARE = re.compile(r"\s*(\d{1,3}(?:\.\d{1,4})?)\s*%\s*")


def _share(value: object) -> float:
    if isinstance(value, float) and 0 <= value <= 1:
        return value
    match = _SHARE.fullmatch(value) if isinstance(value, str) else None
    if match is None or float(match[1]) > 100:
        raise ValueError("write a share such as 5%")
    return float(match[1]) / 100


def _with_share(default: str) -> Callable[[Any], Any]:
    def filled(value: Any) -> Any:
        if isinstance(value, str):
            return {"share": value}
        return {"share": default, **value} if isinstance(value, Mapping) else value

    return filled


Share = Annotated[float, BeforeValidator(_share, json_schema_input_type=str)]
"""A share written `5%`, kept as 0.05."""


class BrakeSettings(Strict):
    """A brake trips when a count exceeds both `number` and `share` (0 to 1) of what there is."""

    number: Annotated[int, Field(strict=True, ge=0)] = 25
    share: Share


_Written = str | dict[str, int | str]
_Removals = Annotated[BrakeSettings, BeforeValidator(_with_share("5%"), json_schema_input_type=_Written)]
_StatusChanges = Annotated[BrakeSettings, BeforeValidator(_with_share("20%"), json_schema_input_type=_Written)]


class Brakes(Strict):
    """All brakes; `min_source_rows` is the share of its last rows below which a full snapshot is held."""

    max_removals: _Removals = BrakeSettings(share=0.05)
    max_status_changes: _StatusChanges = BrakeSettings(share=0.20)
    min_source_rows: Share = 0.5
