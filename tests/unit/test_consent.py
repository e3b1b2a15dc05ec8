"""What a person's decisions come to, purpose by purpose."""

from datetime import date
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mappings.consent import PURPOSES, Decision, Verdict, verdict, withdrawn_all

JANUARY, FEBRUARY, MARCH = date(2026, 1, 5), date(2026, 2, 5), date(2026, 3, 5)


def decision(answer: Any, decided_on: date | None = None, **changes: Any) -> Decision:
    stated = {
        "channel": "email",
        "purpose": "marketing",
        "basis": False,
        "evidence": None,
        "first_seen_on": MARCH,
        "asserted": True,
        "as_lead": False,
        "address": None,
    }
    return Decision(decision=answer, decided_on=decided_on, **{**stated, **changes})


def state_of(*decisions: Decision) -> str:
    """The verdict for marketing, which must not depend on the order of the decisions."""
    states = {verdict(order, "marketing").state for order in permutations(decisions)}
    assert len(states) == 1
    return states.pop()


def test_without_a_decision_there_is_none() -> None:
    assert verdict([], "marketing") == Verdict("none")


@pytest.mark.parametrize(("yes", "no", "expected"), [(FEBRUARY, JANUARY, "yes_dated"), (JANUARY, FEBRUARY, "no")])
def test_the_latest_dated_decision_wins(yes: date, no: date, expected: str) -> None:
    assert state_of(decision("yes", yes), decision("no", no)) == expected


def test_of_decisions_of_one_day_no_wins() -> None:
    assert state_of(decision("yes", JANUARY), decision("no", JANUARY)) == "no"


def test_an_undated_yes_never_beats_a_dated_no() -> None:
    assert state_of(decision("yes", first_seen_on=MARCH), decision("no", JANUARY)) == "no"


def test_an_undated_yes_beside_an_older_dated_yes_is_dated() -> None:
    assert state_of(decision("yes"), decision("yes", JANUARY)) == "yes_dated"


@pytest.mark.parametrize(("seen", "expected"), [(FEBRUARY, "yes_dated"), (MARCH, "no")])
def test_an_undated_no_counts_as_of_the_day_it_was_first_seen(seen: date, expected: str) -> None:
    yes = decision("yes", date(2026, 2, 20))
    assert state_of(decision("no", first_seen_on=seen), yes) == expected


def test_an_undated_no_beats_an_undated_yes_whichever_was_seen_first() -> None:
    assert state_of(decision("no", first_seen_on=JANUARY), decision("yes", first_seen_on=MARCH)) == "no"


def test_a_decision_is_about_its_own_purpose_only() -> None:
    no = decision("no", JANUARY, purpose="operations")
    assert verdict([no, decision("yes", JANUARY)], "marketing").state == "yes_dated"
    assert verdict([no], "marketing").state == "none"


@pytest.mark.parametrize("channel", ["sms", "phone", "mail"])
def test_a_decision_about_another_channel_says_nothing_of_email(channel: str) -> None:
    assert state_of(decision("no", JANUARY, channel=channel)) == "none"
    assert state_of(decision("yes", JANUARY, channel=channel)) == "none"


def test_a_yes_counts_only_as_long_as_its_source_states_it() -> None:
    assert state_of(decision("yes", JANUARY, asserted=False)) == "none"
    assert state_of(decision("yes", asserted=False)) == "none"


def test_a_dated_no_goes_on_counting_when_its_source_no_longer_states_it() -> None:
    assert state_of(decision("no", JANUARY, asserted=False)) == "no"
    assert state_of(decision("no", JANUARY, asserted=False), decision("yes")) == "no"


def test_an_undated_no_ends_when_its_source_no_longer_states_it() -> None:
    assert state_of(decision("no", asserted=False), decision("yes")) == "yes_undated"


def test_a_stated_basis_is_no_decision_of_the_person() -> None:
    assert state_of(decision("yes", basis=True)) == "basis"
    assert state_of(decision("yes", JANUARY, basis=True)) == "basis"
    assert state_of(decision("yes", basis=True), decision("no", JANUARY)) == "no"
    assert state_of(decision("yes", basis=True), decision("yes", JANUARY)) == "yes_dated"


def test_a_stated_basis_is_not_worth_less_for_an_undated_yes_beside_it() -> None:
    assert state_of(decision("yes", basis=True), decision("yes")) == "basis"


def test_the_verdict_names_the_date_and_the_evidence_of_what_decided() -> None:
    older = decision("yes", JANUARY, evidence="form 2")
    newer = decision("yes", FEBRUARY, evidence="form 3")
    assert verdict([older, newer], "marketing") == Verdict("yes_dated", FEBRUARY, "form 3")
    assert verdict([newer, decision("no", MARCH, evidence="phone")], "marketing") == Verdict("no", MARCH, "phone")


def _for_all(answer: str, day: date | None, **changes: Any) -> list[Decision]:
    return [decision(answer, day, purpose=purpose, **changes) for purpose in PURPOSES]


def test_a_dated_no_to_every_purpose_is_the_opt_out() -> None:
    assert withdrawn_all(_for_all("no", JANUARY))
    assert withdrawn_all(_for_all("no", JANUARY, asserted=False))


def test_a_dated_opt_out_stays_one_when_an_undated_no_joins_it() -> None:
    assert withdrawn_all([*_for_all("no", JANUARY), *_for_all("no", None)])


def test_less_than_a_dated_no_to_every_purpose_is_no_opt_out() -> None:
    noes = _for_all("no", JANUARY)
    assert not withdrawn_all([])
    assert not withdrawn_all(noes[1:])
    assert not withdrawn_all(_for_all("no", None))
    assert not withdrawn_all([*noes, decision("yes", FEBRUARY)])
    assert not withdrawn_all(_for_all("no", JANUARY, channel="sms"))


DAYS = st.dates(min_value=date(2026, 1, 1), max_value=date(2026, 1, 9))
DECISIONS = st.lists(
    st.builds(
        decision,
        st.sampled_from(["yes", "no"]),
        st.none() | DAYS,
        basis=st.booleans(),
        evidence=st.sampled_from([None, "form 2", "form 3"]),
        first_seen_on=DAYS,
        asserted=st.booleans(),
    ),
    max_size=6,
)


@given(DECISIONS, st.randoms(use_true_random=False))
def test_the_order_of_decisions_does_not_matter(decisions: list[Decision], random: Any) -> None:
    shuffled = random.sample(decisions, len(decisions))
    assert verdict(shuffled, "marketing") == verdict(decisions, "marketing")


@given(DECISIONS, DAYS)
def test_a_no_of_the_last_day_always_holds(decisions: list[Decision], day: date) -> None:
    last = max([day, *(d.decided_on or d.first_seen_on for d in decisions)])
    assert verdict([*decisions, decision("no", last)], "marketing").state == "no"
