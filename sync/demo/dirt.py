"""Rows that cannot be used: every one must end in quarantine, and the rest must land all the same."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from sync.demo.chart import Chart
from sync.demo.export import Export

Cells = tuple[str, ...]
Resource = dict[str, Any]


class WebptDirt(NamedTuple):
    """Bad rows for three tables of the extract."""

    patients: tuple[Cells, ...]
    cases: tuple[Cells, ...]
    visits: tuple[Cells, ...]

    @property
    def total(self) -> int:
        """How many rows must end in quarantine."""
        return len(self.patients) + len(self.cases) + len(self.visits)


def webpt_rows(charts: Sequence[Chart], export: Export) -> WebptDirt:
    """Missing ids, clinics and codes that nobody has mapped, days that no calendar knows, a row cut short.

    Visits of known patients hang on patients who are active with a visit booked, so that nobody's status turns on
    them; but for one: the visit to come of the patient `held_open`, who without it would count as dropped out.
    """
    busy = [chart for chart in charts if chart.history.name == "active_booked"]
    held = next(chart for chart in charts if chart.history.name == "held_open")
    return WebptDirt(_patients(export), _cases(export), (*_visits(busy, export), _held_visit(held, export)))


def _patients(export: Export) -> tuple[Cells, ...]:
    def row(external_id: str, clinic: str) -> Cells:
        person = "Doe", "Pat", "02/03/1970", "F", "", "", "", "", "", "", "English"
        return (external_id, *person, clinic, "Y", "", f"{export.day(-30)} 09:00", "", "", "", "", "1")

    return (row("", "101"), row("599001", "199"), row("599002", "199"), row("599003", "101")[:9])


def _cases(export: Export) -> tuple[Cells, ...]:
    opened = f"{export.day(-30):%m/%d/%Y}"
    return (
        ("5990041", "", "101", "Hand", opened, "", "", "8", "1"),
        ("", "599005", "102", "Hand", opened, "", "", "8", "1"),
    )


def _visits(busy: Sequence[Chart], export: Export) -> tuple[Cells, ...]:
    moment = f"{export.day(-6):%m/%d/%Y} 09:00"

    def row(number: int, moment: str = moment, status: str = "Seen", clinic: str = "") -> Cells:
        chart = busy[number]
        key = f"59900{number}", chart.external_id, f"{chart.external_id}1", clinic or chart.clinic.code
        return (*key, "T1", moment, "DN", status, "1")

    nobody = ("599009", "", "", "101", "T1", moment, "DN", "Seen", "1")
    codes = row(0, status="RS9"), row(1, status="LWBS")
    days = row(2, moment="13/32/2026 09:00"), row(3, moment="yesterday")
    return (*codes, *days, row(4, clinic="199"), row(5, clinic="199"), nobody)


def _held_visit(chart: Chart, export: Export) -> Cells:
    key = "599010", chart.external_id, f"{chart.external_id}1", chart.clinic.code
    return (*key, "T1", f"{export.day(6):%m/%d/%Y} 09:00", "DN", "Rescheduled?", "1")


def fhir_resources(charts: Sequence[Chart], export: Export) -> dict[str, list[Resource]]:
    """Resources by type: unknown statuses, no patient, no start, a start that is no time."""
    busy = [f"Patient/{chart.external_id}" for chart in charts if chart.history.name == "active_booked"]
    start = f"{export.day(-6)}T16:00:00Z"

    def appointment(number: int, **changes: Any) -> Resource:
        who = [{"actor": {"reference": busy[number]}, "status": "accepted"}]
        base = {"resourceType": "Appointment", "id": f"bad-{number}", "status": "fulfilled", "start": start}
        return {key: value for key, value in {**base, "participant": who, **changes}.items() if value is not None}

    return {
        "Appointment": [
            appointment(0, status="penciled-in"),
            appointment(1, start="soon"),
            appointment(2, start=None),
        ],
        "Encounter": [
            _encounter("bad-3", "seen", start, busy[3]),
            _encounter("bad-4", "finished", start, None),
        ],
        "EpisodeOfCare": [{"resourceType": "EpisodeOfCare", "id": "bad-5", "status": "active"}],
    }


def _encounter(identity: str, status: str, start: str, patient: str | None) -> Resource:
    subject = {"subject": {"reference": patient}} if patient else {}
    coding = {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "AMB"}
    base = {"resourceType": "Encounter", "id": identity, "status": status, "class": coding}
    return {**base, "period": {"start": start}, **subject}


def lead_rows(export: Export) -> tuple[Cells, ...]:
    """A lead without an id, and one for a clinic that is not ours."""
    since = str(export.day(-9))
    return (
        ("", "Pat", "Doe", "pat.doe@example.net", "", "lincoln", "website", since, "", since),
        ("L-9001", "Robin", "Doe", "robin.doe@example.net", "", "springfield", "website", since, "", since),
    )
