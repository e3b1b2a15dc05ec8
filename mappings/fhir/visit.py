"""What appointments and encounters have in common: from status, time, patient and place to a VisitRow."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final, Literal, NamedTuple

from mappings.fhir.moment import Moment
from mappings.fhir.reference import Directory, names_type, patient_id, read_target
from mappings.fhir.shapes import Contained, Extension, Reference
from mappings.fhir.terms import Terms
from mappings.records import Mapped, Rejected, VisitRow, VisitStatus, Warned

Standing = VisitStatus | Literal["removed"]
"""A visit's status, or "removed" for an entry made in error."""

PROVIDERS: Final = ("Practitioner", "PractitionerRole", "Person")
"""OpenEMR names a provider without an NPI as `Person/…` (its FhirAppointmentService)."""

_JOINTS = re.compile(r"[\s_./-]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What a resource says of one visit; `status` is None for a code that is in no table, `starts_in` and `patient_in`
    name the elements of the start and of the patient."""

    external_id: str
    status: Standing | None
    code: str | None
    patient: Reference | None
    starts: Moment | None
    ends: Moment | None
    starts_in: str
    patient_in: str
    created: Moment | None = None
    episode: Reference | None = None
    places: Sequence[Reference] = ()
    providers: Sequence[Reference] = ()
    kind: str | None = None
    contained: Sequence[Contained] | None = None


class _Known(NamedTuple):
    """What could be read of a visit, also of one that cannot be used."""

    patient: str | None
    starts_at: datetime | None
    day: date | None
    episode: str | None
    site: str | None


def normalised(code: str) -> str:
    """A code without case, blanks, hyphens and underscores: exports spell `no-show` in many ways."""
    return _JOINTS.sub("", code).casefold()


def read_code(code: str | None, table: Mapping[str, Standing]) -> Standing | None:
    """The standing of a code; None for one that is in no table."""
    return table.get(normalised(code)) if code is not None else None


def map_visit(facts: Facts, terms: Terms, directory: Directory) -> Mapped | Rejected:
    """Builds the row. A visit that cannot be used is rejected with all that could be read of it."""
    if facts.status == "removed":
        return Mapped(record=None, removed=True)
    known = _known(facts, terms, directory)
    fault = _fault(facts, terms, known)
    if fault is not None:
        return _rejected(fault, known)
    if known.starts_at is None or known.day is None or known.patient is None or facts.status is None:
        return Mapped(record=None, ignored="no_time_yet")
    ends = facts.ends.at(terms.zone_of(known.site)) if facts.ends is not None else None
    row = VisitRow(
        external_id=facts.external_id,
        patient_id=known.patient,
        starts_at=known.starts_at,
        day=known.day,
        status=facts.status,
        episode_id=known.episode,
        site=known.site,
        provider=_provider(facts.providers),
        kind=facts.kind,
        ends_at=ends,
        created_at=facts.created.at(terms.zone_of(known.site)) if facts.created is not None else None,
    )
    dated_only = facts.starts is not None and facts.starts.instant is None
    return Mapped(record=row, warnings=(Warned("starts_at", "day_without_time"),) if dated_only else ())


def _known(facts: Facts, terms: Terms, directory: Directory) -> _Known:
    site = terms.site.site_of(facts.places, facts.contained, directory)
    zone = terms.zone_of(site)
    return _Known(
        patient=patient_id(facts.patient, facts.contained, directory),
        starts_at=facts.starts.at(zone) if facts.starts is not None else None,
        day=facts.starts.on(zone) if facts.starts is not None else None,
        episode=referenced_id(facts.episode, "EpisodeOfCare"),
        site=site,
    )


def _fault(facts: Facts, terms: Terms, known: _Known) -> Rejected | None:
    """The first reason why the visit cannot be used. Proposed and cancelled ones need no time: they count as nothing."""
    if known.patient is None:
        code = "missing_value" if facts.patient is None else "unresolved_reference"
        return Rejected(code=code, field="patient_id", column=facts.patient_in)
    if facts.status is None:
        return Rejected(code="missing_value" if facts.code is None else "unknown_code", field="status", column="status")
    if known.starts_at is None and (facts.starts is not None or facts.status not in ("proposed", "cancelled")):
        code = "missing_value" if facts.starts is None else "unreadable_value"
        return Rejected(code=code, field="starts_at", column=facts.starts_in)
    return terms.site.refuses(known.site, facts.places)


def _rejected(fault: Rejected, known: _Known) -> Rejected:
    return Rejected(
        code=fault.code,
        field=fault.field,
        column=fault.column,
        patient_id=known.patient,
        episode_id=known.episode,
        day=known.day,
        site=known.site,
    )


def _provider(references: Sequence[Reference]) -> str | None:
    """The first provider's name, else the reference's id."""
    for reference in references:
        if reference.display:
            return reference.display
        target = read_target(reference.reference) if reference.reference else None
        if target is not None and target.id is not None:
            return target.id
    return None


def referenced_id(reference: Reference | None, kind: str) -> str | None:
    """The id that a literal reference to a resource of that type names."""
    target = read_target(reference.reference) if reference is not None and reference.reference else None
    return target.id if target is not None and target.kind == kind else None


def episode_extension(extensions: Sequence[Extension] | None) -> Reference | None:
    """The episode named by the `workflow-episodeOfCare` extension (hl7.org/fhir/R4/extension-workflow-episodeofcare)."""
    for extension in extensions or ():
        if extension.url is not None and extension.url.casefold().endswith("episodeofcare"):
            return extension.value_reference
    return None


def naming(references: Sequence[Reference | None], *kinds: str) -> list[Reference]:
    """The references that name one of these types themselves."""
    return [reference for reference in references if reference is not None and names_type(reference, *kinds)]
