"""When an export should have come: by the practice's clock, days off left out, through changes of the clock."""

import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from config.load import load
from connectors.expected import DAYS, ExpectedSettings, longest_gap
from sync.expected import GRACE, Deadline, deadline, is_known, late

DENVER = ZoneInfo("America/Denver")
WEEKDAYS = ExpectedSettings(daily_by="07:00", skip=("sat", "sun", "holidays"))
HOLIDAY = date(2026, 12, 25)


def _deadline(at: datetime, expected: ExpectedSettings = WEEKDAYS) -> Deadline:
    found = deadline(expected, [HOLIDAY], DENVER, at)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("at", "day"),
    [
        ("2026-03-02T06:59", date(2026, 2, 27)),
        ("2026-03-02T07:00", date(2026, 3, 2)),
        ("2026-03-02T23:59", date(2026, 3, 2)),
        ("2026-03-07T12:00", date(2026, 3, 6)),
        ("2026-03-08T12:00", date(2026, 3, 6)),
        ("2026-12-25T12:00", date(2026, 12, 24)),
    ],
)
def test_the_last_deadline_is_that_of_the_last_day_that_was_not_off(at: str, day: date) -> None:
    assert _deadline(datetime.fromisoformat(at).replace(tzinfo=DENVER)).day == day


@pytest.mark.parametrize(
    ("daily_by", "day", "due"),
    [
        ("07:00", date(2026, 3, 7), "2026-03-07T14:00"),
        ("07:00", date(2026, 3, 8), "2026-03-08T13:00"),
        ("02:30", date(2026, 3, 8), "2026-03-08T09:30"),
        ("01:30", date(2026, 11, 1), "2026-11-01T07:30"),
        ("07:00", date(2026, 11, 1), "2026-11-01T14:00"),
    ],
)
def test_fault_32_a_deadline_keeps_the_local_time_when_clocks_change(daily_by: str, day: date, due: str) -> None:
    expected = ExpectedSettings(daily_by=daily_by)
    at = datetime.combine(day, datetime.max.time(), tzinfo=DENVER)
    found = _deadline(at, expected)
    assert (found.day, found.due) == (day, datetime.fromisoformat(due).replace(tzinfo=UTC))
    assert timedelta(hours=23) <= found.due - found.since <= timedelta(hours=25)


def test_a_practice_that_is_closed_all_days_expects_nothing() -> None:
    never = ExpectedSettings(daily_by="07:00", skip=("mon", "tue", "wed", "thu", "fri", "sat", "sun"))
    assert deadline(never, [], DENVER, datetime(2026, 3, 2, tzinfo=UTC)) is None


def test_a_feed_is_late_without_an_export_since_the_deadline_before() -> None:
    due = _deadline(datetime(2026, 3, 3, 12, tzinfo=DENVER))
    minute = timedelta(minutes=1)
    newest = {"old": due.since, "new": due.since + minute, "newer": due.due + minute}
    assert late(["old", "new", "newer", "never"], newest, due) == ["old", "never"]


def test_nothing_is_said_before_the_source_was_read_again() -> None:
    due = _deadline(datetime(2026, 3, 3, 12, tzinfo=DENVER)).due
    minute = timedelta(minutes=1)
    assert not is_known(due, due - minute, due + minute)
    assert is_known(due, due, due + minute)
    assert is_known(due, due - minute, due + GRACE)
    assert not is_known(due, None, due + GRACE)


@pytest.mark.parametrize(
    ("skip", "gap"),
    [((), 1), (("sun",), 2), (("sat", "sun"), 3), (("sun", "mon"), 3), (("tue", "thu"), 2), (DAYS, 0)],
)
def test_the_longest_gap_spans_the_longest_run_of_days_off(skip: tuple[str, ...], gap: int) -> None:
    assert longest_gap(skip) == timedelta(days=gap)


def test_a_max_age_that_a_weekend_outlasts_is_warned_of(tmp_path: Path) -> None:
    source = {"kind": "tabular", "folder": "drops", "patients": {"files": "*.csv"}, "site": "lincoln"}
    expected = {"expected": {"daily_by": "07:00", "skip": ["sat", "sun"]}}
    sources = {
        "short": source | expected | {"max_age": "26h"},
        "silent": source | expected,
        "long": source | expected | {"max_age": "74h"},
        "leads": source | expected | {"role": "leads"},
        "daily": source | {"max_age": "26h"},
    }
    path = tmp_path / "prm-sync.yaml"
    practice = {"name": "Lakeside", "timezone": "America/Denver"}
    path.write_text(json.dumps({"version": 1, "practice": practice, "sites": {"lincoln": {}}, "sources": sources}))
    warnings = load(path).warnings
    assert [warning.path for warning in warnings] == ["sources.short.max_age", "sources.silent.expected"]
    assert warnings[0].message == "by expected: nothing comes for 3 days, longer than max_age; write max_age: 74h"
