"""What an operator says about a worklist."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final, Literal

from pydantic import Field, field_validator, model_validator

from connectors.settings import ConfigPath, DestinationSettings, Strict
from connectors.worklist.columns import OWN

SITE: Final = "{site}"
FIELDS: Final = {"First name": "given_name", "Last name": "family_name", "Phone": "phone"}


class Only(Strict):
    """Whom a list is restricted to: those whom none of these destinations reaches."""

    not_reached_by: tuple[str, ...] = ()


class WorklistSettings(DestinationSettings):
    """A folder in which the workbooks stand; `{site}` in it is replaced by the site's name."""

    folder: ConfigPath
    fields: Mapping[str, str] = Field(default=FIELDS)
    only: Only = Only()
    on_leave: Literal["untag"] = "untag"

    @field_validator("folder")
    @classmethod
    def _placeholder(cls, folder: Path) -> Path:
        if "{" in str(folder).replace(SITE, "") or "}" in str(folder).replace(SITE, ""):
            raise ValueError("{site} is the only placeholder here")
        return folder

    @field_validator("fields")
    @classmethod
    def _columns(cls, fields: dict[str, str]) -> dict[str, str]:
        taken = {name.casefold() for name in OWN}
        for name in fields:
            if not name.strip() or name.casefold() in taken:
                raise ValueError(f"{name!r} is one of the list's own columns; give yours another name")
        return fields

    @model_validator(mode="after")
    def _inside(self) -> "WorklistSettings":
        if not self.inside:
            raise ValueError(
                "a worklist holds names and telephone numbers: it stays within the practice; say inside: true"
            )
        return self
