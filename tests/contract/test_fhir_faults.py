"""Faults of the network between us and a FHIR server, by their number in the list of faults to survive."""

import pytest

from connectors.base import Misconfigured, Refusal, Unavailable
from tests.fakes.fhir_clinic import DATA, Rig, Waits, everything, held_by
from tests.fakes.fhir_people import patient
from tests.fakes.fhir_server import FakeFhir

Fails = (Unavailable, Refusal)


@pytest.mark.parametrize("status", ["408", "429", "500", "502", "503", "504"])
def test_fault_12_a_server_that_stumbles_is_waited_for(rig: Rig, emr: FakeFhir, status: str) -> None:
    emr.fail(status, times=2, template=DATA[rig.kind], headers={"Retry-After": "3"})
    assert rig.pull().held() == everything(emr)


def test_fault_12_a_server_that_stays_down_costs_no_page_that_was_read(rig: Rig, emr: FakeFhir) -> None:
    emr.fail("503", times=100, template="/" if rig.kind == "fhir-search" else DATA[rig.kind], after=2)
    with pytest.raises(Unavailable):
        rig.pull()
    rows = list(rig.last.rows)
    assert rows
    emr.heal()
    rig.tick(hours=2)
    rig.anew()
    rows += rig.pull().rows
    assert held_by(rows) == everything(emr)
    assert len(rows) - len({(row.kind, row.external_id) for row in rows}) <= 3


@pytest.mark.parametrize("fault", ["hang", "drip"])
def test_fault_13_fault_14_an_answer_that_does_not_end_is_given_up(
    rig: Rig, emr: FakeFhir, waits: Waits, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    waits.install(monkeypatch, seconds=0.3)
    rig.anew()
    emr.fail(fault, template=DATA[rig.kind])
    assert rig.pull().held() == everything(emr)
    assert len(waits.slept) >= 1
    emr.fail(fault, times=100, template=DATA[rig.kind])
    rig.tick(days=8)
    with pytest.raises(Unavailable, match=r"took too long|no answer") as caught:
        rig.pull()
    assert "_lastUpdated" not in str(caught.value)


@pytest.mark.parametrize("fault", ["cut", "chunk_cut", "reset"])
def test_fault_15_a_body_that_breaks_off_is_asked_for_again(rig: Rig, emr: FakeFhir, fault: str) -> None:
    emr.fail(fault, times=2, template=DATA[rig.kind])
    assert rig.pull().held() == everything(emr)


def test_fault_16_a_file_that_ends_in_the_middle_of_a_line_does_not_land(bulk: Rig, emr: FakeFhir) -> None:
    emr.bulk.no_counts = True
    emr.fail("close_cut", times=100, template="/files/{id}")
    with pytest.raises(Fails):
        bulk.pull()
    emr.heal()
    bulk.tick(hours=2)
    bulk.anew()
    assert bulk.pull().held() == everything(emr)


def test_fault_16_a_file_that_lacks_a_line_does_not_land(bulk: Rig, emr: FakeFhir) -> None:
    emr.fail("short", times=100, template="/files/{id}")
    with pytest.raises(Fails):
        bulk.pull()


@pytest.mark.parametrize("fault", ["html", "not_json"])
def test_fault_17_a_page_of_something_else_is_no_empty_answer(rig: Rig, emr: FakeFhir, fault: str) -> None:
    emr.fail(fault, times=100, template=DATA[rig.kind])
    emr.fail("html", times=100, template="/jobs/{id}", after=2)
    with pytest.raises(Fails):
        rig.pull()
    assert "Appointment" not in rig.known.times


@pytest.mark.parametrize("times", [1, 100])
def test_fault_20_a_token_that_has_run_out_is_renewed_once_and_a_second_401_is_for_a_person(
    rig: Rig, emr: FakeFhir, times: int
) -> None:
    emr.fail("401", times=times, template=DATA[rig.kind])
    # A bearer token cannot be renewed: it is read again, and tried once more where it is another.
    with pytest.raises(Misconfigured) as caught:
        rig.pull()
    assert caught.value.credentials
    assert sum(call.status == 401 for call in emr.calls) <= 2


def test_fault_23_a_link_to_the_same_page_ends_the_pass(search: Rig, emr: FakeFhir) -> None:
    emr.fail("loop", times=100, template="/")
    with pytest.raises(Unavailable, match="circle"):
        search.pull()
    assert len(emr.calls) < 20


def test_fault_23_pages_without_end_are_given_up(search: Rig, emr: FakeFhir) -> None:
    for number in range(100, 200):
        emr.store.put(patient(number))
    search.anew(max_pages=5)
    with pytest.raises(Unavailable, match="max_pages"):
        search.pull()


def test_fault_23_an_order_that_changes_from_page_to_page_loses_nothing_for_good(search: Rig, emr: FakeFhir) -> None:
    emr.fail("unstable", times=100)
    rows = search.pull().rows
    emr.heal()
    search.tick(days=8)
    rows += search.pull().rows
    assert everything(emr)["appointments"] <= {row.external_id for row in rows}


@pytest.mark.parametrize("template", ["data", "/metadata"])
def test_fault_24_a_redirect_is_not_followed(rig: Rig, emr: FakeFhir, template: str) -> None:
    emr.fail("redirect", times=50, template=DATA[rig.kind] if template == "data" else template)
    with pytest.raises(Fails):
        rig.pull()
    assert emr.strays() == []


def test_fault_28_a_gzip_bomb_is_not_inflated(rig: Rig, emr: FakeFhir) -> None:
    emr.fail("bomb", times=50, template=DATA[rig.kind])
    with pytest.raises(Fails):
        rig.pull()


def test_fault_28_a_huge_field_is_read_or_refused_and_costs_nobody_else(rig: Rig, emr: FakeFhir) -> None:
    whole = everything(emr)
    emr.store.put(patient("600", text={"div": "x" * (4 * 2**20)}))
    assert whole["patients"] <= set(rig.pull().ids("patients"))
