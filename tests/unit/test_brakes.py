"""When changes or a file wait for a person."""

from typing import get_args

import pytest

from connectors.base import Proof
from sync.brakes import Audience, FeedFacts, Ground, Limit, Limits, Move, counted, exceeds, source_verdict, tripped

LINCOLN = Audience("newsletter", "lincoln")
BOULDER = Audience("newsletter", "boulder")


def trips(moves: list[Move], members: int = 100, limits: Limits | None = None) -> list[tuple[str, int]]:
    return [
        (trip.kind, trip.count) for trip in tripped(moves, {LINCOLN: members, BOULDER: members}, limits or Limits())
    ]


@pytest.mark.parametrize(
    ("count", "of", "expected"),
    [(26, 100, True), (25, 100, False), (26, 520, False), (26, 519, True), (100, 1000, True), (50, 1000, False)],
)
def test_a_brake_trips_only_over_both_number_and_share(count: int, of: int, expected: bool) -> None:
    assert exceeds(count, of, Limit(25, 0.05)) is expected


@pytest.mark.parametrize(
    ("move", "kind"),
    [
        (Move(LINCOLN, removed=True), "removals"),
        (Move(LINCOLN, status_changed=True), "status_changes"),
        (Move(LINCOLN, entries=1), "entries"),
        (Move(LINCOLN, joins=True), "new_members"),
    ],
)
def test_each_kind_has_its_brake(move: Move, kind: str) -> None:
    assert trips([move] * 101, 100) == [(kind, 101)]
    assert trips([move] * 25, 30) == []


def test_a_subscriber_counts_once_a_kind_however_many_segments_it_enters() -> None:
    assert counted(Move(LINCOLN, entries=3, status_changed=True, joins=True)) == (
        "status_changes",
        "entries",
        "new_members",
    )


@pytest.mark.parametrize("ground", [ground for ground in get_args(Ground) if ground != "rule"])
def test_removals_for_consent_withdrawals_and_suppressions_are_never_held(ground: Ground) -> None:
    assert trips([Move(LINCOLN, removed=True, ground=ground)] * 100) == []


def test_baselines_and_first_statuses_do_not_count() -> None:
    baseline = Move(LINCOLN, removed=True, status_changed=True, entries=1, joins=True, baseline=True)
    assert trips([baseline] * 1000) == []
    assert trips([Move(LINCOLN, status_changed=True, first_status=True)] * 1000) == []


def test_sites_are_counted_apart() -> None:
    moves = [Move(LINCOLN, removed=True)] * 20 + [Move(BOULDER, removed=True)] * 20
    assert trips(moves) == []
    (trip,) = tripped([*moves, *[Move(BOULDER, removed=True)] * 6], {LINCOLN: 100, BOULDER: 100}, Limits())
    assert (trip.audience, trip.kind, trip.count, trip.members, trip.limit) == (
        BOULDER,
        "removals",
        26,
        100,
        Limit(25, 0.05),
    )


def test_a_destinations_first_push_passes() -> None:
    assert trips([Move(LINCOLN, joins=True, entries=1)] * 1000, 0) == []


def test_a_brake_can_be_set_and_taken_off() -> None:
    moves = [Move(LINCOLN, removed=True)] * 3
    assert trips(moves, limits=Limits(removals=Limit(2, 0.01))) == [("removals", 3)]
    assert trips([Move(LINCOLN, entries=1)] * 1000, limits=Limits(entries=None)) == []


# ---------------------------------------------------------------- sources

BEFORE = FeedFacts(rows=100, header="h", sites={"101": 60, "102": 40})


def proof(rows: int = 100, header: str = "h", **sites: int) -> Proof:
    counts = {"101": sites.get("lincoln", 60), "102": sites.get("boulder", 40)}
    return Proof(sha256="0" * 64, rows=rows, header=header, sites=counts)


@pytest.mark.parametrize(
    ("now", "codes"),
    [
        (proof(), ()),
        (proof(0, lincoln=0, boulder=0), ("emptied",)),
        (proof(50), ("shrank",)),
        (proof(51), ()),
        (proof(10), ("shrank",)),
        (proof(200), ()),
        (proof(60, boulder=0), ("lost_site",)),
        (proof(40, lincoln=0), ("shrank", "lost_site")),
        (proof(header="other"), ("header_changed",)),
        (proof(header=""), ()),
    ],
)
def test_a_full_pass_is_held_when_it_is_emptied_halved_lacks_a_site_or_has_another_header(
    now: Proof, codes: tuple[str, ...]
) -> None:
    assert source_verdict(BEFORE, now) == codes


def test_the_first_pass_of_a_feed_has_nothing_to_be_compared_with() -> None:
    assert source_verdict(None, proof(0)) == ()
    assert source_verdict(FeedFacts(rows=0), proof(5)) == ()
    assert source_verdict(FeedFacts(rows=0), proof(0)) == ()


def test_the_share_can_be_set() -> None:
    assert source_verdict(BEFORE, proof(80), 0.9) == ("shrank",)
    assert source_verdict(BEFORE, proof(100), 1.0) == ()
    assert source_verdict(BEFORE, proof(10), 0.05) == ()


@pytest.mark.parametrize("snapshot", ["delta", "flags"])
def test_where_a_missing_row_means_nothing_only_the_header_counts(snapshot: str) -> None:
    assert source_verdict(BEFORE, proof(0, "other"), snapshot=snapshot) == ("header_changed",)
