"""The clock that a contact is judged by: it stops when the feed behind it has gone stale, so time alone moves nobody."""

from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from sync.person import World

_FIRST: Final = date(1, 1, 3)
_LAST: Final = date(9999, 12, 29)
"""The days whose midnights exist as UTC instants in every zone."""


class Clock(NamedTuple):
    """The real time and the instant at which this clock stops; `source` is the feed that stops it.

    `limit` is the feed's data_as_of + `max_age`; None = this clock never stops.
    """

    now: datetime
    limit: datetime | None = None
    source: str | None = None
    max_age: timedelta = timedelta()

    @property
    def time(self) -> datetime:
        """What this clock shows."""
        return self.now if self.limit is None or self.now <= self.limit else self.limit

    @property
    def stopped(self) -> bool:
        """True once the feed is older than its max_age."""
        return self.limit is not None and self.limit < self.now


class Clocks:
    """The clocks of all sources at one instant, each made once."""

    __slots__ = ("_own", "now", "world")

    def __init__(self, world: World, now: datetime) -> None:
        self.world = world
        self.now = now
        self._own: dict[str, Clock] = {}

    def own(self, source: str) -> Clock:
        """The clock of one source; a source without a feed, data or max_age never stops it."""
        clock = self._own.get(source)
        if clock is None:
            clock = self._own[source] = self._made(source)
        return clock

    def least(self, sources: Iterable[str]) -> Clock:
        """The clock that stops first among those of the sources; of none, the real time."""
        found = None
        for source in sources:
            clock = self.own(source)
            if clock.limit is not None and (found is None or clock[1:3] < found[1:3]):
                found = clock
        return found or Clock(self.now)

    def _made(self, source: str) -> Clock:
        feed = self.world.feeds.get(source)
        if feed is None or feed.data_as_of is None or feed.max_age is None:
            return Clock(self.now)
        return Clock(self.now, feed.data_as_of + feed.max_age, source, feed.max_age)


@lru_cache(maxsize=8192)
def midnight(day: date, zone: ZoneInfo, after: int = 0) -> datetime:
    """The instant (UTC) at which the day `after` days after `day` begins in `zone`.

    A midnight that the clocks skip is the instant at which they jump over it. Days at the very ends of the calendar
    (EMRs write them for "never") are moved to the nearest one that has a midnight.
    """
    number = min(max(day.toordinal() + after, _FIRST.toordinal()), _LAST.toordinal())
    return datetime.combine(date.fromordinal(number), time.min, zone).astimezone(UTC)


@lru_cache(maxsize=8192)
def local_day(instant: datetime, zone: ZoneInfo) -> date:
    """The calendar day that it is in `zone` at an instant."""
    return instant.astimezone(zone).date()


def zone_of(site: str | None, world: World) -> ZoneInfo:
    """The zone of a site; the practice's where there is none."""
    return world.zone if site is None else world.site_zones.get(site, world.zone)
