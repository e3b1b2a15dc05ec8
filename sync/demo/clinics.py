"""The three clinics of the demo practice and its sources."""

from typing import NamedTuple
from zoneinfo import ZoneInfo

WEBPT, BOULDER_FHIR, LEADS = "webpt", "boulder-fhir", "web-leads"
PRACTICE_ZONE = ZoneInfo("America/Chicago")


class Clinic(NamedTuple):
    """A clinic: its key in the configuration, its code in the EMR, where it is, and for how many days after the
    last visit its patients are at risk (first, last; two days clear of its thresholds)."""

    key: str
    code: str
    zone: ZoneInfo
    city: str
    region: str
    postal_code: str
    slipping: tuple[int, int]


LINCOLN = Clinic("lincoln", "101", PRACTICE_ZONE, "Lincoln", "NE", "68502", (10, 18))
OMAHA = Clinic("omaha", "102", PRACTICE_ZONE, "Omaha", "NE", "68104", (10, 18))
BOULDER = Clinic("boulder", "boulder-main", ZoneInfo("America/Denver"), "Boulder", "CO", "80301", (10, 12))
