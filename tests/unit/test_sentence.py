"""A rule read back in English."""

import pytest

from mappings.facts import FACTS
from mappings.rules import parse
from mappings.sentence import english


@pytest.mark.parametrize(
    ("who", "sentence"),
    [
        (
            {
                "status": ["at_risk", "dropped_out"],
                "payer_class": "workers_comp",
                "last_visit": {"over": "21 days ago"},
                "next_visit": "none",
            },
            "Everyone whose status is at_risk or dropped_out, and whose payer class is workers_comp, "
            "and whose last visit is more than 21 days ago, and who has no next visit on record.",
        ),
        (
            {"age": {"at_least": 40, "under": 65}, "city": ["Ada", "Bow", "Coe"]},
            "Everyone whose age is at least 40 and is under 65, and whose city is Ada, Bow or Coe.",
        ),
        (
            {"any": [{"is_minor": True}, {"returning": False, "birthday": ["Nov", "this month"]}]},
            "Everyone either who is under 18 or (who had no earlier episode of care "
            "and whose birthday is in November or the present month).",
        ),
        (
            {"status": "active", "not": {"in_segment": "newsletter"}},
            "Everyone whose status is active, and not anyone who is in the segment newsletter.",
        ),
        (
            {"next_visit": {"within": "1 week ahead"}, "evaluated": {"within": "2 months ago"}},
            "Everyone whose next visit is today or within the next 1 week, "
            "and whose evaluation is today or within the last 2 months.",
        ),
        (
            {"today": {"between": ["Nov 1", "Dec 15"]}},
            "Everyone as long as today is between November 1 of this year and December 15 of this year "
            "(both included).",
        ),
        (
            {"lead_since": {"over": "2026-01-01"}, "discharged": "known"},
            "Everyone whose first day as a lead is before 2026-01-01, and whose discharge is known.",
        ),
        (
            {"entered": {"win-back": {"over": "3 days ago"}}, "sites": {"has": "lincoln"}},
            "Everyone whose entry into the segment win-back is more than 3 days ago, and whose sites include lincoln.",
        ),
        (
            {"days_between_visits": {"between": [2, 3.5]}},
            "Everyone whose days between visits is between 2 and 3.5 (both included).",
        ),
        (
            {"authorization_ends": {"over": "7 days ahead"}},
            "Everyone whose end of the authorization is more than 7 days ahead.",
        ),
        ({"last_visit": {"within": "today"}}, "Everyone whose last visit is today."),
        ({"entered": {"a": "none"}}, "Everyone who is not in the segment a."),
    ],
)
def test_what_was_understood_is_read_back(who: object, sentence: str) -> None:
    assert english(parse(who)) == sentence


EXAMPLES = {"text": "x", "number": 1, "date": "today", "month": "Nov", "flag": True, "list": {"has": "x"}}


@pytest.mark.parametrize("name", [name for name in FACTS if name != "entered"])
def test_every_fact_can_be_read_back(name: str) -> None:
    fact = FACTS[name]
    for value in (EXAMPLES[fact.type] if not fact.choices else fact.choices[0], "none", "known"):
        assert english(parse({name: value})).startswith("Everyone ")
    assert len({english(parse({name: value})) for value in ("none", "known")}) == 2
