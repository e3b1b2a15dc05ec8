"""What a rule says of a contact's facts."""

import json
from datetime import date

import pytest

from mappings.facts import OPEN
from mappings.rules import parse
from sync.rules import compile_rule

TODAY = date(2026, 3, 31)


def holds(who: object, **facts: object) -> bool:
    return compile_rule(parse(who)).holds({"today": TODAY, **facts})


@pytest.mark.parametrize(
    ("test", "day", "expected"),
    [
        ({"over": "21 days ago"}, date(2026, 3, 9), True),
        ({"over": "21 days ago"}, date(2026, 3, 10), False),
        ({"over": "7 days ahead"}, date(2026, 4, 7), False),
        ({"over": "7 days ahead"}, date(2026, 4, 8), True),
        ({"over": "today"}, date(2026, 3, 30), True),
        ({"over": "today"}, TODAY, False),
        ({"within": "7 days ahead"}, TODAY, True),
        ({"within": "7 days ahead"}, date(2026, 4, 7), True),
        ({"within": "7 days ahead"}, date(2026, 4, 8), False),
        ({"within": "7 days ahead"}, date(2026, 3, 30), False),
        ({"within": "2 weeks ago"}, date(2026, 3, 17), True),
        ({"within": "2 weeks ago"}, date(2026, 3, 16), False),
        ({"within": "2 weeks ago"}, TODAY, True),
        ({"within": "2 weeks ago"}, date(2026, 4, 1), False),
        ({"within": "today"}, TODAY, True),
        ({"within": "Jan 1"}, date(2026, 1, 1), True),
        ({"within": "Jan 1"}, date(2025, 12, 31), False),
        ({"within": "Nov 1"}, date(2026, 11, 1), True),
        ({"within": "Nov 1"}, date(2026, 3, 30), False),
        ({"between": ["30 days ago", "21 days ago"]}, date(2026, 3, 1), True),
        ({"between": ["30 days ago", "21 days ago"]}, date(2026, 3, 10), True),
        ({"between": ["30 days ago", "21 days ago"]}, date(2026, 2, 28), False),
        ({"between": ["30 days ago", "21 days ago"]}, date(2026, 3, 11), False),
        ({"between": ["2026-01-01", "Feb 1"]}, date(2026, 2, 1), True),
        ({"over": "1 month ago"}, date(2026, 2, 27), True),  # March 31 less a month is cut to February 28
        ({"over": "1 month ago"}, date(2026, 2, 28), False),
        ({"within": "1 year ahead"}, date(2027, 3, 31), True),
        ({"over": "21 days ago", "within": "2 months ago"}, date(2026, 1, 31), True),
        ({"over": "21 days ago", "within": "2 months ago"}, date(2026, 1, 30), False),
        ("today", TODAY, True),
        ("1 day ago", date(2026, 3, 30), True),
        (["today", "1 day ahead"], date(2026, 4, 1), True),
        ("Apr 1", date(2026, 4, 1), True),
        ("Apr 1", date(2025, 4, 1), False),
    ],
)
def test_dates(test: object, day: date, expected: bool) -> None:
    assert holds({"authorization_ends": test}, authorization_ends=day) is expected


@pytest.mark.parametrize(
    ("test", "value", "expected"),
    [
        ({"at_least": 2}, 2, True),
        ({"at_least": 2}, 1, False),
        ({"at_most": 2}, 2, True),
        ({"over": 2}, 2, False),
        ({"over": 2}, 3, True),
        ({"under": 2}, 2, False),
        ({"under": 2}, 1, True),
        ({"between": [2, 4]}, 2, True),
        ({"between": [2, 4]}, 4, True),
        ({"between": [2, 4]}, 5, False),
        ({"at_least": 2, "under": 4}, 4, False),
        (2, 2, True),
        ([2, 3], 3, True),
        (2, 2.5, False),
        (0, 0, True),
    ],
)
def test_numbers(test: object, value: float, expected: bool) -> None:
    assert holds({"visits_missed": test}, visits_missed=value) is expected


def test_words_flags_lists_and_months() -> None:
    assert holds({"status": ["at_risk", "dropped_out"]}, status="dropped_out")
    assert not holds({"status": "at_risk"}, status="active")
    assert holds({"returning": False}, returning=False)
    assert not holds({"returning": True}, returning=False)
    assert holds({"sites": {"has": "lincoln"}}, sites=frozenset({"lincoln", "boulder"}))
    assert not holds({"sites": {"has": ["lincoln"]}}, sites=frozenset({"boulder"}))
    assert holds({"birthday": "this month"}, birthday=3)
    assert not holds({"birthday": "this month"}, birthday=4)
    assert holds({"birthday": ["Nov", "this month"]}, birthday=11)


MISSING = [
    ({"status": "active"}, "status"),
    ({"age": {"at_least": 0}}, "age"),
    ({"age": 0}, "age"),
    ({"last_visit": {"over": "0 days ago"}}, "last_visit"),
    ({"last_visit": "today"}, "last_visit"),
    ({"last_visit": "known"}, "last_visit"),
    ({"returning": False}, "returning"),
    ({"sites": {"has": "lincoln"}}, "sites"),
    ({"birthday": "this month"}, "birthday"),
    ({"in_segment": "newsletter"}, "in_segment"),
]


@pytest.mark.parametrize(("who", "fact"), MISSING, ids=str)
def test_a_missing_value_fails_every_test_but_none_and_not_negates_that(who: object, fact: str) -> None:
    for facts in ({}, {fact: None}):
        assert not holds(who, **facts)
        assert holds({"not": who}, **facts)
        assert holds({fact: "none"}, **facts)
        assert not holds({"not": {fact: "none"}}, **facts)


def test_an_empty_list_is_a_missing_value() -> None:
    assert holds({"sites": "none"}, sites=frozenset())
    assert not holds({"sites": "known"}, sites=frozenset())


def test_a_value_is_known_and_not_none() -> None:
    assert holds({"visits_missed": "known"}, visits_missed=0)
    assert not holds({"visits_missed": "none"}, visits_missed=0)


@pytest.mark.parametrize("test", ["none", "known", "today", {"within": "7 days ahead"}, {"over": "1 day ago"}], ids=str)
def test_an_open_next_visit_fails_every_test_and_stays_unknown_under_not(test: object) -> None:
    assert not holds({"next_visit": test}, next_visit=OPEN)
    assert not holds({"not": {"next_visit": test}}, next_visit=OPEN)
    assert not holds({"not": {"not": {"next_visit": test}}}, next_visit=OPEN)


def test_what_is_unknown_does_not_outweigh_what_is_known() -> None:
    either = {"any": [{"next_visit": "none"}, {"status": "lead"}]}
    assert holds(either, next_visit=OPEN, status="lead")
    assert not holds(either, next_visit=OPEN, status="active")
    assert not holds({"not": either}, next_visit=OPEN, status="active")
    both = {"next_visit": "none", "status": "lead"}
    assert holds({"not": both}, next_visit=OPEN, status="active")
    assert not holds({"not": both}, next_visit=OPEN, status="lead")


def test_entered_looks_at_the_day_of_entering_the_named_segment() -> None:
    who = {"entered": {"win-back": {"within": "7 days ago"}}}
    assert holds(who, entered={"win-back": date(2026, 3, 24)})
    assert not holds(who, entered={"win-back": date(2026, 3, 23)})
    assert not holds(who, entered={"newsletter": date(2026, 3, 30)})
    assert holds({"entered": {"win-back": "none"}}, entered={})


def test_the_tree_shows_each_value_and_verdict_and_is_json() -> None:
    who = {
        "status": "at_risk",
        "any": [{"sites": "lincoln"}, {"last_visit": {"over": "21 days ago"}}],
        "not": {"next_visit": "known"},
        "entered": {"win-back": "known"},
    }
    facts = {
        "today": TODAY,
        "status": "active",
        "sites": frozenset({"boulder", "aurora"}),
        "last_visit": date(2026, 3, 1),
        "next_visit": OPEN,
        "entered": {"win-back": date(2026, 3, 2)},
    }
    tree = json.loads(json.dumps(compile_rule(parse(who)).tree(facts)))
    assert tree["holds"] is False
    status, either, absent, entered = tree["all"]
    assert status == {"fact": "status", "test": "whose status is at_risk", "value": "active", "holds": False}
    assert [(leaf["value"], leaf["holds"]) for leaf in either["any"]] == [
        (["aurora", "boulder"], False),
        ("2026-03-01", True),
    ]
    assert either["holds"] is True
    assert absent["not"]["value"] == "open"
    assert (absent["holds"], absent["not"]["holds"]) == (None, None)
    assert (entered["segment"], entered["value"], entered["holds"]) == ("win-back", "2026-03-02", True)


def test_the_worked_example_of_a_lapsed_worker() -> None:
    who = {
        "status": ["at_risk", "dropped_out"],
        "payer_class": "workers_comp",
        "last_visit": {"over": "21 days ago"},
        "next_visit": "none",
    }
    lapsed = {"status": "dropped_out", "payer_class": "workers_comp", "last_visit": date(2026, 3, 5)}
    assert holds(who, **lapsed)
    assert not holds(who, **lapsed | {"next_visit": date(2026, 4, 2)})
    assert not holds(who, **lapsed | {"payer_class": "commercial"})
