"""The elements of each resource that are mapped, with the value rules of the FHIR release.

A body that decodes into its shape and is `whole()` is one that fhir.resources accepts as well (a property test
holds them together), so only the others need that library's slower and more exact judgement. What is not
listed here is neither validated nor read (minimum necessary). R5 renames: hl7.org/fhir/R5/diff.html.
"""

from typing import Annotated

from msgspec import Meta, Struct, field

from mappings.cells import LONGEST_NAME, LONGEST_TEXT
from mappings.fhir.moment import Date, DateTime, Instant

Text = Annotated[str, Meta(min_length=1, max_length=LONGEST_TEXT)]
Name = Annotated[str, Meta(min_length=1, max_length=LONGEST_NAME)]
Code = Annotated[str, Meta(max_length=LONGEST_NAME, pattern=r"\A[^\s]+(\s[^\s]+)*\Z")]
Uri = Annotated[str, Meta(max_length=LONGEST_NAME, pattern=r"\A\S+\Z")]
Id = Annotated[str, Meta(max_length=LONGEST_NAME, pattern=r"\A[A-Za-z0-9\-.]+\Z")]
"""FHIR allows 64 signs; Epic has sent up to 70 (github.com/FirelyTeam/firely-net-sdk/issues/1919), and they name people."""
PositiveInt = Annotated[int, Meta(ge=1, le=2147483647)]


class Shape(Struct, frozen=True, gc=False, rename="camel"):
    """Part of a resource."""

    def whole(self) -> bool:
        """True when every element that the release requires is there."""
        return True


class Coding(Shape, frozen=True):
    system: Uri | None = None
    code: Code | None = None
    display: Text | None = None


class Concept(Shape, frozen=True):
    coding: list[Coding] | None = None
    text: Text | None = None


class ConceptReference(Shape, frozen=True):
    concept: Concept | None = None


class LogicalId(Shape, frozen=True):
    system: Uri | None = None
    value: Name | None = None


class Reference(Shape, frozen=True):
    reference: Text | None = None
    identifier: LogicalId | None = None
    display: Text | None = None


class Identifier(Shape, frozen=True):
    use: Code | None = None
    type: Concept | None = None
    system: Uri | None = None
    value: Name | None = None


class Period(Shape, frozen=True):
    start: DateTime | None = None
    end: DateTime | None = None


class Extension(Shape, frozen=True):
    """Read, never validated by the model: other vendors' value types must not cost the resource."""

    url: str | None = None
    value_string: str | None = None
    value_code: str | None = None
    value_codeable_concept: Concept | None = None
    value_reference: Reference | None = None


class Contained(Shape, frozen=True):
    """A resource within another one, named as `#id`; read for its identifiers only."""

    resource_type: str | None = None
    id: str | None = None
    identifier: list[LogicalId] | None = None


class HumanName(Shape, frozen=True):
    use: Code | None = None
    text: Name | None = None
    family: Name | None = None
    given: list[Name] | None = None


class ContactPoint(Shape, frozen=True):
    system: Code | None = None
    value: Text | None = None
    use: Code | None = None
    rank: PositiveInt | None = None


class Address(Shape, frozen=True):
    use: Code | None = None
    line: list[Text] | None = None
    city: Text | None = None
    state: Text | None = None
    postal_code: Text | None = None
    country: Text | None = None


class Communication(Shape, frozen=True):
    language: Concept | None = None
    preferred: bool | None = None


class PatientLink(Shape, frozen=True):
    other: Reference | None = None
    type: Code | None = None


class Resource(Shape, frozen=True):
    id: Id | None = None


class Patient(Resource, frozen=True):
    identifier: list[Identifier] | None = None
    active: bool | None = None
    name: list[HumanName] | None = None
    telecom: list[ContactPoint] | None = None
    gender: Code | None = None
    birth_date: Date | None = None
    deceased_boolean: bool | None = None
    deceased_date_time: DateTime | None = None
    address: list[Address] | None = None
    communication: list[Communication] | None = None
    general_practitioner: list[Reference] | None = None
    managing_organization: Reference | None = None
    link: list[PatientLink] | None = None

    def whole(self) -> bool:
        return (
            (self.deceased_boolean is None or self.deceased_date_time is None)
            and all(c.language is not None for c in self.communication or ())
            and all(link.other is not None and link.type is not None for link in self.link or ())
        )


class Participant(Shape, frozen=True):
    actor: Reference | None = None
    status: Code | None = None


class Appointment(Resource, frozen=True):
    status: Code | None = None
    cancelation_reason: Concept | None = None
    service_type: list[Concept] | None = None
    appointment_type: Concept | None = None
    start: Instant | None = None
    end: Instant | None = None
    created: DateTime | None = None
    participant: list[Participant] | None = None
    extension: list[Extension] | None = None
    contained: list[Contained] | None = None

    def whole(self) -> bool:
        return (
            self.status is not None
            and self.participant is not None
            and all(p.status is not None for p in self.participant)
        )


class AppointmentR5(Resource, frozen=True):
    status: Code | None = None
    cancellation_reason: Concept | None = None
    service_type: list[ConceptReference] | None = None
    appointment_type: Concept | None = None
    start: Instant | None = None
    end: Instant | None = None
    created: DateTime | None = None
    subject: Reference | None = None
    participant: list[Participant] | None = None
    extension: list[Extension] | None = None
    contained: list[Contained] | None = None

    def whole(self) -> bool:
        return (
            self.status is not None
            and self.participant is not None
            and all(p.status is not None for p in self.participant)
        )


class EncounterParticipant(Shape, frozen=True):
    individual: Reference | None = None


class EncounterParticipantR5(Shape, frozen=True):
    actor: Reference | None = None


class EncounterLocation(Shape, frozen=True):
    location: Reference | None = None


class Encounter(Resource, frozen=True):
    status: Code | None = None
    class_: Coding | None = field(name="class", default=None)
    type: list[Concept] | None = None
    subject: Reference | None = None
    episode_of_care: list[Reference] | None = None
    participant: list[EncounterParticipant] | None = None
    period: Period | None = None
    location: list[EncounterLocation] | None = None
    service_provider: Reference | None = None
    contained: list[Contained] | None = None

    def whole(self) -> bool:
        return (
            self.status is not None
            and self.class_ is not None
            and all(place.location is not None for place in self.location or ())
        )


class EncounterR5(Resource, frozen=True):
    status: Code | None = None
    type: list[Concept] | None = None
    subject: Reference | None = None
    episode_of_care: list[Reference] | None = None
    participant: list[EncounterParticipantR5] | None = None
    actual_period: Period | None = None
    planned_start_date: DateTime | None = None
    planned_end_date: DateTime | None = None
    location: list[EncounterLocation] | None = None
    service_provider: Reference | None = None
    contained: list[Contained] | None = None

    def whole(self) -> bool:
        return self.status is not None and all(place.location is not None for place in self.location or ())


class StatusHistory(Shape, frozen=True):
    status: Code | None = None
    period: Period | None = None


class EpisodeOfCare(Resource, frozen=True):
    status: Code | None = None
    status_history: list[StatusHistory] | None = None
    type: list[Concept] | None = None
    patient: Reference | None = None
    managing_organization: Reference | None = None
    period: Period | None = None
    extension: list[Extension] | None = None
    contained: list[Contained] | None = None

    def whole(self) -> bool:
        history = self.status_history or ()
        return (
            self.status is not None
            and self.patient is not None
            and all(past.status is not None and past.period is not None for past in history)
        )


class Quantity(Shape, frozen=True):
    value: Annotated[int, Meta(ge=0, le=10000)] | None = None


class ServiceRequest(Resource, frozen=True):
    status: Code | None = None
    intent: Code | None = None
    category: list[Concept] | None = None
    do_not_perform: bool | None = None
    quantity_quantity: Quantity | None = None
    subject: Reference | None = None
    authored_on: DateTime | None = None
    requester: Reference | None = None
    supporting_info: list[Reference] | None = None
    extension: list[Extension] | None = None
    contained: list[Contained] | None = None

    def whole(self) -> bool:
        return self.status is not None and self.intent is not None and self.subject is not None


class ServiceRequestR5(Resource, frozen=True):
    status: Code | None = None
    intent: Code | None = None
    category: list[Concept] | None = None
    do_not_perform: bool | None = None
    quantity_quantity: Quantity | None = None
    subject: Reference | None = None
    authored_on: DateTime | None = None
    requester: Reference | None = None
    supporting_info: list[ConceptReference] | None = None
    extension: list[Extension] | None = None
    contained: list[Contained] | None = None

    def whole(self) -> bool:
        return self.status is not None and self.intent is not None and self.subject is not None


class Coverage(Resource, frozen=True):
    status: Code | None = None
    type: Concept | None = None
    beneficiary: Reference | None = None
    period: Period | None = None
    payor: list[Reference] | None = None
    order: PositiveInt | None = None
    contained: list[Contained] | None = None

    def whole(self) -> bool:
        return self.status is not None and self.beneficiary is not None and self.payor is not None


class CoverageR5(Resource, frozen=True):
    status: Code | None = None
    kind: Code | None = None
    type: Concept | None = None
    beneficiary: Reference | None = None
    period: Period | None = None
    insurer: Reference | None = None
    order: PositiveInt | None = None
    contained: list[Contained] | None = None

    def whole(self) -> bool:
        return self.status is not None and self.kind is not None and self.beneficiary is not None


class Provision(Shape, frozen=True):
    type: Code | None = None


class Consent(Resource, frozen=True):
    status: Code | None = None
    scope: Concept | None = None
    category: list[Concept] | None = None
    patient: Reference | None = None
    date_time: DateTime | None = None
    policy_rule: Concept | None = None
    provision: Provision | None = None
    contained: list[Contained] | None = None

    def whole(self) -> bool:
        return self.status is not None and self.scope is not None and self.category is not None


class ConsentR5(Resource, frozen=True):
    status: Code | None = None
    category: list[Concept] | None = None
    subject: Reference | None = None
    date: Date | None = None
    decision: Code | None = None
    contained: list[Contained] | None = None

    def whole(self) -> bool:
        return self.status is not None


class RelatedPerson(Resource, frozen=True):
    active: bool | None = None
    patient: Reference | None = None
    relationship: list[Concept] | None = None
    name: list[HumanName] | None = None
    telecom: list[ContactPoint] | None = None
    contained: list[Contained] | None = None

    def whole(self) -> bool:
        return self.patient is not None


class Location(Resource, frozen=True):
    identifier: list[LogicalId] | None = None
    part_of: Reference | None = None


R4_SHAPES: dict[str, type[Resource]] = {
    "Patient": Patient,
    "Appointment": Appointment,
    "Encounter": Encounter,
    "EpisodeOfCare": EpisodeOfCare,
    "ServiceRequest": ServiceRequest,
    "Coverage": Coverage,
    "Consent": Consent,
    "RelatedPerson": RelatedPerson,
    "Location": Location,
}
R5_SHAPES: dict[str, type[Resource]] = R4_SHAPES | {
    "Appointment": AppointmentR5,
    "Encounter": EncounterR5,
    "ServiceRequest": ServiceRequestR5,
    "Coverage": CoverageR5,
    "Consent": ConsentR5,
}
SHAPES = {"R4B": R4_SHAPES, "R5": R5_SHAPES}
