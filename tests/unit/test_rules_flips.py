"""Between two days on which a rule says it may flip, time alone changes nothing."""

from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mappings.facts import OPEN
from mappings.points import add_months
from mappings.rules import parse
from sync.rules import compile_rule

TODAY = date(2026, 3, 31)


def flips(who: object, **facts: object) -> list[date]:
    return list(compile_rule(parse(who)).flips({"today": TODAY, **facts}))


def test_over_n_days_ago_flips_on_the_day_after_the_nth() -> None:
    assert date(2026, 4, 12) in flips({"last_visit": {"over": "21 days ago"}}, last_visit=date(2026, 3, 21))


def test_what_lies_behind_is_not_told() -> None:
    assert flips({"last_visit": {"over": "21 days ago"}}, last_visit=date(2025, 3, 21)) == []


def test_a_rule_without_time_never_flips() -> None:
    assert flips({"status": "active", "age": "known", "last_visit": "none"}, status="active", age=3) == []


def test_an_age_flips_on_the_birthday() -> None:
    assert flips({"age": {"at_least": 40}}, age=39, birth_date=date(1986, 4, 2))[0] == date(2026, 4, 2)


def test_without_the_date_of_birth_every_day_of_its_month_may_be_the_birthday() -> None:
    found = flips({"age": {"at_least": 40}}, age=39, birthday=5)
    assert {date(2026, 5, day) for day in range(1, 32)} <= set(found)


def test_minority_ends_on_the_eighteenth_birthday() -> None:
    assert date(2026, 6, 1) in flips({"is_minor": True}, is_minor=True, birth_date=date(2008, 6, 1))


def test_days_in_a_status_flip_when_they_reach_the_number() -> None:
    assert flips({"days_in_status": {"at_least": 7}}, days_in_status=2) == [date(2026, 4, 5)]


def test_a_next_visit_flips_on_the_day_after_it() -> None:
    assert flips({"next_visit": "none"}, next_visit=date(2026, 4, 3)) == [date(2026, 4, 4)]


def test_a_season_turns_at_both_its_ends_and_with_the_year() -> None:
    found = flips({"today": {"between": ["Nov 1", "Dec 15"]}})
    assert found[:5] == [date(2026, 11, 1), date(2026, 11, 2), date(2026, 12, 15), date(2026, 12, 16), date(2027, 1, 1)]


def test_a_birthday_month_turns_every_year() -> None:
    found = flips({"birthday": "this month"}, birthday=3)
    assert found == [date(2026, 4, 1), date(2027, 3, 1), date(2027, 4, 1), date(2028, 3, 1), date(2028, 4, 1)]


@pytest.mark.parametrize("day", [date(9999, 12, 31), date(1, 1, 1)])
def test_days_at_the_ends_of_the_calendar_do_no_harm(day: date) -> None:
    who = {"any": [{"next_visit": {"over": "100 years ahead"}}, {"next_visit": {"within": "Feb 29"}}]}
    compiled = compile_rule(parse(who))
    facts = {"today": TODAY, "next_visit": day}
    list(compiled.flips(facts))
    assert compiled.holds(facts) is (day.year == 9999)


# ---------------------------------------------------------------- day by day

offsets = st.builds(
    lambda amount, unit, way: f"{amount} {unit} {way}",
    st.integers(0, 40),
    st.sampled_from(["days", "weeks", "months"]),
    st.sampled_from(["ago", "ahead"]),
) | st.sampled_from(["today", "1 year ago", "2 years ago", "1 year ahead"])
points = offsets | st.sampled_from(["Nov 1", "Feb 29", "Jan 1", "2026-06-30", "2025-12-31"])
date_tests = st.one_of(
    st.builds(lambda p: {"over": p}, points),
    st.builds(lambda p: {"within": p}, points),
    st.builds(lambda a, b: {"between": [a, b]}, points, points),
    st.builds(lambda a, b: {"over": a, "within": b}, points, points),
    points,
    st.sampled_from(["none", "known"]),
)
number_tests = st.one_of(
    st.integers(0, 60),
    st.builds(
        lambda k, n: {k: n},
        st.sampled_from(["at_least", "at_most", "over", "under"]),
        st.integers(0, 60) | st.just(2.5),
    ),
    st.builds(lambda a, b: {"between": [a, b]}, st.integers(0, 60), st.integers(0, 60)),
)
leaves = st.one_of(
    st.builds(
        lambda f, t: {f: t}, st.sampled_from(["last_visit", "authorization_ends", "next_visit", "today"]), date_tests
    ),
    st.builds(lambda f, t: {f: t}, st.sampled_from(["age", "days_in_status"]), number_tests),
    st.builds(lambda t: {"birthday": t}, st.sampled_from(["this month", "Nov", ["Feb", "this month"]])),
    st.builds(lambda t: {"entered": {"other": t}}, date_tests),
    st.builds(lambda t: {"is_minor": t}, st.booleans()),
)
whos = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.builds(lambda parts: {"any": parts}, st.lists(inner, min_size=1, max_size=3)),
        st.builds(lambda part: {"not": part}, inner),
        st.builds(lambda a, b: {**a, **b}, inner, inner),
    ),
    max_leaves=5,
)
days = st.dates(date(2024, 1, 1), date(2027, 12, 31))
births = st.dates(date(1960, 1, 1), date(2020, 12, 31)) | st.just(date(2008, 2, 29))
maybe_days = st.none() | days
persons = st.fixed_dictionaries(
    {
        "born": births,
        "status_since": days,
        "last_visit": maybe_days,
        "authorization_ends": maybe_days,
        "next_visit": maybe_days | st.just(OPEN),
        "entered": st.dictionaries(st.just("other"), days),
    }
)


def facts_on(person: dict, today: date) -> dict[str, object]:
    """The facts of a person as they are on a day, told anew."""
    born: date = person["born"]
    age = today.year - born.year - ((today.month, today.day) < (born.month, born.day))
    visit = person["next_visit"]
    return {
        "today": today,
        "birth_date": born,
        "age": age,
        "is_minor": age < 18,
        "birthday": born.month,
        "days_in_status": max(0, (today - person["status_since"]).days),
        "last_visit": person["last_visit"],
        "authorization_ends": person["authorization_ends"],
        "next_visit": None if isinstance(visit, date) and visit < today else visit,
        "entered": person["entered"],
    }


@settings(max_examples=max(100, settings.default.max_examples))
@given(who=whos, person=persons, today=st.dates(date(2026, 1, 1), date(2026, 12, 31)), precise=st.booleans())
def test_between_two_flips_the_verdict_does_not_change(who: object, person: dict, today: date, precise: bool) -> None:
    person = person | {"status_since": min(person["status_since"], today)}
    compiled = compile_rule(parse(who))
    start = facts_on(person, today)
    if not precise:
        start.pop("birth_date")
    told = set(compiled.flips(start))
    assert all(day > today for day in told)
    before = compiled.holds(start)
    for n in range(1, 430):
        day = today + timedelta(days=n)
        now = compiled.holds(facts_on(person, day))
        assert now == before or day in told, f"flips on {day} unannounced"
        before = now


@given(whos, persons, days)
def test_no_rule_is_both_so_and_not_so(who: object, person: dict, today: date) -> None:
    compiled = compile_rule(parse(who))
    facts = facts_on(person, today)
    assert not (compiled.holds(facts) and compiled.fails(facts))
    assert compiled.tree(facts)["holds"] is (
        True if compiled.holds(facts) else False if compiled.fails(facts) else None
    )
    if person["next_visit"] is not OPEN:
        assert compiled.holds(facts) or compiled.fails(facts)


@given(days, st.integers(-30, 30))
def test_fault_33_a_calendar_month_ends_on_its_last_day_at_the_latest(day: date, months: int) -> None:
    moved = add_months(day, months)
    assert (moved.year * 12 + moved.month) - (day.year * 12 + day.month) == months
    assert moved.day == day.day or (moved + timedelta(days=1)).day == 1
