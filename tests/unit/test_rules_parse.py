"""What operators may write under `who:`, and what they are told when it is wrong."""

from datetime import date

import pytest

from mappings import rules
from mappings.points import TODAY, MonthDay, Offset
from mappings.predicates import Dates, Days, Flag, Has, Known, Months, NoneValue, Number, OneOf
from mappings.rules import RuleProblem, parse


def predicate(fact: str, raw: object) -> object:
    rule = parse({fact: raw})
    assert isinstance(rule, rules.Test)
    assert rule.fact == fact
    return rule.predicate


def problems(raw: object) -> list[tuple[tuple[str | int, ...], str]]:
    with pytest.raises(RuleProblem) as caught:
        parse(raw)
    return caught.value.problems


@pytest.mark.parametrize(
    ("fact", "raw", "expected"),
    [
        ("city", "Lincoln", OneOf(("Lincoln",))),
        ("status", ["at_risk", "dropped_out"], OneOf(("at_risk", "dropped_out"))),
        ("next_visit", "none", NoneValue()),
        ("next_visit", "known", Known()),
        ("visits_missed", 2, OneOf((2,))),
        ("visits_missed", [1, 2], OneOf((1, 2))),
        ("age", {"at_least": 40, "under": 65}, Number(at_least=40, under=65)),
        ("age", {"between": [40, 64]}, Number(between=(40, 64))),
        ("days_between_visits", {"over": 3.5}, Number(over=3.5)),
        ("last_visit", {"over": "21 days ago"}, Dates(over=Offset(21, "day", False))),
        ("next_visit", {"within": "1 week ahead"}, Dates(within=Offset(1, "week", True))),
        ("last_visit", {"within": "6 Months Ago"}, Dates(within=Offset(6, "month", False))),
        ("today", {"between": ["Nov 1", "December 31"]}, Dates(between=(MonthDay(11, 1), MonthDay(12, 31)))),
        ("lead_since", {"between": ["2026-01-01", "today"]}, Dates(between=(date(2026, 1, 1), TODAY))),
        ("next_visit", "today", Days((TODAY,))),
        ("first_visit", [date(2026, 1, 1), "2 years ago"], Days((date(2026, 1, 1), Offset(2, "year", False)))),
        ("returning", True, Flag(True)),
        ("has_email", False, Flag(False)),
        ("sites", {"has": "lincoln"}, Has(("lincoln",))),
        ("sites", {"has": ["lincoln", "boulder"]}, Has(("lincoln", "boulder"))),
        ("in_segment", "win-back", Has(("win-back",))),
        ("birthday", "Nov", Months((11,))),
        ("birthday", 11, Months((11,))),
        ("birthday", ["november", 12], Months((11, 12))),
        ("birthday", "this month", Months((), True)),
    ],
)
def test_the_value_grammar(fact: str, raw: object, expected: object) -> None:
    assert predicate(fact, raw) == expected


def test_all_facts_of_a_rule_must_hold_and_any_and_not_nest() -> None:
    status = rules.Test("status", OneOf(("active",)))
    none = rules.Test("next_visit", NoneValue())
    minor = rules.Test("is_minor", Flag(True))
    raw = {"status": "active", "any": [{"next_visit": "none"}, {"is_minor": True}], "not": {"is_minor": True}}
    assert parse(raw) == rules.All((status, rules.AnyOf((none, minor)), rules.Not(minor)))


def test_a_list_may_mix_exact_values_none_and_bounds() -> None:
    rule = parse({"age": [{"under": 18}, 40, "none", 41]})
    assert isinstance(rule, rules.AnyOf)
    assert [part.predicate for part in rule.parts if isinstance(part, rules.Test)] == [
        Number(under=18),
        NoneValue(),
        OneOf((40, 41)),
    ]


def test_entered_names_the_segment_whose_day_is_tested() -> None:
    rule = parse({"entered": {"win-back": {"within": "7 days ago"}, "newsletter": "known"}})
    within = Dates(within=Offset(7, "day", False))
    assert rule == rules.All(
        (rules.Test("entered", within, "win-back"), rules.Test("entered", Known(), "newsletter")),
    )
    assert rules.segments_read(rule) == {"win-back", "newsletter"}


def test_all_problems_are_told_at_once_each_at_its_place() -> None:
    raw = {
        "statsu": "active",
        "status": ["active", "at risk"],
        "age": {"at_least": "4O", "ovr": 3, "between": [1]},
        "any": [{"next_visit": {"within": "soon"}}, {}],
        "not": {"returning": "yes"},
    }
    assert [path for path, _ in problems(raw)] == [
        ("statsu",),
        ("status", 1),
        ("age", "at_least"),
        ("age", "ovr"),
        ("age", "between"),
        ("any", 0, "next_visit", "within"),
        ("any", 1),
        ("not", "returning"),
    ]


@pytest.mark.parametrize(
    ("raw", "part"),
    [
        ({"statsu": "active"}, "did you mean 'status'?"),
        ({"status": "at risk"}, "did you mean 'at_risk'?"),
        ({"payer_class": "workers-comp"}, "did you mean 'workers_comp'?"),
        ({"age": {"at_lest": 3}}, "did you mean 'at_least'?"),
        ({"birthday": "Novembre"}, "did you mean 'november'?"),
        ({"visits_missed": "2"}, "without quotes"),
        ({"postal_code": 60601}, "quote it"),
        ({"city": True}, "quote it"),
        ({"next_visit": None}, "write none"),
        ({"last_visit": {"at_least": 3}}, "is no bound of a date"),
        ({"last_visit": {"over": 21}}, "21 days ago"),
        ({"last_visit": "Feb 30"}, "no such day"),
        ({"last_visit": "2026-02-29"}, "no such day"),
        ({"last_visit": {"over": "101 years ago"}}, "100 years"),
        ({"city": {"has": "Lincoln"}}, "is text"),
        ({"sites": {"hass": "lincoln"}}, "{has: value}"),
        ({"sites": {"has": []}}, "empty"),
        ({"status": []}, "empty"),
        ({"age": {}}, "empty"),
        ({"age": True}, "not a number"),
        ({"age": float("nan")}, "not a number"),
        ({"returning": "yes"}, "true, false"),
        ({"any": {"status": "lead"}}, "any takes a list"),
        ({"any": []}, "empty"),
        ({"not": []}, "facts and their values"),
        ({}, "no condition"),
        (None, "facts and their values"),
        ({"entered": "win-back"}, "{SEGMENT:"),
        ({"prognosis": "good"}, "is no fact"),
        ({"birth_date": "2000-01-01"}, "is no fact"),
        ({1: "active"}, "is no fact"),
    ],
)
def test_a_slip_is_told_with_what_to_write(raw: object, part: str) -> None:
    assert part in problems(raw)[0][1]


def test_no_message_repeats_what_was_written() -> None:
    raw = {"status": "Ramona", "last_visit": "Ramona", "age": "Ramona", "sites": {"has": {"x": "Ramona"}}}
    assert len(problems(raw)) == 4
    assert not any("Ramona" in message for _, message in problems(raw))


def test_facts_read_and_words_read_look_into_every_branch() -> None:
    rule = parse({"site": "lincoln", "any": [{"site": ["boulder"]}, {"age": 3}], "not": {"in_segment": "newsletter"}})
    assert rules.facts_read(rule) == {"site", "age", "in_segment"}
    assert rules.words_read(rule, "site") == {"lincoln", "boulder"}
    assert rules.segments_read(rule) == {"newsletter"}


def test_a_fact_is_unfed_when_none_of_its_feeds_is_there() -> None:
    rule = parse({"status": "active", "age": 3, "any": [{"last_visit": "known"}, {"episode_started": "known"}]})
    assert rules.unfed(rule, ["patients"]) == {"last_visit", "episode_started"}
    assert rules.unfed(rule, ["patients", "episodes"]) == {"last_visit"}
    assert rules.unfed(rule, ["appointments"]) == {"age"}


@pytest.mark.parametrize(
    ("raw", "klass"),
    [
        ({"city": "Lincoln"}, "contact"),
        ({"city": "Lincoln", "status": "active"}, "relationship"),
        ({"status": "active", "not": {"payer_class": "medicare"}}, "health"),
        ({"in_segment": "medicare"}, "health"),
    ],
)
def test_a_rule_has_the_highest_class_of_what_it_reads(raw: object, klass: str) -> None:
    assert rules.class_of(parse(raw), {"medicare": "health"}) == klass


def test_the_version_of_a_rule_ignores_order_and_notices_every_edit() -> None:
    first = rules.version_of(parse({"status": ["active", "at_risk"], "age": {"over": 40}}))
    assert rules.version_of(parse({"age": {"over": 40}, "status": ["at_risk", "active"]})) == first
    assert rules.version_of(parse({"age": {"over": 41}, "status": ["at_risk", "active"]})) != first
    assert rules.version_of(parse({"not": {"age": 1}})) != rules.version_of(parse({"age": 1}))


def test_segments_are_ordered_after_those_they_read() -> None:
    read = {"a": parse({"in_segment": "b"}), "b": parse({"entered": {"c": "known"}}), "c": parse({"age": 1})}
    assert rules.segment_order(read) == ("c", "b", "a")


def test_segments_that_read_each_other_in_a_circle_are_refused_by_name() -> None:
    read = {"a": parse({"in_segment": "b"}), "b": parse({"not": {"in_segment": "a"}}), "c": parse({"age": 1})}
    with pytest.raises(RuleProblem, match="a → b → a") as caught:
        rules.segment_order(read)
    assert [path for path, _ in caught.value.problems] == [("a",), ("b",)]
