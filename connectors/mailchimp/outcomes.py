"""What Mailchimp's refusals mean, as a table.

The texts have changed over time and some answers lack their type, so a row matches a status and any part of title
and detail; a refusal that no row knows is parked under its status, and never repeated until its input changes.
"""

from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from connectors.base import SuppressCause
from connectors.http import Response

Stop = Literal["api_key", "audience"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What to do with one member: park it under `code`, suppress its address, look again, or stop altogether."""

    code: str
    suppress: SuppressCause | None = None
    look: bool = False
    stop: Stop | None = None


class Row(NamedTuple):
    """A status (None: of one member in a create batch, which has none) and a text in any case ("": any)."""

    status: int | None
    text: str
    verdict: Verdict


_EXISTS = Verdict(code="exists", look=True)
_COMPLIANCE = Verdict(code="compliance", suppress="unsubscribed", look=True)
_FORGOTTEN = Verdict(code="forgotten", suppress="unsubscribed")
_BAD_ADDRESS = Verdict(code="bad_address", suppress="bad_address")
_BAD_FIELDS = Verdict(code="invalid_fields")
_BAD_KEY = Verdict(code="stopped", stop="api_key")

_TEXTS: tuple[tuple[str, Verdict], ...] = (
    ("compliance state", _COMPLIANCE),
    ("forgotten email", _FORGOTTEN),
    ("permanently deleted", _FORGOTTEN),
    ("member exists", _EXISTS),
    ("already a list member", _EXISTS),
    ("already in this list", _EXISTS),
    ("error_contact_exists", _EXISTS),
    ("fake or invalid", _BAD_ADDRESS),
    ("valid email", _BAD_ADDRESS),
    ("merge fields were invalid", _BAD_FIELDS),
    ("error_generic", Verdict(code="refused")),
)

TABLE: tuple[Row, ...] = (
    Row(401, "", _BAD_KEY),
    Row(403, "", _BAD_KEY),
    Row(404, "", Verdict(code="gone", look=True)),
    *(Row(status, text, verdict) for text, verdict in _TEXTS for status in (400, None)),
)


def verdict(status: int | None, text: str) -> Verdict:
    """Looks a refusal up; one that is unknown is parked under its status."""
    folded = text.casefold()
    for row in TABLE:
        if row.status == status and row.text in folded:
            return row.verdict
    return Verdict(code="refused" if status is None else f"refused_{status}")


def refusal(response: Response) -> Verdict:
    """Reads an answer's problem document (RFC 7807): title, detail and the fields' messages."""
    problem = response.json_object() or {}
    return verdict(response.status, f"{problem.get('title', '')} {problem.get('detail', '')}")


def batch_error(error: dict[str, Any]) -> Verdict:
    """Reads one entry of a create batch's `errors`."""
    return verdict(None, f"{error.get('error', '')} {error.get('error_code', '')}")


STATES: dict[str, SuppressCause] = {
    "unsubscribed": "unsubscribed",
    "cleaned": "bounced",
    "archived": "archived_by_human",
}
"""A member's state -> why it must not be sent to. `pending` and `transactional` are no cause: they are parked."""
