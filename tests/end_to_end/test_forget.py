"""A forgotten person is gone: here, at every destination, and from every later export."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import time_machine
from sqlalchemy import inspect

from connectors.mailchimp.destination import Mailchimp
from sync.owner import owning
from tests.fakes.clinic import AT, Clinic, Row, days, mailchimp, patient, visit
from tests.fakes.command_line import prm_sync
from tests.fakes.mailchimp import FakeMailchimp

MORNING, NEXT = "20260302-0600", "20260303-0600"
ADDRESS = "zyx.quorl@example.com"
WHO = {"given_name": "Zyxwvana", "family_name": "Quorlthorpe", "email": ADDRESS, "birth_date": "1961-09-23"}
CANARIES = ("Zyxwvana", "Quorlthorpe", "zyx.quorl", "1961-09-23", "PAT-7", "VIS-7")
ERASED = "/lists/{list_id}/members/{id}/actions/delete-permanent"


@pytest.fixture
def fake() -> Iterator[FakeMailchimp]:
    with FakeMailchimp() as fake:
        yield fake


@pytest.fixture(autouse=True)
def _still(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(Mailchimp.__init__, "__kwdefaults__", {"sleep": lambda _seconds: None})
    with time_machine.travel(AT + days(0.1), tick=False):
        yield


def _practice(clinic: Clinic, fake: FakeMailchimp) -> Clinic:
    clinic.config["destinations"]["newsletter"] = mailchimp(fake.url)
    clinic.config["sources"]["emr"]["consents"] = {"files": "consents-*.csv"}
    return clinic


@pytest.fixture
def clinic(tmp_path: Path, fake: FakeMailchimp, sqlite_template: Path) -> Clinic:
    return _practice(Clinic(tmp_path / "clinic").laid_out(sqlite_template), fake)


@pytest.fixture
def either(tmp_path: Path, fake: FakeMailchimp, database_url: str) -> Clinic:
    """The same on each engine."""
    clinic = Clinic(tmp_path / "clinic")
    clinic.config["database"] = {"url": database_url}
    return _practice(clinic, fake)


def _drop(clinic: Clinic, stamp: str, *more: Row) -> None:
    """The person, whose every row is changed from export to export, and somebody else."""
    people = [patient("2"), patient("1", external_id="PAT-7", phone=f"402-555-01{stamp[6:8]}", **WHO), *more]
    clinic.drop("patients", people, stamp)
    visits = [visit("VIS-7", "PAT-7", "2026-02-25", kind=stamp), visit("a2", "2", "2026-02-25")]
    clinic.drop("appointments", [*visits, visit("VIS-77", "PAT-7", "someday")], stamp)
    said = {"purpose": "treatment", "decision": "yes", "decided_on": "2026-02-01", "evidence": stamp}
    both: list[Row] = [{"external_id": "PAT-7", **said}, {"email": ADDRESS, **said}]
    clinic.drop("consents", both, stamp, columns=["external_id", "email", *said])


def _members(fake: FakeMailchimp) -> set[str]:
    return {member.address for member in fake.audience.members.values()}


def _forget(clinic: Clinic, who: str = "emr:PAT-7") -> Any:
    return prm_sync(clinic, "forget", who, "--yes")


def _everything(clinic: Clinic) -> str:
    """All rows of all tables."""
    with clinic.reading() as connection:
        tables = inspect(connection).get_table_names()
    return repr([clinic.ask(f'SELECT * FROM "{name}"') for name in tables])  # noqa: S608  # names of tables


def test_r17_a_forgotten_person_is_erased_everywhere_and_no_export_brings_them_back(
    either: Clinic, fake: FakeMailchimp
) -> None:
    clinic = either
    _drop(clinic, MORNING)
    clinic.run()
    contact = clinic.ask(
        "SELECT l.contact FROM link l JOIN patient_record p ON p.id = l.row_id WHERE p.external_id = 'PAT-7'"
    )
    told = clinic.ask("SELECT count(*) FROM disclosure")[0][0]
    assert _members(fake) == {ADDRESS, "p2@example.com"}
    done = _forget(clinic)
    assert (done.code, "newsletter: erased" in done.out) == (0, True), done.out + done.err
    assert _members(fake) == {"p2@example.com"}
    listed = (clinic.folder / "out" / "contacts" / "contacts.csv").read_text()
    assert ("Zyxwvana" in listed, "p2@example.com" in listed) == (False, True)
    assert not [canary for canary in CANARIES if canary in _everything(clinic)]
    assert not any(ADDRESS in str(call.params) for call in fake.calls)
    for day, stamp in ((1, NEXT), (2, "20260304-0600")):
        _drop(clinic, stamp)
        clinic.run(AT + days(day))
    assert set(clinic.statuses()) == {("emr", "2")}
    assert _members(fake) == {"p2@example.com"}
    assert not [canary for canary in CANARIES if canary in _everything(clinic)]
    # The ledger stays, and knows of the erasure.
    assert clinic.ask("SELECT count(*) FROM disclosure") == [(told + 1,)]
    purpose, basis = clinic.ask("SELECT purpose, basis FROM disclosure ORDER BY id DESC LIMIT 1")[0]
    assert (purpose, basis) == ("erasure", "request of the person")
    assert clinic.ask("SELECT action, subject FROM decision") == [("forget", contact[0][0])]


def test_a_forgotten_address_is_never_sent_to_again_under_another_number(clinic: Clinic, fake: FakeMailchimp) -> None:
    _drop(clinic, MORNING)
    clinic.run()
    _forget(clinic)
    stranger = patient("3", email=ADDRESS)
    _drop(clinic, NEXT, stranger)
    clinic.drop("appointments", [visit("a3", "3", "2026-02-25"), visit("a2", "2", "2026-02-25")], "20260303-0700")
    clinic.run(AT + days(1))
    assert clinic.withheld("3") == {"newsletter": "unsubscribed"}
    assert _members(fake) == {"p2@example.com"}


def test_an_address_that_others_share_stays_theirs(clinic: Clinic, fake: FakeMailchimp) -> None:
    partner = patient("3", email=ADDRESS, ok_news="Y")
    _drop(clinic, MORNING, partner)
    clinic.run()
    done = _forget(clinic)
    assert "Others share an address" in done.out
    clinic.run(AT + days(0.2))
    assert _members(fake) == {ADDRESS, "p2@example.com"}
    assert fake.audience.get(ADDRESS).fields["FNAME"] == partner["given_name"]


def test_what_cannot_be_erased_now_is_erased_by_the_next_push(clinic: Clinic, fake: FakeMailchimp) -> None:
    _drop(clinic, MORNING)
    clinic.run()
    fake.fail("500", 100, template=ERASED)
    done = _forget(clinic)
    assert (done.code, "not yet erased" in done.out) == (75, True)
    fake.heal()
    assert clinic.run(AT + days(0.2)).exit_code() == 0
    assert _members(fake) == {"p2@example.com"}
    assert clinic.ask("SELECT destination, state FROM erasure ORDER BY destination") == [
        ("contacts", "erased"), ("newsletter", "erased"),
    ]  # fmt: skip


def test_while_the_service_runs_it_erases_by_itself(clinic: Clinic, fake: FakeMailchimp) -> None:
    _drop(clinic, MORNING)
    clinic.run()
    with clinic.service() as service, owning(service.engine, AT):
        done = _forget(clinic)
    assert (done.code, "with its next push" in done.out) == (0, True)
    clinic.run(AT + days(0.2))
    assert _members(fake) == {"p2@example.com"}


def test_nobody_is_forgotten_without_a_yes_or_under_an_unknown_name(clinic: Clinic, fake: FakeMailchimp) -> None:
    _drop(clinic, MORNING)
    clinic.run()
    assert prm_sync(clinic, "forget", "emr:PAT-7", typed="n\n").code == 64
    assert _forget(clinic, "emr:nobody").code == 64
    assert _members(fake) == {ADDRESS, "p2@example.com"}
