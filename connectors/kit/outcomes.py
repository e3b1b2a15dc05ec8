"""What Kit's refusals and states mean, as tables.

A refusal is {"errors": [text, …]} (https://developers.kit.com/api-reference/errors); one that no row knows is parked
under its status, and never repeated until its input changes.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from connectors.base import SuppressCause


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What to do: park the subscriber under `code`, suppress its address, look at who is there, or stop altogether."""

    code: str
    suppress: SuppressCause | None = None
    look: bool = False
    stop: bool = False


class Row(NamedTuple):
    """A status (None: of one item of a bulk request), and a text in the errors, in any case ("": any)."""

    status: int | None
    text: str
    verdict: Verdict


_STOP = Verdict(code="stopped", stop=True)
_TEXTS: tuple[tuple[str, Verdict], ...] = (
    ("already been taken", Verdict(code="exists", look=True)),
    ("email address is invalid", Verdict(code="bad_address", suppress="bad_address")),
    ("subscriber does not exist", Verdict(code="gone", suppress="archived_by_human")),
)

TABLE: Final[tuple[Row, ...]] = (
    Row(401, "", _STOP),
    Row(402, "", _STOP),
    Row(403, "", _STOP),
    Row(404, "", Verdict(code="gone", look=True)),
    *(Row(status, text, verdict) for text, verdict in _TEXTS for status in (422, None)),
)

DELETED: Final = "deleted"
"""No state of Kit's: a subscriber that was there and is no longer."""
STATES: Final[Mapping[str, SuppressCause]] = {
    "cancelled": "unsubscribed",
    "bounced": "bounced",
    "complained": "complained",
    DELETED: "archived_by_human",
}
"""A subscriber's state -> why it must not be mailed. `inactive` (never confirmed) is no cause: it is parked."""


def verdict(status: int | None, errors: Any) -> Verdict:
    """Looks a refusal up; one that is unknown is parked under its status."""
    folded = " ".join(str(each) for each in errors if each).casefold() if isinstance(errors, list) else ""
    for row in TABLE:
        if row.status == status and row.text in folded:
            return row.verdict
    return Verdict(code="refused" if status is None else f"refused_{status}")
