"""What an operator says about a Mailchimp audience."""

import re
from typing import Annotated

from pydantic import Field, field_validator

from connectors.base import Misconfigured
from connectors.http import BaseUrl
from connectors.settings import DestinationSettings, SecretRef, Strict, read_secret

_MERGE_TAG = re.compile(r"[A-Z][A-Z0-9_]{0,9}")
_KEY = re.compile(r"[!-~]+-([a-z]+[0-9]+)")
_PRINTABLE = re.compile(r"[!-~]+")


class WebhookSettings(Strict):
    """What admits webhooks: the secret that ends their URL, and the signing secret where Mailchimp signs them.

    At Mailchimp the webhook's source `api` must be off, so that our own changes are not told back.
    """

    secret: SecretRef
    signing_secret: SecretRef | None = None


class MailchimpSettings(DestinationSettings):
    """One audience. `base_url` includes the version path; left out, the key's suffix names the data center."""

    api_key: SecretRef
    audience: Annotated[str, Field(pattern=r"^[A-Za-z0-9]+$")]
    base_url: BaseUrl | None = None
    webhook: WebhookSettings | None = None
    max_members: Annotated[int, Field(strict=True, ge=1)] | None = None

    @field_validator("fields")
    @classmethod
    def _merge_tags(cls, fields: dict[str, str]) -> dict[str, str]:
        for tag in fields:
            if not _MERGE_TAG.fullmatch(tag):
                raise ValueError(f"{tag!r} is no merge tag: at most 10 capital letters, digits or _, such as FNAME")
            if tag == "EMAIL":
                raise ValueError("EMAIL is the subscriber's address and is always sent; leave it out")
        return fields


def read_key(settings: MailchimpSettings, place: str) -> tuple[str, str]:
    """Returns the API key and the base URL; raises Misconfigured when the key cannot be one.

    A key ends in its data center, as in `…-us6`, and that is the host's first label
    (https://mailchimp.com/developer/marketing/docs/fundamentals/). A configured base URL needs no suffix.
    """
    key = read_secret(settings.api_key, f"{place}.api_key").strip()
    if settings.base_url is not None and _PRINTABLE.fullmatch(key):
        return key, settings.base_url
    match = _KEY.fullmatch(key)
    if match is None:
        raise Misconfigured(
            f"{place}.api_key", "this is no Mailchimp key: one ends in its data center, as in …-us6", credentials=True
        )
    return key, f"https://{match[1]}.api.mailchimp.com/3.0"
