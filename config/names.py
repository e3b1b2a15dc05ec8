"""Types that several parts of the configuration share: names, zones, numbers of days."""

import re
from difflib import get_close_matches
from typing import Annotated
from zoneinfo import ZoneInfo, available_timezones

from pydantic import AfterValidator, BeforeValidator, Field

_NAME = re.compile(r"[a-z0-9][a-z0-9-]*")


def _named(value: str) -> str:
    if not _NAME.fullmatch(value):
        raise ValueError("a name is made of a-z, 0-9 and -, and begins with a letter or digit")
    return value


def _zone(value: object) -> ZoneInfo:
    if isinstance(value, ZoneInfo):
        return value
    try:
        if isinstance(value, str) and value:
            return ZoneInfo(value)
    except (ValueError, KeyError, OSError):
        pass
    near = get_close_matches(str(value), available_timezones(), n=1, cutoff=0.7)
    hint = f" (did you mean {near[0]!r}?)" if near else ""
    raise ValueError(f"no such time zone; write one such as America/Chicago{hint}")


Name = Annotated[str, AfterValidator(_named), Field(json_schema_extra={"pattern": f"^{_NAME.pattern}$"})]
"""The name of a site, source, destination or segment: `[a-z0-9][a-z0-9-]*`."""

Zone = Annotated[ZoneInfo, BeforeValidator(_zone)]
"""A time zone of the IANA database, by its name."""

Days = Annotated[int, Field(strict=True, ge=0, le=36500)]
"""A whole number of days."""

Text = Annotated[str, Field(min_length=1)]
