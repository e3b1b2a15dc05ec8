"""From typed values to the records of a feed."""

from collections.abc import Callable
from functools import partial
from typing import Any, Final

from mappings.names import split_full_name
from mappings.plan import Plan, Practice
from mappings.postal_codes import american_postal_code
from mappings.records import (
    Consent,
    ConsentRow,
    EpisodeRow,
    Outcome,
    PatientRow,
    Record,
    SupplementRow,
    SurveyRow,
    VisitRow,
)
from mappings.slots import Fault

Values = dict[str, Any]
Build = Callable[[str, Values], Record]

_AMERICA: Final = frozenset({"us", "usa", "u.s.", "u.s.a.", "united states", "united states of america"})


def record_builder(plan: Plan, practice: Practice) -> Build:
    """The builder of a feed's records from typed values."""
    if plan.kind == "patients":
        return partial(_patient, american=practice.phone_region == "US")
    if plan.kind == "appointments":
        return _visit
    if plan.kind == "episodes":
        return _episode_builder(practice)
    if plan.kind == "surveys":
        return _survey
    if plan.kind == "consents":
        return _consent
    return _supplement_builder(plan)


def _patient(external_id: str, values: Values, *, american: bool) -> PatientRow:
    full = values.pop("full_name", None)
    if full is not None and "family_name" not in values and "given_name" not in values:
        values["given_name"], values["family_name"] = split_full_name(full)
    if "payer" in values:
        values["payer_class"] = values.pop("payer")
    if american and "postal_code" in values and values.get("country", "US").casefold() in _AMERICA:
        values["postal_code"] = american_postal_code(values["postal_code"])
    return PatientRow(external_id=external_id, **values)


def _visit(external_id: str, values: Values) -> VisitRow:
    return VisitRow(external_id=external_id, **values)


def _survey(external_id: str, values: Values) -> SurveyRow:
    if "patient_id" not in values and "email" not in values:
        raise Fault("missing_value", "email", None)
    return SurveyRow(
        external_id=external_id,
        patient_id=values.get("patient_id"),
        email=values.get("email"),
        score=values["score"],
        answered_on=values["answered_on"],
    )


def _episode_builder(practice: Practice) -> Build:
    outcomes: dict[str, Outcome] = {
        word.strip().casefold(): name for name, words in _outcomes(practice) for word in words
    }

    def build(external_id: str, values: Values) -> EpisodeRow:
        reason = values.get("discharge_reason")
        outcome: Outcome | None = outcomes.get(reason.casefold(), "unknown") if reason else None
        return EpisodeRow(external_id=external_id, outcome=outcome, **values)

    return build


def _outcomes(practice: Practice) -> list[tuple[Outcome, tuple[str, ...]]]:
    known: tuple[Outcome, ...] = ("completed", "self_discharged", "transferred")
    return [(name, tuple(practice.outcomes.get(name, ()))) for name in known]


def _consent(external_id: str, values: Values) -> ConsentRow:
    """About a patient row where one is named, else about an address; without a channel it is about e-mail."""
    patient, email = values.get("external_id"), values.get("email")
    if patient is None and email is None:
        raise Fault("missing_value", "external_id", None)
    stated = Consent(
        channel=values.get("channel", "email"),
        purpose=values["purpose"],
        decision=values["decision"],
        decided_on=values.get("decided_on"),
        evidence=values.get("evidence"),
    )
    return ConsentRow(
        external_id=external_id, patient_id=patient, email=email if patient is None else None, consent=stated
    )


def _supplement_builder(plan: Plan) -> Build:
    def build(external_id: str, values: Values) -> SupplementRow:
        values.pop("site", None)
        target_id, as_of = values.pop("target_id"), values.pop("as_of", None)
        if "payer" in values:
            values["payer_class"] = values.pop("payer")
        return SupplementRow(
            external_id=external_id, target=plan.target, target_id=target_id, as_of=as_of, values=values
        )

    return build
