"""The traps of real FHIR servers, F1 to F5: how pages hang together."""

import inspect
import sys
from collections import Counter
from dataclasses import replace

import pytest

from connectors.base import Unavailable
from tests.fakes.fhir_clinic import DATA, Rig, everything
from tests.fakes.fhir_people import patient
from tests.fakes.fhir_profiles import MEDPLUM
from tests.fakes.fhir_server import FakeFhir


@pytest.mark.parametrize("fault", ["foreign_next", "look_alike", "user_next", "file_next"])
def test_f01_a_link_that_leads_away_is_not_followed_and_gets_no_token(search: Rig, emr: FakeFhir, fault: str) -> None:
    emr.fail(fault, template="/Appointment")
    with pytest.raises(Unavailable, match="leads away"):
        search.pull()
    assert emr.strays() == []


def test_f01_a_job_or_a_file_that_lies_elsewhere_gets_no_token(bulk: Rig, emr: FakeFhir) -> None:
    emr.bulk.base = emr.elsewhere + "/fhir"
    with pytest.raises(Unavailable):
        bulk.pull()
    assert emr.strays() == []


def test_f01_a_server_behind_a_proxy_may_name_itself_otherwise(search: Rig, emr: FakeFhir) -> None:
    emr.search.links_as = "http://internal.example:8080/r4"
    with pytest.raises(Unavailable):
        search.pull()
    called = Rig("fhir-search", emr, search.folder, **search.keys, also_called=["http://internal.example:8080/r4"])
    assert called.pull().held() == everything(emr)


def test_f02_a_thousand_pages_are_followed_without_recursion(search: Rig, emr: FakeFhir) -> None:
    for number in range(100, 500):
        emr.store.put(patient(number))
    search.anew(page_size=1, resources=["Patient"])
    search.made().map(search.pull(1).rows[0])  # whatever is imported at first use
    search.anew()
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(len(inspect.stack()) + 200)
    try:
        found = search.pull()
    finally:
        sys.setrecursionlimit(limit)
    assert len(found.rows) == len(everything(emr)["patients"]) - 1


def test_f03_a_page_that_fails_moves_no_watermark(rig: Rig, emr: FakeFhir) -> None:
    rig.pull()
    rig.tick(hours=2)
    for number in range(50, 80):
        emr.store.put(patient(number))
    emr.fail("500", times=100, template="/" if rig.kind == "fhir-search" else DATA[rig.kind], after=1)
    with pytest.raises(Unavailable):
        rig.pull()
    emr.heal()
    rig.tick(hours=2)
    rig.anew()
    assert {str(number) for number in range(60, 80)} <= set(rig.pull().ids("patients"))


@pytest.mark.parametrize("fault", ["duplicate", "dead_next"])
def test_f04_unstable_pages_and_a_dead_last_link_cost_nothing(search: Rig, emr: FakeFhir, fault: str) -> None:
    emr.fail(fault, times=200)
    pull = search.pull()
    assert pull.held() == everything(emr)
    assert max(Counter((row.kind, row.external_id) for row in pull.rows).values()) == 1


def test_f04_links_in_a_circle_end_the_pass(search: Rig, emr: FakeFhir) -> None:
    emr.fail("loop", times=200, template="/")
    with pytest.raises(Unavailable, match="circle"):
        search.pull()
    assert len(emr.calls) < 40


@pytest.mark.parametrize("emr", [replace(MEDPLUM, offset_limit=30)], indirect=True, ids=["offsets_end"])
def test_f04_sorted_by_change_paging_does_not_end_at_an_offset(search: Rig, emr: FakeFhir) -> None:
    for number in range(100, 160):
        emr.store.put(patient(number))
        emr.tick(1)
    search.anew(profile="medplum")
    assert search.pull().held() == everything(emr)
    assert all(call.get("_offset") is None for call in emr.calls)


@pytest.mark.parametrize("status", ["410", "404", "400"])
def test_f05_fault_22_an_expired_cursor_restarts_from_the_watermark_and_not_from_zero(
    search: Rig, emr: FakeFhir, status: str
) -> None:
    search.anew(overlap="1m")
    emr.fail(status, template="/", after=4)
    pull = search.pull()
    assert pull.held() == everything(emr)
    firsts = [call.get("_lastUpdated") for call in emr.calls if call.template in ("/Patient", "/Appointment")]
    assert len(firsts) == 3
    assert [first for first in firsts if first] != []
    assert len(pull.rows) <= len(emr.store.history()) + 6
