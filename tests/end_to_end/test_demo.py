"""The main job on the demo practice: what comes out is what the practice was made from."""

import csv
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from config.load import load
from sync.build import Service, build
from sync.demo import DemoTruth, write_practice
from sync.pipeline import Line, Scope
from sync.report import Report
from sync.store.engine import reading, writing
from tests.fakes.clinic import AT

Key = tuple[str, str]
_LINKS = (
    "SELECT p.source, p.external_id, c.id, c.status FROM patient_record p"
    " JOIN link l ON l.row_id = p.id AND l.until IS NULL JOIN contact c ON c.id = l.contact"
)


@dataclass
class Done:
    """The practice after its first run, what must come of it, and what the second run did."""

    truth: DemoTruth
    service: Service
    first: Report
    second: Report
    files: tuple[dict[Path, tuple[int, int]], dict[Path, tuple[int, int]]]

    def ask(self, query: str) -> list[tuple[Any, ...]]:
        with reading(self.service.engine) as connection:
            return [tuple(row) for row in connection.execute(text(query))]

    def contacts(self) -> dict[str, set[Key]]:
        """The rows of every contact."""
        found: dict[str, set[Key]] = {}
        for source, key, contact, _ in self.ask(_LINKS):
            found.setdefault(contact, set()).add((source, key))
        return found

    def members(self) -> dict[str, set[str]]:
        """The contacts of every segment."""
        found: dict[str, set[str]] = {}
        for segment, contact in self.ask("SELECT segment, contact FROM membership"):
            found.setdefault(segment, set()).add(contact)
        return found


def _stamps(folder: Path) -> dict[Path, tuple[int, int]]:
    return {path: (path.stat().st_ino, path.stat().st_mtime_ns) for path in sorted(folder.rglob("*.csv"))}


def _run(truth: DemoTruth) -> Done:
    service = build(load(truth.config))
    first = Line(service, AT).run()
    before = _stamps(truth.folder / "out")
    second = Line(service, AT + timedelta(minutes=5)).run()
    return Done(truth, service, first, second, (before, _stamps(truth.folder / "out")))


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Done]:
    done = _run(write_practice(tmp_path_factory.mktemp("demo"), AT))
    yield done
    done.service.engine.dispose()


def _statuses(done: Done) -> dict[Key, str]:
    return {(source, key): status for source, key, _, status in done.ask(_LINKS)}


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_everyone_has_the_status_that_their_history_was_made_for(done: Done) -> None:
    found = _statuses(done)
    wrong = {
        (person.history, person.status, found.get(row))
        for person in done.truth.people
        for row in person.rows
        if found.get(row) != person.status
    }
    assert not wrong


def test_the_contacts_are_the_people_of_the_practice(done: Done) -> None:
    found = {frozenset(rows) for rows in done.contacts().values()}
    assert found == {frozenset(person.rows) for person in done.truth.people}


def test_every_row_landed_or_is_in_quarantine(done: Done) -> None:
    landed = dict(done.ask("SELECT source, count(*) FROM patient_record GROUP BY source"))
    kept = dict(done.ask("SELECT source, count(*) FROM quarantine GROUP BY source"))
    assert landed == dict(done.truth.patients)
    assert kept == dict(done.truth.quarantined)
    assert done.first.exit_code() == 3


def test_the_doubtful_pairs_wait_for_a_person(done: Done) -> None:
    pairs = done.ask(
        "SELECT a.source, a.external_id, b.source, b.external_id FROM match m"
        " JOIN patient_record a ON a.id = m.low JOIN patient_record b ON b.id = m.high WHERE m.verdict = 'maybe'"
    )
    found = {frozenset(((a, b), (c, d))) for a, b, c, d in pairs}
    assert found == {frozenset(pair) for pair in done.truth.review}


def test_the_second_run_is_silent(done: Done) -> None:
    said = done.second.to_json()
    assert all(rows["changed"] == rows["quarantined"] == 0 for rows in said["sources"].values())
    assert (said["transitions"], said["wishes"], done.second.reviewed.contacts) == (0, 0, 0)
    assert all(sent["sent"] == sent["calls"] == 0 for sent in said["destinations"].values())
    assert done.second.exit_code() == 0
    assert done.files[0] == done.files[1]


def test_the_contact_file_holds_everyone_but_inactive(done: Done) -> None:
    statuses = {contact: status for _, _, contact, status in done.ask(_LINKS)}
    rows = _rows(done.truth.folder / "out/contacts/contacts.csv")
    assert {row["Contact"]: row["Status"] for row in rows} == {c: s for c, s in statuses.items() if s != "inactive"}


def test_a_segment_s_file_holds_those_of_its_members_who_may_be_written_to(done: Done) -> None:
    withheld: dict[str, set[str]] = {}
    for contact, stored in done.ask("SELECT contact, withheld FROM standing WHERE destination = 'contacts'"):
        for segment in json.loads(stored):
            withheld.setdefault(segment, set()).add(contact)
    inactive = {contact for _, _, contact, status in done.ask(_LINKS) if status == "inactive"}
    for segment in done.service.config.settings.segments:
        rows = _rows(done.truth.folder / f"out/contacts/segments/{segment}.csv")
        expected = done.members().get(segment, set()) - withheld.get(segment, set()) - inactive
        assert {row["Contact"] for row in rows} == expected, segment


def test_no_segment_of_the_demo_is_empty(done: Done) -> None:
    assert set(done.members()) == set(done.service.config.settings.segments)


def test_without_an_agreement_only_codes_leave(done: Done) -> None:
    folder = done.truth.folder / "out/newsletter-preview"
    names = {path.stem for path in (folder / "segments").iterdir()}
    book = {code: (kind, name) for code, kind, name in done.ask("SELECT code, kind, name FROM code")}
    assert {book[name] for name in names} == {
        ("segment", name) for name in ("newsletter", "lead-follow-up", "care-completed", "win-back")
    }
    assert all(re.fullmatch(r"[A-Z]{2}\d{2}", name) for name in names)
    assert set(_rows(folder / "contacts.csv")[0]) == {"Contact", "Email", "First", "Language"}


def test_without_an_agreement_nobody_leaves_who_has_not_said_yes_on_a_day(done: Done) -> None:
    rows = _rows(done.truth.folder / "out/newsletter-preview/contacts.csv")
    dated = done.ask(
        "SELECT DISTINCT l.contact FROM consent_record r"
        " JOIN patient_record p ON p.source = r.source AND p.external_id = r.holder"
        " JOIN link l ON l.row_id = p.id AND l.until IS NULL"
        " WHERE r.decision = 'yes' AND r.decided_on IS NOT NULL"
    )
    assert rows
    assert {row["Contact"] for row in rows} <= {contact for (contact,) in dated}


def test_nothing_changes_before_the_first_review_that_is_due(done: Done) -> None:
    ((due,),) = done.ask("SELECT min(next_review_at) FROM contact WHERE next_review_at IS NOT NULL")
    first = datetime.fromisoformat(f"{due}+00:00")
    before = done.ask(_LINKS + " ORDER BY 1, 2")
    with writing(done.service.engine) as connection:
        connection.execute(text("UPDATE contact SET stale = 1"))
    report = Line(done.service, first - timedelta(seconds=1)).run(Scope(stages=frozenset({"review"})))
    assert report.reviewed.contacts >= done.truth.contacts
    assert (report.reviewed.transitions, sum(report.reviewed.wishes.values())) == (0, 0)
    assert (dict(report.reviewed.entered), dict(report.reviewed.left)) == ({}, {})
    assert done.ask(_LINKS + " ORDER BY 1, 2") == before


def test_postgresql_comes_to_the_same(done: Done, postgres_url: str, tmp_path: Path) -> None:
    truth = write_practice(tmp_path / "demo", AT)
    truth.config.write_text(truth.config.read_text().replace("sqlite:///var/prm.db", postgres_url))
    other = _run(truth)
    try:
        assert _statuses(other) == _statuses(done)
        assert {frozenset(rows) for rows in other.contacts().values()} == {
            frozenset(rows) for rows in done.contacts().values()
        }
        assert _by_rows(other) == _by_rows(done)
        assert other.second.to_json()["wishes"] == 0
        assert _without_ids(other) == _without_ids(done)
    finally:
        other.service.engine.dispose()


def _by_rows(done: Done) -> dict[str, set[Key]]:
    contacts = done.contacts()
    return {
        segment: {row for contact in members for row in contacts[contact]}
        for segment, members in done.members().items()
    }


def _without_ids(done: Done) -> list[list[str]]:
    rows = _rows(done.truth.folder / "out/contacts/contacts.csv")
    return sorted([value for name, value in row.items() if name != "Contact"] for row in rows)
