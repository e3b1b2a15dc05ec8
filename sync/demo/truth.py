"""What the demo practice must come out as, known by construction."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from sync.demo.chart import DemoPerson

RowKey = tuple[str, str]
"""A source's name and the external id of a patient row in it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoTruth:
    """What a run over the folder must find.

    `people`: the contacts, each with its status and its rows. `patients` and `quarantined` count patient rows that
    land, and rows that cannot, by source. `review` holds the pairs of rows that wait for a person's verdict.
    """

    folder: Path
    config: Path
    today: date
    people: tuple[DemoPerson, ...]
    patients: Mapping[str, int]
    quarantined: Mapping[str, int]
    review: tuple[tuple[RowKey, RowKey], ...]

    @property
    def contacts(self) -> int:
        """How many contacts there are, inactive ones included."""
        return len(self.people)

    @property
    def by_status(self) -> Mapping[str, int]:
        """How many contacts have each status."""
        return Counter(person.status for person in self.people)

    def status_of(self) -> Mapping[RowKey, str]:
        """The expected status of the contact that each patient row belongs to."""
        return {row: person.status for person in self.people for row in person.rows}
