"""What happened to an invented patient, in days counted from today: negative is past, positive is to come."""

from dataclasses import dataclass
from typing import Literal

from mappings.records import Status

Happened = Literal["attended", "missed", "cancelled", "booked"]


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoVisit:
    """One visit: its day, its local time, what became of it, and the kind of note (IE first, DN, PN, DS last)."""

    day: int
    hour: int
    minute: int
    happened: Happened
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoCase:
    """One plan of care. `reason` is the EMR's own word for the closing, "" where the therapist gave none."""

    opened: int
    visits: tuple[DemoVisit, ...]
    closed: int | None = None
    reason: str = ""
    kind: str = "Orthopedic"
    prescribed: int | None = None
    authorized: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """All care of one patient at one EMR and the status that it was made to lead to.

    `by_case` is False where the EMR keeps no plan of care for these visits. `created` is the day of registration.
    """

    name: str
    status: Status
    created: int
    cases: tuple[DemoCase, ...] = ()
    by_case: bool = True
    active: bool = True
    deceased: bool = False
