"""What Copper's refusals mean, as a table.

Its documentation lists no errors; seen are {"success": false, "status": 422, "message": text} and, in bulk answers,
messages by field. A refusal that no row knows is parked under its status, and never repeated until its input changes.
"""

from dataclasses import dataclass
from typing import Any, Final, NamedTuple


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What to do: park the person under `code`, look whether they are there, or stop altogether."""

    code: str
    look: bool = False
    stop: bool = False


class Row(NamedTuple):
    """A status, and a text in the message, in any case ("": any)."""

    status: int
    text: str
    verdict: Verdict


_STOP = Verdict(code="stopped", stop=True)
_TAKEN = Verdict(code="address_taken")

TABLE: Final[tuple[Row, ...]] = (
    Row(401, "", _STOP),
    Row(403, "", _STOP),
    Row(404, "", Verdict(code="gone", look=True)),
    Row(422, "already", _TAKEN),
    Row(422, "unique", _TAKEN),
    Row(422, "duplicate", _TAKEN),
    Row(422, "email", Verdict(code="invalid_fields")),
    Row(422, "invalid", Verdict(code="invalid_fields")),
)


def verdict(status: int, answer: Any) -> Verdict:
    """Looks a refusal up; one that is unknown is parked under its status."""
    folded = str(answer.get("message") or answer.get("error") or "").casefold() if isinstance(answer, dict) else ""
    for row in TABLE:
        if row.status == status and row.text in folded:
            return row.verdict
    return Verdict(code=f"refused_{status}")
