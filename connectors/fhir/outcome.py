"""OperationOutcome: what a server has to say beside, or instead of, an answer.

Only severity and code are ever repeated; `diagnostics` and `details` may hold a patient's data.
"""

import re
from collections.abc import Sequence
from typing import Final, NamedTuple

import msgspec

from connectors.fhir.entry import UNREADABLE

_CODE: Final = re.compile(r"\A[a-z][a-z-]{1,39}\Z")
_SEVERE: Final = frozenset({"error", "fatal"})
TRANSIENT: Final = frozenset({"transient", "lock-error", "no-store", "exception", "timeout", "incomplete", "throttled"})
"""Codes of what may pass by itself (https://hl7.org/fhir/R4/valueset-issue-type.html, "transient" and below)."""
_BEGINNING: Final = re.compile(rb'\s*\{\s*"resourceType"\s*:\s*"(?!OperationOutcome")[A-Z]')


class Issue(NamedTuple):
    """One thing that a server says; `code` is of https://hl7.org/fhir/R4/valueset-issue-type.html, else "unknown"."""

    severity: str
    code: str

    @property
    def severe(self) -> bool:
        """True when the answer has a gap."""
        return self.severity in _SEVERE


class _Issue(msgspec.Struct):
    severity: str = ""
    code: str = ""


class _Outcome(msgspec.Struct, rename="camel"):
    resource_type: str = ""
    issue: list[_Issue] | None = None


_read = msgspec.json.Decoder(_Outcome).decode
_UNREAD: Final = (Issue("error", "unknown"),)


def issues_of(body: bytes | msgspec.Raw) -> Sequence[Issue]:
    """The issues of an OperationOutcome; a severe one for an outcome that cannot be read, none for anything else."""
    try:
        outcome = _read(body)
    except UNREADABLE:
        return _UNREAD
    if outcome.resource_type != "OperationOutcome":
        return ()
    return [Issue(one.severity, one.code if _CODE.match(one.code) else "unknown") for one in outcome.issue or ()]


def passing(body: bytes) -> str | None:
    """The codes of the severe issues of a body that is an OperationOutcome, when all may pass by themselves; else None."""
    if _BEGINNING.match(body):
        return None
    severe = [issue for issue in issues_of(body) if issue.severe]
    return said(severe) if severe and all(issue.code in TRANSIENT for issue in severe) else None


def said(issues: Sequence[Issue]) -> str:
    """The codes of the issues, the severe ones where there are any, for a message: ` (not-supported)`; else ""."""
    severe = [issue for issue in issues if issue.severe]
    codes = dict.fromkeys(issue.code for issue in severe or issues)
    return f" ({', '.join(codes)})" if codes else ""
