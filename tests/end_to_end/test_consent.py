"""Where consent comes from, what it comes to, and that a no overtakes whatever waits."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import time_machine

from connectors.mailchimp.destination import Mailchimp
from sync import push as pushing
from sync.by_hand import Said, record
from sync.store.engine import writing
from tests.fakes.clinic import AT, Clinic, days, mailchimp, patient, visit
from tests.fakes.command_line import prm_sync
from tests.fakes.mailchimp import FakeMailchimp

MORNING, NEXT = "20260302-0600", "20260303-0600"
SILENT = {"ok": "", "ok_news": "", "signed": ""}
CONSENTS = ["external_id", "email", "channel", "purpose", "decision", "decided_on", "evidence"]


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
    clinic.config["destinations"] = {"newsletter": mailchimp(fake.url)}
    clinic.config["sources"]["emr"]["consents"] = {"files": "consents-*.csv", "snapshot": "full"}
    return clinic


def _drop(clinic: Clinic, stamp: str = MORNING, **cells: str) -> None:
    clinic.drop("patients", [patient("1", **cells)], stamp)
    clinic.drop("appointments", [visit("a1", "1", "2026-02-25"), visit("b1", "1", "2026-03-20", "booked")], stamp)


def _consents(clinic: Clinic, rows: list[dict[str, str]], stamp: str = MORNING) -> None:
    clinic.drop("consents", rows, stamp, columns=CONSENTS)


def _said(decision: str, on: str, **cells: str) -> dict[str, str]:
    return {
        "external_id": "1",
        "purpose": "marketing",
        "decision": decision,
        "decided_on": on,
        "evidence": "Form",
    } | cells


def _there(fake: FakeMailchimp) -> dict[str, str]:
    return {member.address: member.status for member in fake.audience.members.values()}


def _state(clinic: Clinic, purpose: str = "marketing") -> str:
    verdicts = prm_sync(clinic, "consent", "show", "emr:1", "--json").json()["verdicts"]
    return str(verdicts[purpose]["state"])


# ---------------------------------------------------------------- a feed of its own


@pytest.mark.parametrize("who", [{"external_id": "1"}, {"external_id": "", "email": "P1@example.com"}])
def test_a_consents_feed_speaks_by_patient_or_by_address(
    clinic: Clinic, fake: FakeMailchimp, who: dict[str, str]
) -> None:
    _drop(clinic, **SILENT)
    clinic.run()
    assert clinic.withheld("1") == {"newsletter": "no_consent"}
    _consents(clinic, [_said("Y", "2026-01-05", **who)])
    clinic.run(AT + days(0.1))
    assert _there(fake) == {"p1@example.com": "subscribed"}
    _consents(clinic, [_said("Y", "2026-01-05", **who), _said("opt-out", "2026-03-02", **who)], "20260302-0900")
    clinic.run(AT + days(0.2))
    assert clinic.withheld("1") == {"newsletter": "consent_withdrawn"}
    assert fake.audience.get("p1@example.com").tags == {}


def test_a_yes_that_its_feed_no_longer_states_counts_no_longer_and_counts_again_when_it_is_back(
    clinic: Clinic, fake: FakeMailchimp
) -> None:
    _drop(clinic, **SILENT)
    other = _said("yes", "2026-01-05", external_id="2")
    clinic.config["brakes"] = {"min_source_rows": "0%"}
    for stamp, rows, state in (
        (MORNING, [_said("yes", "2026-01-05"), other], "yes_dated"),
        ("20260302-0800", [other], "none"),
        ("20260302-0900", [_said("yes", "2026-01-05"), other], "yes_dated"),
    ):
        _consents(clinic, rows, stamp)
        clinic.run()
        assert _state(clinic) == state


def test_a_decision_of_nobody_is_set_aside_by_line_and_the_rest_counts(clinic: Clinic) -> None:
    _drop(clinic, **SILENT)
    _consents(
        clinic, [_said("yes", "2026-01-05", external_id=""), _said("perhaps", "2026-01-05"), _said("yes", "2026-01-05")]
    )
    assert clinic.run().exit_code() == 3
    assert sorted(code for _, code in clinic.quarantined().items()) == ["missing_value", "unreadable_value"]
    assert _state(clinic) == "yes_dated"


def test_a_yes_about_an_address_carries_nothing_to_another_and_a_no_does(clinic: Clinic) -> None:
    _drop(clinic, **SILENT)
    _consents(clinic, [_said("yes", "2026-01-05", external_id="", email="other@example.com")])
    clinic.run()
    assert _state(clinic) == "none"


# ---------------------------------------------------------------- by hand


def test_what_people_record_acts_with_the_next_run_and_is_in_the_ledger_of_decisions(
    clinic: Clinic, fake: FakeMailchimp
) -> None:
    _drop(clinic, **SILENT)
    clinic.run()
    with time_machine.travel(AT, tick=False):
        assert prm_sync(clinic, "consent", "set", "emr:1", "yes", "--purpose", "marketing").code == 64
        said = prm_sync(
            clinic, "consent", "set", "emr:1", "yes", "--purpose", "marketing", "--evidence", "Form of March"
        )
        assert said.code == 0, said.err
        assert prm_sync(clinic, "consent", "set", "emr:1", "no", "--on", "2026-04-01").code != 0
        assert prm_sync(clinic, "consent", "set", "emr:9", "no").code == 64
    clinic.run(AT + days(0.1))
    assert _there(fake) == {"p1@example.com": "subscribed"}
    with time_machine.travel(AT + days(1), tick=False):
        assert prm_sync(clinic, "consent", "set", "emr:1", "no").code == 0
    clinic.run(AT + days(1.1))
    assert _there(fake) == {"p1@example.com": "unsubscribed"}
    actions = clinic.ask("SELECT action FROM decision ORDER BY id")
    assert actions == [("consent set",)] * 2


def test_a_file_of_decisions_is_recorded_whole_or_not_at_all(clinic: Clinic, tmp_path: Path) -> None:
    _drop(clinic, **SILENT)
    clinic.run()
    file = tmp_path / "decisions.csv"
    good = "contact,email,purpose,decision,decided_on,evidence\nemr:1,,marketing,yes,2026-02-01,Form\n"
    file.write_text(good + ",nobody,all,perhaps,soon,\nemr:9,,all,no,,\n,q@example.com,all,yes,,\n", encoding="utf-8")
    refused = prm_sync(clinic, "consent", "import", str(file))
    assert refused.code == 64
    places = [line.split(": ")[:2] for line in refused.err.splitlines() if line.startswith("decisions.csv:")]
    assert places == [
        ["decisions.csv:3", "email"], ["decisions.csv:3", "decision"], ["decisions.csv:3", "decided_on"],
        ["decisions.csv:5", "evidence"], ["decisions.csv:4", "contact"],
    ]  # fmt: skip
    assert "q@example.com" not in refused.err
    assert _state(clinic) == "none"
    file.write_text(good + ",p1@example.com,operations,yes,2026-02-01,Form\n", encoding="utf-8")
    assert prm_sync(clinic, "consent", "import", str(file)).code == 0
    assert (_state(clinic), _state(clinic, "operations")) == ("yes_dated", "yes_dated")


# ---------------------------------------------------------------- withdrawals overtake


def test_a_withdrawal_between_review_and_push_is_seen_when_the_wish_is_sent(
    clinic: Clinic, fake: FakeMailchimp, monkeypatch: pytest.MonkeyPatch
) -> None:
    _drop(clinic)
    clinic.run(stages={"listen", "pull", "review"})
    claim = pushing._claim

    def withdrawn(engine: Any, delivery: Any) -> Any:
        claimed = claim(engine, delivery)
        if claimed:
            with writing(engine) as connection:
                record(connection, "emr:1", Said(decision="no", decided_on=AT.date()), AT)
        return claimed

    monkeypatch.setattr(pushing, "_claim", withdrawn)
    clinic.run(stages={"push"})
    assert _there(fake) == {}
    assert clinic.withheld("1") == {"newsletter": "consent_withdrawn"}
    assert clinic.wishes() == []


def test_a_withdrawal_takes_a_removal_out_of_its_hold(clinic: Clinic, fake: FakeMailchimp) -> None:
    _drop(clinic)
    clinic.run()
    clinic.config["brakes"] = {"max_removals": {"number": 0, "share": "0%"}}
    _drop(clinic, NEXT, active="no")
    clinic.run(AT + days(1))
    assert [state for _, _, state, _ in clinic.wishes()] == ["held"]
    _drop(clinic, "20260304-0600", ok="N", ok_news="N", signed="2026-03-03")
    clinic.run(AT + days(2))
    assert clinic.wishes() == []
    assert _there(fake) == {"p1@example.com": "unsubscribed"}


# ---------------------------------------------------------------- the latch


def test_r1_r7_what_closed_an_address_stays_closed_until_a_later_dated_opt_in_with_evidence(
    clinic: Clinic, fake: FakeMailchimp
) -> None:
    _drop(clinic)
    clinic.run()
    fake.audience.tick(3600)
    fake.audience.act("p1@example.com", "unsubscribed")
    clinic.run(AT + days(0.1))
    assert clinic.withheld("1") == {"newsletter": "unsubscribed"}
    _consents(clinic, [_said("yes", "2026-03-01"), _said("yes", "2026-03-03", evidence="")], NEXT)
    clinic.run(AT + days(1))
    assert clinic.withheld("1") == {"newsletter": "unsubscribed"}
    _consents(clinic, [_said("yes", "2026-03-01"), _said("yes", "2026-03-03", evidence="Desk")], "20260304-0600")
    report = clinic.run(AT + days(2))
    causes = [cause for (cause,) in clinic.ask("SELECT cause FROM suppression ORDER BY id")]
    assert causes == ["unsubscribed", "reopened"]
    # Only the person can subscribe again there; our wish waits, parked, and nothing closes a second time.
    assert report.exit_code() == 3
    assert _there(fake) == {"p1@example.com": "unsubscribed"}
    assert not fake.audience.raised
    assert [code for *_, code in clinic.wishes()] == ["unsubscribed"]


def test_an_opt_out_after_the_reopening_closes_again(clinic: Clinic, fake: FakeMailchimp) -> None:
    _drop(clinic)
    clinic.run()
    fake.audience.tick(3600)
    fake.audience.act("p1@example.com", "cleaned")
    clinic.run(AT + days(0.1))
    _consents(clinic, [_said("yes", "2026-03-03")], NEXT)
    clinic.run(AT + days(1))
    fake.audience.tick(2 * 86400)
    fake.audience.act("p1@example.com", "subscribed")
    fake.audience.act("p1@example.com", "cleaned")
    clinic.run(AT + days(3))
    causes = [cause for (cause,) in clinic.ask("SELECT cause FROM suppression ORDER BY id")]
    assert causes == ["bounced", "reopened", "bounced"]


def test_whoever_shares_a_reopened_address_keeps_what_follows_them(clinic: Clinic, fake: FakeMailchimp) -> None:
    clinic.drop("patients", [patient("1"), patient("2", email="p1@example.com")], MORNING)
    clinic.drop("appointments", [visit(f"a{n}", n, "2026-02-25") for n in "12"], MORNING)
    clinic.run()
    fake.audience.tick(3600)
    fake.audience.act("p1@example.com", "unsubscribed")
    clinic.run(AT + days(0.1))
    _consents(clinic, [_said("yes", "2026-03-03")], NEXT)
    clinic.run(AT + days(1))
    assert clinic.withheld("2") == {"newsletter": "unsubscribed"}
    assert clinic.withheld("1") != {"newsletter": "unsubscribed"}
