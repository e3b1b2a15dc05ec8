"""Writes the WebPT-like extract: six CSV tables, as a nightly job would drop them.

The headers of appointments, authorizations and charges are those of WebPT's Standard Extract
(help.analytics.webpt.com, articles 1426, 1320, 1328). Its patients, cases and visits tables are not described in
public: theirs are invented here, and the demo's configuration maps them as a practice would.
"""

import csv
from collections.abc import Iterable, Iterator
from pathlib import Path

from sync.demo import dirt
from sync.demo.care import DemoCase, DemoVisit
from sync.demo.chart import Chart
from sync.demo.export import Export
from sync.demo.practice import Practice

Cells = tuple[str, ...]

PATIENTS = (
    "Patient ID,Last,First,DOB,Sex,Email,Phone,Address,City,State,ZIP,Language,clinic_id,Active,Deceased,Registered,"
    "Guardian Email,Email OK,News OK,Signed on,export_flag"
)
CASES = "Case ID,Patient ID,clinic_id,Case Type,Opened,Closed,Close Reason,Visits Ordered,export_flag"
VISITS = "Visit ID,Patient ID,Case ID,clinic_id,Therapist,Visit At,Note,Status,export_flag"
APPOINTMENTS = (
    "appointmnet_id,parent_appointment_id,start_date,end_date,check_in_time,check_out_time,calendar_title,clinic_id,"
    "therapist_id,appointment_type,case_id,patient_id,appointment_status,appointment_creator_id,apt_apttype,"
    "visit_comment,reason,time_stamp"
)
AUTHORIZATIONS = (
    "record_id,authorization_id,case_id,auth_number,auth_start_date,auth_end_date,visit_authorized_for,notes,"
    "authorization_status,patient_id,clinic_id,modified_date,ins_name,policy_number,group_number,payer_type,export_flag"
)
CHARGES = (
    "record_id,visit_date,record_pointer,cpt,clinic_id,patient_id,case_id,visit_id,therapist_id,cosign_therapist_id,"
    "insurance_id,insurance_type_id,units,charge_amount,cpt_code_id,client_id,note_type,cpt_prefix,cpt_suffix,"
    "cpt_modifier,modified_date,note_finalized_date,PrimaryIns"
)
NEW = "1"
"""export_flag of a row that was not exported before (article 1010)."""
WINDOW = 14
"""The appointments table shows so many days before and after the export (article 1426)."""

_PAYER_IDS = {
    "commercial": "9",
    "medicare": "3",
    "medicaid": "6",
    "workers_comp": "7",
    "auto": "10",
    "tricare_va": "8",
    "self_pay": "5",
    "other": "15",
}
_WORDS = {"attended": "Seen", "missed": "No Show", "cancelled": "Cancelled"}


def write(folder: Path, practice: Practice, export: Export) -> None:
    """Writes the six tables into `folder`."""
    charts = practice.of("webpt")
    extract = Extract(charts, export)
    bad = dirt.webpt_rows(charts, export)
    _table(folder, f"patients-{export.stamp}.csv", PATIENTS, [*extract.patients(), *bad.patients])
    _table(folder, f"cases-{export.stamp}.csv", CASES, [*extract.cases(), *bad.cases])
    _table(folder, f"visits-{export.stamp}.csv", VISITS, [*extract.visits(), *bad.visits])
    _table(folder, f"appointments-{export.stamp}.csv", APPOINTMENTS, extract.appointments())
    _table(folder, f"authorizations-{export.stamp}.csv", AUTHORIZATIONS, extract.authorizations())
    _table(folder, f"charges-{export.stamp}.csv", CHARGES, extract.charges())


def _table(folder: Path, name: str, header: str, rows: Iterable[Cells]) -> None:
    with (folder / name).open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(header.split(","))
        writer.writerows(rows)


def case_id(chart: Chart, number: int) -> str:
    """The id of a patient's case, counted from 0."""
    return f"{chart.external_id}{number + 1}"


class Extract:
    """The rows of the tables, in the order of the patients."""

    def __init__(self, charts: list[Chart], export: Export) -> None:
        self._charts = charts
        self._export = export

    def patients(self) -> Iterator[Cells]:
        for chart in self._charts:
            yield self._identity(chart) + self._standing(chart)

    def _identity(self, chart: Chart) -> Cells:
        born = f"{chart.born:%m/%d/%Y}" if chart.born else "unknown"
        home, clinic = chart.home, chart.clinic
        sex = "F" if chart.sex == "female" else "M"
        place = (home.street, clinic.city, clinic.region, clinic.postal_code)
        return (chart.external_id, chart.family, chart.given, born, sex, home.email, home.phone, *place, chart.language)

    def _standing(self, chart: Chart) -> Cells:
        history, answers = chart.history, chart.answers
        signed = f"{self._export.day(answers.day):%m/%d/%Y}" if answers.day is not None else ""
        flags = "Y" if history.active else "N", "Y" if history.deceased else ""
        registered = f"{self._export.day(history.created)} 10:15"
        return (chart.clinic.code, *flags, registered, chart.guardian_email, answers.email, answers.news, signed, NEW)

    def cases(self) -> Iterator[Cells]:
        for chart, number, case in self._numbered():
            opened = f"{self._export.day(case.opened):%m/%d/%Y}"
            closed = f"{self._export.day(case.closed):%m/%d/%Y}" if case.closed is not None else ""
            ordered = str(case.prescribed or "")
            key = case_id(chart, number), chart.external_id, chart.clinic.code
            yield (*key, case.kind, opened, closed, case.reason, ordered, NEW)

    def visits(self) -> Iterator[Cells]:
        """What has been documented: every visit that is past."""
        for chart, number, case in self._numbered():
            for position, visit in enumerate(case.visits):
                if visit.happened != "booked":
                    key = f"{case_id(chart, number)}{position:02}", chart.external_id, case_id(chart, number)
                    moment = f"{self._export.local(visit):%m/%d/%Y %H:%M}"
                    place = chart.clinic.code, _therapist(chart), moment
                    yield (*key, *place, visit.note, _WORDS[visit.happened], NEW)

    def appointments(self) -> Iterator[Cells]:
        """The schedule around the export; ids are negative until the patient has checked in (article 1426)."""
        for chart, number, case in self._numbered():
            for position, visit in enumerate(case.visits):
                if abs(visit.day) < WINDOW:
                    row = f"{case_id(chart, number)}{position:02}"
                    yield self._appointment(chart, case_id(chart, number), row, visit)

    def _appointment(self, chart: Chart, case: str, row: str, visit: DemoVisit) -> Cells:
        start = self._export.local(visit)
        come = visit.happened == "attended"
        status = "Inactive" if visit.happened == "cancelled" else "Active"
        times = f"{start:%Y-%m-%d %H:%M:%S}", f"{start.replace(minute=45):%Y-%m-%d %H:%M:%S}"
        checked = (f"{start:%Y-%m-%d %H:%M:%S}", times[1]) if come else ("", "")
        who = chart.clinic.code, _therapist(chart), "Follow-up" if visit.note != "IE" else "Evaluation"
        tail = case, chart.external_id, status, "1", "", "", "", f"{start.date()} 00:00:00"
        return (row if come else f"-{row}", "", *times, *checked, "", *who, *tail)

    def authorizations(self) -> Iterator[Cells]:
        for chart, number, case in self._numbered():
            if case.authorized is not None:
                first, last = self._export.day(case.opened), self._export.day(120)
                key = f"{case_id(chart, number)}9", f"A{case_id(chart, number)}", case_id(chart, number), ""
                grant = str(first), str(last), str(case.authorized), "", "Active", chart.external_id
                yield (*key, *grant, chart.clinic.code, str(first), "", "", "", chart.payer, NEW)

    def charges(self) -> Iterator[Cells]:
        """One charge for the last attended visit of each case: it tells who pays."""
        for chart, number, case in self._numbered():
            for visit in [visit for visit in case.visits if visit.happened == "attended"][-1:]:
                yield self._charge(chart, case_id(chart, number), visit)

    def _charge(self, chart: Chart, case: str, visit: DemoVisit) -> Cells:
        day, payer = str(self._export.day(visit.day)), _PAYER_IDS[chart.payer]
        key = f"{case}7", day, f"{case}7", "97110", chart.clinic.code, chart.external_id, case, f"{case}00"
        bill = _therapist(chart), "", payer, payer, "2", "80.00", "1", "1", visit.note
        return (*key, *bill, "", "", "", day, day, "1")

    def _numbered(self) -> Iterator[tuple[Chart, int, DemoCase]]:
        for chart in self._charts:
            for number, case in enumerate(chart.history.cases):
                yield chart, number, case


def _therapist(chart: Chart) -> str:
    return f"T{chart.clinic.code}{int(chart.external_id) % 6}"
