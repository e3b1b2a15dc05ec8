"""What both sources that ask a FHIR server promise, whatever the server does: the same facts, by search and by export."""

import traceback
from collections import Counter
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import pytest

from connectors.base import Misconfigured, RawRow, Refusal, Unavailable
from mappings.records import Mapped, PatientRow, VisitRow
from tests.fakes.fhir_clinic import DATA, KEYS, Rig, everything, held_by
from tests.fakes.fhir_people import patient
from tests.fakes.fhir_server import FakeFhir

Fails = (Unavailable, Refusal)
CANARIES = (
    "Zanzibar",
    "402-555",
    "Family",
    "@example.com",
    "static-token",
    "secret",
    "_lastUpdated",
    "_count",
    "date=",
)
"""What no error may repeat: people, credentials, queries."""
NEWEST = 3
"""The newest resource of each type is asked for again: it lies in the overlap."""


def repeats(rows: Sequence[RawRow]) -> int:
    """How many rows came more than once."""
    return len(rows) - len({(row.kind, row.external_id) for row in rows})


def told(error: BaseException) -> str:
    return "".join(traceback.format_exception_only(error)) + repr(error.args)


# ---------------------------------------------------------------- whole passes


def test_a_complete_pass_brings_everything_once_and_says_so(rig: Rig, emr: FakeFhir) -> None:
    pull = rig.pull()
    assert pull.held() == everything(emr)
    assert max(Counter((row.kind, row.external_id) for row in pull.rows).values()) == 1
    assert {pass_.snapshot for pass_ in pull.complete} == {"full"}
    assert sum(pass_.proof.rows for pass_ in pull.complete if pass_.proof) == len(pull.rows)
    assert all(pass_.stream == "anew" for pass_ in pull.complete)


def test_visits_and_patients_become_rows_at_their_sites(rig: Rig) -> None:
    records = {r.external_id: m.record for r, m in rig.pull().mapped() if isinstance(m, Mapped) and m.record}
    first, fourth = records["Appointment/a1"], records["Appointment/a4"]
    assert isinstance(first, VisitRow)
    assert isinstance(fourth, VisitRow)
    assert (first.patient_id, first.site, fourth.site) == ("1", "lincoln", "boulder")
    assert isinstance(records["1"], PatientRow)


def test_data_are_as_old_as_the_servers_clock_says(rig: Rig, emr: FakeFhir) -> None:
    at = emr.now
    passes = rig.pull().complete
    assert all(abs(pass_.data_as_of - at) <= timedelta(seconds=10) for pass_ in passes)


def test_what_has_changed_is_asked_for_afterwards_and_nothing_else(rig: Rig, emr: FakeFhir) -> None:
    rig.pull()
    rig.tick(hours=2)
    emr.store.change("Appointment", "c1", status="cancelled")
    emr.store.put(patient(99))
    rig.anew()
    pull = rig.pull()
    assert {"Appointment/c1", "99"} <= {row.external_id for row in pull.rows}
    assert len(pull.rows) <= 2 + NEWEST
    assert {pass_.snapshot for pass_ in pull.complete} <= {"delta", "flags"}


def test_an_unchanged_server_is_asked_little_and_tells_nothing(rig: Rig, emr: FakeFhir) -> None:
    rig.pull()
    first = len(emr.calls)
    rig.tick(hours=2)
    rig.anew()
    pull = rig.pull()
    again = emr.templates(first)
    assert len(pull.rows) <= NEWEST
    limit = {"fhir-search": len(KEYS["fhir-search"]["resources"]) * 2, "fhir-bulk": 8}[rig.kind]
    assert len(again) <= limit < first, again


# ---------------------------------------------------------------- broken off


def test_it_goes_on_after_any_page_and_repeats_no_page(rig: Rig, emr: FakeFhir, tmp_path: Path) -> None:
    pages = Rig(rig.kind, emr, tmp_path, **rig.keys).pull().pages
    assert pages >= 3
    for number in range(1, pages):
        each = Rig(rig.kind, emr, tmp_path, **rig.keys)
        before = each.pull(number)
        each.anew()
        after = each.pull()
        rows = [*before.rows, *after.rows]
        assert held_by(rows) == everything(emr), number
        assert repeats(rows) <= NEWEST, number
        assert after.passes[0].stream == "resumed" or before.passes[-1].feed != after.passes[0].feed, number


def test_processes_that_end_one_after_the_other_get_there_together(rig: Rig, emr: FakeFhir) -> None:
    rows: list[RawRow] = []
    for _ in range(50):
        pull = rig.pull(8)
        rows += pull.rows
        if pull.pages < 8:
            break
        rig.anew()
    assert held_by(rows) == everything(emr)


@pytest.mark.parametrize(
    "fault", ["500", "503", "html", "not_json", "outcome", "cut", "chunk_cut", "close_cut", "reset"]
)
def test_a_page_that_fails_ends_the_pass_without_a_proof_and_the_next_run_completes_it(
    rig: Rig, emr: FakeFhir, fault: str
) -> None:
    emr.fail(fault, times=100, template=DATA[rig.kind], after=1)
    emr.fail(fault, times=100, template="/", after=2)
    with pytest.raises(Fails):
        rig.pull()
    emr.heal()
    rig.tick(hours=3)
    rig.anew()
    assert {"patients", "appointments"} <= rig.pull().held().keys() | {"patients"}
    assert "Appointment" in rig.known.times or rig.kind == "fhir-bulk"


@pytest.mark.parametrize("fault", ["500", "html", "not_json", "cut", "chunk_cut", "429"])
def test_a_trouble_that_passes_is_waited_out_within_the_pull(rig: Rig, emr: FakeFhir, fault: str) -> None:
    emr.fail(fault, times=2, template=DATA[rig.kind])
    pull = rig.pull()
    assert pull.held() == everything(emr)


def test_nothing_is_whole_before_its_last_page(rig: Rig, emr: FakeFhir) -> None:
    pages = rig.pull().pages
    rig = Rig(rig.kind, emr, rig.folder, **rig.keys)
    pull = rig.pull(pages - 2)
    assert pull.passes[-1].proof is None
    assert pull.passes[-1] not in pull.complete


# ---------------------------------------------------------------- safety


@pytest.mark.parametrize(
    "fault",
    [
        "400",
        "404",
        "422",
        "500",
        "html",
        "outcome",
        "not_json",
        "cut",
        "close_cut",
        "redirect",
        "bomb",
        "bad_line",
    ],
)
def test_no_error_repeats_a_person_a_query_or_a_credential(rig: Rig, emr: FakeFhir, fault: str) -> None:
    emr.fail(fault, times=100, template=DATA[rig.kind])
    if fault == "bad_line" and rig.kind == "fhir-bulk":
        assert "unreadable_resource" in rig.pull().rejected().values()
        return
    with pytest.raises((Unavailable, Misconfigured, Refusal)) as caught:
        rig.pull()
    text = told(caught.value)
    assert caught.value.__cause__ is None
    assert not [canary for canary in CANARIES if canary in text], text


def test_credentials_that_are_refused_are_a_matter_for_a_person(rig: Rig, emr: FakeFhir) -> None:
    emr.accepts = lambda _header: False
    with pytest.raises(Misconfigured) as caught:
        rig.pull()
    assert caught.value.credentials
    assert "static" not in str(caught.value)
    assert len([call for call in emr.calls if call.status == 401]) <= 2


def test_an_emptied_server_is_a_whole_pass_without_rows_and_not_an_error(rig: Rig, emr: FakeFhir) -> None:
    rig.pull()
    emr.store.empty()
    rig.tick(days=15)
    rig.anew()
    pull = rig.pull()
    assert pull.rows == []
    assert [pass_.proof.rows for pass_ in pull.complete if pass_.proof and pass_.snapshot == "full"] in ([0, 0, 0], [0])
