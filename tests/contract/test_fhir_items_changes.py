"""The traps of real FHIR servers, F6 to F10: what has changed, gone and merged."""

from datetime import timedelta

import pytest

from mappings.records import PatientRow
from tests.fakes.fhir_clinic import Rig, Waits, everything
from tests.fakes.fhir_people import patient
from tests.fakes.fhir_server import AT, Call, FakeFhir


def asked(emr: FakeFhir, template: str, since: int = 0) -> list[Call]:
    return [call for call in emr.calls[since:] if call.template == template]


@pytest.mark.parametrize("hours", [-72, 72])
def test_f06_the_watermark_is_the_servers_however_wrong_our_clock_is(rig: Rig, emr: FakeFhir, hours: int) -> None:
    rig.shift = timedelta(hours=hours)
    rig.pull()
    rig.tick(minutes=30)
    emr.store.put(patient(98))
    assert "98" in rig.pull().ids("patients")


def test_f06_fault_26_a_commit_that_becomes_visible_late_is_not_lost(rig: Rig, emr: FakeFhir) -> None:
    rig.pull()
    rig.tick(hours=2)
    emr.store.put(patient(98))
    rig.pull()
    rig.tick(minutes=4)
    emr.store.put(patient(99), stamped=emr.now - timedelta(minutes=5))
    assert "99" in rig.pull().ids("patients")


@pytest.mark.parametrize("text", ["2026-03-02 18:00:01", "2026-03-02T12:00:01.123456-06:00", "yesterday", ""])
def test_f06_a_transaction_time_that_is_no_instant_loses_no_change(bulk: Rig, emr: FakeFhir, text: str) -> None:
    emr.bulk.odd_time = text
    bulk.pull()
    bulk.tick(minutes=30)
    emr.store.put(patient(98))
    assert "98" in bulk.pull().ids("patients")


def test_f06_a_change_while_the_job_runs_is_not_lost_where_the_servers_time_is_the_jobs_end(
    bulk: Rig, emr: FakeFhir, waits: Waits
) -> None:
    emr.bulk.polls = 3
    seen: list[int] = []

    def sleep(seconds: float) -> None:
        if not seen:
            seen.append(1)
            emr.tick(1)
            emr.store.put(patient(98))
        emr.tick(seconds)

    waits.act = sleep
    assert "98" not in bulk.pull().ids("patients")
    bulk.tick(hours=2)
    assert "98" in bulk.pull().ids("patients")


def test_f07_what_a_group_export_leaves_out_of_a_delta_comes_with_the_next_whole_one(bulk: Rig, emr: FakeFhir) -> None:
    bulk.anew(export="group", group="all")
    bulk.pull()
    bulk.tick(hours=2)
    emr.store.change("Appointment", "c1", status="cancelled")
    bulk.pull()
    bulk.tick(days=15)
    records = bulk.pull().records()
    assert records["Appointment/c1"].status == "cancelled"


@pytest.mark.parametrize("emr", ["epic"], indirect=True)
def test_f08_without_last_updated_a_window_of_days_is_asked_for(search: Rig, emr: FakeFhir) -> None:
    search.anew(profile="epic", resources=["Patient", "Appointment"])
    pull = search.pull()
    assert {pass_.snapshot for pass_ in pull.complete} == {"window"}
    assert pull.held()["appointments"] == everything(emr)["appointments"]
    assert all(call.get("_lastUpdated") is None for call in emr.calls)
    assert all(len(call.all("date")) == 2 for call in asked(emr, "/Appointment"))
    window = pull.complete[0].window()
    assert window is not None
    assert window.first <= AT.date() <= window.last


@pytest.mark.parametrize("emr", ["cerner"], indirect=True)
def test_f08_a_server_that_wants_a_place_is_asked_place_by_place(search: Rig, emr: FakeFhir) -> None:
    search.anew(profile="cerner", resources=["Patient", "Appointment"], fan_out_size=1)
    assert search.pull().held()["appointments"] == everything(emr)["appointments"]
    places = [call.get("location") for call in asked(emr, "/Appointment")]
    assert len(places) >= 2
    assert None not in places


@pytest.mark.parametrize("emr", ["epic"], indirect=True)
def test_f08_the_capability_statement_decides_and_the_operator_overrides_it(search: Rig, emr: FakeFhir) -> None:
    search.anew(resources=["Appointment"])
    search.pull()
    search.anew(resources=["Appointment"], changes="full")
    search.known.cursors.clear()
    pull = search.pull()
    windows = [call.all("date") for call in asked(emr, "/Appointment")]
    assert windows[0]
    assert not windows[-1]
    assert [pass_.snapshot for pass_ in pull.complete] == ["full"]


def test_f09_fault_27_a_deletion_is_told_or_found_by_the_next_whole_pass(rig: Rig, emr: FakeFhir) -> None:
    rig.pull()
    rig.tick(hours=2)
    emr.store.delete("Appointment", "c1")
    rig.anew()
    assert "Appointment/c1" in rig.pull().removed()
    rig.tick(days=15)
    rig.anew()
    later = rig.pull()
    assert [pass_ for pass_ in later.complete if pass_.snapshot == "full" and "appointments" in pass_.kinds]
    assert "Appointment/c1" not in later.ids()


@pytest.mark.parametrize("emr", ["medplum"], indirect=True)
def test_f09_deletions_that_a_manifest_never_lists_are_found_by_a_whole_export(bulk: Rig, emr: FakeFhir) -> None:
    bulk.pull()
    emr.store.delete("Appointment", "c1")
    bulk.tick(days=15)
    later = bulk.pull()
    assert "Appointment/c1" not in later.ids()
    assert {pass_.snapshot for pass_ in later.complete} == {"full"}


def test_f10_fault_27_a_merged_patient_names_its_survivor_until_it_is_unmerged(rig: Rig, emr: FakeFhir) -> None:
    rig.pull()
    rig.tick(hours=2)
    emr.store.merge("3", "5")
    merged = rig.pull().records()["3"]
    assert isinstance(merged, PatientRow)
    assert (merged.replaced_by, merged.active) == ("5", False)
    rig.tick(hours=2)
    emr.store.unmerge("3")
    assert rig.pull().records()["3"].replaced_by is None
