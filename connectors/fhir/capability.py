"""What a FHIR server says it can do: its CapabilityStatement, kept for a day.

Only what a puller decides by is kept: the release, and for the types that are read their search parameters and
interactions (https://hl7.org/fhir/R4/capabilitystatement.html).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, NamedTuple, Protocol

import msgspec

from connectors.base import Memo, Misconfigured
from connectors.fhir.entry import UNREADABLE
from connectors.http import Response
from mappings.fhir.ladder import Release
from mappings.fhir.mapping import KINDS

KEPT: Final = timedelta(days=1)
_KEY: Final = "capability"


class Reads(Protocol):
    """As much of `connectors.fhir.server.FhirServer` as is needed here."""

    def get(self, target: str, template: str) -> Response: ...


class Ability(NamedTuple):
    """What is said of one type; empty interactions mean that the server does not say."""

    params: frozenset[str]
    interactions: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Capability:
    """`version` is the statement's fhirVersion, "" where there is none; `types` is empty for a server that says nothing."""

    version: str = ""
    types: Mapping[str, Ability] = field(default_factory=dict)

    def offers(self, resource: str, interaction: str = "search-type") -> bool | None:
        """Whether a type can be asked that way; None when the server does not say."""
        if not self.types:
            return None
        ability = self.types.get(resource)
        if ability is None:
            return False
        return interaction in ability.interactions if ability.interactions else None

    def searches(self, resource: str, param: str) -> bool | None:
        """Whether a type can be searched by a parameter; None when the server does not say."""
        if not self.types:
            return None
        ability = self.types.get(resource)
        return ability is not None and param in ability.params


def release_of(version: str) -> Release | None:
    """The models that read a fhirVersion (R4B's read R4 as well); None for a release that is not read."""
    if version.startswith(("4.0.", "4.1.", "4.3.")):
        return "R4B"
    return "R5" if version.startswith(("5.", "4.2.", "4.4.", "4.5.", "4.6.")) else None


def checked_release(version: str, setting: str) -> Release:
    """The release of a server; R4 for one that does not say; raises Misconfigured for one that is not read."""
    release = release_of(version) if version else "R4B"
    if release is None:
        raise Misconfigured(setting, "the server speaks another FHIR release; R4, R4B and R5 are read")
    return release


def recalled(memo: Memo) -> Capability | None:
    """What was last read, however old; None when nothing was."""
    held = memo.get(_KEY)
    return _from_json(held) if held is not None else None


def capability(server: Reads, memo: Memo, at: datetime) -> Capability:
    """What the server said within the last day, else what it says now; one that has no statement can do anything."""
    held = memo.get(_KEY)
    if held is not None and timedelta() <= at - datetime.fromisoformat(held["at"]) < KEPT:
        return _from_json(held)
    answer = server.get("/metadata", "/metadata")
    found = (read_capability(answer.body) if answer.status == 200 else None) or Capability()
    memo.put(_KEY, _to_json(found, at))
    return found


def read_capability(body: bytes) -> Capability | None:
    """Reads a CapabilityStatement; None for anything else."""
    try:
        statement = _read(body)
    except UNREADABLE:
        return None
    if statement.resource_type != "CapabilityStatement":
        return None
    types: dict[str, Ability] = {}
    for rest in statement.rest or ():
        if rest.mode in ("server", ""):
            everywhere = frozenset(param.name for param in rest.search_param or ())
            types |= {each.type: _ability(each, everywhere) for each in rest.resource or () if each.type in KINDS}
    return Capability(version=statement.fhir_version, types=types)


class _Named(msgspec.Struct):
    name: str = ""


class _Coded(msgspec.Struct):
    code: str = ""


class _Type(msgspec.Struct, rename="camel"):
    type: str = ""
    interaction: list[_Coded] | None = None
    search_param: list[_Named] | None = None


class _Rest(msgspec.Struct, rename="camel"):
    mode: str = ""
    resource: list[_Type] | None = None
    search_param: list[_Named] | None = None


class _Statement(msgspec.Struct, rename="camel"):
    resource_type: str = ""
    fhir_version: str = ""
    rest: list[_Rest] | None = None


_read = msgspec.json.Decoder(_Statement).decode


def _ability(each: _Type, everywhere: frozenset[str]) -> Ability:
    params = everywhere | {param.name for param in each.search_param or ()}
    return Ability(params, frozenset(one.code for one in each.interaction or ()))


def _to_json(found: Capability, at: datetime) -> dict[str, object]:
    types = {name: [sorted(each.params), sorted(each.interactions)] for name, each in found.types.items()}
    return {"at": at.isoformat(), "version": found.version, "types": types}


def _from_json(held: Mapping[str, object]) -> Capability:
    kept = msgspec.convert(held, _Kept)
    types = {name: Ability(frozenset(params), frozenset(codes)) for name, (params, codes) in kept.types.items()}
    return Capability(version=kept.version, types=types)


class _Kept(msgspec.Struct):
    version: str
    types: dict[str, tuple[Sequence[str], Sequence[str]]]
