"""How five kinds of FHIR server differ, as far as a puller can tell.

Oracle/Cerner Millennium: docs.oracle.com, millennium-platform-apis, op-appointment-get. Epic: smart-fetch docs/since.md.
OpenEMR: src/Services/FHIR/FhirAppointmentService.php. Medplum: its search documentation. HAPI: its paging and bulk
issues (#2552, #4387, #6841, #7220).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from tests.fakes.fhir_store import Json, VersionIds

TYPES: Final = (
    "Patient", "Appointment", "Encounter", "EpisodeOfCare", "ServiceRequest", "Coverage", "Consent", "RelatedPerson",
    "Location", "Practitioner", "Group",
)  # fmt: skip
_ALL: Final[Mapping[str, frozenset[str]]] = {
    "Patient": frozenset({"_id", "identifier", "birthdate", "name", "family", "active", "link"}),
    "Appointment": frozenset({"_id", "identifier", "date", "patient", "location", "practitioner", "actor", "status"}),
    "Encounter": frozenset({"_id", "identifier", "date", "patient", "subject", "location", "practitioner", "status"}),
    "EpisodeOfCare": frozenset({"_id", "identifier", "date", "patient", "status"}),
    "ServiceRequest": frozenset({"_id", "identifier", "authored", "patient", "subject", "status"}),
    "Coverage": frozenset({"_id", "identifier", "patient", "beneficiary", "status"}),
    "Consent": frozenset({"_id", "identifier", "date", "patient", "status"}),
    "RelatedPerson": frozenset({"_id", "identifier", "patient"}),
    "Location": frozenset({"_id", "identifier", "name"}),
    "Practitioner": frozenset({"_id", "identifier", "name"}),
    "Group": frozenset({"_id", "identifier"}),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """A kind of server.

    `unknown`: what becomes of a parameter that it does not have; `strict`: it heeds Prefer: handling=strict. `paging`:
    a kept result set named by an opaque token, or the query again with an offset (a keyset when sorted by
    _lastUpdated). `cursor_seconds`: how long a result set is kept; `gone`: the status after that. `offset_limit`: the
    offset beyond which paging dies. `narrow`: an Appointment search needs one of patient, practitioner, location and
    a date. `says`: informational OperationOutcome entries in every Bundle. `exports`: the kinds of bulk export.
    `one_export`: one at a time. `poll_after`: Retry-After of a job that runs. `signed_files`: files lie at another
    origin and want no token. `lists_deleted`: the manifest tells of deletions. `ends_late`: transactionTime is the
    job's end. `skips_unchanged`: with _since a group's patients that did not change are left out with all they have.
    """

    name: str
    params: Mapping[str, frozenset[str]]
    unknown: Literal["ignore", "refuse"] = "ignore"
    strict: bool = False
    sorts: frozenset[str] = frozenset({"_lastUpdated", "_id", "date"})
    total: bool = True
    paging: Literal["kept", "offset"] = "kept"
    cursor_seconds: int = 3600
    gone: int = 410
    offset_limit: int | None = None
    includes: bool = True
    narrow: bool = False
    says: bool = False
    history: bool = False
    stamps: bool = True
    version_ids: VersionIds = "counter"
    exports: frozenset[str] = frozenset({"system", "group", "patient"})
    one_export: bool = False
    poll_after: str | None = "1"
    comma_types: bool = False
    signed_files: bool = False
    lists_deleted: bool = True
    ends_late: bool = False
    skips_unchanged: bool = False


def _with(*names: str, types: Mapping[str, frozenset[str]] = _ALL) -> dict[str, frozenset[str]]:
    return {kind: params | frozenset(names) for kind, params in types.items()}


EPIC: Final = Profile(
    name="epic",
    params=_ALL,
    sorts=frozenset(),
    stamps=False,
    says=True,
    gone=400,
    exports=frozenset({"group"}),
    one_export=True,
    poll_after=None,
    lists_deleted=False,
)
CERNER: Final = Profile(
    name="cerner",
    params={**_ALL, "Appointment": _ALL["Appointment"] | {"-date-or-req-period"}},
    sorts=frozenset(),
    stamps=False,
    total=False,
    narrow=True,
    exports=frozenset({"group"}),
    poll_after="18000",
    comma_types=True,
    lists_deleted=False,
)
OPENEMR: Final = Profile(
    name="openemr",
    params={**_with("_lastUpdated"), "Appointment": frozenset({"patient", "_id", "date", "_lastUpdated"})},
    sorts=frozenset(),
    includes=False,
    version_ids="one",
    lists_deleted=False,
)
MEDPLUM: Final = Profile(
    name="medplum",
    params=_with("_lastUpdated", "service-type", "slot", "based-on", "reason-code", "specialty"),
    unknown="refuse",
    strict=True,
    total=False,
    paging="offset",
    offset_limit=10_000,
    version_ids="uuid",
    history=True,
    poll_after=None,
    signed_files=True,
    lists_deleted=False,
)
GENERIC: Final = Profile(
    name="generic",
    params=_with("_lastUpdated"),
    strict=True,
    history=True,
    ends_late=True,
    skips_unchanged=True,
)
PROFILES: Final = {each.name: each for each in (EPIC, CERNER, OPENEMR, MEDPLUM, GENERIC)}

_OPENEMR_STATUS: Final = {
    "-": "proposed", "^": "pending", "#": "pending", "*": "booked", "SMS": "booked", "EMAIL": "booked", "AVM": "booked",
    "@": "arrived", "~": "arrived", "<": "checked-in", "+": "checked-in", ">": "fulfilled", "$": "fulfilled",
    "x": "cancelled", "%": "cancelled", "!": "cancelled", "?": "noshow", "CALL": "waitlist",
}  # fmt: skip


def openemr_status(code: str) -> str:
    """What OpenEMR makes of a code of its calendar; anything that it does not know is pending."""
    return _OPENEMR_STATUS.get(code, "pending")


def statement(profile: Profile, fhir_version: str, *, token_url: str | None = None) -> Json:
    """The CapabilityStatement."""
    oauth = "http://fhir-registry.smarthealthit.org/StructureDefinition/oauth-uris"
    security = {"extension": [{"url": oauth, "extension": [{"url": "token", "valueUri": token_url}]}]}
    rest: Json = {"mode": "server", "resource": [_resource(profile, kind) for kind in TYPES if kind in profile.params]}
    rest |= {"security": security} if token_url else {}
    rest |= {"operation": [{"name": "export", "definition": "export"}]} if "system" in profile.exports else {}
    return {
        "resourceType": "CapabilityStatement",
        "status": "active",
        "kind": "instance",
        "fhirVersion": fhir_version,
        "format": ["application/fhir+json"],
        "rest": [rest],
    }


def _resource(profile: Profile, kind: str) -> Json:
    codes = ["read", "search-type"] + (["history-type", "history-instance"] if profile.history else [])
    found: Json = {
        "type": kind,
        "interaction": [{"code": code} for code in codes],
        "searchParam": [{"name": name, "type": _type_of(name)} for name in sorted(profile.params[kind])],
    }
    if kind == "Appointment" and profile.includes:
        found["searchInclude"] = ["Appointment:patient", "Appointment:location"]
    if (kind, "group") in (("Group", each) for each in profile.exports):
        found["operation"] = [{"name": "export", "definition": "group-export"}]
    return found


def _type_of(name: str) -> str:
    if name in {"date", "_lastUpdated", "birthdate", "authored", "-date-or-req-period"}:
        return "date"
    if name in {"patient", "subject", "location", "practitioner", "actor", "beneficiary"}:
        return "reference"
    return "token"
