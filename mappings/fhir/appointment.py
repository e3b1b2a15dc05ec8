"""Appointment -> VisitRow (https://hl7.org/fhir/R4/appointment.html; R5 renames in `shapes.py`)."""

from collections.abc import Sequence
from typing import Final

from mappings.fhir.concept import first_label, label, words
from mappings.fhir.reference import Directory, read_target
from mappings.fhir.shapes import Appointment, AppointmentR5, Concept, Contained, Reference
from mappings.fhir.terms import Terms
from mappings.fhir.visit import PROVIDERS, Facts, Standing, episode_extension, map_visit, naming, normalised, read_code
from mappings.records import Mapped, Rejected

STATUSES: Final[dict[str, Standing]] = {
    "proposed": "proposed",
    "pending": "proposed",
    "waitlist": "proposed",
    "booked": "booked",
    "arrived": "arrived",
    "checkedin": "arrived",
    "fulfilled": "fulfilled",
    "cancelled": "cancelled",
    "canceled": "cancelled",
    "noshow": "noshow",
    "didnotarrive": "noshow",
    "didnotattend": "noshow",
    "dna": "noshow",
    "ns": "noshow",
    "?": "noshow",
    "enteredinerror": "removed",
}
"""FHIR's codes, and what servers write in their place; `?` is OpenEMR's calendar code (its FhirAppointmentService)."""

_MISSED = frozenset(
    {"noshow", "noshown", "ns", "dna", "didnotarrive", "didnotattend", "failedtoattend", "failedtoshow"}
)
"""athenahealth and others keep a no-show as a cancelled appointment with a reason."""


def map_appointment(
    appointment: Appointment | AppointmentR5, external_id: str, terms: Terms, directory: Directory
) -> Mapped | Rejected:
    """Maps an appointment; one without any patient (a meeting, blocked time) is none of ours."""
    actors = [participant.actor for participant in appointment.participant or () if participant.actor is not None]
    patient = _patient(actors, appointment.contained) or _subject(appointment)
    if patient is None and not actors:
        # FHIR wants a participant; fhir.resources takes an empty list, and one without an actor.
        return Rejected(code="missing_value", field="patient_id", column="participant")
    if patient is None:
        return Mapped(record=None, ignored="no_patient")
    status = read_code(appointment.status, STATUSES)
    if _is_missed(status, appointment, terms):
        status = "noshow"
    facts = Facts(
        external_id=external_id,
        status=status,
        code=appointment.status,
        patient=patient,
        starts=appointment.start,
        ends=appointment.end,
        starts_in="start",
        patient_in="participant",
        created=appointment.created,
        episode=episode_extension(appointment.extension),
        places=_places(actors, appointment.contained),
        providers=naming(actors, *PROVIDERS),
        kind=_kind(appointment),
        contained=appointment.contained,
    )
    return map_visit(facts, terms, directory)


def _patient(actors: Sequence[Reference], contained: Sequence[Contained] | None) -> Reference | None:
    """The participant that is a patient, or that may be one because it does not say what it is."""
    named = naming(actors, "Patient")
    if named:
        return named[0]
    return next((actor for actor in actors if _type_of(actor, contained) in ("Patient", None)), None)


def _places(actors: Sequence[Reference], contained: Sequence[Contained] | None) -> list[Reference]:
    return [actor for actor in actors if _type_of(actor, contained) in ("Location", "HealthcareService")]


def _type_of(actor: Reference, contained: Sequence[Contained] | None) -> str | None:
    text = actor.reference
    if text is not None and text.startswith("#"):
        return next((resource.resource_type for resource in contained or () if resource.id == text[1:]), "")
    target = read_target(text) if text else None
    if target is not None:
        return target.kind
    return None if text or actor.identifier else ""


def _subject(appointment: Appointment | AppointmentR5) -> Reference | None:
    return appointment.subject if isinstance(appointment, AppointmentR5) else None


def _reason(appointment: Appointment | AppointmentR5) -> Concept | None:
    return appointment.cancellation_reason if isinstance(appointment, AppointmentR5) else appointment.cancelation_reason


def _is_missed(status: Standing | None, appointment: Appointment | AppointmentR5, terms: Terms) -> bool:
    if normalised(appointment.status or "") in terms.missed:
        return True
    return status == "cancelled" and _says_missed(_reason(appointment), terms)


def _says_missed(reason: Concept | None, terms: Terms) -> bool:
    said = [normalised(word.rpartition("|")[2]) for word in words(reason)]
    return any(word in _MISSED or word in terms.missed_reasons or "noshow" in word for word in said)


def _kind(appointment: Appointment | AppointmentR5) -> str | None:
    kind = label(appointment.appointment_type)
    if kind is not None:
        return kind
    if isinstance(appointment, AppointmentR5):
        return first_label([service.concept for service in appointment.service_type or ()])
    return first_label(appointment.service_type)
