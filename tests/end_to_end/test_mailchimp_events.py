"""Events: told once, after the member's own change, never of baselines, never to whom consent does not cover."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from connectors.mailchimp.destination import Mailchimp
from tests.fakes.clinic import AT, Clinic, Row, days, mailchimp, patient, visit
from tests.fakes.command_line import prm_sync
from tests.fakes.mailchimp import EVENTS, TAGS, FakeMailchimp

MISSED = "no-show-recovery"


@pytest.fixture
def fake() -> Iterator[FakeMailchimp]:
    with FakeMailchimp() as fake:
        yield fake


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Mailchimp.__init__, "__kwdefaults__", {"sleep": lambda _seconds: None})


@pytest.fixture
def clinic(tmp_path: Path, fake: FakeMailchimp, sqlite_template: Path) -> Clinic:
    """Patient 1 is active; on the second day they miss a visit."""
    clinic = Clinic(tmp_path).laid_out(sqlite_template)
    clinic.config["destinations"] = {
        "newsletter": mailchimp(
            fake.url, events=["status_changed", f"entered:{MISSED}"], statuses=["at_risk", "dropped_out"]
        )
    }
    _drop(clinic, "20260302-0600", patient("1"), visit("b1", "1", "2026-03-20", "booked"))
    clinic.run()
    _drop(clinic, "20260303-1100", patient("1"), visit("b1", "1", "2026-03-03", "noshow"))
    return clinic


def _drop(clinic: Clinic, stamp: str, who: Row, second: Row) -> None:
    clinic.drop("patients", [who], stamp)
    clinic.drop("appointments", [visit("a1", "1", "2026-02-01"), second], stamp)


def _told(clinic: Clinic, fake: FakeMailchimp) -> list[str]:
    codes = clinic.codes()
    return sorted(codes[name] for _, name in fake.audience.events)


def _states(clinic: Clinic) -> list[tuple[str, str]]:
    return clinic.ask("SELECT name, state FROM event ORDER BY name")


def test_an_entry_and_a_change_of_status_are_told_once_by_their_codes_after_the_tags(
    clinic: Clinic, fake: FakeMailchimp
) -> None:
    assert fake.audience.events == []
    assert clinic.run(AT + days(1)).exit_code() == 0
    assert _told(clinic, fake) == [f"segment:{MISSED}", "status:dropped_out"]
    templates = [call.template for call in fake.writes]
    assert templates.index(EVENTS) > max(at for at, template in enumerate(templates) if template == TAGS)
    assert all(set(call.json) == {"name"} for call in fake.writes if call.template == EVENTS)
    clinic.run(AT + days(1.1))
    assert len(fake.audience.events) == 2
    told = clinic.ask("SELECT added FROM disclosure ORDER BY id DESC LIMIT 2")
    assert all("event:" in str(added) for (added,) in told)


def test_an_event_of_which_nobody_knows_is_never_sent_again(clinic: Clinic, fake: FakeMailchimp) -> None:
    fake.fail("500_after_acting", 99, template=EVENTS)
    clinic.run(AT + days(1))
    assert {state for _, state in _states(clinic)} == {"unknown"}
    fake.heal()
    clinic.run(AT + days(1.1))
    assert len(fake.audience.events) == 2
    assert {told["outcome"] for told in prm_sync(clinic, "disclosures", "emr:1", "--json").lines()[-2:]} == {"unknown"}


def test_an_event_that_was_turned_away_is_told_when_there_is_room_and_expires_after_a_day(
    clinic: Clinic, fake: FakeMailchimp
) -> None:
    fake.fail("429", 1000, template=EVENTS)
    assert clinic.run(AT + days(1)).exit_code() == 75
    assert {state for _, state in _states(clinic)} == {"ready"}
    copy = len(fake.calls)
    clinic.run(AT + days(2.5))
    assert [call for call in fake.calls[copy:] if call.template == EVENTS] == []
    assert {state for _, state in _states(clinic)} == {"expired"}


def test_a_withdrawal_before_it_is_told_withholds_an_event(clinic: Clinic, fake: FakeMailchimp) -> None:
    fake.fail("429", 1000, template=EVENTS)
    clinic.run(AT + days(1))
    fake.heal()
    gone = patient("1", ok="N", signed="2026-03-03")
    _drop(clinic, "20260303-1200", gone, visit("b1", "1", "2026-03-03", "noshow"))
    clinic.run(AT + days(1.1))
    assert fake.audience.events == []
    assert {state for _, state in _states(clinic)} == {"withheld"}


def test_events_of_unknown_segments_are_refused_by_check(clinic: Clinic) -> None:
    clinic.config["destinations"]["newsletter"]["events"] = ["entered:newslettre", "left:newsletter"]
    refused = prm_sync_fails(clinic)
    assert "did you mean" in refused
    assert "status_changed, or entered:SEGMENT" in refused


def prm_sync_fails(clinic: Clinic) -> str:
    answer = prm_sync(clinic, "check", "--offline")
    assert answer.code == 78
    return answer.err
