"""The traps of real FHIR servers, F12 to F18: what they answer, and how exports run."""

from datetime import timedelta
from email.utils import format_datetime

import pytest

from connectors.base import Refusal, Unavailable
from mappings.records import VisitRow
from tests.fakes.fhir_clinic import DATA, Rig, Waits, everything, held_by
from tests.fakes.fhir_people import patient
from tests.fakes.fhir_server import Call, FakeFhir

Fails = (Unavailable, Refusal)


def asked(emr: FakeFhir, template: str, since: int = 0) -> list[Call]:
    return [call for call in emr.calls[since:] if call.template == template]


@pytest.mark.parametrize("emr", ["medplum"], indirect=True)
def test_f12_signed_files_get_no_token_and_an_expired_url_is_asked_for_anew(
    bulk: Rig, emr: FakeFhir, waits: Waits
) -> None:
    emr.bulk.file_seconds = 60
    emr.fail("503", times=1, template="/signed/{id}", after=1, headers={"Retry-After": "100"})
    assert bulk.pull().held() == everything(emr)
    signed = [call for call in emr.calls if call.elsewhere]
    assert signed
    assert not any("authorization" in call.headers for call in signed)
    assert [call for call in signed if call.status == 403], "the URL had expired"
    assert max(waits.slept) == 100


@pytest.mark.parametrize(
    ("value", "least", "most"),
    [("7", 7, 7), ("0", 1, 1), ("1772476800123", 300, 300), ("18000", 300, 300), ("soon", 0, 60), (None, 0, 60)],
)
def test_f13_retry_after_is_heeded_within_reason(
    rig: Rig, emr: FakeFhir, waits: Waits, value: str | None, least: float, most: float
) -> None:
    emr.fail("503", template=DATA[rig.kind], headers={"Retry-After": value} if value is not None else {})
    rig.pull()
    assert any(least <= slept <= most for slept in waits.slept), waits.slept
    assert max(waits.slept) <= 300


def test_f13_retry_after_may_be_a_date_by_the_servers_clock(rig: Rig, emr: FakeFhir, waits: Waits) -> None:
    until = format_datetime(emr.now + timedelta(seconds=40), usegmt=True)
    emr.fail("429", template=DATA[rig.kind], headers={"Retry-After": until})
    rig.pull()
    assert any(30 <= slept <= 40 for slept in waits.slept), waits.slept


@pytest.mark.parametrize("emr", ["cerner", "medplum"], indirect=True)
def test_f13_a_job_is_polled_at_its_own_pace_from_a_second_up(bulk: Rig, emr: FakeFhir, waits: Waits) -> None:
    emr.bulk.polls = 4
    if emr.profile.name == "cerner":
        bulk.anew(export="group", group="all", wait="1h")
    bulk.pull()
    waited = waits.slept[:4]
    assert 1 <= waited[0] <= 300
    assert max(waited) <= 300
    if emr.profile.name == "medplum":
        assert waited[0] <= 2
        assert sum(waited) < 30


def test_f14_fault_12_a_500_is_tried_again_a_few_times_and_then_the_source_is_left_alone(
    rig: Rig, emr: FakeFhir
) -> None:
    emr.fail("500", times=1000)
    for _ in range(3):
        with pytest.raises(Unavailable):
            rig.pull()
    asked_so_far = len(emr.calls)
    assert asked_so_far <= 15
    with pytest.raises(Unavailable, match="left alone"):
        rig.pull()
    assert len(emr.calls) == asked_so_far
    emr.heal()
    rig.tick(hours=2)
    assert rig.pull().held() == everything(emr)


def test_f15_fault_18_an_error_among_the_answers_makes_the_run_partial_and_a_warning_does_not(
    search: Rig, emr: FakeFhir
) -> None:
    emr.fail("warning_entry", template="/Appointment")
    assert search.pull().held() == everything(emr)
    search.tick(days=8)
    emr.fail("error_entry", template="/Appointment")
    with pytest.raises(Unavailable) as caught:
        search.pull()
    assert "Zanzibar" not in str(caught.value)


def test_f15_an_outcome_instead_of_an_answer_is_no_empty_answer(rig: Rig, emr: FakeFhir) -> None:
    emr.fail("outcome", times=100, template=DATA[rig.kind])
    with pytest.raises(Fails):
        rig.pull()


def test_f15_errors_of_an_export_make_it_partial(bulk: Rig, emr: FakeFhir) -> None:
    line = {"severity": "error", "code": "processing", "diagnostics": "Zanzibar"}
    emr.bulk.errors = [{"resourceType": "OperationOutcome", "issue": [line]}]
    try:
        pull = bulk.pull()
    except Unavailable as error:
        said = str(error)
    else:
        said = " ".join(notice for pass_ in pull.passes for notice in pass_.notices)
        assert not [pass_ for pass_ in pull.complete if pass_.snapshot == "full"]
    assert said
    assert "Zanzibar" not in said


@pytest.mark.parametrize("emr", ["medplum", "generic"], indirect=True)
def test_f16_times_are_written_without_a_plus_and_strictness_is_asked_for(rig: Rig, emr: FakeFhir) -> None:
    rig.pull()
    rig.tick(hours=2)
    emr.store.put(patient(98))
    assert "98" in rig.pull().ids("patients")
    assert not [call for call in emr.calls if call.status == 400]
    if rig.kind == "fhir-search":
        first = asked(emr, "/Patient")[0]
        assert "handling=strict" in first.headers["prefer"]


def test_f16_a_filter_that_was_not_applied_is_not_taken_for_a_delta(search: Rig, emr: FakeFhir) -> None:
    search.pull()
    search.tick(hours=2)
    emr.fail("filter_ignored", times=100)
    emr.store.delete("Appointment", "c1")
    pull = search.pull()
    assert {pass_.snapshot for pass_ in pull.complete} == {"full"}
    assert "Appointment/c1" not in pull.ids()


def test_f17_types_are_one_list_with_commas_and_a_comma_in_a_filter_is_escaped(bulk: Rig, emr: FakeFhir) -> None:
    bulk.anew(type_filters={"Appointment": "status=booked,fulfilled"})
    pull = bulk.pull()
    kick_off = asked(emr, "/$export")[0]
    assert [sorted(value.split(",")) for value in kick_off.all("_type")] == [["Appointment", "Location", "Patient"]]
    statuses = {each.status for each in pull.records().values() if isinstance(each, VisitRow)}
    assert statuses == {"booked", "fulfilled"}


# ---------------------------------------------------------------- F18: exports


def test_f18_a_job_is_found_again_after_a_restart_and_ended_when_done(bulk: Rig, emr: FakeFhir) -> None:
    emr.bulk.polls = 2
    rows = list(bulk.pull(1).rows)
    bulk.anew()
    rows += bulk.pull().rows
    assert held_by(rows) == everything(emr)
    assert len(asked(emr, "/$export")) == 1
    assert [call.method for call in asked(emr, "/jobs/{id}")][-1] == "DELETE"
    assert all(job.gone for job in emr.bulk.jobs.values())


def test_f18_a_manifest_in_parts_is_read_to_its_end(bulk: Rig, emr: FakeFhir) -> None:
    emr.bulk.partial = 2
    assert bulk.pull().held() == everything(emr)


@pytest.mark.parametrize("miscount", [-1, 1])
def test_f18_a_file_with_another_number_of_lines_than_told_is_refused(bulk: Rig, emr: FakeFhir, miscount: int) -> None:
    emr.bulk.miscount = miscount
    with pytest.raises(Fails):
        bulk.pull()


def test_f18_counts_may_be_missing(bulk: Rig, emr: FakeFhir) -> None:
    emr.bulk.no_counts = True
    assert bulk.pull().held() == everything(emr)
