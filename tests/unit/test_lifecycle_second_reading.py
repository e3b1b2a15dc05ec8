"""Two readings of the same rules, written apart, say the same of every contact."""

import itertools
from collections.abc import Sequence
from datetime import UTC, datetime, time, timedelta
from typing import get_args

import pytest
from hypothesis import given, note
from hypothesis import strategies as st

from mappings.records import Outcome, VisitStatus
from sync.clock import midnight
from sync.due import Wait
from sync.facts import Beside, facts_of
from sync.lifecycle import judge
from sync.person import Episode, Feed, Person, Row, Thresholds, Visit, Withheld, World
from tests.fakes.persons import (
    CHICAGO,
    DENVER,
    FEED,
    LEADS,
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
from tests.fakes.second_reading import Reading, read

SOURCES = ("emr", "other", "web")
KINDS = ("hand", None)
AT_SITE = Thresholds(3, 10, 40, lost_lead_after_days=89, new_episode_after_days=20)
OF_TYPE = Thresholds(5, 15, 60)
BESIDE = Beside()
FACTS = Reading._fields

sites = st.sampled_from(("lincoln", "boulder", "lincoln", None))
near = st.integers(-12, 6)
days = st.one_of(near, near, st.integers(-45, 20), st.integers(-420, 60))
hours = st.sampled_from([0, 9, 14, 23])
statuses = st.sampled_from(("fulfilled", "booked", "noshow", *get_args(VisitStatus)))


def product(someone: Person, within: World, at: datetime) -> Reading:
    """What the product says, in the words of the second reading."""
    facts = facts_of(someone, judge(someone, within, at), within, BESIDE)
    return Reading(*(facts[name] for name in FACTS))  # type: ignore[arg-type]  # a fact's type is known by its name


def agree(someone: Person, within: World, at: datetime = NOON) -> None:
    expected = read(someone, within, at)
    found = product(someone, within, at)
    assert found == expected


@st.composite
def visits_of(draw: st.DrawFn, rows: Sequence[Row]) -> Visit:
    owner, site, when, status = draw(st.sampled_from(rows)), draw(sites), draw(days), draw(statuses)
    if status in ("arrived", "fulfilled", "noshow"):
        when = min(when, 1)
    at = datetime.combine(day(when), time(draw(hours), 30), DENVER if site == "boulder" else CHICAGO)
    named = draw(st.sampled_from([None, None, "a", "b"]))
    return visit(
        when,
        status,
        source=owner.source,
        row=owner.id,
        site=site,
        episode_id=named,
        starts_at=at.astimezone(UTC),
        external_id=f"{draw(st.integers(0, 10**9))}",
    )


@st.composite
def episodes_of(draw: st.DrawFn, rows: Sequence[Row], external_id: str) -> Episode:
    owner, started = draw(st.sampled_from(rows)), draw(st.none() | days.filter(lambda when: when <= 20))
    return episode(
        started,
        draw(st.none() | st.integers(min(started or 0, 0), 2) | st.integers(started or -60, 30)),
        external_id=external_id,
        source=owner.source,
        row=owner.id,
        site=draw(sites),
        kind=draw(st.sampled_from(KINDS)),
        outcome=draw(st.none() | st.sampled_from(get_args(Outcome))),
        visits_prescribed=draw(st.none() | st.integers(0, 3)),
    )


@st.composite
def held_of(draw: st.DrawFn, rows: Sequence[Row]) -> Withheld:
    owner, when = draw(st.sampled_from(rows)), draw(st.none() | days)
    return withheld(
        draw(st.integers(-16, 0)),
        source=owner.source,
        row=owner.id,
        day=None if when is None else day(when),
        site=draw(sites),
        episode_id=draw(st.sampled_from([None, "a"])),
    )


@st.composite
def rows_of(draw: st.DrawFn, number: int, source: str) -> Row:
    known = {
        name: draw(st.sampled_from([None, None, -5, -89, -90, -91, -200])) for name in ("created", "referred", "lead")
    }
    at = {name: None if when is None else NOON + timedelta(days=when) for name, when in known.items()}
    return row(
        source,
        str(number),
        id=number,
        present=draw(st.sampled_from([True, True, True, True, False])),
        active=draw(st.sampled_from([True, True, True, True, False])),
        merged_away=draw(st.sampled_from([False, False, False, number > 1])),
        deceased=draw(st.sampled_from([False] * 19 + [True])),
        first_seen_at=NOON - timedelta(days=draw(st.sampled_from([5, 100]))),
        first_pull=draw(st.booleans()),
        site=draw(sites),
        created_at=at["created"],
        referral_received=at["referred"] and at["referred"].date(),
        lead_since=at["lead"] and at["lead"].date(),
    )


@st.composite
def persons(draw: st.DrawFn) -> Person:
    sources = draw(st.lists(st.sampled_from(("emr", "emr", "other", "web")), min_size=1, max_size=3))
    rows = [draw(rows_of(number, source)) for number, source in enumerate(sources, 1)]
    patients = [one for one in rows if one.source != "web"]
    return Person(
        contact="c1",
        rows=rows,
        visits=draw(st.lists(visits_of(patients), max_size=8)) if patients else [],
        episodes=[draw(episodes_of(patients, name)) for name in draw(st.sampled_from(["", "", "a", "ab"])) if patients],
        withheld=draw(st.lists(held_of(patients), max_size=1)) if patients else [],
        suppressed_by_hand=draw(st.sampled_from([False] * 19 + [True])),
    )


@st.composite
def feeds(draw: st.DrawFn) -> Feed:
    return Feed(
        role="emr",
        data_as_of=NOON - timedelta(hours=draw(st.sampled_from([0, 0, 13, 30, 60, 100, 240]))),
        max_age=draw(st.sampled_from([timedelta(hours=48), timedelta(days=40), None])),
        sees_ahead=draw(st.sampled_from([None, 3, 14])),
        past_booked=draw(st.sampled_from([None, None, "attended", "missed"])),
    )


@st.composite
def worlds(draw: st.DrawFn) -> World:
    site, kind = draw(st.sampled_from([None, "lincoln", "boulder"])), draw(st.sampled_from(KINDS))
    return world(
        {"emr": draw(feeds()), "other": draw(feeds()), "web": LEADS},
        by_site={site: AT_SITE} if site else {},
        by_type={kind: OF_TYPE} if kind else {},
        by_site_type={(site, kind): OF_TYPE} if site and kind else {},
    )


@given(persons(), worlds(), st.integers(0, 72))
def test_both_readings_say_the_same_of_every_contact(someone: Person, within: World, hour: int) -> None:
    note(f"{someone}\n{within}")
    agree(someone, within, NOON + timedelta(hours=hour))


OFFSETS = (-366, -365, -61, -60, -30, -29, -22, -21, -8, -7, -4, -3, 0, 1)
RECORDS = visits(-91, -90, status="cancelled") + [
    visit(when, status) for when in OFFSETS for status in ("fulfilled", "noshow", "booked")
]
CASES: dict[str, tuple[str | None, Sequence[Visit | Episode]]] = {
    "on their own": (None, ()),
    "with a third today": (None, (visit(0, starts_at=NOON),)),
    "in a case closed without a word": (None, (episode(-400, -8),)),
    "that name a completed case": ("e1", (episode(-400, -8, outcome="completed"),)),
    "after a case at another clinic": (None, (episode(-400, -8, outcome="completed", site="boulder"),)),
    "in a case closed by count": (None, (episode(-62, visits_prescribed=1),)),
}


@pytest.mark.parametrize("case", CASES)
def test_both_readings_say_the_same_of_every_two_visits_around_the_thresholds(case: str) -> None:
    name, beside = CASES[case]
    for pair in itertools.combinations(RECORDS, 2):
        someone = person([each._replace(episode_id=name) for each in pair], *beside)
        assert product(someone, WORLD, NOON) == read(someone, WORLD, NOON), someone


@pytest.mark.parametrize(("hour", "expected"), [(0, "scheduled"), (24, "at_risk")])
def test_past_booked_acts_only_once_the_data_are_of_the_day_after(hour: int, expected: str) -> None:
    """A feed that stopped before the visit cannot have told what came of it."""
    feed = FEED._replace(data_as_of=NOON + timedelta(hours=hour), past_booked="missed")
    found = judge(person(visit(0, "booked")), world({"emr": feed}), NOON + timedelta(hours=30))
    assert found.status == expected
    told = Wait("emr", midnight(day(1), CHICAGO))
    assert (told in found.waits) == (expected == "scheduled")


def test_a_horizon_is_counted_to_the_day_at_the_site_of_the_last_attended_visit() -> None:
    """Half past eleven in Denver is the next day in Chicago: there the data see far enough."""
    as_of = datetime.combine(day(0), time(23, 30), DENVER).astimezone(UTC)
    within = world({"emr": FEED._replace(data_as_of=as_of, sees_ahead=6)})
    attended = [visit(-4, site="boulder", episode_id="e1"), visit(0, episode_id="e1")]
    for site, expected in (("lincoln", False), ("boulder", True)):
        last = [attended[0], attended[1]._replace(site=site)]
        assert judge(person(last, episode(-9, site="boulder")), within, as_of).next_open == expected


def test_a_quarantined_visit_of_an_unreadable_day_does_not_keep_a_lead_for_ever() -> None:
    known = row(first_pull=True)
    for days_later, expected in ((13, "scheduled"), (14, "lead"), (13 + 90, "lead"), (13 + 91, "lost_lead")):
        at = NOON + timedelta(days=days_later)
        within = world({"emr": FEED._replace(data_as_of=at)})
        assert judge(person(known, withheld(0)), within, at).status == expected
