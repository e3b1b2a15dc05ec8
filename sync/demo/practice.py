"""The whole demo practice in memory: charts, leads, and who should come out as whom."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from random import Random

from sync.demo.cast import Cast
from sync.demo.chart import Chart, DemoPerson, Lead
from sync.demo.clinics import BOULDER_FHIR, LEADS, WEBPT
from sync.demo.doubles import Doubles, owns_address
from sync.demo.histories import BOULDER_PLAN, WEBPT_PLAN
from sync.demo.households import Seat
from sync.demo.leads import Inquiries

Pair = tuple[Chart, Chart]


@dataclass(frozen=True, slots=True, kw_only=True)
class Practice:
    """`people` are the contacts to expect; `review` the pairs of charts that a person has to judge."""

    today: date
    charts: tuple[Chart, ...]
    leads: tuple[Lead, ...]
    people: tuple[DemoPerson, ...]
    review: tuple[Pair, ...]

    def of(self, source: str) -> list[Chart]:
        """The charts of one source."""
        return [chart for chart in self.charts if chart.source == source]


def invent(today: date, seed: int) -> Practice:
    """Makes the practice; the same one for the same day and seed."""
    cast = Cast(Random(seed), today)  # noqa: S311  invented data must be repeatable; nothing here is a secret
    webpt, fhir = Seat(cast, WEBPT, WEBPT_PLAN, 500_000), Seat(cast, BOULDER_FHIR, BOULDER_PLAN, 1000)
    charts = [chart for seat in (webpt, fhir) for household in seat.households() for chart in household]
    doubles = Doubles(cast, charts, webpt, fhir)
    same = [*doubles.linked(), *doubles.twice(), *doubles.merged()]
    review = list(doubles.unsure())
    inquiries = Inquiries(cast)
    prospects = list(inquiries.prospects())
    known = {chart.key for pair in (*same, *review) for chart in pair}
    converted = list(inquiries.converted([c for c in charts if owns_address(c) and c.key not in known]))
    rows = _rows_by_first([*same], [(lead.external_id, chart) for lead, chart in converted])
    everyone = [*charts, *(second for _, second in review)]
    return Practice(
        today=today,
        charts=(*charts, *(second for _, second in (*same, *review))),
        leads=(*(lead for lead, _ in prospects), *(lead for lead, _ in converted)),
        people=(*(_person(chart, rows) for chart in everyone), *(person for _, person in prospects)),
        review=tuple(review),
    )


Row = tuple[str, str]


def _rows_by_first(same: Iterable[Pair], converted: Iterable[tuple[str, Chart]]) -> dict[Row, Row]:
    """Which further row belongs to the person of a chart."""
    return {
        **{first.key: second.key for first, second in same},
        **{chart.key: (LEADS, lead) for lead, chart in converted},
    }


def _person(chart: Chart, further: dict[Row, Row]) -> DemoPerson:
    rows = (chart.key, further[chart.key]) if chart.key in further else (chart.key,)
    return DemoPerson(status=chart.history.status, history=chart.history.name, rows=rows)
