"""A process that dies at any commit or call, and then runs again, ends where one that lived ends."""

import copy
import json
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from itertools import count, takewhile
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.clinic import AT, Clinic, days, episode, lead, mailchimp, patient, visit
from tests.fakes.dying import Death, Spot, at_commits, dies
from tests.fakes.mailchimp import FakeMailchimp
from tests.fakes.mailchimp_audience import FakeAudience

NEXT = AT + days(1)
State = dict[str, Any]


def _clinic(folder: Path, url: str) -> Clinic:
    clinic = Clinic(folder)
    clinic.config["destinations"]["newsletter"] = mailchimp(url)
    return clinic


def _first_day(clinic: Clinic) -> None:
    """Two who share an address, one in two rows, a drop-out, a no-show, a bad row, leads."""
    twice = {"given_name": "Given", "family_name": "Twice", "birth_date": "1971-02-03", "phone": "402-555-0107"}
    people = [patient(str(n)) for n in range(1, 7)]
    people += [patient("7", **twice), patient("8", **twice), patient("9", email="p1@example.com")]
    clinic.drop("patients", [*people, patient("10", clinic_id="999")], "20260302-0600")
    visits = [visit(f"a{n}", str(n), "2026-02-24") for n in range(1, 6)]
    visits += [visit(f"b{n}", str(n), "2026-03-09", "booked") for n in (1, 2, 3)]
    visits += [visit("c6", "6", "2026-02-23", "noshow"), visit("c7", "7", "2026-01-12")]
    clinic.drop("appointments", [*visits, visit("c9", "9", "2026-02-25", "?")], "20260302-0600")
    clinic.drop("episodes", [episode(f"e{n}", str(n), "2026-01-10") for n in (1, 2, 3, 7)], "20260302-0600")
    clinic.drop("leads", [lead("L1"), lead("L2"), lead("L3", ok_news="")], "20260302-0600")


def _second_day(clinic: Clinic) -> None:
    """A withdrawal, a new address, a discharge, a removed patient, a fresh no-show, a repaired row, a new lead."""
    twice = {"given_name": "Given", "family_name": "Twice", "birth_date": "1971-02-03", "phone": "402-555-0107"}
    no = {"ok": "N", "ok_news": "N", "signed": "2026-03-02"}
    people = [patient("1"), patient("2", **no), patient("3", email="new3@example.com"), *map(patient, "56")]
    people += [patient("7", **twice), patient("8", **twice), patient("9", email="p1@example.com")]
    clinic.drop("patients", [*people, patient("10")], "20260303-0600")
    visits = [visit(f"a{n}", str(n), "2026-02-24") for n in range(1, 6)]
    visits += [visit(f"b{n}", str(n), "2026-03-09", "booked") for n in (2, 3)]
    visits += [visit("b1", "1", "2026-03-02", "noshow"), visit("c6", "6", "2026-02-23", "noshow")]
    visits += [visit("c7", "7", "2026-01-12"), visit("c9", "9", "2026-02-25")]
    clinic.drop("appointments", visits, "20260303-0600")
    closed = {"discharged_on": "2026-03-02", "discharge_reason": "Goals met"}
    episodes = [episode(f"e{n}", str(n), "2026-01-10") for n in (1, 3, 7)]
    clinic.drop("episodes", [*episodes, episode("e2", "2", "2026-01-10", **closed)], "20260303-0600")
    clinic.drop("leads", [lead("L4", lead_since="2026-03-03")], "20260303-0600")


def _state(clinic: Clinic, audience: FakeAudience) -> State:
    """Everything that must not depend on how often the process died; opaque ids and codes by what they stand for."""
    with clinic.reading():
        return _stated(clinic, audience)


def _stated(clinic: Clinic, audience: FakeAudience) -> State:
    rows = clinic.ask(
        "SELECT l.contact, p.source, p.external_id FROM link l JOIN patient_record p ON p.id = l.row_id"
        " WHERE l.until IS NULL ORDER BY 2, 3"
    )
    names: dict[str, str] = {}
    for contact, source, key in rows:
        names[contact] = f"{names.get(contact, '')} {source}:{key}".strip()
    book = clinic.codes()

    known = names | book

    def plain(value: Any) -> Any:
        """With names for what is random, and without the order that random names make."""
        if isinstance(value, dict):
            return sorted((plain(key), plain(below)) for key, below in value.items())
        if isinstance(value, list):
            return sorted(map(str, map(plain, value)))
        if isinstance(value, str) and value[:1] in ("{", "["):
            return plain(json.loads(value))
        return known.get(value, value) if isinstance(value, str) else value

    def told(query: str) -> list[str]:
        return sorted(str(tuple(plain(value) for value in row)) for row in clinic.ask(query))

    files = sorted((clinic.folder / "out").rglob("*.csv"))
    return {
        "contacts": sorted(names.values()),
        "statuses": told(
            "SELECT id, status, site, household_size, next_review_at, stale, rule FROM contact WHERE state = 'active'"
        ),
        "transitions": told("SELECT contact, old, new, rule, at FROM transition"),
        "memberships": told("SELECT contact, segment, entered_by, due_at FROM membership"),
        "entries": told("SELECT contact, segment, kind, entered_by, at FROM entry"),
        "wishes": clinic.wishes(),
        "accepted": told("SELECT destination, key, accepted FROM subscriber"),
        "withheld": told("SELECT destination, contact, withheld FROM standing"),
        "quarantine": sorted(clinic.quarantined().items()),
        "consents": told("SELECT source, holder, purpose, decision, decided_on, asserted FROM consent_record"),
        "landings": told("SELECT feed, name, state FROM landing"),
        "matches": told("SELECT verdict, rule FROM match"),
        "files": {path.name: sorted(_lines(path, names)) for path in files},
        "members": sorted(
            (m.address, m.status, sorted(m.fields.items()), sorted(book[tag] for tag in m.tags.values()))
            for m in audience.members.values()
        ),
        "automations": sorted((address, book[tag], n) for (address, tag), n in audience.automations.items()),
        "joined": sorted(audience.joined.items()),
    }


def _lines(path: Path, names: dict[str, str]) -> list[str]:
    cells = (line.partition(",") for line in path.read_text().splitlines())
    return [f"{names.get(contact, contact)},{rest}" for contact, _, rest in cells]


def _told(clinic: Clinic) -> set[str]:
    """Subscribers whose documents the ledger knows of."""
    return {key for (key,) in clinic.ask("SELECT DISTINCT subscriber FROM disclosure WHERE destination = 'newsletter'")}


def _differences(wanted: State, found: State) -> State:
    """What only one of them has, by part."""
    return {
        part: ([w for w in wanted[part] if w not in found[part]], [f for f in found[part] if f not in wanted[part]])
        for part in wanted
        if wanted[part] != found[part]
    }


@dataclass
class Stage:
    """A pass to be disturbed: the practice and the provider as they stand before it, and how an undisturbed one ends."""

    at: datetime
    before: Clinic
    audience: FakeAudience
    after: State
    told: set[str]
    fake: FakeMailchimp

    def disturbed(self, folder: Path, death: Death) -> Clinic | None:
        """Starts anew in `folder`, dies, runs again; None where the pass ended before it could die."""
        clinic = self.before.copy(folder)
        self.fake.audience = copy.deepcopy(self.audience)
        with clinic.service() as service:
            died = dies(service, partial(clinic.run, self.at), death)
        if not died:
            return None
        clinic.run(self.at)
        return clinic

    def images(self, folder: Path) -> list[tuple[Path, FakeAudience]]:
        """What deaths before each commit would leave: the practice's folder, and the audience at the provider."""
        clinic, made = self.before.copy(folder / "dying"), []
        self.fake.audience = copy.deepcopy(self.audience)

        def look() -> None:
            image = folder / f"dead-{len(made) + 1}"
            # By another process: one that closes a file gives up all locks that it holds on it (fcntl(2)).
            subprocess.run(["cp", "-R", str(clinic.folder), str(image)], check=True)
            made.append((image, copy.deepcopy(self.fake.audience)))

        with clinic.service() as service:
            at_commits(service, partial(clinic.run, self.at), look)
        return made

    def check(self, clinic: Clinic, label: str) -> None:
        """Whatever went before, a whole pass has ended as an undisturbed one does, and knows what has left."""
        assert _differences(self.after, _state(clinic, self.fake.audience)) == {}, label
        assert _told(clinic) >= self.told, label


@pytest.fixture(scope="module")
def fake() -> Iterator[FakeMailchimp]:
    with FakeMailchimp() as fake:
        yield fake


@pytest.fixture(scope="module")
def stages(fake: FakeMailchimp, sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Stage]:
    """The first and the second day."""
    folder = tmp_path_factory.mktemp("stages")
    clinic = _clinic(folder / "first", fake.url).laid_out(sqlite_template)
    _first_day(clinic)
    stages: dict[str, Stage] = {}
    for name, at in (("first", AT), ("second", NEXT)):
        before, audience = clinic.copy(folder / f"before-{name}"), copy.deepcopy(fake.audience)
        clinic.run(at)
        stages[name] = Stage(at, before, audience, _state(clinic, fake.audience), _told(clinic), fake)
        _second_day(clinic)
    return stages


@pytest.mark.parametrize("day", ["first", "second"])
def test_a_death_at_any_commit_changes_nothing_in_the_end(stages: dict[str, Stage], tmp_path: Path, day: str) -> None:
    stage = stages[day]
    images = stage.images(tmp_path)
    assert len(images) > 20
    for number, (image, audience) in enumerate(images, start=1):
        clinic = Clinic(image.rename(tmp_path / "practice"), stage.before.config, stage.before.segments)
        stage.fake.audience = audience
        clinic.run(stage.at)
        stage.check(clinic, f"commit {number}")
        shutil.rmtree(clinic.folder)


@pytest.mark.parametrize(
    ("day", "spot", "step"),
    [
        ("first", "before_commit", 16),
        ("second", "before_commit", 16),
        ("second", "after_call", 1),
        ("second", "before_call", 3),
        ("first", "after_call", 3),
    ],
)
def test_a_process_that_dies_changes_nothing_in_the_end(
    stages: dict[str, Stage], tmp_path: Path, day: str, spot: Spot, step: int
) -> None:
    stage, number = stages[day], 1
    while clinic := stage.disturbed(tmp_path / "practice", Death(spot, number)):
        stage.check(clinic, f"{spot} {number}")
        shutil.rmtree(clinic.folder)
        number += step
    assert number > (16 if spot == "before_commit" else 5)


def test_on_postgresql_a_process_that_dies_again_and_again_gets_there(
    fake: FakeMailchimp, postgres: Any, tmp_path: Path
) -> None:
    ends = []
    for name, first_death in (("calm", 1_000), ("stormy", 3)):
        fake.audience = FakeAudience()
        clinic = _clinic(tmp_path / name, fake.url)
        for url in postgres.clone():
            clinic.config["database"] = {"url": url}
            _first_day(clinic)
            clinic.run(AT)
            _second_day(clinic)
            died = _deaths(clinic, first_death)
            clinic.run(NEXT)
            ends.append(_state(clinic, fake.audience))
    assert died >= 5
    assert _differences(*ends) == {}


def _deaths(clinic: Clinic, first: int) -> int:
    """How many passes of the second day die one after the other, each four commits later, until one lives."""
    with clinic.service() as service:
        act = partial(clinic.run, NEXT)
        return len(list(takewhile(lambda at: dies(service, act, Death("before_commit", at)), count(first, 4))))


def test_the_second_day_has_something_to_lose(stages: dict[str, Stage]) -> None:
    first, second = stages["first"].after, stages["second"].after
    same = {key for key, value in first.items() if second[key] == value}
    assert same == {"wishes", "matches", "joined"} & same
    assert first["wishes"] == second["wishes"] == []
    assert second["automations"]
