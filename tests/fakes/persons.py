"""Invented contacts for the deciders: one clinic day is `TODAY`, everything else is told in days from it."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from mappings.records import VisitStatus
from sync.person import Episode, Feed, Person, Row, Thresholds, Visit, Withheld, World

CHICAGO = ZoneInfo("America/Chicago")
DENVER = ZoneInfo("America/Denver")
TODAY = date(2026, 3, 20)
NOON = datetime.combine(TODAY, time(12), CHICAGO).astimezone(UTC)
FEED = Feed(role="emr", data_as_of=NOON, max_age=timedelta(hours=48), sees_ahead=None, past_booked=None)
LEADS = Feed(role="leads", data_as_of=NOON, max_age=None, sees_ahead=None, past_booked=None)
WORLD = World(
    feeds={"emr": FEED, "other": FEED, "web": LEADS},
    zone=CHICAGO,
    site_zones={"lincoln": CHICAGO, "boulder": DENVER},
    thresholds=Thresholds(),
    by_site={},
    by_type={},
    by_site_type={},
)


def day(days: int) -> date:
    """The day so many days from TODAY."""
    return TODAY + timedelta(days=days)


def world(feeds: Mapping[str, Feed] | None = None, **changes: Any) -> World:
    """The usual world with some feeds or other parts replaced."""
    return replace(WORLD, feeds={**WORLD.feeds, **(feeds or {})}, **changes)


def row(source: str = "emr", external_id: str = "1", **changes: Any) -> Row:
    """A patient row in use, known long ago, that says nothing."""
    silent = dict.fromkeys(Row._fields)
    known = {
        "id": 1,
        "source": source,
        "external_id": external_id,
        "present": True,
        "merged_away": False,
        "first_seen_at": NOON - timedelta(days=400),
        "first_pull": False,
        "seen_minor": False,
        "email_invalid": False,
        "active": True,
        "deceased": False,
    }
    return Row(**{**silent, **known, **changes})


def visit(days: int, status: VisitStatus = "fulfilled", **changes: Any) -> Visit:
    """A visit at ten in the morning at the clinic in Lincoln, so many days from TODAY."""
    site = changes.get("site", "lincoln")
    zone = DENVER if site == "boulder" else CHICAGO
    known = {
        "source": "emr",
        "external_id": f"v{days}{status}{site}",
        "row": 1,
        "status": status,
        "day": day(days),
        "starts_at": datetime.combine(day(days), time(10), zone).astimezone(UTC),
        "site": "lincoln",
        "kind": None,
        "provider": None,
        "episode_id": None,
        "created_at": None,
    }
    return Visit(**{**known, **changes})


def visits(*days: int, status: VisitStatus = "fulfilled", **changes: Any) -> list[Visit]:
    """Some visits of one status."""
    return [visit(each, status, **changes) for each in days]


def episode(started: int | None = None, discharged: int | None = None, **changes: Any) -> Episode:
    """An EMR episode at the clinic in Lincoln."""
    known = {
        **dict.fromkeys(Episode._fields),
        "source": "emr",
        "external_id": "e1",
        "row": 1,
        "site": "lincoln",
        "started_on": None if started is None else day(started),
        "discharged_on": None if discharged is None else day(discharged),
    }
    return Episode(**{**known, **changes})


def withheld(since: int, **changes: Any) -> Withheld:
    """A visit in quarantine since so many days from TODAY, of which nothing could be read."""
    at = datetime.combine(day(since), time(12), CHICAGO).astimezone(UTC)
    known = {"source": "emr", "row": 1, "since": at, "day": None, "episode_id": None, "site": None}
    return Withheld(**{**known, **changes})


def person(*parts: Row | Visit | Episode | Withheld | list[Visit], suppressed: bool = False) -> Person:
    """A contact of these rows (default: one silent row), visits, episodes and quarantined visits."""
    flat = [part for each in parts for part in (each if isinstance(each, list) else [each])]
    return Person(
        contact="c1",
        rows=[part for part in flat if isinstance(part, Row)] or [row()],
        visits=[part for part in flat if isinstance(part, Visit)],
        episodes=[part for part in flat if isinstance(part, Episode)],
        withheld=[part for part in flat if isinstance(part, Withheld)],
        suppressed_by_hand=suppressed,
    )
