"""The commands that read, on a small practice on both engines: their JSON is the contract of operations.md."""

import json
import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine

from sync import course, leads, lifecycle
from sync.log import person_hash
from sync.reasons import REASONS
from tests.fakes.clinic import AT, Clinic, Row, days, lead, mailchimp, patient, visit
from tests.fakes.command_line import prm_sync

MAIL_HOUSE: dict[str, Any] = {
    "kind": "contact-file",
    "folder": "out/mail-house",
    "recipient": "A mail house",
    "fields": {"Email": "email", "First": "given_name"},
    "segments": ["newsletter", "win-back"],
    "statuses": ["dropped_out"],
    "audience_of": "segments",
}
PATIENTS: list[Row] = [
    patient("1"),
    patient("2", given_name="Robin", family_name="Reed", phone="402-555-0134", email="robin@example.com"),
    patient("3", email="", ok="", ok_news="", signed=""),
    patient("4", ok_news="N"),
    patient("5", active="no"),
]
VISITS = [
    visit("a1", "1", "2026-02-25"),
    visit("b1", "1", "2026-03-05", "booked"),
    visit("a2", "2", "2026-02-01"),
    visit("a3", "3", "2026-02-01"),
    visit("a4", "4", "2026-02-26"),
    visit("b4", "4", "2026-03-05", "booked"),
    visit("q1", "1", "2026-02-27", "vanished"),
]


@pytest.fixture(autouse=True)
def _clock() -> Iterator[None]:
    with time_machine.travel(AT, tick=False):
        yield


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def clinic(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clinic]:
    """Five patients and two leads after one pass, with a mail house that has no agreement; only read from."""
    clinic = Clinic(tmp_path_factory.mktemp("clinic"))
    clinic.config["destinations"]["mail-house"] = MAIL_HOUSE
    if request.param == "sqlite":
        yield _after_a_pass(clinic.laid_out(request.getfixturevalue("sqlite_template")))
        return
    for url in request.getfixturevalue("postgres").clone():
        clinic.config["database"] = {"url": url}
        yield _after_a_pass(clinic)


def _after_a_pass(clinic: Clinic) -> Clinic:
    clinic.drop("patients", PATIENTS, "20260302-0600")
    clinic.drop("appointments", VISITS, "20260302-0600")
    # The second lead may be the second patient; without an address in common nobody can say.
    clinic.drop("leads", [lead("L1"), lead("L2", given_name="Robin", family_name="Reed")], "20260302-0600")
    clinic.run()
    return clinic


@pytest.fixture
def quick(tmp_path: Path, sqlite_template: Path) -> Clinic:
    """An empty practice on SQLite."""
    return Clinic(tmp_path / "clinic").laid_out(sqlite_template)


def _contact(clinic: Clinic, reference: str) -> dict[str, Any]:
    source, _, id_ = reference.partition(":")
    found = prm_sync(clinic, "contacts", "list", "--json").lines()
    return next(contact for contact in found if {"source": source, "id": id_} in contact["links"])


# ---------------------------------------------------------------- status


def test_status_tells_sources_destinations_and_counts(clinic: Clinic) -> None:
    status = prm_sync(clinic, "status", "--json").json()
    assert status["contacts"] == 7
    assert status["by_status"] == {"active": 2, "dropped_out": 2, "inactive": 1, "lead": 2}
    assert status["by_segment"]["win-back"] == 2
    assert status["by_segment"]["no-show-recovery"] == 0
    assert status["quarantine"] == {"emr": 1, "leads": 0}
    assert status["holds"] == []
    emr = status["sources"]["emr"]
    assert emr["last_success"] == "2026-03-02T18:00:00+00:00"
    assert emr["data_as_of"] == "2026-03-02T12:00:00+00:00"
    assert emr["stale"] is False
    assert emr["cursor"]["patients"]["name"] == "patients-20260302-0600.csv"
    house = status["destinations"]["mail-house"]
    assert {key: house[key] for key in ("mode", "pending", "parked", "oldest_pending_s", "circuit", "last_push")} == {
        "mode": "on", "pending": 0, "parked": 0, "oldest_pending_s": None, "circuit": "closed",
        "last_push": "2026-03-02T18:00:00+00:00",
    }  # fmt: skip


def test_status_tells_why_members_are_not_at_a_destination(clinic: Clinic) -> None:
    withheld = prm_sync(clinic, "status", "--json").json()["destinations"]["mail-house"]["withheld"]
    assert withheld["win-back"] == {"no_address": 1}
    assert withheld["status:dropped_out"] == {"no_address": 1}
    assert withheld["newsletter"] == {"consent_withdrawn": 1}
    assert withheld["*"] == {"inactive": 1}


def test_a_fresh_status_needs_nobody(clinic: Clinic) -> None:
    assert prm_sync(clinic, "status", "--fail").code == 0


def test_a_stale_source_fails_the_status_only_when_asked(clinic: Clinic) -> None:
    with time_machine.travel(AT + days(3), tick=False):
        assert prm_sync(clinic, "status", "--json").json()["sources"]["emr"]["stale"] is True
        assert prm_sync(clinic, "status").code == 0
        failed = prm_sync(clinic, "status", "--fail")
    assert failed.code == 1
    assert "emr is stale" in failed.out


def test_a_database_without_a_pass_has_a_status(quick: Clinic) -> None:
    status = prm_sync(quick, "status", "--json").json()
    assert status["contacts"] == 0
    assert status["sources"]["emr"]["last_success"] is None
    assert prm_sync(quick, "status", "--fail").code == 1


def test_what_an_observed_destination_would_get_is_withheld_for_observe(quick: Clinic) -> None:
    quick.config["destinations"] = {"mail-house": MAIL_HOUSE | {"mode": "observe"}}
    quick.drop("patients", PATIENTS, "20260302-0600")
    quick.drop("appointments", VISITS, "20260302-0600")
    quick.run()
    house = prm_sync(quick, "status", "--json").json()["destinations"]["mail-house"]
    assert house["pending"] == 2
    assert house["withheld"]["newsletter"] == {"consent_withdrawn": 1, "observe": 1}
    assert house["withheld"]["win-back"] == {"no_address": 1, "observe": 1}
    with time_machine.travel(AT + days(1), tick=False):
        assert prm_sync(quick, "status", "--fail").code == 0
        assert prm_sync(quick, "explain", "emr:2", "--json").json()["destinations"]["mail-house"]["withheld"] == {
            "*": "observe"
        }


def test_a_destination_that_failed_has_an_open_circuit_until_it_works_again(quick: Clinic) -> None:
    quick.drop("patients", PATIENTS, "20260302-0600")
    blocked = quick.folder / "out"
    blocked.write_text("a file where a folder should be")
    quick.run()
    status = prm_sync(quick, "status", "--json").json()["destinations"]["contacts"]
    assert (status["circuit"], status["pending"]) == ("open", 4)
    blocked.unlink()
    quick.run(AT + days(0.01))
    assert prm_sync(quick, "status", "--json").json()["destinations"]["contacts"]["circuit"] == "closed"


# ---------------------------------------------------------------- contacts


def test_contacts_list_holds_everyone_with_all_links(clinic: Clinic) -> None:
    found = prm_sync(clinic, "contacts", "list", "--json").lines()
    assert len(found) == 7
    assert sorted(link["id"] for contact in found for link in contact["links"]) == ["1", "2", "3", "4", "5", "L1", "L2"]
    ids = [contact["contact"] for contact in found]
    assert ids == sorted(ids)
    assert _contact(clinic, "emr:2") == {
        "contact": _contact(clinic, "emr:2")["contact"],
        "status": "dropped_out",
        "returning": False,
        "site": "lincoln",
        "segments": ["win-back"],
        "links": [{"source": "emr", "id": "2"}],
        "household_size": 1,
    }
    assert _contact(clinic, "emr:5")["status"] == "inactive"


@pytest.mark.parametrize(
    ("typed", "ids"),
    [
        ("robin@EXAMPLE.com\n", {"2"}),
        ("(402) 555-0134", {"2"}),
        ("robin reed", {"2", "L2"}),
        ("Reed, Robin\n", {"2", "L2"}),
        ("REED\n", {"2", "L2"}),
        ("name: Robin Reed\nbirth date: 05/17/1980\n", {"2"}),
        ("1980-05-17\n", {"1", "2", "3", "4", "5"}),
    ],
)
def test_contacts_are_found_by_what_is_typed_however_it_is_written(clinic: Clinic, typed: str, ids: set[str]) -> None:
    found = prm_sync(clinic, "contacts", "find", "--json", typed=typed).lines()
    assert {link["id"] for contact in found for link in contact["links"]} == ids


def test_contacts_find_says_so_when_there_is_nobody_or_nothing_is_asked(clinic: Clinic) -> None:
    nobody = prm_sync(clinic, "contacts", "find", typed="nobody@example.com")
    assert (nobody.code, nobody.out, "nobody agrees" in nobody.err) == (64, "", True)
    assert prm_sync(clinic, "contacts", "find", typed="\n").code == 64


def test_contacts_show_sets_the_rows_side_by_side(clinic: Clinic) -> None:
    shown = prm_sync(clinic, "contacts", "show", "emr:2", "--json").json()
    assert shown["address"] == "robin@example.com"
    assert [row["family_name"] for row in shown["rows"]] == ["Reed"]
    assert "robin@example.com" in prm_sync(clinic, "contacts", "show", shown["contact"]).out


def test_a_contact_leads_to_its_rows_in_quarantine(clinic: Clinic) -> None:
    [number] = prm_sync(clinic, "contacts", "show", "emr:1", "--json").json()["quarantined"]
    assert prm_sync(clinic, "quarantine", "show", str(number)).code == 0


def test_a_contact_is_named_by_its_id_its_row_and_the_hash_of_a_log_line(clinic: Clinic) -> None:
    contact = _contact(clinic, "emr:2")["contact"]
    for reference in (contact, "emr:2", person_hash(contact)):
        assert prm_sync(clinic, "explain", reference, "--json").json()["contact"] == contact


def test_an_absorbed_contact_leads_to_the_one_that_holds_its_row_now(quick: Clinic) -> None:
    quick.drop(
        "patients", [patient("1"), patient("2", given_name="Givenb", family_name="Familyqqqqqqrr")], "20260302-0600"
    )
    quick.run()
    before = _contact(quick, "emr:2")["contact"]
    quick.drop(
        "patients",
        [patient("1"), patient("2", given_name="Givenb", family_name="Familyqqqqqqrr", email="p1@example.com")],
        "20260302-0700",
    )
    quick.run()
    joined = _contact(quick, "emr:1")["contact"]
    assert joined != before
    assert prm_sync(quick, "explain", before, "--json").json()["contact"] == joined


def test_an_unknown_contact_is_a_usage_error_that_repeats_nothing(clinic: Clinic) -> None:
    for command in ("explain", "contacts show"):
        answer = prm_sync(clinic, *command.split(), "emr:secret-name")
        assert answer.code == 64
        assert "secret-name" not in answer.err + answer.out


# ---------------------------------------------------------------- explain


def test_explain_tells_status_segments_and_history(clinic: Clinic) -> None:
    found = prm_sync(clinic, "explain", "emr:2", "--json").json()
    assert found["status"] == "dropped_out"
    assert [(change["old"], change["new"]) for change in found["history"]] == [(None, "dropped_out")]
    assert [(link["source"], link["id"]) for link in found["links"]] == [("emr", "2")]
    win_back = found["segments"]["win-back"]
    assert (win_back["member"], win_back["entered_by"]) == (True, "baseline")
    assert win_back["tree"]["holds"] is True
    newsletter = found["segments"]["newsletter"]
    assert (newsletter["member"], newsletter["since"], newsletter["tree"]["holds"]) == (False, None, False)
    assert set(found) >= {"contact", "consent", "destinations", "next_review_at"}


def test_explain_tells_what_went_where_under_which_consent(clinic: Clinic) -> None:
    codes = {name: code for code, name in clinic.codes().items()}
    found = prm_sync(clinic, "explain", "emr:2", "--json").json()
    house = found["destinations"]["mail-house"]
    assert house["document"] == house["accepted"]
    assert set(house["document"]["tags"]) == {codes["segment:win-back"], codes["status:dropped_out"]}
    assert house["withheld"] == {}
    [told] = house["deliveries"]
    assert sorted(told["added"].values()) == ["segment:win-back", "status:dropped_out"]
    assert "robin@example.com" not in str(told)
    assert found["destinations"]["contacts"]["deliveries"] == []
    assert found["consent"]["verdicts"]["treatment"] == {"state": "yes_dated", "decided_on": "2026-01-05"}


def test_explain_tells_what_is_withheld_and_why(clinic: Clinic) -> None:
    nowhere = prm_sync(clinic, "explain", "emr:3", "--json").json()["destinations"]["mail-house"]
    assert nowhere["document"] is None
    assert nowhere["withheld"] == {"win-back": "no_address", "status:dropped_out": "no_address"}
    refused = prm_sync(clinic, "explain", "emr:4", "--json").json()["destinations"]["mail-house"]
    assert refused["withheld"] == {"newsletter": "consent_withdrawn"}
    assert "the person said no" in prm_sync(clinic, "explain", "emr:4").out


def test_explain_judges_at_another_instant_and_writes_nothing(clinic: Clinic) -> None:
    before = clinic.ask("SELECT count(*) FROM transition"), clinic.ask("SELECT * FROM contact ORDER BY id")
    later = prm_sync(clinic, "explain", "leads:L1", "--as-of", "2026-06-30", "--json").json()
    assert (later["status"], later["status_since"]) == ("lost_lead", None)
    assert later["segments"]["lead-follow-up"]["member"] is False
    assert before == (clinic.ask("SELECT count(*) FROM transition"), clinic.ask("SELECT * FROM contact ORDER BY id"))


def test_nothing_changes_before_the_instant_that_explain_names(clinic: Clinic) -> None:
    due = datetime.fromisoformat(prm_sync(clinic, "explain", "leads:L1", "--json").json()["next_review_at"])
    statuses = [
        prm_sync(clinic, "explain", "leads:L1", "--as-of", instant.isoformat(), "--json").json()["status"]
        for instant in (due - timedelta(seconds=1), due)
    ]
    assert statuses == ["lead", "lost_lead"]


def test_explain_says_in_words_why_a_status_is_so_and_what_a_flag_is(quick: Clinic) -> None:
    quick.segments["grown-ups"] = {"purpose": "marketing", "who": {"is_minor": False}}
    quick.drop("patients", [patient("2")], "20260302-0600")
    quick.drop("appointments", [visit("a2", "2", "2026-02-01")], "20260302-0600")
    quick.run()
    shown = prm_sync(quick, "explain", "emr:2").out
    assert "dropped_out, because nothing is booked" in shown
    assert "who is 18 or older: is_minor is false" in shown
    assert "treatment: yes, dated 2026-01-05" in shown


def test_every_rule_that_gives_a_status_has_its_sentence() -> None:
    written = "".join(Path(str(module.__file__)).read_text(encoding="utf-8") for module in (course, leads, lifecycle))
    rules = set(re.findall(r'"((?:contact|episode|lead)\.[a-z_]+)"', written))
    assert rules - {"episode.empty"} == REASONS.keys()


# ---------------------------------------------------------------- check, plan


def test_check_tells_its_problems_as_json_too(quick: Clinic) -> None:
    quick.config["destinations"]["again"] = quick.config["destinations"]["contacts"] | {"mode": "of"}
    answer = prm_sync(quick, "check", "--json")
    assert answer.code == 78
    first, second = sorted(problem.partition(": ")[2] for problem in answer.json()["problems"])
    assert first == "destinations.again.folder: destination 'contacts' writes here already; give each its own folder"
    assert second.startswith("destinations.again.mode: ")


def test_check_tells_a_misspelt_fact_and_a_missing_key_in_one_go(quick: Clinic) -> None:
    quick.config["log_key"] = {"env": "PRM_TEST_NO_SUCH_KEY"}
    quick.segments["new"] = {"purpose": "marketing", "who": {"stauts": "lead"}}
    told = prm_sync(quick, "check").err
    assert "segments.new.who.stauts: is no fact" in told
    assert "log_key: the environment variable PRM_TEST_NO_SUCH_KEY is not set" in told


def test_check_tells_wrong_keys_and_types_fields_that_must_not_leave_and_facts_that_nothing_fills_in_one_go(
    quick: Clinic,
) -> None:
    fields = {"FNAME": "given_name", "PAYER": "payer_class"}
    wrong = mailchimp("http://127.0.0.1:1/3.0", fields=fields, segments=["new"], statuses=[], on_leaf="untag")
    quick.config["destinations"]["newsletter"] = {key: value for key, value in wrong.items() if key != "recipient"}
    quick.config["destinations"]["other"] = mailchimp("http://127.0.0.1:1/3.0", fields=fields, mode="of", baa=5)
    quick.config["sources"]["emr"]["schedule"] = {"every": "often"}
    del quick.config["sources"]["emr"]["episodes"]
    quick.config["fresh_for"] = ["3 days"]
    quick.segments["new"] = {"purpose": "marketing", "who": {"visits_left": {"under": 3}}, "priority": "high"}
    answer = prm_sync(quick, "check", "--json")
    assert answer.code == 78
    paths = [problem.split(": ")[1] for problem in answer.json()["problems"]]
    assert paths == [
        "sources.emr.schedule.every",
        "destinations.newsletter",
        "destinations.newsletter.fields.PAYER",
        "destinations.newsletter.on_leaf",
        "destinations.other.mode",
        "destinations.other.baa",
        "fresh_for",
        "segments.new.who",
        "segments.new.priority",
    ]


def test_check_does_not_miss_the_feeds_of_a_source_that_it_cannot_read(quick: Clinic) -> None:
    quick.config["sources"]["emr"]["appointmints"] = quick.config["sources"]["emr"].pop("appointments")
    quick.segments["new"] = {"purpose": "marketing", "who": {"last_visit": "known"}}
    assert [problem.split(": ")[1] for problem in prm_sync(quick, "check", "--json").json()["problems"]] == [
        "sources.emr.appointmints"
    ]


def test_check_reads_the_reference_to_the_database(quick: Clinic) -> None:
    quick.config["database"] = {"url": {"env": "PRM_TEST_NO_SUCH_URL"}}
    answer = prm_sync(quick, "check")
    assert (answer.code, "database.url: the environment variable PRM_TEST_NO_SUCH_URL is not set" in answer.err) == (
        78,
        True,
    )
    assert prm_sync(quick, "check", "--offline").code == 0


def test_plan_tells_what_an_operators_file_would_change(clinic: Clinic) -> None:
    narrower = clinic.segments | {"win-back": clinic.segments["win-back"] | {"who": {"status": "dormant"}}}
    draft = clinic.folder / "draft.yaml"
    draft.write_text(json.dumps({"segments": narrower}), encoding="utf-8")
    answer = prm_sync(clinic, "plan", "--with", str(draft))
    assert answer.code == 2
    assert "segment win-back at lincoln: 2 now, 0 then." in answer.out
    assert prm_sync(clinic, "plan").code == 0


# ---------------------------------------------------------------- segments, matches, codes


def test_segments_count_who_is_in_allowed_and_there(clinic: Clinic) -> None:
    found = prm_sync(clinic, "segments", "list", "--json").json()
    assert found == prm_sync(clinic, "segments", "--json").json()
    assert prm_sync(clinic, "segments", "--json", "show", "win-back").json()["name"] == "win-back"
    win_back = found["win-back"]
    assert (win_back["members"], win_back["with_address"], win_back["allowed"]) == (2, 1, 1)
    assert win_back["destinations"]["mail-house"] == {"allowed": 1, "there": 1, "withheld": {"no_address": 1}}
    assert win_back["code"] in clinic.codes()
    assert found["lead-follow-up"]["destinations"].keys() == {"contacts"}


def test_a_segment_is_shown_with_its_rule_in_english(clinic: Clinic) -> None:
    shown = prm_sync(clinic, "segments", "show", "win-back")
    assert "Everyone whose status is dropped_out." in shown.out
    assert "1 not: no usable e-mail address" in shown.out
    assert prm_sync(clinic, "segments", "show", "nope").code == 64


def test_codes_are_listed_by_code(clinic: Clinic) -> None:
    codes = prm_sync(clinic, "codes", "--json").json()
    assert {(entry["kind"], entry["name"]) for entry in codes.values()} >= {
        ("segment", "win-back"), ("status", "dropped_out"), ("site", "lincoln"),
    }  # fmt: skip
    assert all(entry["since"].startswith("2026-03-02") for entry in codes.values())


def test_pairs_that_wait_for_a_decision_are_listed(quick: Clinic) -> None:
    twin = patient("2", given_name="Givenb", family_name="Familyqqqqqqrr", email="other@example.com")
    quick.drop("patients", [patient("1"), twin], "20260302-0600")
    quick.run()
    [pair] = prm_sync(quick, "matches", "list", "--json").lines()
    assert {pair["a"]["id"], pair["b"]["id"]} == {"1", "2"}
    assert set(pair) == {"id", "a", "b", "rule", "score", "reasons"}
    assert "names and birth date agree" in prm_sync(quick, "matches", "list").out


@pytest.mark.parametrize("command", ["status", "segments", "contacts list", "quarantine list", "outbox list", "codes"])
def test_what_a_command_prints_without_being_asked_for_values_names_nobody(clinic: Clinic, command: str) -> None:
    for flags in ([], ["--json"]):
        shown = prm_sync(clinic, *command.split(), *flags)
        assert shown.code == 0
        assert not any(word in shown.out + shown.err for word in ("Robin", "Reed", "@example.com", "5550134", "1980"))
