"""What an operator says about a Kit account."""

import re
from typing import Final, Literal

from pydantic import field_validator, model_validator

from connectors.base import Misconfigured
from connectors.http import BaseUrl
from connectors.settings import DestinationSettings, SecretRef, read_secret

FIRST_NAME: Final = "first_name"
MOST_FIELDS: Final = 10
"""More custom fields at once are written later, without saying what became of them (API v4, Create a subscriber)."""
_FIELD: Final = re.compile(r"[a-z0-9][a-z0-9_]{0,99}")
_PRINTABLE: Final = re.compile(r"[!-~]+")


class KitSettings(DestinationSettings):
    """One account, by an API key, or by the access token of an OAuth application, which alone may write in bulk.

    `fields` maps first_name, or the keys of custom fields. `automations: none` says that no automation, sequence or
    rule starts at our tags, so that they may also be added quietly.
    """

    api_key: SecretRef | None = None
    oauth_token: SecretRef | None = None
    automations: Literal["guarded", "none"] = "guarded"
    on_leave: Literal["untag"] = "untag"
    base_url: BaseUrl = "https://api.kit.com"

    @field_validator("fields")
    @classmethod
    def _keys(cls, fields: dict[str, str]) -> dict[str, str]:
        for key in fields:
            if key == "email_address":
                raise ValueError("email_address is the subscriber's address and is always sent; leave it out")
            if not _FIELD.fullmatch(key):
                raise ValueError(f"{key!r} is no key of a custom field: small letters, digits and _, such as last_name")
        if len(fields.keys() - {FIRST_NAME}) > MOST_FIELDS:
            raise ValueError(f"Kit takes at most {MOST_FIELDS} custom fields at once")
        return fields

    @model_validator(mode="after")
    def _one(self) -> "KitSettings":
        if (self.api_key is None) == (self.oauth_token is None):
            raise ValueError("give exactly one of api_key, oauth_token")
        return self


def read_credentials(settings: KitSettings, place: str) -> tuple[str, str]:
    """Returns the header that proves who asks, and its value; raises Misconfigured when the secret cannot be one."""
    name, ref = ("api_key", settings.api_key) if settings.api_key is not None else ("oauth_token", settings.oauth_token)
    assert ref is not None  # noqa: S101 - the model has just seen to it
    secret = read_secret(ref, f"{place}.{name}").strip()
    if not _PRINTABLE.fullmatch(secret):
        raise Misconfigured(
            f"{place}.{name}", "this is no key: it holds blanks or control characters", credentials=True
        )
    return ("X-Kit-Api-Key", secret) if settings.api_key is not None else ("Authorization", f"Bearer {secret}")
