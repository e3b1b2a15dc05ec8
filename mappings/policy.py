"""What may leave to whom: field classes x agreement x purpose; asked by `check`, when a document is made, and at send.

Mailchimp signs no business associate agreement; with `baa: none` only an address, a given name, a language and
opaque codes may leave (minimum necessary, 45 CFR 164.502(b)).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Literal

from mappings.consent import Verdict
from mappings.document import Document
from mappings.records import Purpose

BARE_NAMES: Final = frozenset({"email", "given_name", "language", "greeting"})
"""What may leave without an agreement, beside codes."""

CODE: Final = re.compile(r"[A-Z]{2}[0-9]{2}")


class PolicyViolation(Exception):
    """A document holds what must not leave; the message names fields and codes, never values."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Audience:
    """A destination's terms: who receives, under which agreement, which tags and fields.

    `agreement`: inside (within the practice), signed (a BAA), none. `fields` maps provider fields to canonical names,
    facts or greeting. `tags` maps (segment | step | status, name) to the name under which it leaves. `sites` None = all.
    `starts`: a tag that is added loudly may start an automation there.
    `quiet`: a tag can be added there without starting automations; where it cannot, only entries since `loud_after` go
    (None: none). `channel`: how its people are reached.
    """

    destination: str
    unit: Literal["address", "contact"]
    agreement: Literal["inside", "signed", "none"]
    segments: frozenset[str] = frozenset()
    statuses: frozenset[str] = frozenset()
    purpose: Purpose = "operations"
    everyone: bool = False
    archives: bool = False
    sites: frozenset[str] | None = None
    fields: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[tuple[str, str], str] = field(default_factory=dict)
    greeting: str = "there"
    starts: bool = True
    quiet: bool = True
    loud_after: datetime | None = None
    channel: Literal["email", "phone"] = "email"


def refused_names(audience: Audience) -> list[str]:
    """Provider fields whose value may not leave under the destination's agreement."""
    if audience.agreement != "none":
        return []
    return [provider for provider, name in audience.fields.items() if name not in BARE_NAMES]


def covers(audience: Audience, found: Verdict, purpose: Purpose, *, prospect: bool) -> bool:
    """True if a person with this verdict may be sent something for this purpose."""
    if found.state == "no":
        return False
    if prospect:
        return found.state in ("yes_dated", "basis") or (found.state == "yes_undated" and audience.agreement != "none")
    if purpose != "marketing" and audience.agreement != "none":
        return True
    return found.state == "yes_dated"


def assert_document(document: Document, audience: Audience) -> None:
    """Raises PolicyViolation when a document holds more than the destination's terms allow."""
    unknown = set(document.fields) - set(audience.fields)
    if unknown:
        raise PolicyViolation(f"{audience.destination}: fields that are not configured: {', '.join(sorted(unknown))}")
    if audience.agreement != "none":
        return
    refused = set(refused_names(audience)) & set(document.fields)
    if refused:
        raise PolicyViolation(f"{audience.destination}: fields that need a BAA: {', '.join(sorted(refused))}")
    if not all(CODE.fullmatch(tag) for tag in document.tags):
        raise PolicyViolation(f"{audience.destination}: a tag that is no code would leave without a BAA")
