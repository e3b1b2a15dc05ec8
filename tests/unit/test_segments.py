"""Who comes in, who leaves, and whether it may be heard."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mappings.rules import RuleProblem, parse
from sync.rules import compile_rule
from sync.segments import Context, Membership, Ruleset, decide, fell_due

AT = datetime(2026, 3, 31, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
FRESH = timedelta(days=3)


def context(**changed: object) -> Context:
    given_ = {"at": AT, "data_at": AT - HOUR, "fresh_for": FRESH, "versions": {"a": "1", "b": "1"}, **changed}
    return Context(**given_)


def entered_by(**changed: object) -> str:
    (entry,) = decide({}, {"a": True, "b": False}, context(**changed)).entered
    return entry.entered_by


MEMBER = Membership(AT - timedelta(days=9), "event", "1")


def test_a_fresh_entry_is_an_event_and_loud() -> None:
    (entry,) = decide({}, {"a": True}, context()).entered
    assert (entry.segment, entry.entered_by, entry.loud) == ("a", "event", True)
    assert (entry.since, entry.due_at, entry.rule_version) == (AT, AT - HOUR, "1")


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"newcomer": True}, "baseline"),
        ({"added": frozenset("a")}, "baseline"),
        ({"added": frozenset("b")}, "event"),
        ({"edited": frozenset("a")}, "rule"),
        ({"edited": frozenset("b")}, "event"),
        ({"newcomer": True, "edited": frozenset("a")}, "baseline"),
    ],
)
def test_the_first_complete_review_of_what_is_new_is_a_baseline(changed: dict[str, object], expected: str) -> None:
    assert entered_by(**changed) == expected


def test_baselines_and_entries_by_an_edited_rule_are_quiet() -> None:
    for changed in ({"newcomer": True}, {"edited": frozenset("a")}, {"data_at": AT - FRESH - HOUR}):
        (entry,) = decide({}, {"a": True}, context(**changed)).entered
        assert not entry.loud


def test_an_entry_found_more_than_fresh_for_after_it_fell_due_is_a_baseline() -> None:
    assert entered_by(due={"a": AT - FRESH}) == "event"
    assert entered_by(due={"a": AT - FRESH - timedelta(seconds=1)}) == "baseline"


def test_without_a_due_instant_the_moment_of_the_data_counts() -> None:
    assert entered_by(data_at=AT - FRESH - HOUR) == "baseline"
    assert entered_by(data_at=AT - FRESH - HOUR, due={"a": AT - HOUR}) == "event"


def test_no_entry_falls_due_after_it_was_found() -> None:
    (entry,) = decide({}, {"a": True}, context(data_at=AT + HOUR)).entered
    assert entry.due_at == AT


def test_who_is_in_already_does_not_enter_again_even_after_an_edited_rule() -> None:
    assert decide({"a": MEMBER}, {"a": True}, context(versions={"a": "2"}, edited=frozenset("a"))) == ([], [])


def test_who_no_longer_fits_leaves_and_so_does_everybody_when_a_segment_is_gone() -> None:
    assert decide({"a": MEMBER, "b": MEMBER}, {"a": False}, context()) == ([], ["a", "b"])


memberships = st.dictionaries(st.sampled_from("ab"), st.just(MEMBER))
verdicts = st.fixed_dictionaries({"a": st.booleans(), "b": st.booleans()})


@given(memberships, verdicts)
def test_after_a_decision_the_members_are_those_who_hold_and_a_second_one_is_silent(
    previous: dict[str, Membership], now: dict[str, bool]
) -> None:
    changes = decide(previous, now, context())
    kept = {name: member for name, member in previous.items() if name not in changes.left}
    after = kept | {e.segment: Membership(e.since, e.entered_by, e.rule_version) for e in changes.entered}
    assert set(after) == {name for name, holds in now.items() if holds}
    assert decide(after, now, context()) == ([], [])


def test_a_membership_fell_due_when_it_last_became_true() -> None:
    history = [
        (AT - 4 * HOUR, {"a": True, "b": True}),
        (AT - 3 * HOUR, {"a": False, "b": True}),
        (AT - 2 * HOUR, {"a": True, "b": True}),
        (AT, {"a": True, "b": False}),
    ]
    assert fell_due(history) == {"a": AT - 2 * HOUR}


def test_a_late_review_is_loud_about_what_fell_due_just_now_and_quiet_about_the_rest() -> None:
    history = [(AT - timedelta(days=5), {"a": True, "b": False}), (AT - timedelta(days=1), {"a": True, "b": True})]
    entries = decide({}, {"a": True, "b": True}, context(due=fell_due(history))).entered
    assert [entry.entered_by for entry in entries] == ["baseline", "event"]


def ruleset(**whos: object) -> Ruleset:
    return Ruleset.of({name: compile_rule(parse(who)) for name, who in whos.items()})


FACTS = {"today": date(2026, 3, 31), "status": "active", "age": 40}


def test_a_segment_that_reads_another_sees_what_is_decided_now() -> None:
    rules = ruleset(
        a={"in_segment": "b"}, b={"status": "active"}, c={"not": {"in_segment": "b"}}, d={"entered": {"b": "today"}}
    )
    assert rules.verdicts(FACTS, {}) == {"a": True, "b": True, "c": False, "d": True}
    assert rules.verdicts({**FACTS, "status": "lead"}, {"b": date(2026, 3, 1)}) == {
        "a": False,
        "b": False,
        "c": True,
        "d": False,
    }


def test_the_day_of_entering_is_the_recorded_one_where_there_is_one() -> None:
    rules = ruleset(a={"entered": {"b": {"over": "7 days ago"}}}, b={"status": "active"})
    assert rules.verdicts(FACTS, {"b": date(2026, 3, 1)})["a"] is True
    assert rules.verdicts(FACTS, {})["a"] is False
    seen = rules.seen(FACTS, {"b": date(2026, 3, 1)}, {"a": True, "b": True})
    assert seen["entered"] == {"a": date(2026, 3, 31), "b": date(2026, 3, 1)}
    assert seen["in_segment"] == {"a", "b"}


def test_while_the_clock_stands_still_nobody_entered_after_today() -> None:
    rules = ruleset(a={"status": "active"})
    assert rules.seen(FACTS, {"a": date(2026, 4, 9)}, {"a": True})["entered"] == {"a": FACTS["today"]}


def test_a_segment_that_is_off_counts_as_one_nobody_is_in() -> None:
    assert ruleset(a={"in_segment": "gone"}).verdicts(FACTS, {"gone": date(2026, 3, 1)}) == {"a": False}


def test_circles_are_refused() -> None:
    with pytest.raises(RuleProblem, match="circle"):
        ruleset(a={"in_segment": "b"}, b={"entered": {"a": "known"}})
