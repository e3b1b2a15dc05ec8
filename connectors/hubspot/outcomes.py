"""What HubSpot's refusals mean, as a table.

A refusal has a category and a message (https://developers.hubspot.com/docs/api-reference/error-handling); one that no
row knows is parked under its status or category, and never repeated until its input changes.
"""

from dataclasses import dataclass
from typing import Any, Final, Literal, NamedTuple

from connectors.base import SuppressCause

Stop = Literal["token", "key_property", "fields"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What to do: park the item under `code`, suppress its address, look at who is there, or stop altogether."""

    code: str
    suppress: SuppressCause | None = None
    look: bool = False
    stop: Stop | None = None


class Row(NamedTuple):
    """A status (None: of one item of a batch), and a text in category, code or message, in any case ("": any)."""

    status: int | None
    text: str
    verdict: Verdict


_BAD_TOKEN = Verdict(code="stopped", stop="token")
_BAD_KEY = Verdict(code="stopped", stop="key_property")
_BAD_FIELD = Verdict(code="stopped", stop="fields")
_EXISTS = Verdict(code="exists", look=True)
_GONE = Verdict(code="gone", suppress="archived_by_human")
_BAD_ADDRESS = Verdict(code="bad_address", suppress="bad_address")

_TEXTS: tuple[tuple[str, Verdict], ...] = (
    ("object_not_found", _GONE),
    ("non-unique", _BAD_KEY),
    ("property_doesnt_exist", _BAD_FIELD),
    ("read_only_value", _BAD_FIELD),
    ("gdpr", Verdict(code="forgotten", suppress="unsubscribed")),
    ("invalid_email", _BAD_ADDRESS),
    ("invalid_option", Verdict(code="invalid_fields")),
    ("property values were not valid", Verdict(code="invalid_fields")),
    ("conflict", _EXISTS),
    ("already exists", _EXISTS),
)

TABLE: Final[tuple[Row, ...]] = (
    Row(401, "", _BAD_TOKEN),
    Row(403, "", _BAD_TOKEN),
    Row(404, "", _GONE),
    Row(409, "", _EXISTS),
    *(Row(status, text, verdict) for text, verdict in _TEXTS for status in (400, None)),
)


def verdict(status: int | None, text: str) -> Verdict:
    """Looks a refusal up; one that is unknown is parked under its status."""
    folded = text.casefold()
    for row in TABLE:
        if row.status == status and row.text in folded:
            return row.verdict
    return Verdict(code="refused" if status is None else f"refused_{status}")


def refusal(status: int | None, error: dict[str, Any]) -> Verdict:
    """Reads an error document: of a whole call (with its status), or of one item of a batch (None)."""
    details = error.get("errors")
    words = [error.get("category"), error.get("subCategory"), error.get("message")]
    for detail in details if isinstance(details, list) else ():
        if isinstance(detail, dict):
            words += [detail.get("code"), detail.get("subCategory"), detail.get("message")]
    return verdict(status, " ".join(str(word) for word in words if word))
