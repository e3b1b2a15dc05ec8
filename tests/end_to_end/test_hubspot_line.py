"""The whole line into a HubSpot account: nothing there can be added quietly, so baselines wait and events go."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from connectors.hubspot import Hubspot
from tests.fakes.clinic import AT, Clinic, days, mailchimp, patient, visit
from tests.fakes.hubspot import SEARCH, FakeHubspot


@pytest.fixture
def fake() -> Iterator[FakeHubspot]:
    with FakeHubspot() as fake:
        yield fake


@pytest.fixture
def clinic(tmp_path: Path, fake: FakeHubspot, sqlite_template: Path, monkeypatch: pytest.MonkeyPatch) -> Clinic:
    monkeypatch.setattr(Hubspot.__init__, "__kwdefaults__", {"sleep": lambda _seconds: None})
    clinic = Clinic(tmp_path).laid_out(sqlite_template)
    clinic.secret("token", fake.secret)
    keys = mailchimp(fake.url)
    del keys["api_key"], keys["audience"]
    keys |= {"kind": "hubspot", "token": {"file": "secrets/token"}, "fields": {"firstname": "given_name"}}
    clinic.config["destinations"] = {"newsletter": keys}
    clinic.drop("patients", [patient("1"), patient("2")], "20260302-0600")
    visits = [visit(f"a{n}", n, "2026-02-25") for n in ("1", "2")]
    visits += [visit(f"b{n}", n, "2026-03-20", "booked") for n in ("1", "2")]
    clinic.drop("appointments", visits, "20260302-0600")
    return clinic


def _miss(clinic: Clinic) -> None:
    """Patient 1 misses a visit on the day after the first run."""
    visits = [visit("a1", "1", "2026-02-25"), visit("b1", "1", "2026-03-03", "noshow")]
    visits += [visit("a2", "2", "2026-02-25"), visit("b2", "2", "2026-03-20", "booked")]
    clinic.drop("appointments", visits, "20260303-1100")


def test_the_first_load_waits_and_says_so(clinic: Clinic, fake: FakeHubspot) -> None:
    assert clinic.run().exit_code() == 0
    assert clinic.run(AT + days(0.1)).exit_code() == 0
    assert (fake.contacts, fake.automations.total()) == ({}, 0)
    assert clinic.withheld("1")["newsletter"] == "waiting_baseline"


def test_a_fresh_event_goes_and_only_it(clinic: Clinic, fake: FakeHubspot) -> None:
    clinic.run()
    _miss(clinic)
    clinic.run(AT + days(1))
    codes = clinic.codes()
    started = {(address, codes[tag]) for address, tag in fake.automations}
    assert started == {("p1@example.com", "segment:no-show-recovery")}
    assert [c.properties["email"] for c in fake.contacts.values()] == ["p1@example.com"]
    assert clinic.ask("select count(*) from disclosure where outcome = 'accepted'") == [(1,)]


def test_an_event_that_waited_too_long_for_the_provider_is_loud_no_more(clinic: Clinic, fake: FakeHubspot) -> None:
    clinic.run()
    _miss(clinic)
    fake.fail("500", times=999, template=SEARCH)
    clinic.run(AT + days(1))
    fake.heal()
    clinic.run(AT + days(5))
    clinic.run(AT + days(5.1))
    assert fake.contacts == {}
    assert fake.automations.total() == 0
    assert clinic.withheld("1")["no-show-recovery"] == "waiting_baseline"
