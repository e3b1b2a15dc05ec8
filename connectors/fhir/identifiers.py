"""By what else than its id a resource is known: its identifiers, and what it is part of."""

from typing import NamedTuple

import msgspec

from connectors.fhir.entry import UNREADABLE


class KnownAs(NamedTuple):
    """`tokens` are `system|value`; `parent` is a reference, None where there is none."""

    tokens: tuple[str, ...]
    parent: str | None


class _Identifier(msgspec.Struct):
    system: str | None = None
    value: str | None = None


class _Parent(msgspec.Struct):
    reference: str | None = None


class _Known(msgspec.Struct, rename="camel"):
    identifier: list[_Identifier] | None = None
    part_of: _Parent | None = None


def known_as(body: bytes) -> KnownAs | None:
    """What a resource's own bytes say; None where they cannot be read that far."""
    try:
        known = msgspec.json.decode(body, type=_Known)
    except UNREADABLE:
        return None
    tokens = tuple(f"{one.system or ''}|{one.value}" for one in known.identifier or () if one.value)
    return KnownAs(tokens, known.part_of.reference if known.part_of is not None else None)
