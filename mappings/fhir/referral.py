"""ServiceRequest -> a referral, or the prescribed visits of an episode (https://hl7.org/fhir/R4/servicerequest.html)."""

from collections.abc import Mapping
from datetime import date
from typing import Final

from mappings.fhir.concept import has_code
from mappings.fhir.reference import Directory, patient_id
from mappings.fhir.shapes import Reference, ServiceRequest, ServiceRequestR5
from mappings.fhir.terms import Terms
from mappings.fhir.visit import episode_extension, normalised, referenced_id
from mappings.records import Mapped, Rejected, SupplementRow

EPISODE_SUFFIX: Final = "#episode"
"""Ends the external id of the second row of a request: what it says of an episode."""

_IN_FORCE = frozenset({"active", "completed", "onhold"})
_OTHER_WORK: Final = frozenset({"108252007", "363679005", "387713003"})
"""Laboratory, imaging and surgical procedures (SNOMED CT, hl7.org/fhir/R4/valueset-servicerequest-category.html)."""

Request = ServiceRequest | ServiceRequestR5


def map_request(request: Request, external_id: str, terms: Terms, directory: Directory) -> Mapped | Rejected:
    """Maps a request to what it adds: to an episode (external id ending in #episode), else to its patient."""
    why = _not_ours(request)
    if why is not None:
        return Mapped(record=None, ignored=why)
    if external_id.endswith(EPISODE_SUFFIX):
        return _prescription(request, external_id, terms)
    return _referral(request, external_id, terms, directory)


def _not_ours(request: Request) -> str | None:
    if normalised(request.status or "") not in _IN_FORCE:
        return "not_in_force"
    if request.do_not_perform:
        return "do_not_perform"
    return "not_a_referral" if has_code(request.category, _OTHER_WORK) else None


def _referral(request: Request, external_id: str, terms: Terms, directory: Directory) -> Mapped | Rejected:
    patient = patient_id(request.subject, request.contained, directory)
    if patient is None:
        code = "missing_value" if request.subject is None else "unresolved_reference"
        return Rejected(code=code, field="patient_id", column="subject")
    source = request.requester.display if request.requester is not None else None
    received = _authored(request, terms)
    if received is None and source is None:
        return Mapped(record=None, ignored="nothing_said")
    values = {"referral_received": received, "referral_source": source}
    return _supplement("patient", (patient, external_id), received, values)


def _prescription(request: Request, external_id: str, terms: Terms) -> Mapped:
    visits = request.quantity_quantity.value if request.quantity_quantity is not None else None
    episode = _episode(request)
    if episode is None or visits is None or visits < 1:
        return Mapped(record=None, ignored="nothing_said")
    return _supplement("episode", (episode, external_id), _authored(request, terms), {"visits_prescribed": visits})


def _supplement(
    target: str, ids: tuple[str, str], as_of: date | None, values: Mapping[str, str | int | date | None]
) -> Mapped:
    said = {name: value for name, value in values.items() if value is not None}
    return Mapped(
        record=SupplementRow(
            external_id=ids[1],
            target="episode" if target == "episode" else "patient",
            target_id=ids[0],
            as_of=as_of,
            values=said,
        )
    )


def _authored(request: Request, terms: Terms) -> date | None:
    return request.authored_on.on(terms.zone_of(None)) if request.authored_on is not None else None


def _episode(request: Request) -> str | None:
    """The episode in the workflow extension, else among the supporting information."""
    named: list[Reference | None] = [episode_extension(request.extension)]
    if isinstance(request, ServiceRequest):
        named += request.supporting_info or ()
    return next((found for one in named if (found := referenced_id(one, "EpisodeOfCare")) is not None), None)
