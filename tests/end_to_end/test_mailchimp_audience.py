"""The audience as a whole: what must be mended there, and how much it holds."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from connectors.mailchimp.destination import Mailchimp
from tests.fakes.clinic import AT, Clinic, Row, days, mailchimp, patient, visit
from tests.fakes.command_line import prm_sync
from tests.fakes.mailchimp import FakeMailchimp

FIELDS = "/lists/{list_id}/merge-fields"


@pytest.fixture
def fake() -> Iterator[FakeMailchimp]:
    with FakeMailchimp() as fake:
        yield fake


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Mailchimp.__init__, "__kwdefaults__", {"sleep": lambda _seconds: None})


@pytest.fixture
def clinic(tmp_path: Path, fake: FakeMailchimp, sqlite_template: Path) -> Clinic:
    clinic = Clinic(tmp_path).laid_out(sqlite_template)
    del clinic.config["sources"]["leads"]
    clinic.config["destinations"] = {"newsletter": mailchimp(fake.url)}
    return clinic


def _drop(clinic: Clinic, patients: list[Row], stamp: str = "20260302-0600") -> None:
    clinic.drop("patients", patients, stamp)
    visits = [visit(f"a{p['external_id']}", p["external_id"], "2026-02-25") for p in patients]
    clinic.drop("appointments", visits, stamp)


def _there(fake: FakeMailchimp) -> dict[str, str]:
    return {member.address: member.status for member in fake.audience.members.values()}


def test_r10_an_audience_that_was_changed_takes_opt_outs_only_until_it_is_mended(
    clinic: Clinic, fake: FakeMailchimp
) -> None:
    _drop(clinic, [patient("1")])
    clinic.run()
    fake.audience.merge_fields["LANG"]["type"] = "dropdown"
    del fake.audience.merge_fields["FNAME"]
    # Once a day it is asked again; until then nothing is known of it.
    assert clinic.run(AT + days(0.5)).exit_code() == 0
    asked = fake.templates().count(("GET", FIELDS))
    assert asked == 1
    _drop(clinic, [patient("1", ok="N", ok_news="N", signed="2026-03-03"), patient("2")], "20260303-1200")
    report = clinic.run(AT + days(1.1))
    assert report.exit_code() == 78
    [trouble] = report.troubles
    assert "no merge field FNAME" in trouble.sentence
    assert "LANG is of type dropdown" in trouble.sentence
    assert _there(fake) == {"p1@example.com": "unsubscribed"}
    fake.audience.merge_fields["LANG"]["type"] = "text"
    assert prm_sync(clinic, "check", "--live", "--create-fields").code == 0
    assert clinic.run(AT + days(1.2)).exit_code() == 0
    assert _there(fake) == {"p1@example.com": "unsubscribed", "p2@example.com": "subscribed"}


def test_r10_missing_fields_are_made_on_demand_and_then_fill(clinic: Clinic, fake: FakeMailchimp) -> None:
    fake.audience.merge_fields.clear()
    _drop(clinic, [patient("1")])
    assert prm_sync(clinic, "check", "--create-fields").code == 64
    refused = prm_sync(clinic, "check", "--live")
    assert (refused.code, "no merge field FNAME" in refused.err) == (78, True)
    assert fake.writes == []
    made = prm_sync(clinic, "check", "--live", "--create-fields")
    assert (made.code, "new fields: FNAME, LANG" in made.out) == (0, True)
    assert [field["type"] for field in fake.audience.merge_fields.values()] == ["text", "text"]
    clinic.run()
    assert fake.audience.get("p1@example.com").fields == {"FNAME": "Givenb", "LANG": "en"}


def test_r3_whoever_would_be_a_member_too_many_waits_until_there_is_room(clinic: Clinic, fake: FakeMailchimp) -> None:
    clinic.config["destinations"]["newsletter"]["max_members"] = 2
    _drop(clinic, [patient(n) for n in "123"])
    assert clinic.run().exit_code() == 4
    assert sorted(_there(fake)) == ["p1@example.com", "p2@example.com"]
    status = prm_sync(clinic, "status", "--json").json()
    assert [hold["reasons"] for hold in status["holds"]] == [{"plan_full": {"count": 1, "of": 2}}]
    assert status["destinations"]["newsletter"]["withheld"]["newsletter"] == {"plan_full": 1}
    # Somebody else who comes stands under the same hold; the fields of members go on.
    _drop(clinic, [patient("1", given_name="Renamed"), *(patient(n) for n in "234")], "20260303-0600")
    clinic.run(AT + days(1))
    assert fake.audience.get("p1@example.com").fields["FNAME"] == "Renamed"
    holds = prm_sync(clinic, "status", "--json").json()["holds"]
    assert [hold["reasons"] for hold in holds] == [{"plan_full": {"count": 2, "of": 2}}]
    clinic.config["destinations"]["newsletter"]["max_members"] = 4
    assert clinic.run(AT + days(1.1)).exit_code() == 0
    assert len(_there(fake)) == 4
    assert prm_sync(clinic, "status", "--json").json()["holds"] == []
