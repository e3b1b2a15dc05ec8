"""How far leads have come, by site and lead source: lead, scheduled, evaluated, active, discharged completed."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import Any, Final, NamedTuple

STAGES: Final = ("lead", "scheduled", "evaluated", "active", "discharged_completed")


class Lead(NamedTuple):
    """A contact who once was a lead: where and from which lead source, and what came of it.

    `booked`: a visit has ever been booked that was not cancelled; `attended`: on how many days they came; `active`:
    they are in treatment now; `completed`: a plan of care was closed as completed.
    """

    site: str | None
    lead_source: str | None
    booked: bool
    attended: int
    active: bool
    completed: bool


def stage_of(lead: Lead) -> str:
    """The furthest stage that a lead has reached; whoever came back after the first visit was in treatment."""
    if lead.completed:
        return "discharged_completed"
    if lead.attended > 1 or (lead.attended and lead.active):
        return "active"
    if lead.attended:
        return "evaluated"
    return "scheduled" if lead.booked or lead.active else "lead"


def funnel(leads: Iterable[Lead]) -> list[dict[str, Any]]:
    """Counts who reached each stage or a later one: one entry a site and lead source, in the order of their names."""
    reached: dict[tuple[str | None, str | None], Counter[str]] = defaultdict(Counter)
    for lead in leads:
        reached[(lead.site, lead.lead_source)].update(STAGES[: STAGES.index(stage_of(lead)) + 1])
    return [
        {"site": site, "lead_source": source, **{stage: counts[stage] for stage in STAGES}}
        for (site, source), counts in sorted(reached.items(), key=lambda item: [name or "" for name in item[0]])
    ]
