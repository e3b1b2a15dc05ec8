"""Mailchimp as a destination, against an audience with state, with faults on demand."""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from connectors.base import Accepted, Change, Misconfigured, Outcome, Refused, Retry, Unavailable
from connectors.mailchimp import Mailchimp, MailchimpSettings
from mappings.document import Document
from tests.fakes.lent import SURROUNDINGS, CountingBudget, lent
from tests.fakes.mailchimp import LIST, MEMBER, TAGS, FakeMailchimp, member_id

ANN, BOB = "ann@example.com", "bob@example.com"


class Practice:
    """A Mailchimp destination and the fake behind it."""

    def __init__(self, fake: FakeMailchimp, key: Path, **more: Any) -> None:
        self.fake, self.audience = fake, fake.audience
        self.lent = lent()
        plain = {"kind": "mailchimp", "api_key": {"file": key}, "audience": fake.audience_id, "base_url": fake.url}
        settings = MailchimpSettings.model_validate(plain | {"recipient": "a fake"} | more)
        self.mailchimp = Mailchimp("newsletter", settings, SURROUNDINGS, self.lent, sleep=lambda _: None)

    def push(self, *changes: Change) -> list[Outcome]:
        return list(self.mailchimp.push(changes))

    def seeded(self, address: str, *tags: str, **fields: str) -> Change:
        """A member that we created earlier, as the change that keeps it."""
        wished = document(address, *tags, **fields)
        (outcome,) = self.push(fresh(wished))
        assert isinstance(outcome, Accepted)
        self.fake.calls.clear()
        return Change(key=address, wished=wished, accepted=wished, ref=outcome.ref)


@pytest.fixture
def key(tmp_path: Path) -> Path:
    path = tmp_path / "key"
    path.touch(0o600)
    return path


@pytest.fixture
def practice(key: Path) -> Iterator[Practice]:
    with FakeMailchimp() as fake:
        key.write_text(fake.api_key, encoding="utf-8")
        yield Practice(fake, key, fields={"FNAME": "given_name"})


def document(address: str, *tags: str, **fields: str) -> Document:
    return Document(address=address, fields=fields, tags=frozenset(tags))


def fresh(wished: Document, *loud: str) -> Change:
    return Change(key=wished.address, wished=wished, accepted=None, ref=None, loud=frozenset(loud))


def kinds(outcomes: Sequence[Outcome]) -> list[type]:
    return [type(outcome) for outcome in outcomes]


# ---------------------------------------------------------------- what is written


def test_new_members_are_created_in_one_create_only_batch(practice: Practice) -> None:
    people = [f"p{n}@example.com" for n in range(501)]
    outcomes = practice.push(*(fresh(document(address, FNAME="A")) for address in people))
    assert kinds(outcomes) == [Accepted] * 501
    assert practice.fake.templates() == [("POST", LIST)] * 2
    assert [len(call.json["members"]) for call in practice.fake.calls] == [500, 1]
    first = practice.fake.calls[0]
    assert (first.json["update_existing"], first.params) == (False, {"skip_merge_validation": "true"})
    assert set(first.json) == {"members", "update_existing"}
    assert first.json["members"][0] == {
        "email_address": "p0@example.com",
        "status": "subscribed",
        "merge_fields": {"FNAME": "A"},
    }
    assert outcomes[0] == Accepted(document=document("p0@example.com", FNAME="A"), ref=member_id("p0@example.com"))


def test_an_existing_member_is_patched_with_what_changed_and_no_status(practice: Practice) -> None:
    change = practice.seeded(ANN, "KF27", FNAME="Ann", LANG="en")
    practice.push(replace(change, wished=document(ANN, "KF27", FNAME="Anna", LANG="en")))
    (call,) = practice.fake.calls
    assert (call.method, call.template, call.json) == ("PATCH", MEMBER, {"merge_fields": {"FNAME": "Anna"}})


def test_an_unchanged_member_costs_no_call(practice: Practice) -> None:
    assert kinds(practice.push(practice.seeded(ANN, "KF27", FNAME="Ann"))) == [Accepted]
    assert practice.fake.calls == []


def test_a_field_that_went_is_erased_by_an_empty_text(practice: Practice) -> None:
    change = practice.seeded(ANN, FNAME="Ann")
    practice.push(replace(change, wished=document(ANN)))
    assert practice.fake.calls[0].json == {"merge_fields": {"FNAME": ""}}


def test_tags_go_in_one_quiet_call_a_member(practice: Practice) -> None:
    change = practice.seeded(ANN, "KF27", "AB12")
    practice.push(replace(change, wished=document(ANN, "AB12", "CD34")))
    (call,) = practice.fake.calls
    assert (call.method, call.template) == ("POST", TAGS)
    assert call.json == {
        "tags": [{"name": "CD34", "status": "active"}, {"name": "KF27", "status": "inactive"}],
        "is_syncing": True,
    }


def test_loud_tags_go_alone_and_after_the_quiet_ones(practice: Practice) -> None:
    change = practice.seeded(ANN, "KF27")
    practice.push(replace(change, wished=document(ANN, "AB12", "CD34"), loud=frozenset({"CD34"})))
    quiet, loud = practice.fake.calls
    assert (quiet.json["is_syncing"], [t["name"] for t in quiet.json["tags"]]) == (True, ["AB12", "KF27"])
    assert loud.json == {"tags": [{"name": "CD34", "status": "active"}], "is_syncing": False}
    assert practice.audience.automations == {(ANN, "CD34"): 1}


def test_the_stored_id_is_used_and_never_recomputed(practice: Practice) -> None:
    change = practice.seeded(ANN, FNAME="Ann")
    practice.audience.members["oldid"] = practice.audience.members.pop(member_id(ANN))
    practice.push(replace(change, ref="oldid", wished=document(ANN, "KF27", FNAME="Ann")))
    assert list(practice.audience.members["oldid"].tags.values()) == ["KF27"]


def test_a_new_address_renames_the_member(practice: Practice) -> None:
    change = practice.seeded(ANN, "KF27", FNAME="Ann")
    wished = document(BOB, "KF27", FNAME="Ann")
    (outcome,) = practice.push(replace(change, wished=wished))
    assert outcome == Accepted(document=wished, ref=member_id(BOB))
    assert practice.fake.calls[0].json == {"email_address": BOB}
    assert list(practice.audience.members) == [member_id(BOB)]


def test_a_new_address_that_is_taken_already_is_a_leaving_and_a_coming(practice: Practice) -> None:
    change = practice.seeded(ANN, "KF27", FNAME="Ann")
    practice.seeded(BOB, "VIP")
    wished = document(BOB, "KF27", FNAME="Ann")
    (outcome,) = practice.push(replace(change, wished=wished))
    assert outcome == Accepted(document=wished, ref=member_id(BOB))
    assert {m.address: (m.status, set(m.tags.values())) for m in practice.audience.members.values()} == {
        ANN: ("subscribed", set()), BOB: ("subscribed", {"VIP", "KF27"}),
    }  # fmt: skip


def test_a_new_address_that_has_opted_out_there_is_suppressed_and_the_former_one_left(practice: Practice) -> None:
    change = practice.seeded(ANN, "KF27", FNAME="Ann")
    practice.audience.put(BOB, "unsubscribed")
    (outcome,) = practice.push(replace(change, wished=document(BOB, "KF27", FNAME="Ann")))
    assert isinstance(outcome, Refused)
    assert outcome.suppress == "unsubscribed"
    assert practice.audience.get(ANN).tags == {}


def test_no_address_stands_in_a_url(practice: Practice) -> None:
    change = practice.seeded(ANN, "KF27", FNAME="Ann")
    practice.push(replace(change, wished=document(ANN, "AB12", FNAME="Anna")), fresh(document(BOB)))
    practice.push(replace(change, wished=replace(document(ANN), standing="left")))
    assert all("@" not in f"{call.params}" for call in practice.fake.calls)


def test_our_own_opt_out_is_the_only_status_written_to_a_member(practice: Practice) -> None:
    change = practice.seeded(ANN, "KF27", FNAME="Ann")
    stopped = replace(document(ANN), standing="unsubscribed")
    practice.push(replace(change, wished=stopped))
    assert [call.json for call in practice.fake.writes if call.method == "PATCH"] == [{"status": "unsubscribed"}]
    assert practice.audience.get(ANN).status == "unsubscribed"


def test_leaving_by_archive_takes_the_tags_first(practice: Practice, key: Path) -> None:
    change = practice.seeded(ANN, "KF27")
    archiving = Practice(practice.fake, key, on_leave="archive")
    archiving.push(replace(change, wished=replace(document(ANN), standing="left")))
    assert practice.fake.templates() == [("GET", MEMBER), ("POST", TAGS), ("DELETE", MEMBER)]
    assert (practice.audience.get(ANN).status, practice.audience.get(ANN).tags) == ("archived", {})


def left(address: str = ANN) -> Document:
    return replace(document(address), standing="left")


def stopped(address: str = ANN) -> Document:
    return replace(document(address), standing="unsubscribed")


@pytest.fixture
def archiving(practice: Practice, key: Path) -> Practice:
    return Practice(practice.fake, key, on_leave="archive")


def test_whom_a_human_archived_does_not_return_though_leaving_was_accepted(archiving: Practice) -> None:
    change = archiving.seeded(ANN, "KF27")
    archiving.audience.act(ANN, "archived")
    assert kinds(archiving.push(replace(change, wished=left()))) == [Accepted]
    (back,) = archiving.push(replace(change, accepted=left()))
    assert isinstance(back, Refused)
    assert back.suppress == "archived_by_human"


def test_whom_we_archived_and_then_opted_out_does_not_return(archiving: Practice) -> None:
    change = archiving.seeded(ANN, "KF27")
    archiving.push(replace(change, wished=left()))
    archiving.push(replace(change, accepted=left(), wished=stopped()))
    (back,) = archiving.push(replace(change, accepted=stopped()))
    assert isinstance(back, Refused)
    assert archiving.audience.get(ANN).status == "archived"


def test_an_archive_that_was_not_settled_before_a_crash_is_still_ours(archiving: Practice) -> None:
    change = archiving.seeded(ANN, "KF27")
    archiving.push(replace(change, wished=left()))
    archiving.push(replace(change, wished=left()))
    assert kinds(archiving.push(replace(change, accepted=left()))) == [Accepted]
    assert archiving.audience.get(ANN).status == "subscribed"


def test_leaving_keeps_an_opt_out_visible_instead_of_archiving_it(archiving: Practice) -> None:
    change = archiving.seeded(ANN, "KF27")
    archiving.audience.act(ANN, "unsubscribed")
    assert kinds(archiving.push(replace(change, wished=left()))) == [Accepted]
    assert archiving.audience.get(ANN).status == "unsubscribed"


@pytest.mark.parametrize("state", ["cleaned", "archived", "transactional"])
def test_our_own_opt_out_leaves_other_states_alone(practice: Practice, state: str) -> None:
    change = practice.seeded(ANN, "KF27")
    practice.audience.act(ANN, state)
    assert kinds(practice.push(replace(change, wished=stopped()))) == [Accepted]
    assert practice.audience.get(ANN).status == state


def test_at_most_eight_calls_run_at_a_time(practice: Practice) -> None:
    people = [f"p{n}@example.com" for n in range(60)]
    practice.push(*(fresh(document(address, "KF27")) for address in people))
    assert isinstance(practice.lent.budget, CountingBudget)
    assert practice.lent.budget.peak <= 8
    assert practice.fake.peak <= 8
    assert len(practice.fake.calls) == 61


# ---------------------------------------------------------------- what Mailchimp refuses


def test_a_member_that_is_there_already_goes_on_as_an_existing_one(practice: Practice) -> None:
    practice.audience.put(ANN, fields={"FNAME": "Ann", "LNAME": "Theirs"}, tags={"vip": "VIP", "kf27": "kf27"})
    (outcome,) = practice.push(fresh(document(ANN, "KF27", "AB12", FNAME="Anna"), "KF27"))
    assert outcome == Accepted(document=document(ANN, "KF27", "AB12", FNAME="Anna"), ref=member_id(ANN))
    member = practice.audience.get(ANN)
    assert member.fields == {"FNAME": "Anna", "LNAME": "Theirs"}
    assert set(member.tags) == {"vip", "kf27", "ab12"}
    assert practice.audience.joined.total() + practice.audience.automations.total() == 0


@pytest.mark.parametrize(
    ("state", "code", "cause"),
    [
        ("unsubscribed", "unsubscribed", "unsubscribed"),
        ("cleaned", "bounced", "bounced"),
        ("archived", "archived_by_human", "archived_by_human"),
        ("pending", "pending", None),
        ("transactional", "transactional", None),
    ],
)
def test_a_member_in_another_state_is_refused_and_left_as_it_is(
    practice: Practice, state: str, code: str, cause: str | None
) -> None:
    practice.audience.put(ANN, state)
    (outcome,) = practice.push(fresh(document(ANN, "KF27", FNAME="Ann")))
    assert isinstance(outcome, Refused)
    assert (outcome.code, outcome.suppress) == (code, cause)
    member = practice.audience.get(ANN)
    assert (member.status, member.fields, member.tags) == (state, {}, {})


def test_one_bad_address_does_not_keep_the_others(practice: Practice) -> None:
    practice.audience.fake_looking.add(ANN)
    practice.audience.forgotten.add(member_id("gone@example.com"))
    outcomes = practice.push(*(fresh(document(a, "KF27")) for a in (ANN, BOB, "gone@example.com")))
    assert outcomes[0] == Refused(code="bad_address", suppress="bad_address")
    assert isinstance(outcomes[1], Accepted)
    assert outcomes[2] == Refused(code="forgotten", suppress="unsubscribed")


def test_a_field_of_the_wrong_form_parks_its_member_alone(practice: Practice) -> None:
    practice.audience.merge_fields["BDAY"] = {"tag": "BDAY", "type": "birthday", "required": False}
    change = practice.seeded(ANN, "KF27")
    outcomes = practice.push(
        replace(change, wished=document(ANN, "KF27", BDAY="1980-02-03")), fresh(document(BOB, BDAY="1980-02-03"))
    )
    assert outcomes[0] == Refused(code="invalid_fields", accepted=change.accepted, ref=change.ref)
    assert outcomes[1] == Refused(code="invalid_fields")


def test_a_member_that_was_deleted_is_refused_as_taken_out_by_hand(practice: Practice) -> None:
    change = practice.seeded(ANN, FNAME="Ann")
    practice.audience.forget(ANN)
    (outcome,) = practice.push(replace(change, wished=document(ANN, FNAME="Anna")))
    assert isinstance(outcome, Refused)
    assert outcome.suppress == "archived_by_human"


# ---------------------------------------------------------------- what breaks


@pytest.mark.parametrize("kind", ["401", "403"])
def test_a_refused_key_stops_the_destination(practice: Practice, kind: Any) -> None:
    practice.fake.fail(kind, times=99)
    with pytest.raises(Misconfigured) as caught:
        practice.push(*(fresh(document(f"p{n}@example.com")) for n in range(20)))
    assert (caught.value.setting, caught.value.credentials) == ("destinations.newsletter.api_key", True)
    assert len(practice.fake.calls) == 1


def test_an_audience_that_is_not_there_is_named(practice: Practice) -> None:
    change = practice.seeded(ANN)
    practice.fake.audience_id = "other"
    for work in (
        lambda: practice.push(fresh(document(BOB))),
        lambda: practice.push(replace(change, wished=document(ANN, "KF27"))),
        practice.mailchimp.preflight,
        lambda: list(practice.mailchimp.feedback(None, practice.audience.now)),
    ):
        with pytest.raises(Misconfigured) as caught:
            work()
        assert caught.value.setting == "destinations.newsletter.audience"


@pytest.mark.parametrize("kind", ["429", "403_bare"])
def test_a_crowded_server_is_asked_again(practice: Practice, kind: Any) -> None:
    practice.fake.fail(kind, times=2)
    assert kinds(practice.push(fresh(document(ANN, "KF27")))) == [Accepted]


@pytest.mark.parametrize("kind", ["429", "403_bare"])
def test_a_server_that_stays_crowded_is_unavailable(practice: Practice, kind: Any) -> None:
    practice.fake.fail(kind, times=99)
    with pytest.raises(Unavailable):
        practice.push(fresh(document(ANN, "KF27")), fresh(document(BOB)))


def test_the_wait_that_the_server_asks_for_reaches_the_pipeline(practice: Practice) -> None:
    practice.fake.fail("429", times=99, headers={"Retry-After": "240"})
    with pytest.raises(Unavailable) as caught:
        practice.push(fresh(document(ANN)))
    assert caught.value.retry_after == 240.0


@pytest.mark.parametrize("kind", ["cut_after_acting", "500_after_acting", "cut", "500", "html"])
def test_a_create_of_unknown_outcome_is_looked_up_before_it_is_repeated(practice: Practice, kind: Any) -> None:
    practice.fake.fail(kind, method="POST", template=LIST)
    outcomes = practice.push(*(fresh(document(a, "KF27"), "KF27") for a in (ANN, BOB)))
    assert kinds(outcomes) == [Accepted, Accepted]
    assert practice.audience.joined == {ANN: 1, BOB: 1}
    assert practice.audience.automations == {(ANN, "KF27"): 1, (BOB, "KF27"): 1}
    assert practice.fake.templates().count(("GET", MEMBER)) == 2


def test_a_create_that_stays_unknown_is_tried_again_later(practice: Practice) -> None:
    practice.fake.fail("500", times=99, method="POST", template=LIST)
    (outcome,) = practice.push(fresh(document(ANN)))
    assert outcome == Retry(after=60.0, code="outcome_unknown", ref=member_id(ANN))


@pytest.mark.parametrize("kind", ["cut_after_acting", "500_after_acting", "500", "cut"])
def test_an_idempotent_write_is_repeated_at_once(practice: Practice, kind: Any) -> None:
    change = practice.seeded(ANN, FNAME="Ann")
    practice.fake.fail(kind, method="PATCH")
    practice.fake.fail(kind, template=TAGS)
    outcomes = practice.push(replace(change, wished=document(ANN, "KF27", FNAME="Anna"), loud=frozenset({"KF27"})))
    assert kinds(outcomes) == [Accepted]
    assert practice.audience.automations == {(ANN, "KF27"): 1}


def test_what_was_taken_before_a_failure_is_reported(practice: Practice) -> None:
    change = practice.seeded(ANN, "KF27", FNAME="Ann")
    practice.fake.fail("500", times=99, template=TAGS)
    (outcome,) = practice.push(replace(change, wished=document(ANN, "AB12", FNAME="Anna")), fresh(document(BOB)))[:1]
    assert outcome == Retry(
        after=60.0, code="outcome_unknown", accepted=document(ANN, "KF27", FNAME="Anna"), ref=change.ref
    )


def test_a_new_member_whose_tags_failed_is_reported_as_created(practice: Practice) -> None:
    practice.fake.fail("429", times=99, template=TAGS)
    (outcome,) = practice.push(fresh(document(ANN, "KF27", FNAME="Ann")))
    assert outcome == Retry(after=60.0, code="unavailable", accepted=document(ANN, FNAME="Ann"), ref=member_id(ANN))
    assert isinstance(outcome, Retry)
    practice.fake.heal()
    again = Change(key=ANN, wished=document(ANN, "KF27", FNAME="Ann"), accepted=outcome.accepted, ref=outcome.ref)
    assert kinds(practice.push(again)) == [Accepted]
    assert practice.audience.joined == {ANN: 1}


def test_a_server_that_went_down_is_not_asked_for_everyone(practice: Practice) -> None:
    changes = [practice.seeded(f"p{n}@example.com") for n in range(40)]
    practice.fake.fail("500", times=10_000)
    outcomes = practice.push(*(replace(c, wished=replace(c.wished, tags=frozenset({"KF27"}))) for c in changes))
    assert {type(outcome) for outcome in outcomes} == {Retry}
    assert len(practice.fake.calls) <= 5 * 10


def test_one_member_that_always_fails_does_not_keep_the_others(practice: Practice) -> None:
    changes = [practice.seeded(f"p{n}@example.com") for n in range(20)]
    practice.audience.members[member_id("p3@example.com")].tags = None  # type: ignore[assignment]  # the fake then breaks off
    outcomes = practice.push(*(replace(c, wished=replace(c.wished, tags=frozenset({"KF27"}))) for c in changes))
    assert kinds(outcomes).count(Retry) == 1
    assert isinstance(outcomes[3], Retry)


def test_a_key_refused_midway_keeps_the_outcomes_so_far(practice: Practice) -> None:
    practice.fake.fail("401", times=99, template=TAGS)
    outcomes = practice.push(fresh(document(ANN, FNAME="Ann")), fresh(document(BOB, "KF27", FNAME="Bob")))
    assert kinds(outcomes) == [Accepted, Retry]
    assert isinstance(outcomes[1], Retry)
    assert outcomes[1].accepted == document(BOB, FNAME="Bob")


def test_a_server_that_is_down_is_unavailable(practice: Practice, key: Path) -> None:
    with FakeMailchimp() as gone:
        nobody = Practice(gone, key)
    for work in (
        lambda: nobody.push(fresh(document(ANN))),
        lambda: list(nobody.mailchimp.feedback(None, practice.audience.now)),
        nobody.mailchimp.preflight,
    ):
        with pytest.raises(Unavailable):
            work()


def test_errors_outcomes_and_logs_hold_no_address_and_no_key(
    practice: Practice, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    practice.audience.fake_looking.add(ANN)
    (refused,) = practice.push(fresh(document(ANN)))
    practice.fake.fail("429", times=99)
    with pytest.raises(Unavailable) as caught:
        practice.push(fresh(document(ANN)))
    said = f"{refused} {caught.value!r} {caught.value.__context__!r} {caught.value.__cause__!r} {caplog.text}"
    assert ANN not in said
    assert member_id(ANN) not in said
    assert practice.fake.api_key not in said


# ---------------------------------------------------------------- preflight


def test_preflight_names_fields_that_are_missing_unfit_or_required(practice: Practice, key: Path) -> None:
    assert practice.mailchimp.preflight() == []
    known = practice.audience.merge_fields
    known["ADDRESS"] = {"tag": "ADDRESS", "type": "address", "required": True}
    known["BDAY"] = {"tag": "BDAY", "type": "birthday", "required": False}
    wanted = Practice(practice.fake, key, fields={"FNAME": "given_name", "BDAY": "birth_date", "CITY": "city"})
    missing, unfit = wanted.mailchimp.preflight()
    required = [found.hint for found in wanted.mailchimp.probe(datetime.now(UTC)) if not found.ok][-1]
    assert "no merge field CITY" in missing
    assert "BDAY is of type birthday" in unfit
    assert "requires the merge field ADDRESS" in required
    assert practice.fake.writes == []
