"""Consent as a table states it: a column with yes and no words, or a lead list's stated basis."""

from collections.abc import Callable, Mapping
from typing import Literal

from mappings.cells import read_day
from mappings.plan import ConsentPlan
from mappings.records import Consent, Warned
from mappings.slots import Body

ReadConsents = Callable[[Body, list[Warned]], list[Consent]]


def consent_reader(plans: tuple[ConsentPlan, ...], places: Mapping[str, int]) -> ReadConsents:
    """A reader of all consents of a row; a word in neither list is a warning and no decision."""
    readers = [_basis(plan) if plan.column is None else _decision(plan, places) for plan in plans]
    return lambda body, warnings: [consent for read in readers for consent in read(body, warnings)]


def _basis(plan: ConsentPlan) -> ReadConsents:
    stated = [
        Consent(channel=channel, purpose=purpose, decision="yes", evidence=plan.evidence or plan.always, basis=True)
        for channel in plan.channels
        for purpose in plan.purposes
    ]
    return lambda _body, _warnings: stated


def _decision(plan: ConsentPlan, places: Mapping[str, int]) -> ReadConsents:
    index = places[plan.column or ""]
    dated = places[plan.dated_by] if plan.dated_by is not None else None

    def read(body: Body, warnings: list[Warned]) -> list[Consent]:
        word = body[index].strip().casefold()
        if not word:
            return []
        if word not in plan.no and word not in plan.yes:
            warnings.append(Warned("consent", "unknown_code"))
            return []
        decision: Literal["yes", "no"] = "no" if word in plan.no else "yes"
        return _spread(plan, decision, body[dated].strip() if dated is not None else "", warnings)

    return read


def _spread(plan: ConsentPlan, decision: Literal["yes", "no"], dated: str, warnings: list[Warned]) -> list[Consent]:
    day = None
    if dated:
        try:
            day = read_day(dated, plan.formats)
        except ValueError:
            warnings.append(Warned("consent", "unreadable_value"))
    return [
        Consent(channel=channel, purpose=purpose, decision=decision, decided_on=day, evidence=plan.evidence)
        for channel in plan.channels
        for purpose in plan.purposes
    ]
