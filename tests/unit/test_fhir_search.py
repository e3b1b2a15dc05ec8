"""What searching a FHIR server promises, over real HTTP; the numbers are those of the faults that it must survive."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from connectors.base import Misconfigured, Probing, RawRow, Unavailable
from connectors.fhir_search.settings import FhirSearchSettings
from mappings.records import Mapped, PatientRow, VisitRow
from tests.fakes.fhir_clinic import Rig, Waits
from tests.fakes.fhir_people import appointment, patient, practice
from tests.fakes.fhir_server import AT, FakeFhir

VISITS = {"resources": ["Appointment"]}


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeFhir]:
    with FakeFhir("generic") as server:
        Waits(server).install(monkeypatch)
        yield server


def serving(monkeypatch: pytest.MonkeyPatch, profile: Any, **how: Any) -> FakeFhir:
    server = FakeFhir(profile, **how)
    Waits(server).install(monkeypatch)
    return server


def visits(fake: FakeFhir, number: int, first: int = 0) -> None:
    """So many visits, a minute of the server's clock apart."""
    for n in range(first, first + number):
        fake.tick(60)
        fake.store.put(appointment(f"v{n}", 1, AT + timedelta(days=n % 20 + 1)))


def gets(fake: FakeFhir, since: int = 0) -> int:
    """How many reads were answered, the statement left out."""
    return sum(call.template != "/metadata" and call.status == 200 for call in fake.calls[since:])


# ---------------------------------------------------------------- links (F1, F2, F4, F5)


@pytest.mark.parametrize("fault", ["foreign_next", "look_alike", "user_next", "file_next"])
def test_f01_a_next_link_to_another_origin_ends_the_pass_and_is_never_asked(
    fake: FakeFhir, tmp_path: Path, fault: str
) -> None:
    visits(fake, 6)
    rig = Rig("fhir-search", fake, tmp_path, **VISITS, page_size=2)
    fake.fail(fault, template="/Appointment")
    with pytest.raises(Unavailable):
        rig.pull()
    assert fake.strays() == []
    assert len(rig.pull().ids()) == 6


def test_f01_a_configured_alias_of_the_server_is_followed_at_the_server(fake: FakeFhir, tmp_path: Path) -> None:
    visits(fake, 6)
    fake.search.links_as = "http://emr.internal:8080/fhir"
    rig = Rig("fhir-search", fake, tmp_path, **VISITS, page_size=2, also_called=["http://emr.internal:8080/fhir"])
    assert len(rig.pull().ids()) == 6


def test_f02_more_pages_than_calls_may_nest(fake: FakeFhir, tmp_path: Path) -> None:
    visits(fake, 1100)
    assert len(Rig("fhir-search", fake, tmp_path, **VISITS, page_size=1).pull().ids()) == 1100


def test_f04_rows_that_come_on_two_pages_are_one_row(fake: FakeFhir, tmp_path: Path) -> None:
    visits(fake, 9)
    fake.fail("duplicate", times=99)
    pull = Rig("fhir-search", fake, tmp_path, **VISITS, page_size=3).pull()
    assert sorted(pull.ids()) == sorted(f"Appointment/v{n}" for n in range(9))
    assert pull.passes[0].proof is not None
    assert pull.passes[0].proof.rows == 9


def test_f04_links_in_a_circle_end_the_pass_and_the_next_one_begins_anew(fake: FakeFhir, tmp_path: Path) -> None:
    visits(fake, 6)
    rig = Rig("fhir-search", fake, tmp_path, **VISITS, page_size=2)
    fake.fail("loop", times=99)
    with pytest.raises(Unavailable, match="circle"):
        rig.pull()
    assert len(fake.calls) < 10
    fake.heal()
    assert len(rig.pull().ids()) == 6


def test_f04_pages_without_end_end_the_pass(fake: FakeFhir, tmp_path: Path) -> None:
    visits(fake, 9)
    with pytest.raises(Unavailable, match="max_pages"):
        Rig("fhir-search", fake, tmp_path, **VISITS, page_size=1, max_pages=5).pull()


@pytest.mark.parametrize("profile", ["generic", "medplum", "openemr", "epic", "cerner"])
def test_f04_a_last_page_whose_link_is_dead_is_the_last(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, profile: str
) -> None:
    with serving(monkeypatch, profile) as fake:
        visits(fake, 5)
        fake.fail("dead_next", times=99, template="/Appointment")
        fake.fail("404", times=99, template="/", part="_getpagesoffset=6")
        pull = Rig("fhir-search", fake, tmp_path, **VISITS, profile=profile, page_size=3).pull()
        assert {row.external_id for row in pull.rows if row.kind == "appointments"} == {
            f"Appointment/v{n}" for n in range(5)
        }
        assert pull.complete


def test_f05_an_expired_link_restarts_from_what_was_read_last_and_not_from_nothing(
    fake: FakeFhir, tmp_path: Path
) -> None:
    visits(fake, 100)
    rig = Rig("fhir-search", fake, tmp_path, **VISITS, page_size=20)
    assert len(rig.pull(pages=3).ids()) == 60
    fake.search.expire()
    rig.anew()
    rest = rig.pull()
    assert {*rest.ids()} >= {f"Appointment/v{n}" for n in range(60, 100)}
    assert len(rest.ids()) == 40 + 11  # ten minutes of overlap
    assert rest.passes[0].stream == "resumed"
    again = [call for call in fake.calls if call.template == "/Appointment"][1]
    assert again.all("_lastUpdated") == ["ge2026-03-02T18:50:00.000Z"]


def test_f05_links_that_always_expire_are_given_up(fake: FakeFhir, tmp_path: Path) -> None:
    for n in range(30):
        fake.store.put(appointment(f"v{n}", 1, AT))  # all in one instant: nothing to go on from
    fake.fail("410", times=99, template="/")
    with pytest.raises(Unavailable, match="expire"):
        Rig("fhir-search", fake, tmp_path, **VISITS, page_size=10).pull()
    assert len(fake.calls) < 15


# ---------------------------------------------------------------- failed pages and broken-off passes (F3)


@pytest.mark.parametrize("fault", ["503", "html", "not_json", "cut", "outcome"])
def test_f03_a_failed_page_fails_the_pass_and_the_next_run_goes_on_there(
    fake: FakeFhir, tmp_path: Path, fault: str
) -> None:
    visits(fake, 10)
    rig = Rig("fhir-search", fake, tmp_path, **VISITS, page_size=2)
    fake.fail(fault, times=99, after=1, template="/")
    with pytest.raises(Unavailable):
        rig.pull()
    assert rig.known.newest("Appointment") is None
    fake.heal()
    rig.tick(minutes=10)
    rig.anew()
    rest = rig.pull()
    assert rest.ids() == [f"Appointment/v{n}" for n in range(4, 10)]
    assert [each.stream for each in rest.passes] == ["resumed"]


@pytest.mark.parametrize("pages", range(1, 6))
def test_f03_a_run_killed_after_any_page_loses_and_repeats_nothing(fake: FakeFhir, tmp_path: Path, pages: int) -> None:
    visits(fake, 10)
    rig = Rig("fhir-search", fake, tmp_path, **VISITS, page_size=2)
    first = rig.pull(pages=pages)
    rig.anew()
    rest = rig.pull()
    landed = first.ids() + (rest.ids() if pages < 5 else [])
    assert sorted(landed) == sorted(f"Appointment/v{n}" for n in range(10))
    assert rest.passes[0].stream == "resumed"
    assert (rest.passes[0].snapshot, rest.passes[0].data_as_of) == ("full", first.passes[0].data_as_of)
    assert rest.passes[0].proof is not None
    assert rest.passes[0].proof.rows == 10


def test_a_pass_that_was_read_to_its_end_and_not_landed_is_ended_by_the_next_run(
    fake: FakeFhir, tmp_path: Path
) -> None:
    visits(fake, 4)
    rig = Rig("fhir-search", fake, tmp_path, **VISITS, page_size=2)
    rig.pull(pages=3)
    assert rig.known.newest("Appointment") is None
    rig.anew()
    rest = rig.pull()
    assert [(each.stream, each.snapshot) for each in rest.passes] == [("resumed", "full"), ("anew", "delta")]


def test_a_pass_left_lying_for_days_begins_anew(fake: FakeFhir, tmp_path: Path) -> None:
    visits(fake, 6)
    rig = Rig("fhir-search", fake, tmp_path, **VISITS, page_size=2)
    rig.pull(pages=1)
    rig.tick(days=3)
    assert [each.stream for each in rig.pull().passes] == ["anew"]


def test_another_question_begins_with_everything(fake: FakeFhir, tmp_path: Path) -> None:
    visits(fake, 3)
    rig = Rig("fhir-search", fake, tmp_path, **VISITS)
    rig.pull()
    rig.anew(query={"Appointment": {"status": "booked"}})
    assert [each.snapshot for each in rig.pull().passes] == ["full"]


# ---------------------------------------------------------------- changes (F6, F7, F16, F23)


def test_f06_only_what_has_changed_is_asked_for_from_before_the_newest_change(fake: FakeFhir, tmp_path: Path) -> None:
    visits(fake, 30)
    rig = Rig("fhir-search", fake, tmp_path, **VISITS)
    assert [each.snapshot for each in rig.pull().passes] == ["full"]
    rig.tick(minutes=15)
    fake.store.change("Appointment", "v3", status="cancelled")
    pull = rig.pull()
    assert [each.snapshot for each in pull.passes] == ["delta"]
    assert fake.calls[-1].all("_lastUpdated") == ["ge2026-03-02T18:20:00.000Z"]
    assert "Appointment/v3" in pull.ids()
    assert len(pull.ids()) == 12  # and those of the overlap


def test_f06_a_change_of_the_future_does_not_move_the_watermark(fake: FakeFhir, tmp_path: Path) -> None:
    visits(fake, 3)
    fake.store.put(appointment("odd", 1, AT), stamped=datetime(2999, 1, 1, tzinfo=UTC))
    rig = Rig("fhir-search", fake, tmp_path, **VISITS)
    rig.pull()
    rig.tick(minutes=15)
    fake.store.change("Appointment", "v1", status="cancelled")
    assert "Appointment/v1" in rig.pull().ids()
    assert fake.calls[-1].all("_lastUpdated") == ["ge2026-03-02T17:53:00.000Z"]


def test_f06_a_commit_that_becomes_visible_late_is_read(fake: FakeFhir, tmp_path: Path) -> None:
    visits(fake, 3)
    rig = Rig("fhir-search", fake, tmp_path, **VISITS)
    rig.pull()
    for _ in range(5):  # quiet for long
        rig.tick(minutes=15)
        rig.pull()
    stamped = fake.now
    rig.tick(minutes=8)
    fake.store.put(appointment("quick", 1, AT))
    rig.tick(minutes=1)
    assert "Appointment/quick" in rig.pull().ids()
    fake.store.put(appointment("late", 1, AT), stamped=stamped)
    rig.tick(minutes=15)
    assert "Appointment/late" in rig.pull().ids()


def test_f06_what_was_read_twice_in_quiet_is_not_read_for_ever(fake: FakeFhir, tmp_path: Path) -> None:
    for n in range(50):
        fake.store.put(appointment(f"v{n}", 1, AT))  # one large import
    rig = Rig("fhir-search", fake, tmp_path, **VISITS)
    found = []
    for _ in range(4):
        found.append(len(rig.pull().ids()))
        rig.tick(minutes=15)
    assert found == [50, 50, 0, 0]


def test_f06_the_data_is_of_the_servers_time_and_never_of_the_future(fake: FakeFhir, tmp_path: Path) -> None:
    visits(fake, 2)
    rig = Rig("fhir-search", fake, tmp_path, **VISITS)
    early = fake.now - timedelta(hours=3)
    pass_ = next(iter(rig.source.passes(rig.known, early)))
    assert pass_.data_as_of == early
    late = fake.now + timedelta(hours=3)
    assert next(iter(rig.source.passes(rig.known, late))).data_as_of == fake.now.replace(microsecond=0)


def test_f07_everything_is_read_again_every_so_often(fake: FakeFhir, tmp_path: Path) -> None:
    visits(fake, 3)
    rig = Rig("fhir-search", fake, tmp_path, **VISITS, full_every="2 days")
    snapshots = []
    for _ in range(5):
        snapshots += [each.snapshot for each in rig.pull().passes]
        rig.tick(hours=25)
    assert snapshots == ["full", "delta", "full", "delta", "full"]


def test_a_full_pass_that_a_brake_held_is_made_again_when_it_is_released(fake: FakeFhir, tmp_path: Path) -> None:
    visits(fake, 3)
    rig = Rig("fhir-search", fake, tmp_path, **VISITS)
    rig.pull()
    rig.tick(minutes=15)
    assert [each.snapshot for each in rig.pull().passes] == ["delta"]
    rig.known.files.clear()  # what a released hold looks like: it has not landed
    assert [each.snapshot for each in rig.pull().passes] == ["full"]


@pytest.mark.parametrize("strict", [True, False])
def test_f16_a_server_that_passes_over_the_filter_is_read_whole_and_never_taken_for_a_delta(
    fake: FakeFhir, tmp_path: Path, strict: bool
) -> None:
    visits(fake, 4)
    rig = Rig("fhir-search", fake, tmp_path, **VISITS, strict=strict)
    rig.pull()
    rig.tick(minutes=15)
    fake.fail("filter_ignored", times=1, part="_lastUpdated")
    (pass_,) = rig.pull().passes
    assert pass_.snapshot == "full"
    assert [notice.partition(":")[0] for notice in pass_.notices] == ["filter_ignored"]
    before = len(fake.calls)
    assert [each.snapshot for each in rig.pull().passes] == ["full"]
    assert gets(fake, before) == 1  # it is not asked in vain again on the same day


def test_f16_a_server_without_a_self_link_is_judged_by_what_it_sends(fake: FakeFhir, tmp_path: Path) -> None:
    visits(fake, 20)
    rig = Rig("fhir-search", fake, tmp_path, **VISITS)
    rig.pull()
    rig.tick(minutes=15)
    fake.fail("no_self", times=99)
    assert [each.snapshot for each in rig.pull().passes] == ["delta"]


def test_f16_strict_handling_is_preferred_and_a_filter_of_ones_own_that_is_passed_over_is_refused(
    fake: FakeFhir, tmp_path: Path
) -> None:
    visits(fake, 2)
    fake.fail("filter_ignored", times=9)
    with pytest.raises(Misconfigured, match="passes over status"):
        Rig("fhir-search", fake, tmp_path, **VISITS, query={"Appointment": {"status": "booked"}}).pull()
    assert fake.calls[-1].headers["prefer"] == "handling=strict"
    assert "booked" not in "".join(call.template for call in fake.calls)


def test_f16_a_plus_sign_is_sent_as_such(fake: FakeFhir, tmp_path: Path) -> None:
    fake.store.put(appointment("v", 1, AT))
    query = {"Appointment": {"date": ["ge2026-01-01T00:00:00+01:00", "le2026-12-31T00:00:00+01:00"]}}
    assert len(Rig("fhir-search", fake, tmp_path, **VISITS, query=query).pull().ids()) == 1
    assert fake.calls[-1].all("date") == query["Appointment"]["date"]


def test_a_server_that_will_not_sort_is_asked_without_and_not_again_that_day(fake: FakeFhir, tmp_path: Path) -> None:
    visits(fake, 3)
    rig = Rig("fhir-search", fake, tmp_path, **VISITS)
    fake.fail("400", times=9, part="_sort")
    assert len(rig.pull().ids()) == 3
    before = len(fake.calls)
    rig.pull()
    assert len(fake.calls) - before == 1


def test_f23_a_version_id_that_never_changes_hides_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with serving(monkeypatch, "openemr") as fake:
        visits(fake, 3)
        rig = Rig("fhir-search", fake, tmp_path, profile="openemr", **VISITS)
        before = {row.external_id: row.body for row in rig.pull().rows}
        rig.tick(minutes=15)
        fake.store.change("Appointment", "v1", status="noshow")
        after = {row.external_id: row.body for row in rig.pull().rows}
        assert after["Appointment/v1"] != before["Appointment/v1"]
        assert after["Appointment/v0"] == before["Appointment/v0"]


# ---------------------------------------------------------------- windows (F8) and what is gone (F9, F10)


def test_f08_a_server_without_last_updated_is_asked_for_a_window_of_days(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with serving(monkeypatch, "epic") as fake:
        for resource in practice(AT, 12):
            fake.store.put(resource)
        fake.store.put(appointment("far", 1, AT + timedelta(days=400)))
        rig = Rig("fhir-search", fake, tmp_path, profile="epic", window={"back": "14 days", "ahead": "30 days"})
        pull = rig.pull()
        pass_ = next(each for each in pull.passes if each.feed == "Appointment")
        window = pass_.window()
        assert window is not None
        assert (pass_.snapshot, str(window.first), str(window.last)) == ("window", "2026-02-16", "2026-04-01")
        assert "Appointment/far" not in pull.ids()
        assert sorted(pull.ids("patients"), key=int) == [str(n) for n in range(1, 13)]
        assert not any("_lastUpdated" in dict(call.params) for call in fake.calls)


def test_f08_patients_named_by_visits_are_read_once_a_day_and_their_ids_are_in_no_url(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with serving(monkeypatch, "cerner") as fake:
        for resource in practice(AT, 60):
            fake.store.put(resource)
        rig = Rig("fhir-search", fake, tmp_path, profile="cerner")
        assert len(rig.pull().ids("patients")) == 60
        assert rig.pull().ids("patients") == []
        rig.tick(days=1, minutes=1)
        assert len(rig.pull().ids("patients")) == 60
        asked = [call for call in fake.calls if call.template.startswith("/Patient")]
        assert {(call.method, call.template) for call in asked} == {("POST", "/Patient/_search")}


def test_f08_a_window_is_fanned_out_by_place_where_the_server_wants_one(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with serving(monkeypatch, "cerner") as fake:
        for resource in practice(AT, 8):
            fake.store.put(resource)
        rig = Rig("fhir-search", fake, tmp_path, profile="cerner", **VISITS, fan_out_size=1)
        assert len(rig.pull().ids()) == len(fake.store.current("Appointment"))
        asked = [call.all("location") for call in fake.calls if call.template == "/Appointment"]
        assert asked == [["10"], ["20"]]
        rig.anew(site="lincoln", fan_out_over=["Location/20"])
        assert {row.external_id for row in rig.pull().rows} < {
            f"Appointment/{v.id}" for v in fake.store.current("Appointment")
        }


def test_f08_places_are_those_of_the_server_where_none_is_configured(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with serving(monkeypatch, "cerner") as fake:
        for resource in practice(AT, 4):
            fake.store.put(resource)
        rig = Rig("fhir-search", fake, tmp_path, profile="cerner", **VISITS, site="lincoln")
        rig.pull()
        before = len(fake.calls)
        rig.pull()
        assert fake.templates(before) == ["GET /Appointment"]
        fake.store.empty()
        rig.tick(days=2)
        with pytest.raises(Misconfigured, match="fan_out_over"):
            rig.pull()


def test_f08_types_that_are_searched_by_patient_come_with_the_visits(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with serving(monkeypatch, "epic") as fake:
        for resource in practice(AT, 4):
            fake.store.put(resource)
        cover = {"resourceType": "Coverage", "id": "k", "status": "active", "payor": [{"display": "x"}]}
        fake.store.put(cover | {"beneficiary": {"reference": "Patient/2"}})
        keys = {"resources": ["Patient", "Appointment", "Coverage"]}
        assert Rig("fhir-search", fake, tmp_path, profile="epic", **keys).pull().ids("supplements") == ["Coverage/k"]


def test_f09_deletions_are_heard_of_in_the_history_every_hour(fake: FakeFhir, tmp_path: Path) -> None:
    visits(fake, 3)
    rig = Rig("fhir-search", fake, tmp_path, **VISITS)
    rig.pull()
    rig.tick(minutes=61)
    fake.store.delete("Appointment", "v1")
    assert rig.pull().removed() == {"Appointment/v1"}
    rig.tick(minutes=15)
    before = len(fake.calls)
    rig.pull()
    assert fake.templates(before) == ["GET /Appointment"]


def test_f09_what_was_deleted_and_made_again_is_there(fake: FakeFhir, tmp_path: Path) -> None:
    visits(fake, 3)
    rig = Rig("fhir-search", fake, tmp_path, **VISITS, deletions_every="1 minute")
    rig.pull()
    rig.tick(minutes=15)
    fake.store.delete("Appointment", "v1")
    rig.tick(minutes=1)
    fake.store.put(appointment("v1", 1, AT))
    pull = rig.pull()
    assert pull.removed() == set()
    assert "Appointment/v1" in pull.ids()


def test_f09_a_server_that_refuses_its_history_costs_nothing_else(fake: FakeFhir, tmp_path: Path) -> None:
    visits(fake, 3)
    rig = Rig("fhir-search", fake, tmp_path, **VISITS, deletions_every="1 minute")
    rig.pull()
    rig.tick(minutes=15)
    fake.fail("404", times=9, template="/Appointment/_history")
    assert rig.pull().complete


@pytest.mark.parametrize("how", [{"deletions": "deleted"}, {"changes": "history"}])
def test_f09_deletions_where_a_server_tells_them_otherwise(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, how: dict[str, str]
) -> None:
    with serving(monkeypatch, "medplum") as fake:
        visits(fake, 3)
        rig = Rig("fhir-search", fake, tmp_path, profile="medplum", **VISITS, deletions_every="1 minute", **how)
        rig.pull()
        rig.tick(minutes=15)
        fake.store.delete("Appointment", "v1")
        fake.store.change("Appointment", "v2", status="cancelled")
        pull = rig.pull()
        assert pull.removed() == {"Appointment/v1"}
        assert "Appointment/v2" in pull.ids()
        assert pull.passes[0].snapshot == "delta"


def test_f09_a_patient_who_is_gone_is_told_by_410(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with serving(monkeypatch, "epic") as fake:
        for resource in practice(AT, 3):
            fake.store.put(resource)
        fake.store.delete("Patient", "2")
        pull = Rig("fhir-search", fake, tmp_path, profile="epic").pull()
        assert pull.removed() == {"2"}
        assert sorted(pull.ids("patients")) == ["1", "2", "3"]


def test_f10_a_merged_patient_names_who_has_replaced_it(fake: FakeFhir, tmp_path: Path) -> None:
    for n in (1, 2):
        fake.store.put(patient(n))
    rig = Rig("fhir-search", fake, tmp_path, resources=["Patient"])
    rig.pull()
    rig.tick(minutes=15)
    fake.store.merge("1", "2")
    found = {row.external_id: each for row, each in rig.pull().mapped()}
    assert isinstance(found["1"], Mapped)
    assert isinstance(found["1"].record, PatientRow)
    assert found["1"].record.replaced_by == "2"


# ---------------------------------------------------------------- what else an answer may be (F15, F20, F24)


@pytest.mark.parametrize("fault", ["outcome", "html", "not_json"])
def test_f15_whatever_is_no_bundle_is_never_an_empty_one(fake: FakeFhir, tmp_path: Path, fault: str) -> None:
    visits(fake, 3)
    rig = Rig("fhir-search", fake, tmp_path, **VISITS)
    rig.pull()
    fake.fail(fault, times=9, template="/Appointment")
    with pytest.raises(Unavailable) as caught:
        rig.pull()
    assert "Zanzibar" not in str(caught.value)


def test_f15_an_error_among_the_entries_leaves_the_pass_incomplete_and_the_cursor_where_it_was(
    fake: FakeFhir, tmp_path: Path
) -> None:
    visits(fake, 6)
    rig = Rig("fhir-search", fake, tmp_path, **VISITS, page_size=2)
    fake.fail("error_entry", template="/", times=1)
    with pytest.raises(Unavailable, match="1 errors"):
        rig.pull()
    assert rig.known.newest("Appointment") is None
    again = rig.pull()
    assert (again.passes[0].stream, again.passes[0].snapshot, len(again.ids())) == ("anew", "full", 6)


@pytest.mark.parametrize("at", ["/Appointment", "/"])
def test_f15_a_warning_of_any_page_is_told_by_its_code(fake: FakeFhir, tmp_path: Path, at: str) -> None:
    visits(fake, 6)
    rig = Rig("fhir-search", fake, tmp_path, **VISITS, page_size=4)
    fake.fail("warning_entry", template=at)
    (pass_,) = rig.source.passes(rig.known, fake.now)
    assert [list(page.warned) for page in pass_.pages()][:2] == (
        [["suppressed"], []] if at != "/" else [[], ["suppressed"]]
    )


def test_f15_an_error_in_place_of_an_answer_that_may_pass_is_asked_again(fake: FakeFhir, tmp_path: Path) -> None:
    visits(fake, 6)
    rig = Rig("fhir-search", fake, tmp_path, **VISITS, page_size=4)
    fake.fail("outcome", times=2, template="/Appointment")
    fake.fail("outcome", times=2, template="/")
    assert len(rig.pull().ids()) == 6


def test_f15_an_error_in_place_of_an_answer_that_stays_is_told_by_its_code_at_once(
    fake: FakeFhir, tmp_path: Path
) -> None:
    visits(fake, 2)
    rig = Rig("fhir-search", fake, tmp_path, **VISITS)
    fake.fail("refusal", times=9, template="/Appointment")
    with pytest.raises(Unavailable, match=r"/Appointment: answered 200 with an error \(not-supported\)"):
        rig.pull()
    assert fake.templates().count("GET /Appointment") == 1


def test_f15_what_a_server_says_by_the_way_is_no_row(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with serving(monkeypatch, "epic") as fake:
        visits(fake, 2)
        pull = Rig("fhir-search", fake, tmp_path, profile="epic", **VISITS).pull()
        assert len(pull.rows) == 2


def test_f15_a_refused_type_is_told_with_its_code_and_what_to_do(fake: FakeFhir, tmp_path: Path) -> None:
    fake.fail("403", times=99, template="/Coverage")
    fake.fail("400", times=99, template="/ServiceRequest")
    visits(fake, 2)
    rig = Rig("fhir-search", fake, tmp_path)
    with pytest.raises(Misconfigured) as caught:
        rig.pull()
    assert caught.value.credentials
    assert len(rig.known.cursors) >= 5  # the others have come
    fake.heal()
    fake.fail("400", times=99, template="/ServiceRequest")
    notices = [notice for each in rig.pull().passes for notice in each.notices]
    assert [notice for notice in notices if "ServiceRequest" in notice] == [
        "not_offered: ServiceRequest cannot be searched there (400 (exception))"
    ]


def test_f20_an_entry_that_cannot_be_read_costs_no_other(fake: FakeFhir, tmp_path: Path) -> None:
    visits(fake, 5)
    fake.spoil("Appointment", "v1", b'{"resourceType":"Appointment","id":7}')
    fake.spoil("Appointment", "v2", b'"nothing"')
    fake.spoil(
        "Appointment", "v3", b'{"resourceType":"Appointment","id":"v3","meta":[],"status":"no-show","participant":[]}'
    )
    pull = Rig("fhir-search", fake, tmp_path, **VISITS).pull()
    good = [row.external_id for row, each in pull.mapped() if isinstance(each, Mapped)]
    assert good == ["Appointment/v0", "Appointment/v4"]
    assert sorted(pull.rejected().values()) == ["missing_value", "missing_value", "unreadable_resource"]


def test_f24_what_comes_along_is_a_row_and_counts_for_nothing(fake: FakeFhir, tmp_path: Path) -> None:
    for resource in practice(AT, 5):
        fake.store.put(resource)
    rig = Rig("fhir-search", fake, tmp_path, patients="include", resources=["Patient", "Appointment"], page_size=4)
    pull = rig.pull()
    assert [each.feed for each in pull.passes] == ["Appointment"]
    assert {*pull.ids("patients")} == {"1", "2", "3", "4", "5"}
    assert pull.passes[0].kinds == frozenset({"appointments"})
    assert pull.passes[0].proof is not None
    assert pull.passes[0].proof.rows == len(fake.store.current("Appointment"))


# ---------------------------------------------------------------- releases and references (F19, F21)


@pytest.mark.parametrize(
    ("version", "shape"),
    [
        ("4.0.1", {"serviceType": [{"text": "Hands"}]}),
        ("4.3.0", {"serviceType": [{"text": "Hands"}]}),
        ("5.0.0", {"serviceType": [{"concept": {"text": "Hands"}}]}),
    ],
)
def test_f19_the_statement_chooses_the_release_and_the_mapping_keeps_its_name(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, version: str, shape: dict[str, Any]
) -> None:
    with serving(monkeypatch, "generic", fhir_version=version) as fake:
        fake.store.put(appointment("v", 1, AT, **shape))
        rig = Rig("fhir-search", fake, tmp_path, **VISITS)
        before = rig.source.fingerprint
        pull = rig.pull()
        ((row, mapped),) = pull.mapped()
        assert isinstance(mapped, Mapped)
        assert isinstance(mapped.record, VisitRow)
        assert mapped.record.kind == "Hands"
        rig.anew()
        assert rig.source.fingerprint == before
        assert rig.source.map(row) == mapped  # from quarantine, without a pull


def test_f19_a_release_that_is_not_read_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with serving(monkeypatch, "generic", fhir_version="3.0.2") as fake, pytest.raises(Misconfigured, match="release"):
        Rig("fhir-search", fake, tmp_path).pull()


def test_f21_a_patient_named_by_identifier_is_looked_for_once_and_not_in_a_url(fake: FakeFhir, tmp_path: Path) -> None:
    fake.store.put(patient(7, identifier=[{"system": "urn:mrn", "value": "00-07"}]))
    by_token = {"reference": f"Patient?identifier=urn:mrn|{quote('00-07')}"}
    by_identifier = {"identifier": {"system": "urn:mrn", "value": "00-07"}}
    for n, actor in enumerate((by_token, by_identifier)):
        visit = appointment(f"v{n}", 7, AT)
        visit["participant"][0]["actor"] = actor
        fake.store.put(visit)
    fake.search.store.put(patient(8, identifier=[{"system": "urn:mrn", "value": "0008"}]))
    rig = Rig("fhir-search", fake, tmp_path, **VISITS)
    pull = rig.pull()
    assert sorted(_patients_of(pull.mapped())) == ["7", "7"]
    asked = [call for call in fake.calls if call.template == "/Patient/_search"]
    assert len(asked) == 1
    rig.anew()
    before = len(fake.calls)
    rig.pull()
    assert "POST /Patient/_search" not in fake.templates(before)
    assert not any("0007" in key for key in rig.lent.memo.held)  # type: ignore[attr-defined]


def test_f21_the_site_is_found_through_locations_that_were_pulled_or_are_asked_for(
    fake: FakeFhir, tmp_path: Path
) -> None:
    fake.store.put({"resourceType": "Location", "id": "house", "identifier": [{"system": "urn:c", "value": "B"}]})
    fake.store.put({"resourceType": "Location", "id": "room", "partOf": {"reference": "Location/house"}})
    fake.store.put(appointment("v", 1, AT, place="room"))
    site = {"by": "location", "map": {"urn:c|B": "boulder"}}
    for resources in (["Appointment", "Location"], ["Appointment"]):
        rig = Rig("fhir-search", fake, tmp_path, resources=resources, site=site)
        pull = rig.pull()
        sites = [
            each.record.site
            for _, each in pull.mapped()
            if isinstance(each, Mapped) and isinstance(each.record, VisitRow)
        ]
        assert sites == ["boulder"]
    assert fake.templates().count("GET /Location/{id}") == 2
    rig.pull()
    assert fake.templates().count("GET /Location/{id}") == 2


def _patients_of(mapped: Iterator[tuple[RawRow, object]]) -> list[str]:
    records = [each.record for _, each in mapped if isinstance(each, Mapped)]
    return [record.patient_id for record in records if isinstance(record, VisitRow)]


# ---------------------------------------------------------------- economy (F25), settings, live check


@pytest.mark.parametrize("profile", ["generic", "medplum", "openemr"])
def test_p3_an_unchanged_server_is_asked_once_a_type(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, profile: str
) -> None:
    with serving(monkeypatch, profile) as fake:
        for resource in practice(AT - timedelta(days=1), 20):
            fake.store.put(resource)
        rig = Rig("fhir-search", fake, tmp_path, profile=profile)
        rig.pull()
        rig.tick(minutes=15)
        rig.pull()
        rig.tick(minutes=15)
        before = len(fake.calls)
        pull = rig.pull()
        assert (len(fake.calls) - before, pull.rows) == (len(pull.passes), [])
        assert len({call.template for call in fake.calls[before:]}) == len(pull.passes)


def test_f25_no_more_than_five_calls_at_once(fake: FakeFhir, tmp_path: Path) -> None:
    for resource in practice(AT, 30):
        fake.store.put(resource)
    Rig("fhir-search", fake, tmp_path, page_size=5).pull()
    assert fake.peak <= 5


def test_a_server_without_a_statement_is_searched_as_if_it_could_do_everything(fake: FakeFhir, tmp_path: Path) -> None:
    fake.fail("404", times=99, template="/metadata")
    visits(fake, 2)
    rig = Rig("fhir-search", fake, tmp_path, **VISITS)
    assert len(rig.pull().ids()) == 2
    rig.pull()
    assert fake.templates().count("GET /metadata") == 1


def test_auto_takes_a_window_where_the_statement_says_that_nothing_else_goes(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with serving(monkeypatch, "epic") as fake:
        for resource in practice(AT, 3):
            fake.store.put(resource)
        snapshots = {each.feed: each.snapshot for each in Rig("fhir-search", fake, tmp_path).pull().passes}
        assert (snapshots["Appointment"], snapshots["Encounter"], snapshots["Patient"]) == ("window", "window", "full")


@pytest.mark.parametrize(
    "wrong",
    [
        {"profile": "nextgen"},
        {"resources": []},
        {"resources": ["Slot"]},
        {"changes": {"Patient": "window"}},
        {"window": {"back": "12h"}},
        {"query": {"Appointment": {"_lastUpdated": "ge2020"}}},
        {"include": ["patient"]},
        {"fan_out_over": ["a/b/c"]},
        {"fhir_version": "STU3"},
        {"page_size": 0},
    ],
)
def test_settings_that_make_no_sense_are_refused(fake: FakeFhir, tmp_path: Path, wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="validation error"):
        Rig("fhir-search", fake, tmp_path, **wrong)


def test_a_live_check_tries_every_type(fake: FakeFhir, tmp_path: Path) -> None:
    for resource in practice(AT, 2):
        fake.store.put(resource)
    fake.fail("400", times=9, template="/Encounter")
    source = Rig("fhir-search", fake, tmp_path).source
    assert isinstance(source, Probing)
    found = {each.step: each for each in source.probe(fake.now)}
    assert found["name"].ok
    assert found["statement"].hint.startswith("FHIR R4")
    assert [step for step, each in found.items() if not each.ok] == ["one Encounter"]
    assert "by_patient" in found["one Encounter"].hint
    assert found["one Patient"].hint == "one came"


@pytest.mark.parametrize("profile", ["epic", "cerner"])
def test_a_live_check_asks_as_the_first_pass_would(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, profile: str
) -> None:
    with serving(monkeypatch, profile) as fake:
        for resource in practice(AT, 2):
            fake.store.put(resource)
        source = Rig("fhir-search", fake, tmp_path, profile=profile).source
        assert isinstance(source, Probing)
        found = {each.step: each for each in source.probe(fake.now)}
        assert [each for each in found.values() if not each.ok] == []
        assert found["one Patient"].hint.startswith("1 came")


def test_a_live_check_ends_where_nothing_more_can_be_learned(fake: FakeFhir, tmp_path: Path) -> None:
    rig = Rig("fhir-search", fake, tmp_path)
    fake.accepts = lambda _header: False
    assert isinstance(rig.source, Probing)
    found = list(rig.source.probe(fake.now))
    refused = [each for each in found if not each.ok]
    assert len(refused) == 2
    assert all("credentials" in each.hint for each in refused)
    assert {each.cause for each in refused} == {"credentials"}


@pytest.mark.parametrize(
    ("keys", "fed"),
    [
        ({}, {"patients", "appointments", "episodes"}),
        ({"resources": ["Patient", "Appointment"]}, {"patients", "appointments"}),
        ({"resources": ["Encounter"], "by_patient": ["EpisodeOfCare"]}, {"patients", "appointments", "episodes"}),
    ],
)
def test_the_types_say_which_facts_can_be_filled(keys: dict[str, Any], fed: set[str]) -> None:
    settings = {"kind": "fhir-search", "base_url": "https://fhir.example.com"} | keys
    assert FhirSearchSettings.model_validate(settings).fed() == fed
