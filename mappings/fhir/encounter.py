"""Encounter -> VisitRow (https://hl7.org/fhir/R4/encounter.html; R5 renames in `shapes.py`)."""

from typing import Final

from mappings.fhir.concept import first_label
from mappings.fhir.moment import Moment
from mappings.fhir.reference import Directory, names_type
from mappings.fhir.shapes import Encounter, EncounterR5, Reference
from mappings.fhir.terms import Terms
from mappings.fhir.visit import PROVIDERS, Facts, Standing, map_visit, naming, normalised, read_code
from mappings.records import Mapped, Rejected

STATUSES: Final[dict[str, Standing]] = {
    "planned": "booked",
    "arrived": "arrived",
    "triaged": "arrived",
    "inprogress": "arrived",
    "onhold": "arrived",
    "onleave": "fulfilled",
    "discharged": "fulfilled",
    "discontinued": "fulfilled",
    "finished": "fulfilled",
    "completed": "fulfilled",
    "cancelled": "cancelled",
    "canceled": "cancelled",
    "noshow": "noshow",
    "enteredinerror": "removed",
}
"""R4's and R5's codes together, and a no-show as some write it; `unknown` is in no table and quarantines the visit."""


def map_encounter(
    encounter: Encounter | EncounterR5, external_id: str, terms: Terms, directory: Directory
) -> Mapped | Rejected:
    """Maps an encounter; one of a group of people is none of ours."""
    if names_type(encounter.subject, "Group"):
        return Mapped(record=None, ignored="no_patient")
    starts, ends = _times(encounter)
    places: list[Reference | None] = [visited.location for visited in encounter.location or ()]
    facts = Facts(
        external_id=external_id,
        status="noshow"
        if normalised(encounter.status or "") in terms.missed
        else read_code(encounter.status, STATUSES),
        code=encounter.status,
        patient=encounter.subject,
        starts=starts,
        ends=ends,
        starts_in="period.start",
        patient_in="subject",
        episode=encounter.episode_of_care[0] if encounter.episode_of_care else None,
        places=[place for place in [*places, encounter.service_provider] if place is not None],
        providers=naming(_people(encounter), *PROVIDERS),
        kind=first_label(encounter.type),
        contained=encounter.contained,
    )
    return map_visit(facts, terms, directory)


def _times(encounter: Encounter | EncounterR5) -> tuple[Moment | None, Moment | None]:
    if isinstance(encounter, Encounter):
        period = encounter.period
        return (period.start, period.end) if period is not None else (None, None)
    period = encounter.actual_period
    if period is not None and period.start is not None:
        return period.start, period.end
    return encounter.planned_start_date, encounter.planned_end_date


def _people(encounter: Encounter | EncounterR5) -> list[Reference | None]:
    if isinstance(encounter, EncounterR5):
        return [participant.actor for participant in encounter.participant or ()]
    return [participant.individual for participant in encounter.participant or ()]
