"""One test a sentence of the episode rules: what a visit counts as, whose it is, and how an episode stands."""

from datetime import UTC, date, datetime, timedelta
from typing import Literal

import pytest

from mappings.records import Outcome, Status, VisitStatus
from sync.lifecycle import Judgement, judge
from sync.person import Episode, Row, Thresholds, Visit, Withheld, World
from tests.fakes.persons import (
    CHICAGO,
    DENVER,
    FEED,
    NOON,
    WORLD,
    day,
    episode,
    person,
    row,
    visit,
    visits,
    withheld,
    world,
)

Part = Row | Visit | Episode | Withheld | list[Visit]


def judged(*parts: Part, within: World = WORLD, at: datetime = NOON) -> Judgement:
    return judge(person(*parts), within, at)


def status_of(*parts: Part, within: World = WORLD, at: datetime = NOON) -> Status:
    return judged(*parts, within=within, at=at).status


def as_of(days: int) -> World:
    """A world whose feed is of a day so many days from today and never stale."""
    return world({"emr": FEED._replace(data_as_of=NOON + timedelta(days=days), max_age=None)})


@pytest.mark.parametrize("attended", ["arrived", "fulfilled"])
def test_arrived_and_fulfilled_are_attended(attended: VisitStatus) -> None:
    assert status_of(visit(-1, attended)) == "active"


def test_proposed_and_cancelled_count_as_nothing() -> None:
    assert status_of(visit(3, "proposed"), visit(4, "cancelled")) == "lead"


def test_a_visit_is_booked_to_the_end_of_its_local_day() -> None:
    late = datetime(2026, 3, 20, 23, 59, tzinfo=CHICAGO).astimezone(UTC)
    found = judged(visit(0, "booked"), at=late)
    assert found.status == "scheduled"
    assert found.next_change_at == datetime(2026, 3, 21, 5, 0, tzinfo=UTC)


@pytest.mark.parametrize(("days", "expected"), [(-1, "scheduled"), (-3, "scheduled"), (-4, "lead")])
def test_a_past_visit_still_booked_counts_as_booked_to_the_third_day_after_it(days: int, expected: str) -> None:
    assert status_of(visit(days, "booked"), row(created_at=NOON)) == expected


def test_an_unresolved_visit_is_counted_to_the_day_of_its_sources_data_not_of_the_clock() -> None:
    assert status_of(visit(-4, "booked"), within=as_of(-1)) == "scheduled"
    assert status_of(visit(-4, "booked"), within=as_of(0)) == "lead"


def test_an_unresolved_visit_waits_for_the_data_of_the_fourth_day_after_it() -> None:
    found = judged(visit(-2, "booked"), within=as_of(0))
    assert found.next_change_at is None
    assert [tuple(wait) for wait in found.waits] == [("emr", datetime(2026, 3, 22, 5, 0, tzinfo=UTC))]


@pytest.mark.parametrize(("meaning", "expected"), [("attended", "active"), ("missed", "at_risk")])
def test_past_booked_acts_from_the_day_after(meaning: Literal["attended", "missed"], expected: str) -> None:
    feed = FEED._replace(past_booked=meaning)
    assert status_of(visit(-1, "booked"), within=world({"emr": feed})) == expected
    assert status_of(visit(0, "booked"), within=world({"emr": feed})) == "scheduled"


@pytest.mark.parametrize(("since", "expected"), [(-13, "active"), (-14, "dropped_out")])
def test_a_quarantined_visit_counts_as_booked_through_day_13_after_it_was_first_quarantined(
    since: int, expected: str
) -> None:
    assert status_of(visit(-25), withheld(since)) == expected


def test_a_quarantined_visits_time_is_counted_in_local_days() -> None:
    before = datetime(2026, 4, 3, 4, 59, tzinfo=UTC)
    fresh, held = as_of(14), withheld(0, day=day(-1))
    assert judged(held, within=fresh, at=NOON).next_change_at == before + timedelta(minutes=1)
    assert status_of(held, within=fresh, at=before) == "scheduled"
    assert status_of(held, within=fresh, at=before + timedelta(minutes=1)) == "lead"


def test_a_quarantined_visit_of_an_unreadable_day_moves_with_today() -> None:
    found = judged(withheld(0))
    assert found.deciding is not None
    assert found.deciding.booked_days == (day(0),)
    assert found.next_change_at == datetime(2026, 3, 21, 5, 0, tzinfo=UTC)


def test_a_quarantined_visit_counts_on_its_own_day_and_episode() -> None:
    care = (episode(-100, external_id="e1"), episode(-5, external_id="e2", site="boulder"))
    found = judged(
        *care, visit(-30, episode_id="e1"), visit(-3, episode_id="e2"), withheld(0, day=day(-9), episode_id="e1")
    )
    assert found.status == "active"
    assert found.deciding is not None
    assert found.deciding.id == "e2"
    assert status_of(*care, visit(-30, episode_id="e1"), withheld(0, day=day(-9), episode_id="e1")) == "active"


def test_a_quarantined_visit_of_an_unreadable_day_counts_today_in_the_latest_episode() -> None:
    found = judged(episode(-20), visit(-15, episode_id="e1"), visit(-200, site="boulder"), withheld(0))
    assert found.status == "active"
    assert found.deciding is not None
    assert found.deciding.id == "e1"


def test_a_horizon_leaves_the_next_visit_open_while_the_own_rhythm_allows() -> None:
    ahead = world({"emr": FEED._replace(sees_ahead=14)})
    monthly = visits(-68, -38, -8)  # rhythm 30: -8 + 45 = 37 >= 14
    assert status_of(monthly) == "at_risk"
    assert status_of(monthly, within=ahead) == "active"
    edge = visits(-30, -10)  # rhythm 20: -10 + 30 = 20 >= 14 holds with data of day 6, not of day 7
    at = NOON + timedelta(days=6)
    assert status_of(edge, within=world({"emr": FEED._replace(sees_ahead=14, data_as_of=at)}), at=at) == "active"
    at += timedelta(days=1)
    assert status_of(edge, within=world({"emr": FEED._replace(sees_ahead=14, data_as_of=at)}), at=at) == "at_risk"


def test_a_horizon_waits_for_the_data_that_see_far_enough() -> None:
    found = judged(visits(-30, -10), within=world({"emr": FEED._replace(sees_ahead=14, max_age=None)}), at=NOON)
    assert [tuple(wait) for wait in found.waits] == [("emr", datetime(2026, 3, 27, 5, 0, tzinfo=UTC))]


def test_the_own_rhythm_is_the_median_of_the_last_three_gaps() -> None:
    found = judged(visits(-200, -43, -40, -30, -10))
    assert found.deciding is not None
    assert found.deciding.rhythm == 10  # gaps 3, 10, 20; the one of 157 is older (and begins an episode of its own)
    ahead = world({"emr": FEED._replace(sees_ahead=5)})
    assert status_of(visits(-43, -40, -30, -10), within=ahead) == "active"  # -10 + 15 = 5 >= 5
    ahead = world({"emr": FEED._replace(sees_ahead=6)})
    assert status_of(visits(-43, -40, -30, -10), within=ahead) == "at_risk"


def test_one_attended_day_is_never_open() -> None:
    assert status_of(visit(-8), within=world({"emr": FEED._replace(sees_ahead=1)})) == "at_risk"


def test_a_miss_after_the_last_attended_day_ends_the_horizon() -> None:
    ahead = world({"emr": FEED._replace(sees_ahead=1)})
    assert status_of(visits(-48, -8), within=ahead) == "active"
    assert status_of(visits(-48, -8), visit(-7, "noshow"), within=ahead) == "at_risk"


def test_an_episode_fed_by_several_sources_is_open_if_any_leaves_it_open() -> None:
    ahead = world({"other": FEED._replace(sees_ahead=14)})
    assert status_of(visit(-38), visit(-8, source="other", row=2), row(), row("other", id=2), within=ahead) == "active"


def test_an_emr_episode_owns_the_visits_that_name_it() -> None:
    found = judged(episode(-10), visit(-30, episode_id="e1"), visit(-1, site="boulder", episode_id="e1"))
    assert found.deciding is not None
    assert found.deciding.attended_days == (day(-30), day(-1))


def test_an_emr_episode_owns_unnamed_visits_of_its_row_and_site_in_its_dates_both_ends_included() -> None:
    mine = visits(-10, -5)
    others = [visit(-7, site="boulder"), visit(-6, row=2), visit(-11), visit(-4)]
    found = judged(episode(-10, -5, outcome="completed"), mine, others, row(), row(external_id="2", id=2))
    ended = judged(episode(-10, -5, outcome="completed"), mine)
    assert found.deciding is not None
    assert found.deciding.emr is None
    assert ended.deciding is not None
    assert ended.deciding.attended_days == (day(-10), day(-5))
    assert ended.status == "discharged"


def test_of_several_episodes_the_latest_start_then_the_lowest_id_owns_an_unnamed_visit() -> None:
    care = [episode(-20, external_id="a"), episode(-10, external_id="c"), episode(-10, external_id="b")]
    found = judged(*care, visit(-2))
    assert found.deciding is not None
    assert found.deciding.id == "b"


def test_a_visit_after_the_closing_of_the_episode_it_names_counts_as_unnamed() -> None:
    found = judged(episode(-40, -10), visit(-12, episode_id="e1"), visit(-2, episode_id="e1"))
    assert found.status == "active"
    assert found.deciding is not None
    assert found.deciding.id == day(-2).isoformat()


def test_all_other_visits_form_one_chain_over_all_sources_and_sites_by_day() -> None:
    found = judged(visit(-30), visit(-2, source="other", row=2, site="boulder"), row(), row("other", id=2))
    assert found.deciding is not None
    assert found.deciding.attended_days == (day(-30), day(-2))
    assert not found.returning


@pytest.mark.parametrize(("gap", "returning"), [(60, False), (61, True)])
def test_a_new_episode_starts_more_than_60_days_after_the_last_attended_day(gap: int, returning: bool) -> None:
    assert judged(visit(-gap - 1), visit(-1)).returning is returning


@pytest.mark.parametrize(("gap", "days"), [(60, 2), (61, 1)])
def test_with_none_attended_a_new_episode_starts_after_its_first_day(gap: int, days: int) -> None:
    found = judged(visits(-gap - 1, -31, status="noshow"), visit(-1, "noshow"))
    assert found.deciding is not None
    assert len(found.deciding.missed_days) == (3 if days == 2 else 1)


def test_a_new_episode_starts_with_the_first_visit_after_a_closing_of_any_emr_episode() -> None:
    closed = episode(-50, -20, site="boulder", outcome="completed")
    found = judged(visits(-30, -21), closed, visit(-25, site="boulder"), visits(-19, -1))
    assert found.deciding is not None
    assert found.deciding.attended_days == (day(-19), day(-1))
    assert found.returning


def test_a_closing_after_today_starts_nothing() -> None:
    found = judged(visits(-30, -2), episode(-50, 1, site="boulder"), visit(2, "booked"))
    assert found.deciding is not None
    assert found.deciding.first_day == day(-30)


def test_a_closing_by_count_starts_nothing() -> None:
    care = episode(-60, visits_prescribed=1, site="boulder")
    found = judged(care, visit(-30, site="boulder"), visits(-40, -2))
    assert found.deciding is not None
    assert found.deciding.attended_days == (day(-40), day(-2))


def test_cancelled_and_proposed_visits_take_no_part_in_the_chain() -> None:
    found = judged(visit(-70), visit(-40, "cancelled"), visit(-30, "proposed"), visit(-1))
    assert found.deciding is not None
    assert found.deciding.first_day == day(-1)


def test_records_at_one_site_on_one_day_are_one_visit_and_the_best_speaks() -> None:
    same = [visit(-2), visit(-2, "noshow"), visit(-2, external_id="again")]
    found = judged(same, visit(-9, "noshow"), visit(-9, "booked"), visit(-8))
    assert found.deciding is not None
    assert len(found.deciding.counted.attended) == 2
    assert found.deciding.missed_days == (day(-9),)


def test_an_open_episode_with_nothing_in_it_counts_as_none() -> None:
    assert status_of(episode(-10), visit(-2, "cancelled", episode_id="e1")) == "lead"


@pytest.mark.parametrize(
    ("outcome", "expected"),
    [
        (None, "lost_lead"),
        ("unknown", "lost_lead"),
        ("completed", "discharged"),
        ("transferred", "discharged"),
        ("self_discharged", "dropped_out"),
    ],
)
def test_a_closed_episode_without_visits_counts_only_if_the_emr_says_how_it_ended(
    outcome: Outcome | None, expected: str
) -> None:
    assert status_of(episode(-40, -10, outcome=outcome)) == expected


def test_the_gap_of_an_episode_without_visits_counts_from_the_closing() -> None:
    assert status_of(episode(-900, -365, outcome="completed")) == "discharged"
    assert status_of(episode(-900, -366, outcome="completed")) == "dormant"


@pytest.mark.parametrize(
    ("days", "expected"),
    [
        (-7, "active"),
        (-8, "at_risk"),
        (-21, "at_risk"),
        (-22, "dropped_out"),
        (-365, "dropped_out"),
        (-366, "dormant"),
    ],
)
def test_all_thresholds_are_exclusive(days: int, expected: str) -> None:
    assert status_of(visit(days)) == expected


@pytest.mark.parametrize(
    ("days", "expected"), [(0, "at_risk"), (-21, "at_risk"), (-22, "dropped_out"), (-366, "dormant")]
)
def test_with_none_attended_the_gap_counts_from_the_last_missed_day(days: int, expected: str) -> None:
    assert status_of(visit(days - 5, "noshow"), visit(days, "noshow")) == expected


def test_nothing_attended_but_something_booked_is_scheduled_however_often_missed() -> None:
    assert status_of(visits(-9, -3, status="noshow"), visit(2, "booked")) == "scheduled"


@pytest.mark.parametrize(("first", "expected"), [(-31, "active"), (-30, "at_risk")])
def test_two_missed_days_among_the_30_that_end_with_the_last_attended_or_missed_day(first: int, expected: str) -> None:
    history = [visit(-40), visit(first, "noshow"), visit(-20, "noshow"), visit(-1)]
    assert status_of(history, visit(2, "booked")) == expected
    assert status_of(history) == expected


def test_time_alone_never_improves_two_missed() -> None:
    history = [visit(-15), *visits(-12, -9, status="noshow"), visit(40, "booked")]
    later = NOON + timedelta(days=35)
    assert status_of(history) == "at_risk"
    assert status_of(history, within=as_of(35), at=later) == "at_risk"


def test_two_missed_at_two_sites_on_one_day_are_one_missed_day() -> None:
    twice = [visit(-3, "noshow"), visit(-3, "noshow", site="boulder")]
    assert status_of(visit(-4), twice, visit(2, "booked")) == "active"


@pytest.mark.parametrize(("days", "expected"), [(-7, "active"), (-8, "discharged")])
def test_all_prescribed_visits_attended_with_nothing_booked_close_an_episode_after_some_days(
    days: int, expected: str
) -> None:
    care = episode(-60, visits_prescribed=2)
    assert status_of(care, visits(days - 3, days)) == expected
    assert status_of(care, visits(days - 3, days), visit(1, "booked")) == "active"


def test_an_open_horizon_counts_as_booked_for_a_closing_by_count() -> None:
    care = (episode(-60, visits_prescribed=2), *visits(-48, -8))
    assert status_of(*care) == "discharged"
    assert status_of(*care, within=world({"emr": FEED._replace(sees_ahead=14)})) == "active"


def test_a_closing_comes_at_the_midnight_of_its_own_site() -> None:
    care = (episode(-30, 0, site="boulder", outcome="completed"), visit(-1, site="boulder"))
    midnight = datetime(2026, 3, 20, 0, 0, tzinfo=DENVER)
    assert status_of(*care, at=midnight - timedelta(seconds=1)) == "active"
    assert status_of(*care, at=midnight) == "discharged"


@pytest.mark.parametrize(("last", "expected"), [(-31, "discharged"), (-32, "dropped_out")])
def test_closed_without_an_outcome_long_after_the_last_visit_is_a_drop_out(last: int, expected: str) -> None:
    assert status_of(episode(-60, -10), visit(last)) == expected


def test_a_word_that_is_in_no_map_is_unknown_and_no_drop_out() -> None:
    found = judged(episode(-60, -10, outcome="unknown"), visit(-50))
    assert found.status == "discharged"
    assert found.deciding is not None
    assert found.deciding.outcome == "unknown"


def test_a_closed_episode_goes_dormant_by_its_last_visit_not_by_its_closing() -> None:
    assert status_of(episode(-500, -300, outcome="completed"), visit(-366)) == "dormant"


def test_an_episode_is_judged_by_its_type_over_its_site_over_the_practice() -> None:
    def after(days: int) -> Thresholds:
        return Thresholds(dropout_after_days=days)

    own = world(
        by_site={"lincoln": after(14)}, by_type={"hand": after(10)}, by_site_type={("boulder", "hand"): after(9)}
    )
    assert status_of(visit(-12, site="boulder"), within=own) == "at_risk"
    assert status_of(visit(-15), within=own) == "dropped_out"
    assert status_of(episode(-60, kind="hand"), visit(-11), within=own) == "dropped_out"
    assert status_of(episode(-60, kind="hand"), visit(-10), within=own) == "at_risk"
    assert status_of(episode(-60, kind="hand", site="boulder"), visit(-10, site="boulder"), within=own) == "dropped_out"


def test_an_episodes_site_is_its_emrs_else_that_of_its_last_attended_else_missed_else_booked_visit() -> None:
    def site(*parts: Part) -> str | None:
        found = judged(*parts).deciding
        assert found is not None
        return found.site

    attended, missed, booked = visit(-9, site="boulder"), visit(-3, "noshow"), visit(1, "booked")
    assert site(episode(-9), visit(-9, site="boulder", episode_id="e1")) == "lincoln"
    assert site(attended, missed, booked) == "boulder"
    assert site(visit(-3, "noshow", site="boulder"), booked) == "boulder"
    assert site(visit(1, "booked", site="boulder")) == "boulder"


def test_fault_32_days_are_those_of_the_visits_own_site() -> None:
    # 00:30 in Chicago is 23:30 of the day before in Denver.
    at = datetime(2026, 3, 21, 5, 30, tzinfo=UTC)
    assert status_of(visit(-7), at=at) == "at_risk"
    assert status_of(visit(-7, site="boulder"), at=at) == "active"


@pytest.mark.parametrize(("changes_on", "hours"), [(date(2026, 3, 8), 23), (date(2026, 11, 1), 25)])
def test_fault_32_a_day_on_which_the_clocks_change_is_one_day(changes_on: date, hours: int) -> None:
    begins = datetime(changes_on.year, changes_on.month, changes_on.day, tzinfo=CHICAGO).astimezone(UTC)
    ends = begins + timedelta(hours=hours)
    seen = visit(0, day=changes_on - timedelta(days=7), starts_at=begins - timedelta(days=7))
    fresh = world({"emr": FEED._replace(data_as_of=begins)})
    found = judged(seen, within=fresh, at=begins)
    assert found.status == "active"
    assert found.next_change_at == ends
    assert status_of(seen, within=fresh, at=ends) == "at_risk"


def test_a_sentinel_day_at_the_end_of_the_calendar_is_harmless() -> None:
    assert status_of(episode(-20, None)._replace(discharged_on=date(9999, 12, 31)), visit(-1)) == "active"
    assert status_of(visit(-1, "booked", day=date(9999, 12, 31))) == "scheduled"
    assert status_of(visit(-1, day=date(1, 1, 1))) == "dormant"
