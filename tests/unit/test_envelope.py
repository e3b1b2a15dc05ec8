"""How many rows are usual on a weekday, and what is far outside of that."""

from datetime import date, timedelta

import pytest

from sync.envelope import FEWEST, WEEKS, Count, Unusual, learned, unusual

MONDAY = date(2026, 3, 30)


def _mondays(*rows: int, deliveries: int = 1) -> list[Count]:
    """Counts of the Mondays before, oldest first."""
    weeks = range(len(rows), 0, -1)
    return [Count(MONDAY - timedelta(weeks=n), each, deliveries) for n, each in zip(weeks, rows, strict=True)]


@pytest.mark.parametrize("rows", [50, 100, 220])
def test_what_lies_within_half_the_least_and_twice_the_most_is_usual(rows: int) -> None:
    assert unusual({"101": _mondays(100, 90, 110)}, {"101": rows}, MONDAY) == []


@pytest.mark.parametrize("rows", [0, 44, 221])
def test_what_lies_far_outside_is_named_with_its_site(rows: int) -> None:
    history = {"101": _mondays(100, 90, 110), "102": _mondays(100, 90, 110)}
    assert unusual(history, {"101": rows, "102": 95}, MONDAY) == [Unusual("101", rows, 100)]


def test_a_site_that_is_gone_has_no_rows() -> None:
    assert unusual({"101": _mondays(100, 90, 110)}, {}, MONDAY) == [Unusual("101", 0, 100)]


def test_a_small_number_is_never_far_outside() -> None:
    assert unusual({"": _mondays(5, 9, 25)}, {"": 0}, MONDAY) == []
    assert unusual({"": _mondays(5, 9, 10)}, {"": 34}, MONDAY) == []


def test_a_new_source_only_learns() -> None:
    assert unusual({}, {"": 5000}, MONDAY) == []
    assert unusual({"": _mondays(*[100] * (FEWEST - 1))}, {"": 0}, MONDAY) == []
    assert unusual({"": _mondays(*[100] * FEWEST)}, {"": 0}, MONDAY) != []


def test_other_weekdays_do_not_count() -> None:
    assert unusual({"": _mondays(100, 90, 110)}, {"": 5}, MONDAY + timedelta(days=1)) == []


def test_of_several_deliveries_a_day_a_small_one_is_usual_and_a_huge_one_is_not() -> None:
    history = {"": _mondays(100, 90, 110, deliveries=4)}
    assert unusual(history, {"": 2}, MONDAY) == []
    assert unusual(history, {"": 900}, MONDAY) == [Unusual("", 900, 100)]


def test_what_is_learned_is_the_largest_of_a_day_for_eight_weeks() -> None:
    old = Count(MONDAY - timedelta(weeks=WEEKS, days=1), 70)
    history = learned({"": [old, *_mondays(80)]}, {"": 90}, MONDAY)
    assert history == {"": [*_mondays(80), Count(MONDAY, 90, 1)]}
    assert learned(history, {"": 20}, MONDAY)[""][-1] == Count(MONDAY, 90, 2)


def test_a_site_that_is_gone_for_eight_weeks_is_forgotten() -> None:
    history = {"101": _mondays(100), "102": _mondays(100)}
    for week in range(WEEKS + 1):
        history = learned(history, {"101": 100}, MONDAY + timedelta(weeks=week))
    assert list(history) == ["101"]
