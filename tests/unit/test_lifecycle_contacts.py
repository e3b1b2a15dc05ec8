"""One test a sentence of what a contact's episodes, rows and clock make of it."""

from datetime import UTC, datetime, timedelta

import pytest

from mappings.records import Status
from sync.lifecycle import Judgement, judge
from sync.person import Episode, Row, Thresholds, Visit, Withheld, World
from tests.fakes.persons import FEED, NOON, WORLD, day, episode, person, row, visit, visits, withheld, world

Part = Row | Visit | Episode | Withheld | list[Visit]


def judged(*parts: Part, within: World = WORLD, at: datetime = NOON) -> Judgement:
    return judge(person(*parts), within, at)


def status_of(*parts: Part, within: World = WORLD, at: datetime = NOON) -> Status:
    return judged(*parts, within=within, at=at).status


def test_a_row_that_says_deceased_makes_inactive() -> None:
    found = judged(row(), row(external_id="2", id=2, deceased=True), visit(-1))
    assert (found.status, found.rule, found.inputs) == ("inactive", "contact.deceased", ("emr:2",))


def test_suppressed_by_hand_is_inactive() -> None:
    assert judge(person(visit(-1), suppressed=True), WORLD, NOON).status == "inactive"


@pytest.mark.parametrize("change", [{"active": False}, {"present": False}])
def test_inactive_or_absent_in_every_emr_row_is_inactive(change: dict[str, bool]) -> None:
    off, on, lead = row(**change), row(external_id="2", id=2), row("web", id=3)
    assert status_of(off, visit(-1)) == "inactive"
    assert status_of(off, lead, visit(-1)) == "inactive"
    assert status_of(off, on, visit(-1)) == "active"


def test_merged_away_rows_are_left_out_of_being_inactive() -> None:
    gone = row(external_id="2", id=2, merged_away=True)
    assert status_of(row(active=False), gone) == "inactive"
    assert status_of(row(), gone._replace(active=False), visit(-1)) == "active"


def test_a_prospect_is_inactive_only_if_every_row_is() -> None:
    off, on = row("web", active=False), row("web", "2", id=2)
    assert status_of(off) == "inactive"
    assert status_of(off, on) == "lost_lead"


def test_an_inactive_contact_has_no_deciding_episode() -> None:
    found = judged(row(active=False), visit(-1))
    assert found.deciding is None
    assert not found.returning


def test_active_before_scheduled_before_at_risk() -> None:
    at_risk = [episode(-60, external_id="r"), visit(-10, episode_id="r")]
    scheduled = [episode(-3, external_id="s"), visit(4, "booked", episode_id="s")]
    active = [episode(-30, external_id="a"), visit(-2, episode_id="a")]
    assert status_of(*at_risk) == "at_risk"
    assert status_of(*at_risk, *scheduled) == "scheduled"
    assert status_of(*at_risk, *scheduled, *active) == "active"


def test_an_open_episode_comes_before_a_closed_one() -> None:
    closed = [episode(-30, -1, external_id="c", outcome="completed"), visit(-2, episode_id="c")]
    assert status_of(*closed, episode(-60, external_id="r"), visit(-10, episode_id="r")) == "at_risk"


def test_else_the_episode_with_the_latest_day_not_after_today_speaks() -> None:
    completed = [episode(-300, -100, external_id="c", outcome="completed"), visit(-110, episode_id="c")]
    dropped = [episode(-200, external_id="d"), visit(-101, episode_id="d")]
    assert status_of(*completed, *dropped) == "discharged"
    assert status_of(*completed, episode(-200, external_id="d"), visit(-99, episode_id="d")) == "dropped_out"


def test_a_closing_by_count_has_no_day() -> None:
    counted = [episode(-300, external_id="c", visits_prescribed=1), visit(-110, episode_id="c")]
    dropped = [episode(-200, external_id="d"), visit(-109, episode_id="d")]
    assert status_of(*counted, *dropped) == "dropped_out"


def test_ties_go_to_discharged_then_dropped_out_then_dormant_then_the_lowest_id() -> None:
    completed = [episode(-300, -100, external_id="z", outcome="completed"), visit(-110, episode_id="z")]
    dropped = [episode(-200, external_id="b"), visit(-100, episode_id="b")]
    again = [episode(-200, external_id="a"), visit(-100, episode_id="a")]
    dormant = [episode(-900, -100, external_id="0", outcome="completed"), visit(-400, episode_id="0")]
    assert status_of(*completed, *dropped, *dormant) == "discharged"
    assert status_of(*dormant, *dropped) == "dropped_out"
    found = judged(*dropped, *again).deciding
    assert found is not None
    assert found.id == "a"


def test_without_episodes_lost_lead_comes_after_90_days() -> None:
    assert status_of(row("web", lead_since=day(-90))) == "lead"
    assert status_of(row("web", lead_since=day(-91))) == "lost_lead"
    assert status_of(row("web", lead_since=day(-11)), within=world(thresholds=Thresholds(lost_lead_after_days=10))) == (
        "lost_lead"
    )


def test_a_lead_counts_from_the_newest_lead_or_referral_date_of_its_rows() -> None:
    old = row("web", lead_since=day(-200))
    assert status_of(old, row("web", "2", id=2, lead_since=day(-5))) == "lead"
    assert status_of(old._replace(referral_received=day(-90))) == "lead"
    assert status_of(old._replace(referral_received=day(-91), created_at=NOON)) == "lost_lead"


def test_without_lead_dates_the_newest_created_at_counts_else_first_seen() -> None:
    created = row(created_at=NOON - timedelta(days=91))
    assert status_of(created._replace(first_seen_at=NOON)) == "lost_lead"
    assert status_of(created, row(external_id="2", id=2, created_at=NOON - timedelta(days=90))) == "lead"
    assert status_of(row(first_seen_at=NOON - timedelta(days=90))) == "lead"
    assert status_of(row(first_seen_at=NOON - timedelta(days=91))) == "lost_lead"


def test_a_lead_counts_from_its_last_visit_that_was_cancelled_or_came_to_nothing_if_that_is_later() -> None:
    old = row(lead_since=day(-200))
    assert status_of(old, visit(-90, "cancelled")) == "lead"
    assert status_of(old, visit(-91, "cancelled")) == "lost_lead"
    assert status_of(old, visit(-90, "booked")) == "lead"
    assert status_of(row(lead_since=day(-5)), visit(-91, "cancelled")) == "lead"


def test_proposed_counts_neither_way_for_a_lead() -> None:
    assert status_of(row(lead_since=day(-200)), visit(-5, "proposed")) == "lost_lead"


def test_a_dateless_row_of_a_first_pull_is_a_lost_lead_from_the_start() -> None:
    dateless = row(first_pull=True, first_seen_at=NOON)
    assert status_of(dateless) == "lost_lead"
    assert judged(dateless).rule == "lead.long_ago"
    assert status_of(dateless, visit(-5, "cancelled")) == "lead"


def test_beside_a_row_with_dates_a_dateless_first_pull_row_says_nothing() -> None:
    dateless = row(first_pull=True, first_seen_at=NOON)
    assert status_of(dateless, row("web", id=2, lead_since=day(-91))) == "lost_lead"
    assert status_of(dateless, row("web", id=2, lead_since=day(-90))) == "lead"


def test_a_cancelled_first_visit_makes_a_lead_again_and_a_cancelled_later_one_restores_what_was() -> None:
    assert status_of(visit(4, "booked")) == "scheduled"
    assert status_of(visit(4, "cancelled")) == "lead"
    assert status_of(visit(-30), visit(4, "booked")) == "active"
    assert status_of(visit(-30), visit(4, "cancelled")) == "dropped_out"


def test_of_several_deciding_episodes_the_latest_by_attended_or_missed_day_else_booked_then_the_lowest_id() -> None:
    def deciding(*parts: Part) -> str:
        found = judged(*parts).deciding
        assert found is not None
        return found.id

    care = [episode(-60, external_id=name, site=None) for name in ("b", "a")]
    assert deciding(*care, visit(-2, episode_id="b"), visit(-3, episode_id="a", site="boulder")) == "b"
    assert deciding(*care, visit(-2, episode_id="b"), visit(-2, episode_id="a", site="boulder")) == "a"
    assert deciding(*care, visit(5, "booked", episode_id="b"), visit(4, "booked", episode_id="a")) == "b"


def test_returning_is_that_an_earlier_episode_has_an_attended_visit() -> None:
    assert judged(visit(-200), visit(-1)).returning
    assert not judged(visit(-200, "noshow"), visit(-1)).returning
    assert not judged(visit(-1)).returning
    assert judged(episode(-100, -80, outcome="completed"), visit(-90), visit(3, "booked")).returning


def test_the_site_is_that_of_the_next_booked_visit_else_the_last_attended_one() -> None:
    later, sooner, past = visit(4, "booked"), visit(3, "booked", site="boulder"), visit(-1)
    assert judged(later, sooner, past).site == "boulder"
    assert judged(visit(-1, site="boulder"), visit(-2), visit(-1, "noshow")).site == "boulder"


def test_ties_for_the_site_go_to_the_earliest_start_then_the_name() -> None:
    ten = visit(3, "booked").starts_at
    first = visit(3, "booked", site="boulder", starts_at=ten - timedelta(hours=1))
    assert judged(visit(3, "booked"), first).site == "boulder"
    assert judged(visit(3, "booked"), first._replace(starts_at=ten)).site == "boulder"
    assert judged(visit(-3), visit(-3, site="boulder", starts_at=visit(-3).starts_at)).site == "boulder"


def test_without_visits_the_site_is_the_leads_preferred_one_else_the_leading_rows() -> None:
    emr, lead = row(site="lincoln"), row("web", "9", id=2, site="boulder")
    assert judged(emr).site == "lincoln"
    assert judged(emr, lead).site == "boulder"


def test_unresolved_and_quarantined_visits_never_give_the_site() -> None:
    waiting = withheld(0, day=day(2), site="boulder")
    assert judged(row(site="lincoln"), visit(-1, "booked", site="boulder"), waiting).site == "lincoln"


def test_sites_are_those_of_all_visits_but_cancelled_ones() -> None:
    found = judged(visit(-9, "noshow"), visit(3, "proposed", site="boulder"), visit(1, "cancelled", site="omaha"))
    assert found.sites == {"lincoln", "boulder"}


STALE = FEED._replace(data_as_of=NOON - timedelta(days=10))
"""A feed whose clock stopped eight days ago."""


def test_each_episode_is_judged_at_its_own_clock() -> None:
    found = judged(visit(-15), within=world({"emr": STALE}))
    assert found.status == "active"  # seven days, when the clock stopped
    assert found.stopped
    assert found.clock == NOON - timedelta(days=8)
    assert found.today == day(-8)


def test_the_clock_is_the_least_over_the_sources_that_feed_the_episode_also_with_an_outdone_record() -> None:
    both = [row(), row("other", id=2), visit(-15), visit(-15, "noshow", source="other", row=2)]
    assert status_of(*both) == "at_risk"
    assert status_of(*both, within=world({"other": STALE})) == "active"


def test_the_contacts_facts_use_the_deciding_episodes_clock() -> None:
    care = [episode(-60, source="other", row=2), visit(-40, source="other", row=2, episode_id="e1")]
    found = judged(row(), row("other", id=2), visit(-2), *care, within=world({"other": STALE}))
    assert found.status == "active"
    assert not found.stopped


def test_without_an_episode_the_clock_is_the_least_over_the_emr_rows_sources() -> None:
    mine = [row(created_at=NOON - timedelta(days=95)), row("web", id=2)]
    assert status_of(*mine) == "lost_lead"
    assert status_of(*mine, within=world({"emr": STALE})) == "lead"


def test_a_prospects_clock_never_stops() -> None:
    old = world({"web": WORLD.feeds["web"]._replace(data_as_of=NOON - timedelta(days=300))})
    found = judged(row("web", lead_since=day(-91)), within=old)
    assert found.status == "lost_lead"
    assert not found.stopped


def test_a_feed_without_max_age_is_never_stale() -> None:
    retired = world({"emr": STALE._replace(max_age=None)})
    assert status_of(visit(-15), within=retired) == "at_risk"


def test_data_that_arrive_act_while_the_clock_stands() -> None:
    stale = world({"emr": STALE})
    assert status_of(visit(-15), visit(5, "booked"), within=stale) == "active"
    assert status_of(row(deceased=True), visit(-15), within=stale) == "inactive"
    assert status_of(visits(-40, -2), within=stale) == "active"


def test_while_stopped_it_is_not_due_but_waits_for_its_source() -> None:
    found = judged(visit(-15), within=world({"emr": STALE}))
    assert found.next_change_at is None
    # Eight days after the visit its data must be of at most 48 hours before.
    assert [tuple(wait) for wait in found.waits] == [("emr", datetime(2026, 3, 11, 5, 0, tzinfo=UTC))]


def test_the_chain_takes_each_visit_at_its_own_sources_clock() -> None:
    # At the stale clock the lapsed booking would still be to come.
    lapsed = visit(-5, "booked", source="other", row=2)
    within = world({"emr": STALE, "other": FEED})
    assert status_of(row(), row("other", id=2), visit(-15), lapsed, within=within) == "active"
    found = judged(row(), row("other", id=2), visit(-20), lapsed, within=within)
    assert found.status == "at_risk"


def test_every_verdict_names_its_rule_and_its_inputs() -> None:
    found = judged(episode(-30), visit(-9, external_id="v9"))
    assert (found.rule, found.inputs) == ("episode.gap_at_risk", ("emr:e1", "emr:v9"))
