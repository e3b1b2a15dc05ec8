"""What Mailchimp reports by webhook (https://mailchimp.com/developer/marketing/guides/sync-audience-data-webhooks/).

Form-encoded `type`, `fired_at`, `data[…]`. Historically unsigned, so that the URL's secret is what admits a call; where a
signing secret is configured `X-Mailchimp-Signature: t=…,v1=…` (hex HMAC-SHA256 of `{t}.{body}`) must fit, too. Only what
closes an address is taken from it: nobody is subscribed by a webhook.
"""

import hashlib
import hmac
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final
from urllib.parse import parse_qsl

from connectors.base import Feedback, Forged

SIGNATURE: Final = "X-Mailchimp-Signature"
_WINDOW: Final = timedelta(seconds=300)
_MOST_FIELDS: Final = 200


def verify(body: bytes, signature: str | None, secret: str, at: datetime) -> None:
    """Raises Forged unless the signature is of this body, this secret and of now."""
    parts = dict(part.strip().partition("=")[::2] for part in (signature or "").split(","))
    stamp, given = parts.get("t", ""), parts.get("v1", "")
    expected = hmac.new(secret.encode(), stamp.encode() + b"." + body, hashlib.sha256).hexdigest()
    if not hmac.compare_digest(expected, given):
        raise Forged("the signature does not fit")
    if not stamp.isdigit() or abs(at - datetime.fromtimestamp(int(stamp), UTC)) > _WINDOW:
        raise Forged("the signature is of another time")


def read_webhook(body: bytes, audience: str) -> Sequence[Feedback]:
    """Reads what a call says of this audience; raises Forged for one that is no form or of another audience."""
    try:
        fields = dict(
            parse_qsl(body.decode(), keep_blank_values=True, strict_parsing=True, max_num_fields=_MOST_FIELDS)
        )
    except ValueError:
        raise Forged("the body is no form") from None
    if fields.get("data[list_id]") != audience:
        raise Forged("it is about another audience")
    address = fields.get("data[email]", "").strip().lower()
    fired = _instant(fields.get("fired_at", ""))
    if not address:
        return []
    match fields.get("type"), fields.get("data[action]"), fields.get("data[reason]"):
        case ("unsubscribe" | "cleaned", _, "abuse"):
            return [Feedback(address=address, ref=None, state="complained", at=fired)]
        case ("unsubscribe", "delete", _):
            return [Feedback(address=address, ref=None, state="archived", at=fired)]
        case ("unsubscribe", _, _):
            return [Feedback(address=address, ref=None, state="unsubscribed", at=fired)]
        case ("cleaned", _, _):
            return [Feedback(address=address, ref=None, state="cleaned", at=fired)]
    return []


def _instant(text: str) -> datetime | None:
    """`YYYY-MM-DD HH:MM:SS`, in UTC."""
    try:
        return datetime.strptime(text, "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC)
    except ValueError:
        return None
