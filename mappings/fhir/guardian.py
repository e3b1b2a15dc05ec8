"""RelatedPerson -> the guardian of a patient (https://hl7.org/fhir/R4/relatedperson.html)."""

from typing import Final

from mappings.fhir.concept import has_code
from mappings.fhir.person import email_of, leading_name
from mappings.fhir.reference import Directory, patient_id
from mappings.fhir.shapes import RelatedPerson
from mappings.fhir.terms import Terms
from mappings.records import Mapped, Rejected, SupplementRow, Warned

GUARDIANS: Final = frozenset(
    {"GUARD", "PRN", "MTH", "FTH", "NPRN", "NMTH", "NFTH", "NFTHF", "GESTM", "PRNFOST", "MTHFOST", "FTHFOST",
     "ADOPTP", "ADOPTM", "ADOPTF", "STPPRN", "STPMTH", "STPFTH"}
)  # fmt: skip
"""Parents and guardians (http://terminology.hl7.org/CodeSystem/v3-RoleCode); spouses and contacts for emergencies
may not be written to in the patient's place."""


def map_related_person(
    related: RelatedPerson, external_id: str, _terms: Terms, directory: Directory
) -> Mapped | Rejected:
    """Maps a parent or guardian with a usable address or name; other relations are none of ours."""
    if related.active is False or not has_code(related.relationship, GUARDIANS):
        return Mapped(record=None, ignored="no_guardian")
    patient = patient_id(related.patient, related.contained, directory)
    if patient is None:
        code = "missing_value" if related.patient is None else "unresolved_reference"
        return Rejected(code=code, field="patient_id", column="patient")
    warnings: list[Warned] = []
    email, _ = email_of(related.telecom, warnings)
    name = leading_name(related.name)
    full_name = " ".join(part for part in name if part)
    values = {"guardian_email": email, "guardian_name": full_name or None}
    row = SupplementRow(
        external_id=external_id,
        target="patient",
        target_id=patient,
        values={key: value for key, value in values.items() if value is not None},
    )
    return Mapped(record=row, warnings=tuple(warnings))
