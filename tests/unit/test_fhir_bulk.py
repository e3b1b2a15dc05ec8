"""Bulk exports against scripted answers: how they are begun, waited for, kept from run to run and ended."""

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import responses
from pydantic import ValidationError

from connectors.base import Misconfigured, Unavailable
from connectors.fhir_bulk.probe import levels
from connectors.fhir_bulk.settings import FhirBulkSettings
from tests.fakes.fhir_bulk_stub import AT, BASE, JOB, OUTCOME, Rig, Stub, at_work, line


@pytest.fixture
def stub() -> Iterator[Stub]:
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        yield Stub(mock)


@pytest.fixture
def rig(stub: Stub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Rig:
    return Rig(stub, tmp_path).install(monkeypatch, tmp_path)


# ---------------------------------------------------------------- kick-off


def test_f17_a_job_is_begun_as_the_guide_says_and_kept_before_it_is_asked_for(rig: Rig, stub: Stub) -> None:
    rig.keys |= {"resources": ["Patient", "Appointment"], "export": "group", "group": "g1"}
    stub.polls = [(404, {}, b"{}")]
    with pytest.raises(Unavailable):
        rig.pull()
    (kick_off,) = stub.asked("$export")
    assert str(kick_off.url) == f"{BASE}/Group/g1/$export?_type=Patient%2CAppointment"
    assert kick_off.headers["Prefer"] == "respond-async"
    assert kick_off.headers["Accept"] == "application/fhir+json"
    assert rig.job is not None
    assert rig.job["url"] == JOB


def test_f17_a_filter_that_the_server_does_not_know_is_for_a_person_and_is_never_passed_over(
    rig: Rig, stub: Stub
) -> None:
    rig.keys |= {"type_filters": {"Patient": "active=true"}, "resources": None}
    stub.kicks = [(400, {}, json.dumps(OUTCOME).encode())] * 9
    with pytest.raises(Misconfigured, match=r"sources.emr.type_filters: .*400 \(processing\)") as caught:
        rig.pull()
    assert "Zanzibar" not in str(caught.value)
    assert all("_typeFilter=Patient%3Factive%3Dtrue" in str(call.url) for call in stub.asked("$export"))
    assert not any("lenient" in call.headers["Prefer"] for call in stub.calls if "Prefer" in call.headers)


def test_f17_with_a_filter_nobody_counts_as_absent(rig: Rig, stub: Stub) -> None:
    rig.keys["type_filters"] = {"Patient": ["active=true", "gender=female,male"]}
    stub.put("Patient", line("Patient", "1"))
    rig.pull()
    assert rig.snapshots == {"Patient": "delta"}
    assert "gender%3Dfemale%2Cmale" in str(stub.asked("$export")[0].url)


def test_types_that_the_server_lacks_are_left_out_where_nobody_named_them(rig: Rig, stub: Stub) -> None:
    rig.keys["resources"] = None
    stub.statement["rest"] = [{"mode": "server", "resource": [{"type": "Patient"}]}]  # type: ignore[assignment]
    stub.kicks = [(400, {}, b"{}")] * 2
    stub.put("Patient", line("Patient", "1"))
    assert [row.external_id for row in rig.pull()] == ["1"]
    assert rig.notices[0].startswith("not_offered: Appointment, ")
    stub.now += timedelta(hours=2)
    rig.pull()
    last = str(stub.asked("$export")[-1].url)
    assert len(stub.asked("$export")) == 4
    assert "_type=Patient&_since=2026-03-02T17%3A50%3A00.000Z" in last


def test_types_that_somebody_named_are_not_left_out(rig: Rig, stub: Stub) -> None:
    stub.kicks = [(422, {}, b"{}")]
    with pytest.raises(Misconfigured, match=r"sources\.emr\.resources"):
        rig.pull()


@pytest.mark.parametrize(("level", "key"), [({}, "export"), ({"export": "group", "group": "g"}, "group")])
def test_a_level_that_the_server_does_not_export_is_named(
    rig: Rig, stub: Stub, level: dict[str, str], key: str
) -> None:
    rig.keys |= level
    stub.kicks = [(404, {}, b"<html>")]
    with pytest.raises(Misconfigured, match=f"sources.emr.{key}: "):
        rig.pull()


def test_a_server_that_refuses_since_exports_everything(rig: Rig, stub: Stub) -> None:
    stub.put("Patient", line("Patient", "1"))
    rig.pull()
    stub.now += timedelta(hours=2)
    stub.kicks = [(400, {}, b"{}")]
    rig.pull()
    assert ["_since" in str(call.url) for call in stub.asked("$export")] == [False, True, False]
    assert rig.snapshots == {"Patient": "full"}
    assert rig.notices == ["filter_ignored: the server refuses _since; everything is exported each time"]


# ---------------------------------------------------------------- the job


def test_f13_f18_a_job_that_takes_longer_than_a_run_waits_is_gone_on_with(rig: Rig, stub: Stub) -> None:
    rig.keys["wait"] = "10s"
    stub.polls = [
        at_work(X_Progress="Zanzibar: 35.5% of 12 files", Retry_After="0"),
        at_work(),
        at_work(Retry_After="20"),
    ]
    with pytest.raises(Unavailable, match=r"still at the export; the next run") as caught:
        rig.pull()
    assert caught.value.retry_after == 20
    assert rig.slept == [1.0, 2.0]
    stub.polls = [at_work(X_Progress="Zanzibar: 35.5% of 12 files", Retry_After="18000")]
    with pytest.raises(Unavailable, match=r"still at the export \(35 %\)") as caught:
        rig.pull()
    assert "Zanzibar" not in str(caught.value)
    stub.put("Patient", line("Patient", "1"))
    assert len(rig.pull()) == 1
    assert len(stub.asked("$export")) == 1


def test_f18_a_job_that_the_server_has_forgotten_is_begun_again_in_the_same_run(rig: Rig, stub: Stub) -> None:
    stub.polls = [at_work(Retry_After="300"), at_work(Retry_After="300")]
    with pytest.raises(Unavailable):
        rig.pull()
    stub.polls = [(410, {}, b"{}")]
    stub.put("Patient", line("Patient", "1"))
    assert len(rig.pull()) == 1
    assert len(stub.asked("$export")) == 2
    assert rig.job is None


def test_a_job_that_fails_is_ended_before_another_is_begun(rig: Rig, stub: Stub) -> None:
    stub.polls = [(400, {}, json.dumps(OUTCOME).encode())]
    with pytest.raises(Unavailable, match=r"failed at the server \(400 \(processing\)\)"):
        rig.pull()
    rig.pull()
    told = [each for each in stub.kinds_of_calls() if "metadata" not in each]
    assert told == [
        "GET /R4/$export", "GET /R4/jobs/1", "DELETE /R4/jobs/1",
        "GET /R4/$export", "GET /R4/jobs/1", "DELETE /R4/jobs/1",
    ]  # fmt: skip


def test_f14_a_job_that_answers_nothing_but_errors_is_given_up_after_some_runs(rig: Rig, stub: Stub) -> None:
    stub.polls = [(500, {}, b"")] * 3
    for _ in range(3):
        with pytest.raises(Unavailable, match="answered 500"):
            rig.pull()
    stub.now += timedelta(hours=2)
    rig.pull()
    assert len(stub.asked("$export")) == 2


def test_settings_that_ask_otherwise_end_the_job_that_was_begun(rig: Rig, stub: Stub) -> None:
    stub.polls = [at_work(Retry_After="300"), at_work(Retry_After="300")]
    with pytest.raises(Unavailable):
        rig.pull()
    rig.keys["resources"] = ["Patient", "Coverage"]
    stub.polls = []
    rig.pull()
    assert [each.partition(" ")[0] for each in stub.kinds_of_calls()[-4:]] == ["DELETE", "GET", "GET", "DELETE"]


@pytest.mark.parametrize("status", [200, 204, 404, 405, 403])
def test_f18_the_job_is_ended_once_whatever_the_server_says(rig: Rig, stub: Stub, status: int) -> None:
    stub.ending = status
    rig.pull()
    assert rig.job is None
    assert stub.kinds_of_calls()[-1] == "DELETE /R4/jobs/1"


def test_f18_a_job_is_not_forgotten_before_the_server_was_told_and_costs_no_run(rig: Rig, stub: Stub) -> None:
    stub.ending = 503
    rig.pull()
    assert rig.job is not None
    stub.now += timedelta(hours=1)
    stub.put("Patient", line("Patient", "1"))
    assert len(rig.pull()) == 1
    assert [call.method for call in stub.calls if "/jobs/" in str(call.url)].count("DELETE") == 3


def test_a_server_that_gives_every_job_the_same_url_is_believed_each_time(rig: Rig, stub: Stub) -> None:
    rig.pull()
    stub.now += timedelta(hours=1)
    stub.put("Patient", line("Patient", "1"))
    assert len(rig.pull()) == 1


# ---------------------------------------------------------------- settings and live check


@pytest.mark.parametrize(
    "keys",
    [
        {"export": "group"},
        {"group": "g"},
        {"export": "group", "group": "Group/1"},
        {"type_filters": {"Coverage": "status=active"}},
        {"type_filters": {"Patient": "Patient?active=true"}},
        {"type_filters": {"Patient": []}},
        {"resources": ["Spaceship"]},
    ],
)
def test_settings_that_cannot_be_meant_are_refused(keys: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        FhirBulkSettings.model_validate({"kind": "fhir-bulk", "base_url": BASE, "resources": ["Patient"], **keys})


def test_a_live_check_says_which_exports_there_are_and_starts_none(rig: Rig, stub: Stub) -> None:
    operation = [{"name": "export", "definition": "x"}]
    stub.statement["rest"] = [{"mode": "server", "resource": [{"type": "Group", "operation": operation}]}]  # type: ignore[assignment]
    assert levels(json.dumps(stub.statement).encode()) == {"group"}
    found = {finding.step: finding for finding in rig.source().probe(AT)}
    assert not found["system export"].ok
    assert "group only" in found["system export"].hint
    rig.keys |= {"export": "group", "group": "g"}
    found = {finding.step: finding for finding in rig.source().probe(AT)}
    assert found["group export"].ok
    assert "no such group" in found["the group"].hint
    assert not stub.asked("$export")
