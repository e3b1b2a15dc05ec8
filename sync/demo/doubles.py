"""One person known twice: at two EMRs, twice at one, merged by the EMR, or only perhaps the same."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from sync.demo.cast import Cast
from sync.demo.chart import Answers, Chart
from sync.demo.clinics import BOULDER_FHIR, LINCOLN, OMAHA, WEBPT, Clinic
from sync.demo.histories import Dice, before_the_move, earlier_visits
from sync.demo.households import Seat

LINKED, TWICE, MERGED, UNSURE, UNSURE_CHILDREN = 60, 12, 4, 8, 4
_LATER = frozenset({"active_booked", "active_unbooked", "slipping", "missed_twice", "scheduled"})
"""Histories that are sure to be younger than `before_the_move`: their status is the person's."""


class Doubles:
    """Picks patients who stand in one EMR and gives them a second chart; nobody is picked twice."""

    def __init__(self, cast: Cast, charts: Sequence[Chart], webpt: Seat, fhir: Seat) -> None:
        self._cast = cast
        self._webpt = webpt
        self._fhir = fhir
        self._adults = [chart for chart in charts if owns_address(chart)]
        self._children = [chart for chart in charts if chart.minor and chart.source == BOULDER_FHIR]

    def linked(self) -> Iterator[tuple[Chart, Chart]]:
        """The same person in both EMRs: one in two kept the address, the others only the phone number."""
        for number, chart in enumerate(self._pick(BOULDER_FHIR, LINKED)):
            home = chart.home if number % 2 else replace(chart.home, email=f"old.{chart.home.email}")
            yield chart, self._again(replace(chart, home=home), LINCOLN if number % 3 else OMAHA)

    def twice(self) -> Iterator[tuple[Chart, Chart]]:
        """Registered anew at the other clinic of the same EMR."""
        for chart in self._pick(WEBPT, TWICE):
            yield chart, self._again(chart, OMAHA if chart.clinic is LINCOLN else LINCOLN)

    def merged(self) -> Iterator[tuple[Chart, Chart]]:
        """The EMR itself merged the older chart into the younger one."""
        for chart in self._pick(BOULDER_FHIR, MERGED):
            history = earlier_visits(Dice(self._cast.random, chart.clinic.slipping))
            yield chart, replace(chart, external_id=self._fhir.new_id(), history=history, replaced_by=chart.external_id)

    def unsure(self) -> Iterator[tuple[Chart, Chart]]:
        """Names and birth date agree and nothing else, or the patient is a child: a person must decide."""
        for chart in self._pick(BOULDER_FHIR, UNSURE):
            moved = self._cast.home(self._cast.name())
            yield chart, self._again(replace(chart, home=moved), LINCOLN)
        for chart in self._children[:UNSURE_CHILDREN]:
            yield chart, self._again(chart, LINCOLN)

    def _pick(self, source: str, count: int) -> list[Chart]:
        fit = [chart for chart in self._adults if chart.source == source and chart.history.name in _LATER]
        picked = fit[:count]
        self._adults = [chart for chart in self._adults if chart not in picked]
        return picked

    def _again(self, chart: Chart, clinic: Clinic) -> Chart:
        """A second chart at a WebPT clinic, whose care ended long before the first one's began."""
        history = before_the_move(Dice(self._cast.random, clinic.slipping))
        return replace(
            chart,
            source=WEBPT,
            external_id=self._webpt.new_id(),
            clinic=clinic,
            history=history,
            answers=Answers() if chart.minor else self._cast.answers(history.created),
        )


def owns_address(chart: Chart) -> bool:
    """An adult of known age whose address is nobody else's."""
    own = f"{chart.given}.{chart.family}@".lower()
    return not chart.minor and chart.born is not None and chart.home.email.startswith(own)
