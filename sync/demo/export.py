"""Moments of the demo: when the EMRs exported, and what a day offset means at a clinic."""

from datetime import UTC, date, datetime, time, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from sync.demo.care import DemoVisit
from sync.demo.clinics import PRACTICE_ZONE


class Export(NamedTuple):
    """The nightly export before the practice's day `today`: never later than any instant of that day."""

    today: date

    @classmethod
    def before(cls, at: datetime) -> "Export":
        """The newest nightly export at the instant `at` (aware)."""
        return cls(at.astimezone(PRACTICE_ZONE).date())

    @property
    def stamp(self) -> str:
        """The export time as it stands in file names, in the practice's zone."""
        return f"{self.today - timedelta(days=1):%Y%m%d}-2345"

    @property
    def at(self) -> datetime:
        """The export time."""
        return datetime.combine(self.today - timedelta(days=1), time(23, 45), tzinfo=PRACTICE_ZONE)

    def day(self, offset: int) -> date:
        return self.today + timedelta(days=offset)

    def local(self, visit: DemoVisit) -> datetime:
        """The visit's wall time, without a zone."""
        return datetime.combine(self.day(visit.day), time(visit.hour, visit.minute))

    def instant(self, visit: DemoVisit, zone: ZoneInfo, minutes: int = 0) -> str:
        """The visit's start (plus minutes) in UTC, as FHIR writes an instant."""
        moment = self.local(visit).replace(tzinfo=zone) + timedelta(minutes=minutes)
        return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
