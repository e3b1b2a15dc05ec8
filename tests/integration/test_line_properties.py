"""Properties of the whole line over small generated histories."""

import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import update

from sync.store import tables as t
from sync.store.engine import writing
from tests.fakes.clinic import AT, Clinic, Row, days, episode, lead, patient, visit

TODAY = date(2026, 3, 2)
Feed = tuple[str, list[Row]]
FEW = settings(max_examples=8, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
_FOLDER = Path(tempfile.gettempdir()) / f"prm-line-{os.getpid()}"
EVENINGS = [f"20260302-0{hour}00" for hour in range(10)]


@dataclass(frozen=True)
class History:
    """What the EMR and the lead list know; everybody is one of a few people, some of them in two rows."""

    patients: list[Row]
    visits: list[Row]
    episodes: list[Row]
    leads: list[Row]

    def feeds(self) -> list[Feed]:
        return [
            ("patients", self.patients),
            ("appointments", self.visits),
            ("episodes", self.episodes),
            ("leads", self.leads),
        ]


def _day(back: int) -> str:
    return (TODAY - timedelta(days=back)).isoformat()


STATUSES = st.sampled_from(["fulfilled", "fulfilled", "noshow", "cancelled", "booked", "Zapped"])


@st.composite
def histories(draw: st.DrawFn) -> History:
    """Up to five rows of three people with visits, plans of care and inquiries."""
    rows: list[Row] = []
    visits: list[Row] = []
    episodes: list[Row] = []
    leads: list[Row] = []
    for number in range(1, draw(st.integers(2, 5)) + 1):
        who = draw(st.integers(1, 3))
        same = {"given_name": f"Given{'abcd'[who]}", "family_name": "Same", "email": f"family{who % 2}@example.com"}
        born = draw(st.sampled_from(["1980-05-17", "1980-05-17", "2012-05-17", ""]))
        rows.append(patient(str(number), **same, birth_date=born, created_at=_day(draw(st.integers(1, 200)))))
        for index, back in enumerate(draw(st.lists(st.integers(-20, 90), max_size=4))):
            status = "booked" if back < 0 else draw(STATUSES)
            visits.append(visit(f"v{number}{index}", str(number), _day(back), status))
        if draw(st.booleans()):
            closed = {"discharged_on": _day(1), "discharge_reason": "Goals met"} if draw(st.booleans()) else {}
            episodes.append(episode(f"e{number}", str(number), _day(95), **closed))
    for number in range(1, draw(st.integers(0, 2)) + 1):
        who = draw(st.integers(1, 3))
        same = {"given_name": f"Given{'abcd'[who]}", "family_name": "Same", "email": f"family{who % 2}@example.com"}
        leads.append(lead(f"L{number}", **same))
    return History(rows, visits, episodes, leads)


@contextmanager
def _clinic(template: Path) -> Iterator[Clinic]:
    """A practice whose files are deltas, so that a history may come in pieces."""
    folder = _FOLDER  # one for all, so that the service is made once
    try:
        clinic = Clinic(folder).laid_out(template)
        for feed in ("patients", "appointments", "episodes"):
            clinic.config["sources"]["emr"][feed]["snapshot"] = "delta"
        yield clinic
    finally:
        shutil.rmtree(folder)


Seen = tuple[set[frozenset[tuple[str, str]]], dict[tuple[str, str], str], dict[str, set[str]]]


def _seen(clinic: Clinic) -> Seen:
    """Who is whom, and where everybody stands."""
    rows = clinic.ask(
        "SELECT l.contact, p.source, p.external_id FROM link l JOIN patient_record p ON p.id = l.row_id"
        " WHERE l.until IS NULL"
    )
    found: dict[str, set[tuple[str, str]]] = {}
    for contact, source, key in rows:
        found.setdefault(contact, set()).add((source, key))
    return {frozenset(each) for each in found.values()}, clinic.statuses(), clinic.members()


def _whole(clinic: Clinic, history: History) -> Seen:
    for feed, rows in history.feeds():
        clinic.drop(feed, rows, EVENINGS[-1])
    clinic.run()
    return _seen(clinic)


@FEW
@given(history=histories(), data=st.data())
def test_nothing_depends_on_the_order_of_arrival(sqlite_template: Path, history: History, data: st.DataObject) -> None:
    """The same rows come in shuffled files and feeds over several passes, all but the last with the rest missing."""
    with _clinic(sqlite_template) as clinic:
        whole = _whole(clinic, history)
    pieces = [(feed, [row]) for feed, rows in history.feeds() for row in rows]
    order = data.draw(st.permutations(pieces))
    cuts = data.draw(st.integers(1, 3))
    with _clinic(sqlite_template) as clinic:
        for number, part in enumerate(_parts(order, cuts)):
            for feed, rows in _by_feed(part):
                clinic.drop(feed, rows, EVENINGS[number])
            clinic.run(AT - timedelta(minutes=cuts - number - 1))
        for feed, _ in history.feeds():
            clinic.drop(feed, [], EVENINGS[-1])
        clinic.run()
        assert _seen(clinic) == whole


def _parts(order: Sequence[Feed], cuts: int) -> list[Sequence[Feed]]:
    size = max(1, -(-len(order) // cuts))
    return [order[start : start + size] for start in range(0, len(order), size)]


def _by_feed(part: Sequence[Feed]) -> list[Feed]:
    found: dict[str, list[Row]] = {}
    for feed, rows in part:
        found.setdefault(feed, []).extend(rows)
    return list(found.items())


@FEW
@given(history=histories())
def test_everyone_has_one_status_and_the_second_run_is_silent(sqlite_template: Path, history: History) -> None:
    with _clinic(sqlite_template) as clinic:
        _, statuses, _ = _whole(clinic, history)
        assert len(statuses) == len(history.patients) + len(history.leads)
        assert None not in statuses.values()
        said = clinic.run(AT + timedelta(minutes=5)).to_json()
        assert (said["transitions"], said["wishes"], said["contacts"]["updated"]) == (0, 0, 0)
        assert all(rows["changed"] == rows["quarantined"] == 0 for rows in said["sources"].values())


@FEW
@given(history=histories(), later=st.integers(3, 100))
def test_a_dead_feed_moves_nobody(sqlite_template: Path, history: History, later: int) -> None:
    """Once the newest export is older than max_age, a hundred days change no patient."""
    history = History(history.patients, history.visits, history.episodes, [])
    with _clinic(sqlite_template) as clinic:
        _whole(clinic, history)
        clinic.run(AT + days(2))
        before, ledger = _seen(clinic), clinic.transitions()
        said = clinic.run(AT + days(later)).to_json()
        assert _seen(clinic) == before
        assert clinic.transitions() == ledger
        assert said["transitions"] == 0


@FEW
@given(history=histories())
def test_nothing_changes_before_the_next_review(sqlite_template: Path, history: History) -> None:
    with _clinic(sqlite_template) as clinic:
        _whole(clinic, history)
        due = clinic.ask("SELECT min(next_review_at) FROM contact WHERE state = 'active'")[0][0]
        if due is None:
            return
        with clinic.service() as service, writing(service.engine) as connection:
            connection.execute(update(t.contact).values(stale=True))
        before = _seen(clinic)
        instant = datetime.fromisoformat(f"{due}+00:00") - timedelta(seconds=1)
        if instant <= AT:
            return
        said = clinic.run(instant, stages=["review"])
        assert _seen(clinic) == before
        assert (said.reviewed.transitions, sum(said.reviewed.wishes.values())) == (0, 0)


@pytest.mark.parametrize("reverse", [False, True])
def test_two_rows_of_one_person_are_one_contact_whichever_comes_first(sqlite_template: Path, *, reverse: bool) -> None:
    rows = [patient("1", phone="402-555-0101"), patient("2", phone="402-555-0101")]
    for row in rows:
        row.update(given_name="Ada", family_name="Once", email="ada@example.com")
    with _clinic(sqlite_template) as clinic:
        for number, row in enumerate(reversed(rows) if reverse else rows):
            clinic.drop("patients", [row], EVENINGS[number])
            clinic.run(AT + timedelta(minutes=number))
        contacts, statuses, _ = _seen(clinic)
    assert contacts == {frozenset({("emr", "1"), ("emr", "2")})}
    assert set(statuses.values()) == {"lead"}
