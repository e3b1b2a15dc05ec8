"""Consent -> decisions, only through the operator's map (https://hl7.org/fhir/R4/consent.html).

In practice most Consent resources are privacy notices and refusals of data sharing, so none counts unless its
category is declared.
"""

from collections.abc import Iterator, Sequence
from datetime import date
from typing import Final, Literal

from mappings.fhir.concept import has_code, words
from mappings.fhir.reference import Directory, patient_id
from mappings.fhir.shapes import Consent, ConsentR5
from mappings.fhir.terms import ConsentTerm, Terms
from mappings.fhir.visit import normalised
from mappings.records import Consent as Decision
from mappings.records import ConsentRow, Mapped, Rejected

OPT_IN: Final = frozenset({"OPTIN", "OPTINR"})
OPT_OUT: Final = frozenset({"OPTOUT", "OPTOUTE"})
"""v3-ActCode, as R4's policyRule and its examples use it."""

YesNo = Literal["yes", "no"]
_DECISIONS: Final[dict[str, YesNo]] = {"permit": "yes", "deny": "no"}


def consent_ids(resource_id: str, terms: Sequence[ConsentTerm]) -> list[str]:
    """The external ids of the rows that one Consent may become, `id:channel:purpose`; the id alone without a map."""
    pairs = dict.fromkeys((c, p) for term in terms for c in term.channels for p in term.purposes)
    return [f"{resource_id}:{channel}:{purpose}" for channel, purpose in pairs] or [resource_id]


def map_consent(
    consent: Consent | ConsentR5, external_id: str, terms: Terms, directory: Directory
) -> Mapped | Rejected:
    """Maps one channel and purpose (the end of the external id) of a Consent whose category is declared."""
    if not terms.consents:
        return Mapped(record=None, ignored="no_consent_map")
    term = next((terms.consents[word] for word in _categories(consent) if word in terms.consents), None)
    channel, purpose = external_id.split(":")[-2:]
    chosen = [(c, p) for c in term.channels for p in term.purposes if (c, p) == (channel, purpose)] if term else []
    decision = _decision(consent)
    if not chosen or decision is None:
        return Mapped(record=None, ignored="not_covered" if not chosen else "no_decision")
    about = consent.patient if isinstance(consent, Consent) else consent.subject
    patient = patient_id(about, consent.contained, directory)
    if patient is None:
        code = "missing_value" if about is None else "unresolved_reference"
        return Rejected(code=code, field="patient_id", column="patient")
    stated = Decision(
        channel=chosen[0][0],
        purpose=chosen[0][1],
        decision=decision,
        decided_on=_decided_on(consent, terms),
        evidence=f"Consent/{external_id.rsplit(':', 2)[0]}",
    )
    return Mapped(record=ConsentRow(external_id=external_id, patient_id=patient, consent=stated))


def _categories(consent: Consent | ConsentR5) -> Iterator[str]:
    for concept in consent.category or ():
        yield from words(concept)


def _decision(consent: Consent | ConsentR5) -> YesNo | None:
    """Permit or deny of a consent in force; a rejected one is a no, an inactive or drafted one says nothing."""
    status = normalised(consent.status or "")
    if status == "rejected":
        return "no"
    if status != "active":
        return None
    if isinstance(consent, ConsentR5):
        return _yes_no(consent.decision)
    said = _yes_no(consent.provision.type if consent.provision is not None else None)
    rule = [consent.policy_rule] if consent.policy_rule is not None else []
    if said is not None or not rule:
        return said
    return "no" if has_code(rule, OPT_OUT) else "yes" if has_code(rule, OPT_IN) else None


def _yes_no(code: str | None) -> YesNo | None:
    return _DECISIONS.get(code or "")


def _decided_on(consent: Consent | ConsentR5, terms: Terms) -> date | None:
    moment = consent.date_time if isinstance(consent, Consent) else consent.date
    return moment.on(terms.zone_of(None)) if moment is not None else None
