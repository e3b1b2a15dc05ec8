"""One resource as delivered -> one row: which mapping serves which resource type, and how rows are named."""

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

import msgspec

from mappings.fhir.appointment import map_appointment
from mappings.fhir.consent import consent_ids, map_consent
from mappings.fhir.coverage import map_coverage
from mappings.fhir.encounter import map_encounter
from mappings.fhir.episode import map_episode
from mappings.fhir.guardian import map_related_person
from mappings.fhir.ladder import read_resource
from mappings.fhir.patient import map_patient
from mappings.fhir.reference import Directory
from mappings.fhir.referral import EPISODE_SUFFIX, map_request
from mappings.fhir.terms import Terms
from mappings.records import Kind, Mapped, Rejected

KINDS: Final[dict[str, Kind]] = {
    "Patient": "patients",
    "Appointment": "appointments",
    "Encounter": "appointments",
    "EpisodeOfCare": "episodes",
    "ServiceRequest": "supplements",
    "Coverage": "supplements",
    "Consent": "consents",
    "RelatedPerson": "supplements",
    "Location": "locations",
}
"""The resource types that are read; every other one is none of our business."""

REMOVAL: Final = b'{"request":'
"""How the body of a row begins whose resource was deleted."""

MAPPING_VERSION: Final = "3"
"""Part of every source's fingerprint: to be raised whenever the same resource is mapped to something else."""

_UNREADABLE: Final = "unreadable:"
_ALONE: Final[dict[Kind, str]] = {
    "patients": "Patient",
    "episodes": "EpisodeOfCare",
    "consents": "Consent",
    "locations": "Location",
}
BARE: Final = frozenset(_ALONE.values()) - {"Consent"}
"""The types whose resources are a row each, named by the bare id."""

_MAPPINGS: Final[dict[str, Callable[[Any, str, Terms, Directory], Mapped | Rejected]]] = {
    "Patient": map_patient,
    "Appointment": map_appointment,
    "Encounter": map_encounter,
    "EpisodeOfCare": map_episode,
    "ServiceRequest": map_request,
    "Coverage": map_coverage,
    "Consent": map_consent,
    "RelatedPerson": map_related_person,
}
_QUANTITY = re.compile(rb'"quantityQuantity"\s*:')


def row_ids(resource: str, resource_id: str, body: bytes, terms: Terms) -> list[str]:
    """The external ids of the rows that one resource becomes.

    A patient, episode or location goes by its bare id; types that share a kind are told apart by `Type/`. A request
    that counts visits of an episode speaks twice, a Consent once for each channel and purpose that is declared.
    """
    if resource in BARE:
        return [resource_id]
    if resource == "Consent":
        return consent_ids(resource_id, tuple(terms.consents.values()))
    named = f"{resource}/{resource_id}"
    if resource == "ServiceRequest" and b"EpisodeOfCare/" in body and _QUANTITY.search(body):
        return [named, named + EPISODE_SUFFIX]
    return [named]


def unreadable_id(digest: str) -> str:
    """The external id of something that is no FHIR resource or has no id: `digest` is a hash of its bytes."""
    return _UNREADABLE + digest[:16]


def map_resource(kind: Kind, external_id: str, body: bytes, terms: Terms, directory: Directory) -> Mapped | Rejected:
    """Maps the body of a row that `row_ids` named."""
    if body.startswith(REMOVAL):
        return Mapped(record=None, removed=True)
    if external_id.startswith(_UNREADABLE):
        return _nameless(body)
    if kind == "locations":
        return Mapped(record=None, ignored="site_directory")
    resource = _ALONE.get(kind) or external_id.partition("/")[0]
    if b"\\u0000" in body:
        # FHIR's strings hold no NUL (hl7.org/fhir/R4/datatypes.html#string), and PostgreSQL's cannot.
        return Rejected(code="unreadable_resource", column=resource)
    reading = read_resource(terms.release, resource, body)
    if reading is None:
        return Rejected(code="unreadable_resource", column=resource)
    # An id that is no text leaves the one of the entry's fullUrl.
    if any(warned.field == "id" for warned in reading.warnings) and _read_typed(body).named:
        return _misnamed(resource)
    mapped = _MAPPINGS[resource](reading.resource, external_id, terms, directory)
    if isinstance(mapped, Rejected):
        return replace(mapped, column=f"{resource}.{mapped.column}" if mapped.column else resource)
    return replace(mapped, warnings=reading.warnings + mapped.warnings) if reading.warnings else mapped


def _misnamed(resource: str) -> Rejected:
    """An id that no reference can name (hl7.org/fhir/R4/datatypes.html#id)."""
    return Rejected(code="unreadable_value", field="external_id", column=f"{resource}.id")


def _nameless(body: bytes) -> Rejected:
    try:
        typed = _read_typed(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return Rejected(code="unreadable_resource")
    resource = typed.resource_type
    if resource not in KINDS:
        return Rejected(code="unreadable_resource", column="resourceType")
    if typed.named:
        return _misnamed(resource)
    return Rejected(code="missing_value", field="external_id", column=f"{resource}.id")


class _Typed(msgspec.Struct, rename="camel"):
    resource_type: str
    id: Any = None

    @property
    def named(self) -> bool:
        """True for an id that is a text."""
        return isinstance(self.id, str) and self.id != ""


_read_typed = msgspec.json.Decoder(_Typed).decode
