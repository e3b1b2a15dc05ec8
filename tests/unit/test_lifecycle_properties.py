"""What holds of every history: one status, whatever the order, and time alone changes nothing before it is due."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from typing import Any, get_args

from hypothesis import given
from hypothesis import strategies as st

from mappings.records import STATUSES, Outcome, VisitStatus
from sync.facts import Beside, facts_of
from sync.lifecycle import Judgement, judge
from sync.person import Episode, Feed, Person, Row, Visit, Withheld, World
from tests.fakes.persons import CHICAGO, DENVER, NOON, WORLD, day, episode, row, visit, withheld, world

SOURCES = ("emr", "other", "web")
SITES = ("lincoln", "boulder", None)
BESIDE = Beside()

days = st.one_of(st.integers(-40, 20), st.integers(-400, 60))
sites = st.sampled_from(SITES)
owners = st.sampled_from([1, 2])


@st.composite
def visits_of(draw: st.DrawFn) -> Visit:
    owner, site, when = draw(owners), draw(sites), draw(days)
    zone = DENVER if site == "boulder" else CHICAGO
    at = time(draw(st.sampled_from([0, 2, 10, 23])), 30)
    return visit(
        when,
        draw(st.sampled_from(get_args(VisitStatus))),
        source=SOURCES[owner - 1],
        row=owner,
        site=site,
        episode_id=draw(st.sampled_from([None, None, "a", "b"])),
        starts_at=datetime.combine(day(when), at, zone).astimezone(UTC),
    )


@st.composite
def episodes_of(draw: st.DrawFn, external_id: str) -> Episode:
    owner, started = draw(owners), draw(st.integers(-400, 10))
    return episode(
        started,
        draw(st.none() | st.integers(started, 30)),
        external_id=external_id,
        source=SOURCES[owner - 1],
        row=owner,
        site=draw(sites),
        outcome=draw(st.none() | st.sampled_from(get_args(Outcome))),
        visits_prescribed=draw(st.none() | st.integers(0, 3)),
    )


@st.composite
def held_of(draw: st.DrawFn) -> Withheld:
    owner = draw(owners)
    when = draw(st.none() | days)
    return withheld(
        draw(st.integers(-16, 0)),
        source=SOURCES[owner - 1],
        row=owner,
        day=None if when is None else day(when),
        site=draw(sites),
        episode_id=draw(st.sampled_from([None, "a"])),
    )


@st.composite
def rows_of(draw: st.DrawFn, owner: int) -> Row:
    created = draw(st.none() | st.integers(-120, 0))
    referred = draw(st.none() | st.integers(-120, 0))
    return row(
        SOURCES[owner - 1],
        str(owner),
        id=owner,
        present=draw(st.sampled_from([True, True, True, False])),
        first_pull=draw(st.booleans()),
        site=draw(sites),
        created_at=None if created is None else NOON + timedelta(days=created),
        referral_received=None if referred is None else day(referred),
    )


@st.composite
def persons(draw: st.DrawFn) -> Person:
    return Person(
        contact="c1",
        rows=[draw(rows_of(1)), draw(rows_of(2))],
        visits=[
            one._replace(external_id=f"v{number}") for number, one in enumerate(draw(st.lists(visits_of(), max_size=6)))
        ],
        episodes=[draw(episodes_of(name)) for name in draw(st.sampled_from(["", "a", "ab"]))],
        withheld=draw(st.lists(held_of(), max_size=1)),
    )


@st.composite
def feeds(draw: st.DrawFn, age: st.SearchStrategy[int] = st.integers(0, 240)) -> Feed:  # noqa: B008  # a strategy is immutable
    return Feed(
        role="emr",
        data_as_of=NOON - timedelta(hours=draw(age)),
        max_age=draw(st.sampled_from([timedelta(hours=48), timedelta(days=40), None])),
        sees_ahead=draw(st.sampled_from([None, 3, 14])),
        past_booked=draw(st.sampled_from([None, None, "attended", "missed"])),
    )


worlds = st.builds(lambda one, two: world({"emr": one, "other": two}), feeds(), feeds())


def seen(found: Judgement) -> tuple[Any, ...]:
    return found.status, found.rule, found.site, found.sites, found.returning, found.next_open


@given(persons(), worlds)
def test_every_contact_has_exactly_one_status(someone: Person, within: World) -> None:
    found = judge(someone, within, NOON)
    assert found.status in STATUSES
    assert found.next_change_at is None or found.next_change_at > NOON


@given(persons(), worlds, st.randoms(use_true_random=False))
def test_nothing_depends_on_the_order_of_rows_visits_and_episodes(someone: Person, within: World, random: Any) -> None:
    def mixed(parts: Sequence[Any]) -> list[Any]:
        return random.sample(list(parts), len(parts))

    other = replace(someone, rows=mixed(someone.rows), visits=mixed(someone.visits), episodes=mixed(someone.episodes))
    one, two = judge(someone, within, NOON), judge(other, within, NOON)
    assert seen(one) == seen(two)
    assert (one.next_change_at, one.waits, one.inputs) == (two.next_change_at, two.waits, two.inputs)
    assert facts_of(someone, one, within, BESIDE) == facts_of(other, two, within, BESIDE)


MOVING = ("today", "days_in_status")


def steady(someone: Person, within: World, found: Judgement) -> dict[str, Any]:
    facts = facts_of(someone, found, within, BESIDE)
    return {name: value for name, value in facts.items() if name not in MOVING}


@given(persons(), worlds, st.lists(st.integers(1, 24 * 120), min_size=1, max_size=6))
def test_nothing_changes_by_time_alone_before_next_change_at(someone: Person, within: World, hours: list[int]) -> None:
    found = judge(someone, within, NOON)
    due = found.next_change_at
    instants = [NOON + timedelta(hours=each) for each in hours]
    instants += [due - timedelta(seconds=1)] if due else [NOON + timedelta(days=2000)]
    for instant in instants:
        if due is None or instant < due:
            later = judge(someone, within, instant)
            assert seen(later) == seen(found)
            assert steady(someone, within, later) == steady(someone, within, found)


@given(persons(), feeds(st.integers(48, 240)), st.integers(1, 4000))
def test_a_dead_feed_moves_nobody(someone: Person, feed: Feed, days_later: int) -> None:
    dead = feed._replace(max_age=timedelta(hours=48))
    within = world({"emr": dead, "other": dead})
    found, later = judge(someone, within, NOON), judge(someone, within, NOON + timedelta(days=days_later))
    assert facts_of(someone, later, within, BESIDE) == facts_of(someone, found, within, BESIDE)
    assert found.next_change_at is None


@given(persons(), feeds(), st.integers(1, 24 * 60))
def test_new_data_without_news_change_nothing_before_a_wait_is_over(someone: Person, feed: Feed, hours: int) -> None:
    """The feed is pulled again and says the same; until the instant that the contact waits for it stays as it is."""
    before = world({"emr": feed, "other": feed})
    found = judge(someone, before, NOON)
    assert feed.data_as_of is not None
    as_of = feed.data_as_of + timedelta(hours=hours)
    at = max(NOON, as_of)
    waiting = {wait.source: wait.until for wait in found.waits}
    over = any(as_of >= until for until in waiting.values())
    if over or (found.next_change_at is not None and at >= found.next_change_at):
        return
    fresh = feed._replace(data_as_of=as_of)
    after = world({"emr": fresh, "other": fresh})
    assert seen(judge(someone, after, at)) == seen(found)


@given(persons())
def test_a_proposed_or_cancelled_visit_in_no_episode_never_moves_a_contact_that_has_one(someone: Person) -> None:
    found = judge(someone, WORLD, NOON)
    if found.deciding is not None:
        more = replace(someone, visits=[*someone.visits, visit(-3, "cancelled", site="omaha", external_id="more")])
        assert judge(more, WORLD, NOON).status == found.status
