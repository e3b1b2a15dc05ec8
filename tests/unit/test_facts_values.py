"""One test a sentence of what the facts of a contact are."""

from datetime import UTC, date, datetime, timedelta

import pytest

from mappings.facts import FACTS, OPEN, FactValue
from sync.facts import Beside, facts_of, leading_rows, mailing_address
from sync.lifecycle import judge
from sync.person import Episode, Row, Visit, Withheld, World
from tests.fakes.persons import FEED, NOON, WORLD, day, episode, person, row, visit, visits, withheld, world

Part = Row | Visit | Episode | Withheld | list[Visit]


def facts(
    *parts: Part, within: World = WORLD, at: datetime = NOON, beside: Beside | None = None
) -> dict[str, FactValue]:
    someone = person(*parts)
    return facts_of(someone, judge(someone, within, at), within, beside or Beside())


def test_every_fact_of_the_table_has_a_value_but_those_of_the_segments() -> None:
    own = {"in_segment", "entered"}
    for found in (facts(), facts(episode(-9), visit(-3))):
        assert set(found) == (set(FACTS) - own) | {"birth_date"}


def test_a_missing_value_is_none() -> None:
    found = facts(row(birth_date=None))
    names = ("age", "is_minor", "city", "last_visit", "next_visit", "providers", "sites", "episode_type", "discharged")
    assert [found[name] for name in names] == [None] * len(names)


def test_the_leading_row_is_the_one_with_the_newest_visit_that_was_not_cancelled() -> None:
    one, two = row(external_id="1"), row(external_id="2", id=2)
    shown = [visit(-9), visit(-8, "noshow", row=2), visit(5, "cancelled")]
    assert leading_rows(person(one, two, *shown)) == [two, one]


def test_then_the_newest_created_at_then_the_lowest_source_and_id_speaks() -> None:
    old, new = row("b", "9", created_at=NOON - timedelta(days=1)), row("b", "5", id=2, created_at=NOON)
    silent, first = row("b", "2", id=3), row("a", "3", id=4)
    assert leading_rows(person(silent, old, first, new)) == [new, old, first, silent]


def test_merged_away_rows_come_last_as_leading_row() -> None:
    gone = row(external_id="1", merged_away=True, created_at=NOON)
    left = row(external_id="2", id=2)
    assert leading_rows(person(gone, left, visit(-1))) == [left, gone]


def test_empty_values_come_from_the_next_row() -> None:
    lead = row("web", "2", id=2, city="Omaha", lead_source="form", birth_date=date(1990, 5, 1))
    found = facts(row(city="Lincoln", email="a@example.com"), lead, visit(-1))
    assert (found["city"], found["lead_source"], found["birthday"]) == ("Lincoln", "form", 5)


def test_the_mailing_address_is_the_leading_rows_usable_one_else_the_next_rows() -> None:
    someone = person(row(email="old@example.com", created_at=NOON), row(external_id="2", id=2, email="b@example.com"))
    assert mailing_address(someone, lambda _: True) == "old@example.com"
    assert mailing_address(someone, lambda email: email != "old@example.com") == "b@example.com"
    assert mailing_address(someone, lambda _: False) is None


@pytest.mark.parametrize(
    ("born", "age", "minor"),
    [(date(2008, 3, 20), 18, False), (date(2008, 3, 21), 17, True), (date(2004, 2, 29), 22, False)],
)
def test_age_is_in_whole_years_and_under_18_is_a_minor(born: date, age: int, minor: bool) -> None:
    found = facts(row(birth_date=born))
    assert (found["age"], found["is_minor"], found["birthday"]) == (age, minor, born.month)


def test_today_is_the_day_at_the_contacts_site() -> None:
    at = datetime(2026, 3, 21, 5, 30, tzinfo=UTC)
    assert facts(visit(-1), at=at)["today"] == day(1)
    assert facts(visit(-1, site="boulder"), at=at)["today"] == day(0)


def test_days_in_status_count_from_its_first_day() -> None:
    assert facts(beside=Beside(status_since=day(-4)))["days_in_status"] == 4
    assert facts(beside=Beside())["days_in_status"] == 0


def test_what_the_store_knows_is_passed_on() -> None:
    known = Beside(household_size=3, email_status="ok", has_email=True, has_mobile=False, brand="Lakeside")
    found = facts(row(phone="+14025550101"), beside=known)
    names = ("household_size", "email_status", "has_email", "has_mobile", "brand")
    assert [found[name] for name in names] == [3, "ok", True, False, "Lakeside"]
    assert facts(row(phone="+14025550101"))["has_mobile"] is True


def test_visit_counts_are_those_of_the_deciding_episode() -> None:
    care = episode(-30, visits_prescribed=3, visits_authorized=2, authorization_ends=day(30), kind="hand")
    found = facts(visit(-200), care, visits(-20, -13, -6), visit(-9, "noshow"))
    expected = {
        "visits_attended": 3,
        "visits_missed": 1,
        "visits_prescribed": 3,
        "visits_left": 0,
        "visits_authorized_left": 0,
        "authorization_ends": day(30),
        "evaluated": day(-20),
        "episode_started": day(-30),
        "episode_type": "hand",
        "days_between_visits": 7.0,
        "returning": True,
        "first_visit": day(-200),
        "last_visit": day(-6),
        "last_missed": day(-9),
    }
    assert {name: found[name] for name in expected} == expected


def test_a_closing_is_told_only_once_it_has_come() -> None:
    def told(*parts: Part) -> list[FactValue]:
        found = facts(*parts)
        return [found[name] for name in ("discharged", "discharge_outcome", "discharge_reason")]

    care = episode(-30, 0, outcome="completed", discharge_reason="Goals met")
    assert told(care, visit(-3)) == [day(0), "completed", "Goals met"]
    assert told(care._replace(discharged_on=day(1)), visit(-3)) == [None, None, None]
    assert told(episode(-60, 0), visit(-40)) == [day(0), "self_discharged", None]
    assert told(episode(-60, 0), visit(-4)) == [day(0), "unknown", None]


def test_an_inactive_contact_misses_the_facts_of_an_episode() -> None:
    found = facts(row(active=False), episode(-9, kind="hand"), visit(-3))
    assert (found["episode_type"], found["visits_attended"], found["last_visit"]) == (None, None, day(-3))


def test_the_last_visits_status_is_that_of_the_latest_past_visit_not_booked_or_proposed() -> None:
    assert facts(visit(-3, "noshow"), visit(-2, "proposed"), visit(-1, "booked"))["last_visit_status"] == "noshow"
    assert facts(visit(-3), visit(-1, "cancelled"), visit(2, "cancelled"))["last_visit_status"] == "cancelled"


def test_past_is_what_started_before_now() -> None:
    later = visit(0, "arrived", starts_at=NOON + timedelta(minutes=20))
    found = judge(person(visit(-3, "noshow"), later), WORLD, NOON)
    assert facts(visit(-3, "noshow"), later)["last_visit_status"] == "noshow"
    assert found.next_change_at == later.starts_at
    assert facts(visit(-3, "noshow"), later, at=NOON + timedelta(minutes=21))["last_visit_status"] == "arrived"


def test_of_the_records_of_one_site_and_day_the_best_one_speaks() -> None:
    found = facts(visit(-3, "cancelled"), visit(-3, external_id="again", provider="Kim"))
    assert (found["last_visit_status"], found["last_cancelled"], found["visits_cancelled_30d"]) == (
        "fulfilled",
        None,
        0,
    )
    assert found["provider"] == "Kim"


def test_the_30_day_counts_are_of_the_30_days_that_end_today() -> None:
    found = facts(
        visits(-30, -29, 0, status="noshow"),
        visit(-29, "cancelled", site="boulder"),
        visits(-30, -28, -27, 1, status="cancelled"),
    )
    assert (found["visits_missed_30d"], found["visits_cancelled_30d"]) == (2, 3)


def test_providers_and_visit_types_are_those_of_all_but_cancelled_visits() -> None:
    shown = [
        visit(-70, provider="Ana", kind="evaluation"),
        visit(-2, provider="Bo", kind="treatment"),
        visit(3, "booked", provider="Cy", kind="recheck"),
        visit(-1, "cancelled", provider="Di", kind="massage"),
    ]
    found = facts(*shown)
    assert found["providers"] == {"Ana", "Bo", "Cy"}
    assert found["visit_types"] == {"evaluation", "treatment", "recheck"}
    assert found["provider"] == "Bo"


def test_the_next_visit_is_one_on_the_books_today_included() -> None:
    made = datetime(2026, 3, 2, 3, 0, tzinfo=UTC)  # the evening of March 1 in Lincoln
    found = facts(visit(0, "booked", kind="recheck", created_at=made), visit(4, "booked"))
    assert (found["next_visit"], found["next_visit_kind"], found["next_visit_booked"]) == (
        day(0),
        "recheck",
        date(2026, 3, 1),
    )


@pytest.mark.parametrize(
    "parts",
    [
        (visit(-3), visit(-1, "booked")),
        (visit(-3), withheld(-1)),
        (visit(-3), withheld(-1, day=day(-9))),
        (visits(-48, -8),),
    ],
)
def test_an_unresolved_a_quarantined_visit_or_a_horizon_leaves_the_next_visit_open(parts: tuple[Part, ...]) -> None:
    ahead = world({"emr": FEED._replace(sees_ahead=14)})
    assert facts(*parts, within=ahead)["next_visit"] is OPEN
    assert facts(*parts, visit(5, "booked"), within=ahead)["next_visit"] == day(5)


def test_without_them_there_is_no_next_visit() -> None:
    assert facts(visit(-3), visit(-4, "booked"), visit(4, "proposed"), visit(5, "cancelled"))["next_visit"] is None


def test_the_preferred_site_is_the_leads_else_the_leading_rows() -> None:
    emr, lead = row(site="lincoln"), row("web", "2", id=2, site="boulder")
    assert facts(emr, lead, visit(-1))["preferred_site"] == "boulder"
    assert facts(emr, visit(-1, site="boulder"))["preferred_site"] == "lincoln"


def test_a_referral_by_a_patient_is_a_flag() -> None:
    assert facts(row(referred_by="77"))["referred_by_patient"] is True
    assert facts(row())["referred_by_patient"] is False


def test_facts_stand_still_while_the_feed_is_stale() -> None:
    stale = world({"emr": FEED._replace(data_as_of=NOON - timedelta(days=10))})
    first = facts(visit(-15), visit(-20, "noshow"), row(birth_date=date(2008, 3, 15)), within=stale)
    assert first["today"] == day(-8)
    assert first["is_minor"] is True
    assert (
        facts(
            visit(-15),
            visit(-20, "noshow"),
            row(birth_date=date(2008, 3, 15)),
            within=stale,
            at=NOON + timedelta(days=900),
        )
        == first
    )
