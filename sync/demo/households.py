"""Seats patients in households: singles, families that share an address, children with and without a guardian."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date

from mappings.records import PayerClass
from sync.demo.cast import Cast, Name
from sync.demo.chart import Chart, Home
from sync.demo.clinics import BOULDER, BOULDER_FHIR, LINCOLN, OMAHA, WEBPT, Clinic
from sync.demo.histories import Builder, Dice

DESK = "frontdesk@lakeside.example.com"
DESK_PATIENTS = 14
_PLACEHOLDERS = ("none@none.com", "noemail@noemail.com")
_INVALID = ("not given", "ask.next.time@", "@example.com")


class Seat:
    """Makes the charts of one source from its plan, household by household."""

    def __init__(self, cast: Cast, source: str, plan: Sequence[tuple[Builder, int]], first_id: int) -> None:
        self._cast = cast
        self._source = source
        self._builders = [builder for builder, count in plan for _ in range(count)]
        cast.random.shuffle(self._builders)
        self._next_id = first_id
        self._desk = DESK_PATIENTS if source == WEBPT else 0

    def households(self) -> Iterator[list[Chart]]:
        """Yields the charts of one household after the other until the plan is used up."""
        families = 0
        while self._builders:
            roll = self._cast.random.random()
            if roll < 0.07 and len(self._builders) >= 4:
                families += 1
                yield self._family(twins=families % 12 == 1)
            elif roll < 0.09:
                yield [self._child()]
            else:
                yield [self._single()]

    def new_id(self) -> str:
        """The next external id of this source."""
        self._next_id += 1
        return str(self._next_id) if self._source == WEBPT else f"bc-{self._next_id}"

    def _clinic(self) -> Clinic:
        return BOULDER if self._source == BOULDER_FHIR else self._cast.random.choice((LINCOLN, LINCOLN, OMAHA))

    def _chart(self, name: Name, born: date, home: Home, clinic: Clinic) -> Chart:
        history = self._builders.pop()(Dice(self._cast.random, clinic.slipping))
        return Chart(
            source=self._source,
            external_id=self.new_id(),
            clinic=clinic,
            given=name.given,
            family=name.family,
            sex=name.sex,
            born=born,
            minor=False,
            home=home,
            language=self._cast.language(),
            payer=self._cast.payer(),
            history=history,
            answers=self._cast.answers(history.created),
        )

    def _single(self) -> Chart:
        name = self._cast.name()
        chart = self._chart(name, self._cast.born(19, 88), self._cast.home(name), self._clinic())
        born = None if self._cast.random.random() < 0.01 else chart.born
        return replace(chart, born=born, home=replace(chart.home, email=self._as_typed(chart.home.email)))

    def _as_typed(self, email: str) -> str:
        """What the front desk made of an address: mostly right, sometimes empty, a placeholder or a slip."""
        roll = self._cast.random.random()
        if self._desk and roll < 0.02:
            self._desk -= 1
            return DESK
        if roll < 0.10:
            return ""
        if roll < 0.115:
            return self._cast.random.choice(_PLACEHOLDERS)
        return self._cast.random.choice(_INVALID) if roll < 0.13 else email

    def _child(self) -> Chart:
        """A minor whose parents are no patients; half of them without a guardian's address."""
        name = self._cast.name()
        chart = self._chart(name, self._cast.born(6, 16.5), self._cast.home(name), self._clinic())
        guardian = f"parents.of.{chart.home.email}" if self._cast.random.random() < 0.5 else ""
        return replace(chart, minor=True, guardian_email=guardian, payer=_of_a_child(chart.payer))

    def _family(self, *, twins: bool) -> list[Chart]:
        """A parent and one to three children or a grown relative, all at one e-mail address and phone."""
        name, clinic = self._cast.name(), self._clinic()
        home = self._cast.home(name)
        charts = [self._chart(name, self._cast.born(34, 58), home, clinic)]
        twin_day = self._cast.born(7, 16)
        for member in range(2 if twins else self._cast.random.randint(1, 3)):
            minor = twins or self._cast.random.random() < 0.6
            born = twin_day if twins else self._cast.born(6, 16.5) if minor else self._cast.born(60, 88)
            charts.append(self._relative(charts[0], born, minor=minor, quiet=member == 2))
        return charts

    def _relative(self, head: Chart, born: date, *, minor: bool, quiet: bool) -> Chart:
        """Shares the household's address; a `quiet` child has none, only the guardian's."""
        home = replace(head.home, email="") if quiet and minor else head.home
        chart = self._chart(self._cast.name(head.family), born, home, head.clinic)
        guardian = head.home.email if quiet and minor else ""
        return replace(
            chart, minor=minor, guardian_email=guardian, payer=_of_a_child(chart.payer) if minor else chart.payer
        )


def _of_a_child(payer: PayerClass) -> PayerClass:
    return payer if payer in ("commercial", "medicaid", "self_pay", "tricare_va") else "commercial"
