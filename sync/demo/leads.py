"""The list of web inquiries: recent ones, lost ones, nameless ones, and some whose sender has become a patient."""

from collections.abc import Iterator, Sequence
from typing import Literal

from mappings.records import Status
from sync.demo.cast import Cast
from sync.demo.chart import Chart, DemoPerson, Lead
from sync.demo.clinics import LEADS

RECENT, LOST, NAMELESS, CONVERTED = 55, 30, 5, 25
_SOURCES = ("website", "website", "landing page", "open house")
_SITES = ("lincoln", "omaha", "boulder")
_BECAME = frozenset({"active_booked", "scheduled", "completed"})


class Inquiries:
    """Makes leads; each is returned with the person that should come out."""

    def __init__(self, cast: Cast) -> None:
        self._cast = cast
        self._count = 0

    def prospects(self) -> Iterator[tuple[Lead, DemoPerson]]:
        """Leads who are no patients: a lead for ninety days, then a lost one."""
        chance = self._cast.random
        for _ in range(RECENT):
            since = chance.choice((-chance.randint(3, 26), -chance.randint(34, 85)))
            yield self._prospect(since, "lead")
        for _ in range(LOST):
            yield self._prospect(-chance.randint(95, 400), "lost_lead")
        for number in range(NAMELESS):
            yield self._prospect(-chance.randint(3, 20), "lead", nameless=number + 1)

    def converted(self, charts: Sequence[Chart]) -> Iterator[tuple[Lead, Chart]]:
        """Leads who have become patients since, under the same names and address."""
        for chart in [chart for chart in charts if chart.history.name in _BECAME][:CONVERTED]:
            names = chart.given, chart.family
            yield self._lead(names, chart.home.email, chart.clinic.key, chart.history.created - 5), chart

    def _prospect(self, since: int, status: Status, *, nameless: int = 0) -> tuple[Lead, DemoPerson]:
        name = self._cast.name()
        email = f"curious{nameless}@example.org" if nameless else f"{name.given}.{name.family}@example.net".lower()
        names = ("", "") if nameless else (name.given, name.family)
        lead = self._lead(names, email, self._cast.random.choice(_SITES), since)
        return lead, DemoPerson(status=status, history="inquiry", rows=((LEADS, lead.external_id),))

    def _lead(self, names: tuple[str, str], email: str, site: str, since: int) -> Lead:
        self._count += 1
        chance = self._cast.random
        opt_in: Literal["yes", "no", ""] = chance.choice(("yes", "yes", "yes", "no", ""))
        return Lead(
            external_id=f"L-{self._count:04}",
            given=names[0],
            family=names[1],
            email=email,
            phone=self._cast.phone() if chance.random() < 0.4 else "",
            site=site,
            lead_source=chance.choice(_SOURCES),
            since=since,
            opt_in=opt_in,
        )
