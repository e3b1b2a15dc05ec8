"""What an operator says about a Copper account."""

import re
from typing import Annotated, Final, Literal

from pydantic import Field, field_validator

from connectors.base import Misconfigured
from connectors.http import BaseUrl
from connectors.settings import DestinationSettings, SecretRef, read_secret

NAME: Final = "name"
EMAIL: Final = "email"
PHONE: Final = "phone"
BUILT_IN: Final = frozenset({NAME, EMAIL, PHONE})
_PRINTABLE: Final = re.compile(r"[!-~]+")


class CopperSettings(DestinationSettings):
    """One account. `key_field` is the name of a text field of people that holds the contact's id.

    `fields` maps name (required), email, phone, or the names of custom text fields of people. `automations: none` says
    that nothing starts at our tags, so that they may also be added quietly.
    """

    api_key: SecretRef
    user_email: Annotated[str, Field(pattern=r"^[^@\s]+@[^@\s]+$")]
    key_field: Annotated[str, Field(min_length=1)] = "prm-sync key"
    automations: Literal["guarded", "none"] = "guarded"
    on_leave: Literal["untag"] = "untag"
    base_url: BaseUrl = "https://api.copper.com/developer_api/v1"

    @field_validator("fields")
    @classmethod
    def _named(cls, fields: dict[str, str]) -> dict[str, str]:
        if NAME not in fields:
            raise ValueError("Copper makes nobody without a name; map name: to a name, such as given_name")
        return fields


def read_key(settings: CopperSettings, place: str) -> str:
    """Returns the API key; raises Misconfigured when it cannot be one."""
    key = read_secret(settings.api_key, f"{place}.api_key").strip()
    if not _PRINTABLE.fullmatch(key):
        raise Misconfigured(f"{place}.api_key", "this is no API key: it holds blanks", credentials=True)
    return key
