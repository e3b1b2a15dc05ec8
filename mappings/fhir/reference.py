"""References between resources, in every form that servers write them.

Relative (`Patient/1`), absolute, versioned (`…/_history/2`), conditional (`Patient?identifier=system|value`, all of
Synthea's), by identifier alone, and into `contained` (`#id`). `urn:uuid:` references of a Bundle are replaced by
`Type/id` before a resource comes here, since only its Bundle knows what they name.
"""

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple, Protocol
from urllib.parse import parse_qs, unquote

from mappings.fhir.shapes import Contained, LogicalId, Reference

_LITERAL = re.compile(r"(?:\A|/)([A-Z][A-Za-z]+)/([A-Za-z0-9\-.]+)(?:/_history/[A-Za-z0-9\-.]+)?\Z")
_CONDITIONAL = re.compile(r"(?:\A|/)([A-Z][A-Za-z]+)\?(.+)\Z", re.DOTALL)


class Target(NamedTuple):
    """What a reference names: a resource by id, or one by `system|value`; `kind` is "" where it is not said."""

    kind: str
    id: str | None = None
    token: str | None = None


class Place(NamedTuple):
    """A location as the site map may know it: its own keys (`Location/1`, `system|value`) and its parent's reference."""

    keys: tuple[str, ...]
    parent: str | None


class Directory(Protocol):
    """What was delivered beside a resource; asked only when a reference cannot be followed without it."""

    def place(self, key: str) -> Place | None:
        """The location with that `Location/id` or `system|value`."""
        ...

    def patient(self, token: str) -> str | None:
        """The id of the patient with that `system|value`."""
        ...


def targets(reference: Reference | None, contained: Sequence[Contained] | None) -> Iterator[Target]:
    """Yields what a reference may name, the most direct first; nothing for one that names nothing."""
    if reference is None:
        return
    text = reference.reference
    if text is not None and text.startswith("#"):
        yield from _inside(text[1:], contained or ())
    elif text is not None:
        target = read_target(text)
        if target is not None:
            yield target
    token = _token(reference.identifier)
    if token is not None:
        yield Target("", token=token)


def read_target(text: str) -> Target | None:
    """Reads a literal or conditional reference; None for anything else (a fragment, an unknown urn)."""
    literal = _LITERAL.search(text)
    if literal is not None:
        return Target(literal[1], id=literal[2])
    conditional = _CONDITIONAL.search(text)
    if conditional is None:
        return None
    query = conditional[2]
    values = parse_qs(query).get("identifier") if "%" in query or "&" in query else None
    token = values[0] if values else unquote(query.removeprefix("identifier="))
    return Target(conditional[1], token=token)


def _inside(name: str, contained: Sequence[Contained]) -> Iterator[Target]:
    for resource in contained:
        if resource.id == name:
            for identifier in resource.identifier or ():
                token = _token(identifier)
                if token is not None:
                    yield Target(resource.resource_type or "", token=token)


def _token(identifier: LogicalId | None) -> str | None:
    return f"{identifier.system or ''}|{identifier.value}" if identifier is not None and identifier.value else None


def patient_id(reference: Reference | None, contained: Sequence[Contained] | None, directory: Directory) -> str | None:
    """The id of the patient that a reference names; None when it leads to none that was delivered."""
    for target in targets(reference, contained):
        if target.kind not in ("", "Patient"):
            continue
        found = target.id if target.id is not None else directory.patient(target.token or "")
        if found is not None:
            return found
    return None


def names_type(reference: Reference | None, *kinds: str) -> bool:
    """True when the reference says itself that it names a resource of one of these types."""
    target = read_target(reference.reference) if reference is not None and reference.reference else None
    return target is not None and target.kind in kinds
