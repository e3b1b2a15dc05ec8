"""What becomes the next instant, and what must wait for data."""

from datetime import timedelta

from sync.clock import Clock, midnight
from sync.due import Due, Wait
from sync.lifecycle import judge
from tests.fakes.persons import CHICAGO, FEED, NOON, WORLD, day, person, visit, world

HOUR = timedelta(hours=1)
RUNNING = Clock(NOON, NOON + 10 * HOUR, "emr", 48 * HOUR)


def test_the_earliest_instant_to_come_is_the_next() -> None:
    due = Due(RUNNING)
    for hours in (9, 3, 10, -1, 0):
        due.add(NOON + hours * HOUR)
    assert due.next_change_at == NOON + 3 * HOUR
    assert due.waits == ()


def test_an_instant_at_which_the_clock_already_stands_waits_for_the_sources_data() -> None:
    due = Due(RUNNING)
    due.add(NOON + 30 * HOUR)
    due.add(NOON + 11 * HOUR)
    assert due.next_change_at is None
    assert due.waits == (Wait("emr", NOON - 37 * HOUR),)


def test_the_last_instant_that_the_clock_reaches_is_due() -> None:
    due = Due(RUNNING)
    due.add(NOON + 10 * HOUR)
    assert due.next_change_at == NOON + 10 * HOUR


def test_a_clock_that_never_stops_waits_for_nobody() -> None:
    due = Due(Clock(NOON))
    due.add(NOON + 9000 * HOUR)
    assert (due.next_change_at, due.waits) == (NOON + 9000 * HOUR, ())


def test_a_stopped_clock_makes_nothing_due() -> None:
    due = Due(Clock(NOON, NOON - HOUR, "emr", 48 * HOUR))
    due.add(NOON - 2 * HOUR)
    assert (due.next_change_at, due.waits) == (None, ())
    due.add(NOON + HOUR)
    assert (due.next_change_at, due.waits) == (None, (Wait("emr", NOON - 47 * HOUR),))


def test_of_a_sources_waits_the_earliest_stays() -> None:
    due = Due(RUNNING)
    for source, hours in (("b", 5), ("a", 4), ("b", 3), ("b", 6)):
        due.wait(source, NOON + hours * HOUR)
    assert due.waits == (Wait("a", NOON + 4 * HOUR), Wait("b", NOON + 3 * HOUR))


def test_a_judgements_instants_go_on_by_the_contacts_clock() -> None:
    never_stale = world({"emr": FEED._replace(max_age=None)})
    found = judge(person(visit(-1)), never_stale, NOON)
    assert found.next_change_at == midnight(day(7), CHICAGO)
    due = Due.of(found)
    due.add(NOON + HOUR)
    assert due.next_change_at == NOON + HOUR
    stopping = Due.of(judge(person(visit(-1)), WORLD, NOON))
    stopping.add(NOON + 50 * HOUR)
    assert stopping.waits == (Wait("emr", NOON + 2 * HOUR),)
