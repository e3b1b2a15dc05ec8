"""What an operator says about a HubSpot account."""

import re
from typing import Annotated, Literal

from pydantic import Field, field_validator

from connectors.base import Misconfigured
from connectors.http import BaseUrl
from connectors.settings import DestinationSettings, SecretRef, read_secret

_PROPERTY = re.compile(r"[a-z][a-z0-9_]{0,99}")
_TOKEN = re.compile(r"[!-~]+")


class HubspotSettings(DestinationSettings):
    """One account. `token` is a private app's; `key_property` a text property of contacts with unique values.

    `subscription` is the id of the subscription type that the practice's mail goes out under; an opt-out of it counts
    as one. `automations: none` says that no workflow starts at our lists, so that they may also be filled quietly.
    """

    token: SecretRef
    key_property: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,99}$")] = "prm_sync_key"
    subscription: int | None = None
    automations: Literal["guarded", "none"] = "guarded"
    on_leave: Literal["untag"] = "untag"
    base_url: BaseUrl = "https://api.hubapi.com"

    @field_validator("fields")
    @classmethod
    def _properties(cls, fields: dict[str, str]) -> dict[str, str]:
        for name in fields:
            if not _PROPERTY.fullmatch(name):
                raise ValueError(f"{name!r} is no internal name of a property: small letters, digits and _")
            if name == "email":
                raise ValueError("email is the subscriber's address and is always sent; leave it out")
            if name.startswith("hs_"):
                raise ValueError(f"{name} is HubSpot's own; map to a property of the practice's")
        return fields


def read_token(settings: HubspotSettings, place: str) -> str:
    """Returns the private app's access token; raises Misconfigured when it cannot be one."""
    token = read_secret(settings.token, f"{place}.token").strip()
    if not _TOKEN.fullmatch(token):
        raise Misconfigured(f"{place}.token", "this is no access token of a private app", credentials=True)
    return token
