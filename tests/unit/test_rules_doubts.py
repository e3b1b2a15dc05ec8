"""Tests that can never hold, and sets one day wide."""

import pytest

from mappings.doubts import warnings
from mappings.rules import parse


def told(who: object) -> str:
    return " ".join(warnings(parse(who)))


@pytest.mark.parametrize(
    "who",
    [
        {"age": {"at_least": 65, "under": 40}},
        {"age": {"over": 39, "under": 40}},
        {"age": {"between": [5, 3]}},
        {"visits_missed": {"under": 0}},
        {"age": 40.5},
        {"last_visit": {"over": "10 days ago", "within": "5 days ago"}},
        {"last_visit": {"over": "10 days ago", "within": "10 days ago"}},
        {"last_visit": {"over": "2 months ago", "within": "3 weeks ago"}},
        {"last_visit": {"between": ["10 days ago", "20 days ago"]}},
        {"discharged": {"between": ["Nov 1", "Feb 1"]}},
        {"discharged": {"between": ["2026-02-01", "2026-01-01"]}},
        {"last_visit": {"over": "1 day ahead"}},
        {"entered": {"x": "1 day ahead"}},
        {"next_visit": {"over": "1 day ago"}},
        {"next_visit": "2 weeks ago"},
        {"today": {"over": "1 day ago"}},
        {"next_visit": "none", "any": [{"next_visit": {"within": "7 days ahead"}}]},
        {"status": "active", "any": [{"status": "lead"}, {"age": 1}]},
        {"is_minor": True, "any": [{"is_minor": False}]},
        {"birthday": "Nov", "any": [{"birthday": "Dec"}]},
        {"age": {"over": 40}, "any": [{"age": {"under": 30}}]},
        {"status": "active", "not": {"status": "active"}},
        {"status": "active", "age": 1, "not": {"status": "active", "age": 1}},
        {"not": {"age": {"under": 0}}},
    ],
    ids=str,
)
def test_what_can_never_hold_is_told(who: object) -> None:
    assert "never hold" in told(who)


@pytest.mark.parametrize(
    "who",
    [
        {"last_visit": "21 days ago"},
        {"last_visit": "6 months ago"},
        {"last_visit": {"over": "21 days ago", "within": "22 days ago"}},
        {"last_visit": {"between": ["21 days ago", "3 weeks ago"]}},
        {"last_visit": {"between": ["2 months ago", "2 months ago"]}},
        {"next_visit": "1 day ahead"},
        {"next_visit": {"within": "today"}},
        {"days_in_status": 7},
        {"days_in_status": {"over": 6, "under": 8}},
        {"today": "Nov 1"},
        {"entered": {"welcome": "3 days ago"}},
        {"last_visit": {"over": "21 days ago"}, "any": [{"last_visit": {"within": "22 days ago"}}]},
    ],
    ids=str,
)
def test_a_set_one_day_wide_is_told(who: object) -> None:
    assert "one day wide" in told(who)


@pytest.mark.parametrize(
    "who",
    [
        {"status": ["at_risk", "dropped_out"], "last_visit": {"over": "21 days ago"}, "next_visit": "none"},
        {"last_visit": {"over": "21 days ago", "within": "23 days ago"}},
        {"last_visit": {"over": "21 days ago", "within": "1 month ago"}},
        {"last_visit": {"over": "30 days ago", "within": "1 month ago"}},
        {"last_visit": "none"},
        {"next_visit": {"within": "1 day ahead"}},
        {"first_visit": "2026-01-05"},
        {"today": {"between": ["Nov 1", "Dec 15"]}},
        {"age": {"over": 39, "under": 41}},
        {"age": 40},
        {"days_between_visits": {"over": 3, "under": 4}},
        {"birthday": "this month"},
        {"any": [{"status": "active"}, {"status": "lead"}]},
        {"status": "active", "not": {"age": 40}},
        {"not": {"last_visit": "21 days ago"}},
        {"status": ["active", "lead"], "any": [{"status": "lead"}]},
        {"authorization_ends": {"over": "today"}},
    ],
    ids=str,
)
def test_a_sound_rule_raises_no_doubt(who: object) -> None:
    assert told(who) == ""


def test_a_doubt_names_the_fact_and_repeats_no_value() -> None:
    assert told({"age": {"over": 97, "under": 31}}).startswith("age: ")
    assert "97" not in told({"age": {"over": 97, "under": 31}})
    assert told({"entered": {"win-back": "2 days ago"}}).startswith("entered.win-back: ")
