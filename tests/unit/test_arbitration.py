"""Hours of sending, freshness, repeats: the pure parts of what is heard when."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mappings.points import Offset
from mappings.series import Cap, Hours, Manner, Repeat, parse_days, parse_repeat, parse_span
from sync.arbitration import Nudge, Speaker, Terms, arbitrate, voices
from sync.hours import fresh_until, opening
from sync.segments import Membership
from sync.series import step_at

CHICAGO = ZoneInfo("America/Chicago")
WEEKDAYS = Hours(frozenset(range(5)), time(9), time(18))
FRIDAY = datetime(2026, 3, 6, 20, tzinfo=CHICAGO)  # the clocks change on the Sunday after
MONDAY = datetime(2026, 3, 9, 9, tzinfo=CHICAGO)
FRESH = timedelta(days=3)


def test_the_next_opening_is_in_clinic_time_over_a_change_of_the_clocks() -> None:
    assert opening(WEEKDAYS, CHICAGO, FRIDAY).start == MONDAY
    assert opening(WEEKDAYS, CHICAGO, MONDAY + timedelta(hours=8, minutes=59)).end == MONDAY + timedelta(hours=9)
    assert opening(WEEKDAYS, CHICAGO, MONDAY + timedelta(hours=9)).start == MONDAY + timedelta(days=1)


def test_hours_to_24_end_with_the_day() -> None:
    hours = Hours(frozenset({6}), time(0), time.max)
    stretch = opening(hours, CHICAGO, FRIDAY)
    assert stretch.end - stretch.start == timedelta(hours=23)


def test_closed_hours_do_not_count_against_freshness() -> None:
    assert fresh_until(WEEKDAYS, CHICAGO, FRIDAY, timedelta(hours=10)) == MONDAY + timedelta(days=1, hours=1)
    assert fresh_until(None, CHICAGO, FRIDAY, FRESH) == FRIDAY + FRESH


@settings(max_examples=60)
@given(st.integers(0, 20_000), st.integers(1, 6_000))
def test_what_is_fresh_for_longer_grows_stale_no_earlier(start: int, minutes: int) -> None:
    since = FRIDAY.astimezone(UTC) + timedelta(minutes=start)
    ends = [fresh_until(WEEKDAYS, CHICAGO, since, timedelta(minutes=m)) for m in (minutes, minutes + 1)]
    assert since + timedelta(minutes=minutes) <= ends[0] < ends[1]


@pytest.mark.parametrize(
    ("text", "meant"),
    [("once", "once"), ("Once per  episode", "once per episode"), ("once per 12 months", Offset(12, "month", False))],
)
def test_repeats_are_read(text: str, meant: Repeat) -> None:
    assert parse_repeat(text) == meant


@pytest.mark.parametrize("text", ["twice", "once per week", "", 3])
def test_other_repeats_are_refused(text: object) -> None:
    with pytest.raises(ValueError, match="once per 12 months"):
        parse_repeat(text)


def test_weekdays_and_spans_are_read() -> None:
    assert parse_days("mon-fri") == frozenset(range(5))
    assert parse_days("sat-mon, wed") == frozenset({5, 6, 0, 2})
    assert parse_days(["tue"]) == frozenset({1})
    assert parse_span("2 weeks", ahead=True) == Offset(2, "week", True)
    with pytest.raises(ValueError, match="such as 3 days"):
        parse_span("soon", ahead=True)


def _speaker(*nudges: Nudge, since: datetime, **changes: object) -> Speaker:
    known: dict[str, object] = {
        "contact": "c1", "address": "a@example.com", "zone": CHICAGO, "today": since.date(), "episode": "e2",
        "episode_day": date(2026, 3, 1), "hushed": False, "memberships": {"s": Membership(since, "event", "1")},
        "nudges": nudges, "hours": None,
    }  # fmt: skip
    return Speaker(**(known | changes))  # type: ignore[arg-type]  # plain keywords of one record


def _nudge(at: datetime, episode: str | None) -> Nudge:
    return Nudge("c1", "s", "a@example.com", "d", at, episode, True)


def _loud(speaker: Speaker, repeat: Repeat | None) -> bool:
    terms = Terms(at=MONDAY, fresh_for=FRESH, manners={"s": Manner(repeat=repeat)})
    return voices(speaker, terms)["s"].until is not None


NOW, BEFORE = datetime(2026, 3, 9, 8, tzinfo=CHICAGO), datetime(2026, 2, 1, tzinfo=CHICAGO)


def test_an_earlier_nudge_bars_another_by_the_segments_repeat() -> None:
    earlier = _speaker(_nudge(BEFORE, "e1"), since=NOW)
    assert _loud(earlier, None)
    assert _loud(earlier, "once per episode")
    assert not _loud(earlier, "once")
    assert not _loud(earlier, Offset(12, "month", False))
    assert _loud(earlier, Offset(1, "month", False))
    assert not _loud(_speaker(_nudge(BEFORE, "e2"), since=NOW), None)


def test_leads_are_nudged_once_and_what_was_quiet_stays_quiet() -> None:
    lead: Mapping[str, object] = {"episode": None, "episode_day": None}
    assert not _loud(_speaker(_nudge(BEFORE, None), since=NOW, **lead), None)
    assert _loud(_speaker(_nudge(BEFORE, "e1"), since=NOW, **lead), None)
    assert not _loud(_speaker(since=NOW, memberships={"s": Membership(NOW, "baseline", "1")}), None)


def test_a_step_is_due_at_the_beginning_of_its_day_and_the_next_one_is_known() -> None:
    manner = Manner(steps=(Offset(1, "day", True), Offset(1, "month", True)))
    at = step_at(manner, date(2026, 1, 31), {"today": date(2026, 2, 1)}, CHICAGO)
    assert (at.number, at.since, at.next_at) == (
        1,
        datetime(2026, 2, 1, tzinfo=CHICAGO),
        datetime(2026, 2, 28, tzinfo=CHICAGO),
    )
    from_fact = Manner(steps=manner.steps, count_from="discharged")
    assert step_at(from_fact, date(2026, 1, 31), {"today": date(2026, 2, 1), "discharged": None}, CHICAGO).number == 0


@settings(max_examples=80)
@given(
    st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("xyz"), st.integers(0, 3)), max_size=8, unique=True),
    st.integers(1, 2),
)
def test_no_address_is_nudged_beyond_its_share_and_of_a_group_one_speaks(
    found: list[tuple[str, str, int]], share: int
) -> None:
    manners = {f"{kind}{number}": Manner(group=kind, priority=number) for _, kind, number in found}
    speakers = [
        replace(
            _speaker(since=NOW, contact=who),
            memberships={f"{kind}{n}": Membership(NOW, "event", "1") for w, kind, n in found if w == who},
        )
        for who in sorted({who for who, _, _ in found})
    ]
    terms = Terms(at=MONDAY, fresh_for=FRESH, manners=manners, cap=Cap(share, timedelta(days=2)))
    where = {s.contact: dict.fromkeys(s.memberships, frozenset({"d"})) for s in speakers}
    heard = arbitrate(speakers, terms, where, [])
    going = [(s.contact, name) for s in speakers for name in s.memberships if name not in heard[s.contact].waits]
    assert len(going) == min(share, len(going)) <= share
    assert len({(who, name[0]) for who, name in going}) == len(going)
    assert bool(going) == bool(found)
