"""How far leads have come."""

import pytest

from sync.funnel import STAGES, Lead, funnel, stage_of

LEAD = Lead(site="lincoln", lead_source="web", booked=False, attended=0, active=False, completed=False)


@pytest.mark.parametrize(
    ("changes", "stage"),
    [
        ({}, "lead"),
        ({"booked": True}, "scheduled"),
        ({"booked": True, "attended": 1}, "evaluated"),
        ({"booked": True, "attended": 1, "active": True}, "active"),
        ({"booked": True, "attended": 2}, "active"),
        ({"completed": True}, "discharged_completed"),
    ],
)
def test_a_lead_stands_at_the_furthest_stage_that_it_has_reached(changes: dict[str, object], stage: str) -> None:
    assert stage_of(LEAD._replace(**changes)) == stage  # type: ignore[arg-type]  # each case names real fields


def test_whoever_reached_a_stage_counts_in_all_before_it_by_site_and_lead_source() -> None:
    done = LEAD._replace(completed=True)
    counts = funnel([LEAD, done, done._replace(lead_source=None), LEAD._replace(site=None)])
    assert [(row["site"], row["lead_source"], *(row[stage] for stage in STAGES)) for row in counts] == [
        (None, "web", 1, 0, 0, 0, 0),
        ("lincoln", None, 1, 1, 1, 1, 1),
        ("lincoln", "web", 2, 1, 1, 1, 1),
    ]
