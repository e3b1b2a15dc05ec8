"""When the daemon's jobs run."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from config.load import load
from connectors.settings import Schedule
from sync.jobs import first_run, jobs_of, next_run, trigger

CHICAGO = ZoneInfo("America/Chicago")
NOW = datetime(2026, 3, 4, 12, 0, tzinfo=CHICAGO)
QUARTER = Schedule(every=timedelta(minutes=15))
EXAMPLE = Path(__file__).parents[1] / "data" / "config" / "example" / "prm-sync.yaml"


def _runs(cron: str, n: int, start: datetime = NOW) -> list[datetime]:
    made, found = trigger(Schedule(cron=cron), CHICAGO, jitter=False), [start]
    while len(found) <= n:
        found.append(made.get_next_fire_time(found[-1], found[-1]))
    return found[1:]


def test_there_is_a_job_for_each_source_and_destination_and_a_review() -> None:
    settings = load(EXAMPLE).settings
    names = [job.name for job in jobs_of(settings)]
    pulls, pushes = [f"pull:{name}" for name in settings.sources], [f"push:{name}" for name in settings.destinations]
    assert names == [*pulls, "review", *pushes]


def test_a_push_hears_before_it_sends_and_touches_no_other_system() -> None:
    settings = load(EXAMPLE).settings
    for job in jobs_of(settings):
        if job.name.startswith("push:"):
            assert job.scope.stages == {"listen", "review", "push"}
            assert (job.scope.sources, job.scope.destinations) == (frozenset(), {job.name.removeprefix("push:")})


def test_a_job_that_never_succeeded_runs_at_once() -> None:
    assert first_run(QUARTER, CHICAGO, None, NOW) == NOW


def test_fault_31_a_missed_job_is_caught_up_once() -> None:
    assert first_run(QUARTER, CHICAGO, NOW - timedelta(days=2), NOW) == NOW


def test_a_restart_keeps_the_rhythm() -> None:
    last = NOW - timedelta(minutes=5)
    assert first_run(QUARTER, CHICAGO, last, NOW) == NOW + timedelta(minutes=10)


def test_fault_31_a_success_in_the_future_does_not_put_a_job_off() -> None:
    assert first_run(QUARTER, CHICAGO, NOW + timedelta(hours=6), NOW) == NOW


def test_a_nightly_job_that_was_missed_runs_at_once_and_one_that_was_not_waits_for_its_night() -> None:
    nightly = Schedule(cron="30 2 * * *")
    assert first_run(nightly, CHICAGO, NOW - timedelta(days=1), NOW) == NOW
    tonight = datetime(2026, 3, 5, 2, 30, tzinfo=CHICAGO)
    assert first_run(nightly, CHICAGO, datetime(2026, 3, 4, 2, 31, tzinfo=CHICAGO), NOW) == tonight


def test_cron_is_read_in_the_zone_of_the_practice() -> None:
    (run,) = _runs("0 6 * * *", 1)
    assert run.astimezone(UTC) == datetime(2026, 3, 5, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("field", "days"),
    [
        ("0", {6}),
        ("1-5", {0, 1, 2, 3, 4}),
        ("1,3,5", {0, 2, 4}),
        ("mon-fri", {0, 1, 2, 3, 4}),
        ("6", {5}),
        ("*/2", {6, 1, 3, 5}),
        ("0-6/3", {6, 2, 5}),
        ("*", set(range(7))),
    ],
)
def test_weekdays_are_counted_from_sunday_as_cron_does(field: str, days: set[int]) -> None:
    assert {run.weekday() for run in _runs(f"0 9 * * {field}", 14)} == days


@pytest.mark.parametrize("cron", ["30 1 * * *", "30 2 * * *", "15,45 1 * * *", "30 1 1 * 0"])
def test_fault_32_a_nightly_job_runs_once_a_night_when_clocks_change(cron: str) -> None:
    for start in (datetime(2026, 10, 31, 12, tzinfo=CHICAGO), datetime(2026, 3, 7, 12, tzinfo=CHICAGO)):
        runs = _runs(cron, 6, start)
        local = [(run.date(), run.hour, run.minute) for run in runs]
        assert len(set(local)) == len(local)
        assert runs == sorted(runs)
    assert len({run.date() for run in _runs("30 2 * * *", 6, datetime(2026, 3, 7, 12, tzinfo=CHICAGO))}) == 6


def test_fault_32_an_hourly_job_runs_every_hour_of_a_day_with_twenty_three_and_one_with_twenty_five() -> None:
    for start, hours in ((datetime(2026, 3, 8, 0, 0, tzinfo=CHICAGO), 22), (datetime(2026, 11, 1, tzinfo=CHICAGO), 24)):
        runs = [run.astimezone(UTC) for run in _runs("0 * * * *", hours, start)]
        assert {after - before for before, after in pairwise(runs)} == {timedelta(hours=1)}


def test_a_day_and_a_weekday_are_either_or_as_in_cron() -> None:
    found = _runs("0 6 13 * 5", 5)
    assert [(run.month, run.day, run.isoweekday()) for run in found] == [
        (3, 6, 5), (3, 13, 5), (3, 20, 5), (3, 27, 5), (4, 3, 5),
    ]  # fmt: skip
    assert [run.day for run in _runs("0 6 10 * 5", 3)] == [6, 10, 13]


def test_beside_a_star_with_a_step_both_must_hold_as_in_cron() -> None:
    assert all(run.isoweekday() == 5 and run.day % 2 for run in _runs("0 6 */2 * 5", 4))


@pytest.mark.parametrize(("field", "days"), [("7", {7}), ("5-7", {5, 6, 7}), ("0,7", {7})])
def test_sunday_may_be_seven(field: str, days: set[int]) -> None:
    assert {run.isoweekday() for run in _runs(f"0 6 * * {field}", 8)} == days


@pytest.mark.parametrize("cron", ["0 6 * * 8", "0 6 * * 5-1", "0 6 * *", "0 25 * * *", "0 6 * * 1-9"])
def test_what_cron_cannot_read_is_refused(cron: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        trigger(Schedule(cron=cron), CHICAGO)


def test_the_next_run_of_a_cron_schedule_is_known() -> None:
    assert next_run(Schedule(cron="30 2 * * *"), CHICAGO, NOW) == datetime(2026, 3, 5, 2, 30, tzinfo=CHICAGO)
    assert next_run(QUARTER, CHICAGO, NOW) == NOW + timedelta(minutes=15)
