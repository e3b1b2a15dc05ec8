"""The columns of a worklist, and what the front desk is advised to do."""

from collections.abc import Mapping
from typing import Final

from mappings.withheld import WITHHELD

CONTACT: Final = "Contact"
SEGMENTS: Final = "List"
REASON: Final = "Not reached because"
STEP: Final = "Next step"
ANSWER: Final = "Answer"
OWN: Final = (CONTACT, SEGMENTS, REASON, STEP, ANSWER)

_CALL: Final = "Call"
_ASK: Final = "Call; ask for an e-mail address and put it into the EMR"
_VISIT_ONLY: Final = "Call about the visit only; say nothing of e-mail"

STEPS: Final[Mapping[str, str]] = {
    "no_address": _ASK,
    "bad_address": _ASK,
    "bounced": _ASK,
    "no_consent": "Call; ask whether e-mail is welcome and note the answer, with its date, in the EMR",
    "purpose_not_covered": "Call; ask whether e-mail is welcome and note the answer, with its date, in the EMR",
    "consent_expired": "Call; ask whether e-mail is still welcome and note the answer, with its date, in the EMR",
    "minor_without_guardian": "Call the parent or guardian; ask for their e-mail address",
    "unsubscribed": _VISIT_ONLY,
    "complained": _VISIT_ONLY,
    "consent_withdrawn": _VISIT_ONLY,
    "archived_by_human": _VISIT_ONLY,
    "household_refusal": _VISIT_ONLY,
}
"""A withheld reason -> what to do about it; for every other, call."""


def header(fields: Mapping[str, str]) -> tuple[str, ...]:
    """The first row."""
    return (CONTACT, *fields, SEGMENTS, REASON, STEP, ANSWER)


def told(reason: str) -> tuple[str, str]:
    """What the list says of a reason ("" where nobody else is asked), and the next step."""
    return WITHHELD.get(reason, ""), STEPS.get(reason, _CALL)
