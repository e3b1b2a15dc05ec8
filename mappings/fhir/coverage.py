"""Coverage -> the payer class of a patient (https://hl7.org/fhir/R4/coverage.html)."""

from collections.abc import Iterator
from typing import Final

from mappings.fhir.concept import words
from mappings.fhir.reference import Directory, patient_id
from mappings.fhir.shapes import Coverage, CoverageR5, Reference
from mappings.fhir.terms import Terms
from mappings.fhir.visit import normalised
from mappings.records import Mapped, PayerClass, Rejected, SupplementRow

STANDARD_CODES: Final[dict[str, PayerClass]] = {
    "autopol": "auto",
    "wcbpol": "workers_comp",
    "ehcpol": "commercial",
    "hip": "commercial",
    "hmo": "commercial",
    "ppo": "commercial",
    "pos": "commercial",
    "mcpol": "commercial",
    "subsidmc": "medicaid",
    "vet": "tricare_va",
    "military": "tricare_va",
    "pay": "self_pay",
}
"""v3-ActCode (http://terminology.hl7.org/CodeSystem/v3-ActCode, policy and programme types) and coverage-selfpay."""

TYPOLOGY: Final[dict[str, PayerClass]] = {
    "1": "medicare",
    "2": "medicaid",
    "31": "tricare_va",
    "32": "tricare_va",
    "5": "commercial",
    "6": "commercial",
    "7": "commercial",
    "81": "self_pay",
    "95": "workers_comp",
    "96": "auto",
}
"""Source of Payment Typology (NAHDO, https://nahdo.org/sopt), by the beginning of the code."""

_TYPOLOGY_SYSTEMS = frozenset({"https://nahdo.org/sopt", "urn:oid:2.16.840.1.113883.3.221.5"})
_LONGEST = 2


def map_coverage(
    coverage: Coverage | CoverageR5, external_id: str, terms: Terms, directory: Directory
) -> Mapped | Rejected:
    """Maps an active first coverage to a supplement; a secondary one or one no longer in force says nothing."""
    if normalised(coverage.status or "active") != "active":
        return Mapped(record=None, ignored="not_in_force")
    if coverage.order is not None and coverage.order > 1:
        return Mapped(record=None, ignored="secondary_coverage")
    patient = patient_id(coverage.beneficiary, coverage.contained, directory)
    if patient is None:
        code = "missing_value" if coverage.beneficiary is None else "unresolved_reference"
        return Rejected(code=code, field="patient_id", column="beneficiary")
    start = coverage.period.start if coverage.period is not None else None
    row = SupplementRow(
        external_id=external_id,
        target="patient",
        target_id=patient,
        as_of=start.on(terms.zone_of(None)) if start is not None else None,
        values={"payer_class": _payer_class(coverage, terms)},
    )
    return Mapped(record=row)


def _payer_class(coverage: Coverage | CoverageR5, terms: Terms) -> PayerClass:
    """The operator's words first, then the standard code sets, else other."""
    said = [*words(coverage.type), *_payers(coverage)]
    own = next((terms.payers[word] for word in said if word in terms.payers), None)
    if own is not None:
        return own
    if isinstance(coverage, CoverageR5) and coverage.kind == "self-pay":
        return "self_pay"
    standard = (_standard(coding.system, coding.code) for coding in (coverage.type and coverage.type.coding) or ())
    return next((found for found in standard if found is not None), "other")


def _standard(system: str | None, code: str | None) -> PayerClass | None:
    if code is None:
        return None
    if system in _TYPOLOGY_SYSTEMS:
        beginnings = (code[:length] for length in range(_LONGEST, 0, -1))
        return next((TYPOLOGY[beginning] for beginning in beginnings if beginning in TYPOLOGY), None)
    return STANDARD_CODES.get(code.casefold())


def _payers(coverage: Coverage | CoverageR5) -> Iterator[str]:
    references: list[Reference | None] = (
        [coverage.insurer] if isinstance(coverage, CoverageR5) else [*(coverage.payor or ())]
    )
    for payer in references:
        if payer is not None:
            identifier = payer.identifier
            named = (payer.display, payer.reference, identifier.value if identifier is not None else None)
            yield from (name.strip().casefold() for name in named if name)
