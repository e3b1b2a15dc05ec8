"""The whole line into a Mailchimp audience, over real HTTP: who is there, what is told, what starts automations."""

import json
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from connectors.mailchimp.destination import Mailchimp
from tests.fakes.clinic import AT, Clinic, Row, days, lead, mailchimp, patient, visit
from tests.fakes.mailchimp import Call, FakeMailchimp

MEMBER = "/lists/{list_id}/members/{id}"
NO = {"ok": "N", "ok_news": "N", "signed": "2026-03-02"}


@pytest.fixture
def fake() -> Iterator[FakeMailchimp]:
    with FakeMailchimp() as fake:
        yield fake


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Retries come at once."""
    monkeypatch.setattr(Mailchimp.__init__, "__kwdefaults__", {"sleep": lambda _seconds: None})


@pytest.fixture
def clinic(tmp_path: Path, fake: FakeMailchimp, sqlite_template: Path) -> Clinic:
    clinic = Clinic(tmp_path).laid_out(sqlite_template)
    clinic.config["destinations"] = {"newsletter": mailchimp(fake.url)}
    return clinic


def _drop(clinic: Clinic, patients: list[Row], visits: list[Row], stamp: str = "20260302-0600") -> None:
    clinic.drop("patients", patients, stamp)
    clinic.drop("appointments", visits, stamp)


def _active(number: str) -> list[Row]:
    return [visit(f"a{number}", number, "2026-02-25"), visit(f"b{number}", number, "2026-03-20", "booked")]


def _tags(clinic: Clinic, fake: FakeMailchimp) -> dict[str, set[str]]:
    """The tags of everyone who is subscribed, by what their codes stand for."""
    codes = clinic.codes()
    members = fake.audience.members.values()
    return {m.address: {codes[tag] for tag in m.tags.values()} for m in members if m.status == "subscribed"}


def _writes(fake: FakeMailchimp, since: int = 0) -> list[Call]:
    return [call for call in fake.calls[since:] if call.method != "GET"]


def test_members_and_tags_are_what_the_rules_say(clinic: Clinic, fake: FakeMailchimp) -> None:
    _drop(clinic, [patient("1"), patient("2")], [*_active("1"), visit("a2", "2", "2026-02-01")])
    clinic.drop("leads", [lead("L1")], "20260302-0600")
    assert clinic.run().exit_code() == 0
    assert _tags(clinic, fake) == {
        "p1@example.com": {"segment:newsletter"},
        "p2@example.com": {"segment:win-back", "status:dropped_out"},
        "l1@example.com": {"segment:newsletter", "segment:lead-follow-up"},
    }
    assert fake.audience.get("p1@example.com").fields == {"FNAME": "Givenb", "LANG": "en"}


def test_the_first_load_starts_no_automation(clinic: Clinic, fake: FakeMailchimp) -> None:
    _drop(clinic, [patient("1"), patient("2")], [*_active("1"), visit("a2", "2", "2026-02-01")])
    clinic.run()
    assert not fake.audience.automations
    tagging = [call for call in fake.calls if call.template == MEMBER + "/tags"]
    assert tagging
    assert all(call.json["is_syncing"] is True for call in tagging)


def test_a_fresh_event_is_loud_and_only_it(clinic: Clinic, fake: FakeMailchimp) -> None:
    _drop(clinic, [patient("1"), patient("2")], [*_active("1"), *_active("2")])
    clinic.run()
    missed = [visit("a1", "1", "2026-02-25"), visit("b1", "1", "2026-03-03", "noshow"), *_active("2")]
    _drop(clinic, [patient("1"), patient("2")], missed, "20260303-1100")
    clinic.run(AT + days(1))
    codes = clinic.codes()
    started = {(address, codes[tag]) for address, tag in fake.audience.automations}
    assert started == {("p1@example.com", "segment:no-show-recovery")}


def test_the_same_again_makes_no_write(clinic: Clinic, fake: FakeMailchimp) -> None:
    _drop(clinic, [patient("1"), patient("2")], [*_active("1"), *_active("2")])
    clinic.run()
    before = len(fake.calls)
    report = clinic.run(AT + days(0.1))
    assert _writes(fake, before) == []
    assert report.to_json()["destinations"]["newsletter"]["sent"] == 0


def test_leaving_a_segment_takes_its_tag_and_nothing_else(clinic: Clinic, fake: FakeMailchimp) -> None:
    _drop(clinic, [patient("1")], [visit("a1", "1", "2026-02-01")])
    clinic.run()
    before = len(fake.calls)
    _drop(
        clinic,
        [patient("1")],
        [visit("a1", "1", "2026-02-01"), visit("b1", "1", "2026-03-20", "booked")],
        "20260303-1100",
    )
    clinic.run(AT + days(1))
    assert _tags(clinic, fake) == {"p1@example.com": {"segment:newsletter"}}
    assert all("status" not in (call.json or {}) for call in _writes(fake, before))


def test_leaving_the_audience_is_no_unsubscribe(clinic: Clinic, fake: FakeMailchimp) -> None:
    _drop(clinic, [patient("1"), patient("2")], [*_active("1"), *_active("2")])
    clinic.run()
    _drop(clinic, [patient("1"), patient("2", active="no")], [*_active("1"), *_active("2")], "20260303-1100")
    clinic.run(AT + days(1))
    left = fake.audience.get("p2@example.com")
    assert (left.status, left.tags) == ("subscribed", {})


def test_a_withdrawal_writes_unsubscribed_and_no_other_status_is_ever_written(
    clinic: Clinic, fake: FakeMailchimp
) -> None:
    _drop(clinic, [patient("1"), patient("2")], [*_active("1"), *_active("2")])
    clinic.run()
    before = len(fake.calls)
    _drop(
        clinic,
        [patient("1", given_name="Renamed"), patient("2", **NO)],
        [*_active("1"), *_active("2")],
        "20260303-1100",
    )
    clinic.run(AT + days(1))
    changes = [call.json for call in _writes(fake, before) if call.template == MEMBER]
    assert sorted(map(str, changes)) == sorted(
        map(str, ({"merge_fields": {"FNAME": "Renamed"}}, {"status": "unsubscribed"}))
    )
    assert fake.audience.get("p2@example.com").status == "unsubscribed"
    assert not fake.audience.raised


def test_a_family_address_is_one_member(clinic: Clinic, fake: FakeMailchimp) -> None:
    child = patient("3", email="p1@example.com", birth_date="2018-04-05")
    _drop(
        clinic,
        [patient("1"), patient("2", email="P1@Example.com"), child],
        [*_active("1"), visit("a2", "2", "2026-02-01")],
    )
    clinic.run()
    assert _tags(clinic, fake) == {
        "p1@example.com": {"segment:newsletter", "segment:lead-follow-up", "segment:win-back", "status:dropped_out"}
    }
    assert fake.audience.get("p1@example.com").fields["FNAME"] == "Givenb"


def test_a_refusal_in_the_family_closes_the_purpose_for_all(clinic: Clinic, fake: FakeMailchimp) -> None:
    refused = patient("2", email="p1@example.com", ok_news="N")
    _drop(clinic, [patient("1"), refused], [*_active("1"), visit("a2", "2", "2026-02-01")])
    clinic.run()
    assert _tags(clinic, fake) == {"p1@example.com": {"segment:win-back", "status:dropped_out"}}
    assert clinic.withheld("1") == {"newsletter": "household_refusal"}


@pytest.mark.parametrize(
    ("cells", "reason"),
    [
        ({"ok": "", "ok_news": ""}, "no_consent"),
        ({"signed": ""}, "no_consent"),
        ({"ok_news": "N"}, "consent_withdrawn"),
        ({"ok_news": ""}, "purpose_not_covered"),
        ({"birth_date": "2018-04-05"}, "minor_without_guardian"),
        ({"email": ""}, "no_address"),
    ],
)
def test_nobody_is_there_without_consent(
    clinic: Clinic, fake: FakeMailchimp, cells: dict[str, str], reason: str
) -> None:
    _drop(clinic, [patient("1", **cells)], _active("1"))
    clinic.run()
    assert fake.audience.members == {}
    assert clinic.withheld("1") == {"newsletter": reason}


def test_without_an_agreement_only_address_name_language_and_codes_are_told(
    clinic: Clinic, fake: FakeMailchimp
) -> None:
    details = {"phone": "402-555-0107", "postal_code": "68502", "sex": "female"}
    _drop(clinic, [patient("1", **details), patient("2", **details)], [*_active("1"), visit("a2", "2", "2026-02-01")])
    clinic.run()
    _drop(clinic, [patient("1", **details), patient("2", **details)], [*_active("1"), *_active("2")], "20260303-1100")
    clinic.run(AT + days(1))
    allowed = {
        "p1@example.com",
        "p2@example.com",
        "Givenb",
        "Givenc",
        "en",
        "subscribed",
        "active",
        "inactive",
        "",
        *clinic.codes(),
    }
    told = [value for call in fake.calls for value in _texts(call.json)]
    assert set(told) <= allowed
    asked = {value for call in fake.calls for value in call.params.values()}
    assert not any("example.com" in value or "Given" in value for value in asked)


def _texts(value: Any) -> Iterator[str]:
    """Every text in a body that is no key of the provider's own."""
    if isinstance(value, dict):
        for below in value.values():
            yield from _texts(below)
    elif isinstance(value, list):
        for below in value:
            yield from _texts(below)
    elif isinstance(value, str):
        yield value


def test_an_unsubscribe_at_the_provider_follows_the_person_to_a_new_address(
    clinic: Clinic, fake: FakeMailchimp
) -> None:
    _drop(clinic, [patient("1"), patient("2")], [*_active("1"), *_active("2")])
    clinic.run()
    fake.audience.tick(3600)
    fake.audience.act("p1@example.com", "unsubscribed")
    before = len(fake.calls)
    clinic.run(AT + days(0.1))
    assert clinic.withheld("1") == {"newsletter": "unsubscribed"}
    _drop(
        clinic,
        [patient("1", email="other1@example.com"), patient("2")],
        [*_active("1"), *_active("2")],
        "20260303-1100",
    )
    clinic.run(AT + days(1))
    assert clinic.withheld("1") == {"newsletter": "unsubscribed"}
    assert [call for call in _writes(fake, before) if "p1@" in json.dumps(call.json)] == []
    assert {member.address: member.status for member in fake.audience.members.values()} == {
        "p1@example.com": "unsubscribed", "p2@example.com": "subscribed",
    }  # fmt: skip


def test_a_bounce_stays_with_the_address(clinic: Clinic, fake: FakeMailchimp) -> None:
    _drop(clinic, [patient("1")], _active("1"))
    clinic.run()
    fake.audience.act("p1@example.com", "cleaned")
    clinic.run(AT + days(0.1))
    _drop(clinic, [patient("1", email="other1@example.com")], _active("1"), "20260303-1100")
    clinic.run(AT + days(1))
    assert _tags(clinic, fake) == {"other1@example.com": {"segment:newsletter"}}


def test_a_new_address_of_everyone_renames_the_member(clinic: Clinic, fake: FakeMailchimp) -> None:
    _drop(clinic, [patient("1")], _active("1"))
    clinic.run()
    _drop(clinic, [patient("1", email="other1@example.com")], _active("1"), "20260303-1100")
    clinic.run(AT + days(1))
    assert _tags(clinic, fake) == {"other1@example.com": {"segment:newsletter"}}
    assert len(fake.audience.members) == 1


def test_an_outage_loses_nothing(clinic: Clinic, fake: FakeMailchimp) -> None:
    _drop(clinic, [patient("1"), patient("2")], [*_active("1"), *_active("2")])
    fake.fail("403_bare", 1000, headers={"Retry-After": "0"})
    report = clinic.run()
    assert report.exit_code() == 75
    assert clinic.status("1") == "active"
    assert {state for _, _, state, _ in clinic.wishes()} == {"ready"}
    fake.heal()
    assert clinic.run(AT + days(0.1)).exit_code() == 0
    assert set(_tags(clinic, fake)) == {"p1@example.com", "p2@example.com"}
    assert not fake.audience.automations


def test_an_outage_between_the_calls_of_a_push_is_made_good(clinic: Clinic, fake: FakeMailchimp) -> None:
    people = [str(n) for n in range(1, 9)]
    _drop(clinic, [patient(n) for n in people], [row for n in people for row in _active(n)])
    fake.fail("500_after_acting", 4, method="POST", template=MEMBER + "/tags")
    clinic.run()
    for hour in range(1, 4):
        clinic.run(AT + days(hour / 24))
    assert _tags(clinic, fake) == {f"p{n}@example.com": {"segment:newsletter"} for n in people}
    assert clinic.wishes() == []
    assert not fake.audience.automations


def test_a_refused_key_is_said_and_nothing_is_lost(clinic: Clinic, fake: FakeMailchimp) -> None:
    clinic.secret("mailchimp.key", "ffffffffffffffffffffffffffffffff-us6")
    _drop(clinic, [patient("1")], _active("1"))
    report = clinic.run()
    assert report.exit_code() == 77
    assert "destinations.newsletter" in report.troubles[0].sentence
    assert "ffff" not in report.troubles[0].sentence
    clinic.secret("mailchimp.key", fake.api_key)
    assert clinic.run(AT + days(0.1)).exit_code() == 0
    assert set(_tags(clinic, fake)) == {"p1@example.com"}


def test_one_bad_member_fails_alone(clinic: Clinic, fake: FakeMailchimp) -> None:
    people = [str(n) for n in range(1, 6)]
    fake.audience.fake_looking.add("p3@example.com")
    _drop(clinic, [patient(n) for n in people], [row for n in people for row in _active(n)])
    report = clinic.run()
    assert report.exit_code() == 3
    assert set(_tags(clinic, fake)) == {f"p{n}@example.com" for n in people if n != "3"}
    assert clinic.run(AT + days(0.1)).exit_code() == 0


def test_observe_reads_and_writes_nothing(clinic: Clinic, fake: FakeMailchimp) -> None:
    clinic.config["destinations"]["newsletter"]["mode"] = "observe"
    _drop(clinic, [patient("1")], _active("1"))
    assert clinic.run().exit_code() == 0
    assert _writes(fake) == []
    assert fake.audience.members == {}
    assert clinic.members()["newsletter"] == {"1"}


def test_a_destination_that_is_added_later_is_quiet(clinic: Clinic, fake: FakeMailchimp) -> None:
    newsletter = clinic.config["destinations"].pop("newsletter")
    _drop(clinic, [patient("1")], _active("1"))
    clinic.run()
    missed = [visit("a1", "1", "2026-02-25"), visit("b1", "1", "2026-03-03", "noshow")]
    _drop(clinic, [patient("1")], missed, "20260303-1100")
    clinic.config["destinations"]["newsletter"] = newsletter
    clinic.run(AT + days(1))
    assert "segment:no-show-recovery" in _tags(clinic, fake)["p1@example.com"]
    assert not fake.audience.automations


def test_a_prospect_becomes_a_patient_and_stays_subscribed(clinic: Clinic, fake: FakeMailchimp) -> None:
    clinic.drop("leads", [lead("L1", given_name="Ada", family_name="Prospect", phone="402-555-0101")], "20260302-0600")
    _drop(clinic, [patient("1")], _active("1"))
    clinic.run()
    same = {
        "given_name": "Ada",
        "family_name": "Prospect",
        "email": "l1@example.com",
        "ok": "",
        "ok_news": "",
        "signed": "",
    }
    _drop(clinic, [patient("1"), patient("2", **same)], [*_active("1"), *_active("2")], "20260303-1100")
    clinic.run(AT + days(1))
    assert clinic.status("L1", "leads") == "active"
    assert _tags(clinic, fake)["l1@example.com"] == {"segment:newsletter"}


def test_what_was_told_of_whom_is_in_the_ledger_without_values(clinic: Clinic, fake: FakeMailchimp) -> None:
    _drop(clinic, [patient("1")], [visit("a1", "1", "2026-02-01")])
    clinic.run()
    rows = clinic.ask("SELECT recipient, fields, added, purpose, basis, outcome FROM disclosure")
    assert len(rows) == 1
    recipient, fields, added, _purpose, basis, outcome = rows[0]
    assert (recipient, outcome) == ("Intuit Mailchimp, Atlanta GA", "accepted")
    assert set(json.loads(fields)) >= {"FNAME", "LANG"}
    assert set(json.loads(added).values()) == {"segment:win-back", "status:dropped_out"}
    assert "2026-01-05" in basis
    whole = json.dumps(clinic.ask("SELECT * FROM disclosure"), default=str)
    assert "example.com" not in whole
    assert "Givenb" not in whole


def test_statuses_at_an_instant_are_those_of_the_clinic_s_day(clinic: Clinic) -> None:
    late = datetime(2026, 3, 20, 23, 30, tzinfo=AT.tzinfo)
    _drop(clinic, [patient("1")], [visit("b1", "1", "2026-03-20", "booked")], "20260320-2300")
    clinic.run(late)
    assert clinic.status("1") == "scheduled"
