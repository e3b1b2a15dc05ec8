"""HubSpot as a destination: batches, partial failures, who is who, what a property may hold, and the rate."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from connectors.base import Accepted, Change, Misconfigured, Outcome, Refused, Retry, Unavailable
from connectors.hubspot import Hubspot, HubspotSettings
from connectors.hubspot.outcomes import verdict
from mappings.document import Document
from tests.fakes.hubspot import KEY, LISTS, MEMBERS, PROPERTIES, SEARCH, UPDATE, UPSERT, FakeHubspot
from tests.fakes.hubspot_records import prop
from tests.fakes.lent import SURROUNDINGS, CountingBudget, lent

ANN, BOB = "ann@example.com", "bob@example.com"


class Practice:
    """A HubSpot destination and the fake behind it."""

    def __init__(self, fake: FakeHubspot, folder: Path, **more: Any) -> None:
        token = folder / "token"
        token.touch(0o600)
        token.write_text(fake.secret, encoding="utf-8")
        plain = {"kind": "hubspot", "token": {"file": token}, "base_url": fake.url, "recipient": "a fake"}
        settings = HubspotSettings.model_validate({**plain, "fields": {"firstname": "given_name"}, **more})
        self.fake, self.lent, self.slept = fake, lent(), list[float]()
        self.hubspot = Hubspot("crm", settings, SURROUNDINGS, self.lent, sleep=self.slept.append)

    def push(self, *changes: Change) -> list[Outcome]:
        return list(self.hubspot.push(changes))

    def seeded(self, address: str, *tags: str) -> Change:
        """A contact that we created earlier, as the change that keeps it."""
        wished = document(address, *tags)
        (outcome,) = self.push(fresh(wished))
        assert isinstance(outcome, Accepted)
        self.fake.calls.clear()
        return Change(key=address, wished=wished, accepted=wished, ref=outcome.ref)


@pytest.fixture
def fake() -> Iterator[FakeHubspot]:
    with FakeHubspot() as found:
        yield found


@pytest.fixture
def practice(fake: FakeHubspot, tmp_path: Path) -> Practice:
    return Practice(fake, tmp_path)


def document(address: str, *tags: str, **fields: str) -> Document:
    return Document(address=address, fields=fields, tags=frozenset(tags))


def fresh(wished: Document) -> Change:
    return Change(key=wished.address, wished=wished, accepted=None, ref=None)


def moved(change: Change, wished: Document) -> Change:
    return Change(key=wished.address, wished=wished, accepted=change.wished, ref=change.ref)


# ---------------------------------------------------------------- what is written


def test_new_contacts_are_upserted_by_the_unique_property_in_hundreds_and_never_searched_for(
    practice: Practice, fake: FakeHubspot
) -> None:
    outcomes = practice.push(*(fresh(document(f"p{n}@example.com", "KF27", firstname="A")) for n in range(201)))
    assert [type(outcome) for outcome in outcomes] == [Accepted] * 201
    sent = fake.sent(UPSERT)
    assert sorted(len(body["inputs"]) for body in sent) == [1, 100, 100]
    first = next(each for body in sent for each in body["inputs"] if each["id"] == "p0@example.com")
    assert (first["idProperty"], first["properties"][KEY]) == (KEY, "p0@example.com")
    assert first["properties"] == {KEY: "p0@example.com", "email": "p0@example.com", "firstname": "A"}
    assert SEARCH not in {template for _, template in fake.templates()}
    assert len(fake.sent(LISTS)) == 1
    assert sum(len(body["recordIdsToAdd"]) for body in fake.sent(MEMBERS, "PUT")) == 201


def test_a_contact_of_the_practices_own_is_taken_over_by_its_address_and_others_are_never_touched(
    practice: Practice, fake: FakeHubspot
) -> None:
    theirs, other = fake.put(ANN, lastname="Lee"), fake.put(BOB)
    (outcome,) = practice.push(fresh(document(ANN, firstname="Ann")))
    assert isinstance(outcome, Accepted)
    assert outcome.ref == theirs.id
    assert theirs.properties == {"email": ANN, "lastname": "Lee", KEY: ANN, "firstname": "Ann"}
    assert other.properties == {"email": BOB}


def test_an_address_that_another_subscriber_holds_is_parked(practice: Practice, fake: FakeHubspot) -> None:
    fake.put(ANN, **{KEY: "someone@example.com"})
    assert practice.push(fresh(document(ANN))) == [Refused(code="address_taken")]


def test_who_was_deleted_by_a_human_is_not_created_again(practice: Practice, fake: FakeHubspot) -> None:
    change = practice.seeded(ANN, "KF27")
    fake.act(ANN, "archived")
    (outcome,) = practice.push(moved(change, document(ANN, "AB12", firstname="Ann")))
    assert isinstance(outcome, Refused)
    assert outcome.suppress == "archived_by_human"
    assert fake.contacts == {}


def test_a_renamed_subscriber_stays_the_same_contact(practice: Practice, fake: FakeHubspot) -> None:
    change = practice.seeded(ANN, "KF27")
    (outcome,) = practice.push(moved(change, document(BOB, "KF27")))
    assert isinstance(outcome, Accepted)
    assert fake.contacts[change.ref or ""].properties == {"email": BOB, KEY: BOB}


def test_a_renaming_onto_another_contact_moves_the_lists_there(practice: Practice, fake: FakeHubspot) -> None:
    change, other = practice.seeded(ANN, "KF27"), fake.put(BOB)
    (outcome,) = practice.push(moved(change, document(BOB, "KF27")))
    assert outcome == Accepted(document=document(BOB, "KF27"), ref=other.id)
    assert (fake.tags(ANN), fake.tags(BOB)) == (frozenset(), {"KF27"})


def test_an_opt_out_that_only_the_preferences_know_closes_the_address(practice: Practice, fake: FakeHubspot) -> None:
    fake.put(ANN).stopped = True
    (outcome,) = practice.push(fresh(document(ANN, "KF27")))
    assert isinstance(outcome, Refused)
    assert outcome.suppress == "unsubscribed"
    assert (UPSERT, UPDATE) not in fake.templates()


@pytest.mark.parametrize(("about", "type_"), [(7, Refused), (8, Accepted)])
def test_an_opt_out_of_the_practices_own_subscription_type_counts(
    fake: FakeHubspot, tmp_path: Path, about: int, type_: type
) -> None:
    fake.put(ANN)
    fake.statuses[ANN, about] = "UNSUBSCRIBED"
    (outcome,) = Practice(fake, tmp_path, subscription=7).push(fresh(document(ANN)))
    assert isinstance(outcome, type_)


# ---------------------------------------------------------------- what goes wrong


@pytest.mark.parametrize("vague", [False, True])
def test_one_bad_contact_never_fails_its_batch(practice: Practice, fake: FakeHubspot, vague: bool) -> None:
    fake.vague, fake.bad_addresses = vague, {"p3@example.com"}
    outcomes = practice.push(*(fresh(document(f"p{n}@example.com")) for n in range(8)))
    assert [type(outcome) for outcome in outcomes] == [Accepted] * 3 + [Refused] + [Accepted] * 4
    assert outcomes[3] == Refused(code="bad_address", suppress="bad_address")


def test_an_upsert_without_an_answer_is_tried_again_and_doubles_nobody(practice: Practice, fake: FakeHubspot) -> None:
    fake.fail("cut_after_acting", times=5, template=UPSERT)
    (outcome,) = practice.push(fresh(document(ANN, "KF27")))
    assert isinstance(outcome, Retry)
    assert outcome.code == "outcome_unknown"
    fake.heal()
    (again,) = practice.push(fresh(document(ANN, "KF27")))
    assert isinstance(again, Accepted)
    assert len(fake.contacts) == 1


def test_lists_that_fail_leave_what_was_taken_on_record(practice: Practice, fake: FakeHubspot) -> None:
    fake.fail("500", times=9, template=MEMBERS)
    (outcome,) = practice.push(fresh(document(ANN, "KF27", firstname="Ann")))
    assert isinstance(outcome, Retry)
    assert outcome.accepted == document(ANN, firstname="Ann")


@pytest.mark.parametrize(("kind", "words"), [("401", "make a new token"), ("403", "crm.lists.write")])
def test_a_refused_token_stops_the_destination_with_advice(
    practice: Practice, fake: FakeHubspot, kind: Any, words: str
) -> None:
    fake.fail(kind, times=9)
    with pytest.raises(Misconfigured, match=words) as stopped:
        practice.push(fresh(document(ANN)))
    assert (stopped.value.setting, stopped.value.credentials) == ("destinations.crm.token", True)


def test_a_renamed_property_stops_the_destination_before_anything_is_written(
    practice: Practice, fake: FakeHubspot
) -> None:
    del fake.properties["firstname"]
    with pytest.raises(Misconfigured, match="no property firstname"):
        practice.push(fresh(document(ANN)))
    fake.properties["firstname"] = prop("firstname")
    fake.properties[KEY]["hasUniqueValue"] = False
    with pytest.raises(Misconfigured, match="unique values"):
        practice.push(fresh(document(ANN)))
    assert fake.contacts == {}


def test_a_deleted_list_stops_the_destination_until_there_is_one_of_its_name(
    practice: Practice, fake: FakeHubspot
) -> None:
    change = practice.seeded(ANN, "KF27")
    fake.lists.clear()
    assert isinstance(practice.push(moved(change, document(ANN, "KF27", firstname="Ann")))[0], Accepted)
    with pytest.raises(Misconfigured, match="list KF27 was deleted"):
        practice.push(fresh(document(BOB, "KF27")), moved(change, document(ANN, "KF27")))
    fake.put_list("KF27")
    (outcome,) = practice.push(fresh(document(BOB, "KF27")))
    assert isinstance(outcome, Accepted)
    assert fake.tags(BOB) == {"KF27"}


def test_an_active_list_of_our_name_is_nobodys_to_write_to(practice: Practice, fake: FakeHubspot) -> None:
    fake.put_list("KF27", kind="DYNAMIC")
    fake.put(ANN, **{KEY: ANN})
    with pytest.raises(Misconfigured, match="active list"):
        practice.push(fresh(document(ANN, "KF27")))


# ---------------------------------------------------------------- what a property may hold


@pytest.mark.parametrize(("sensitivity", "refused"), [("non_sensitive", True), ("sensitive", False)])
def test_health_data_go_to_sensitive_properties_only(
    fake: FakeHubspot, tmp_path: Path, sensitivity: str, refused: bool
) -> None:
    fake.properties["payer"] = prop("payer", dataSensitivity=sensitivity)
    baa = {"signed": "2026-01-02", "ref": "drawer 3"}
    practice = Practice(fake, tmp_path, fields={"payer": "payer_class"}, baa=baa)
    if not refused:
        assert isinstance(practice.push(fresh(document(ANN, payer="medicare")))[0], Accepted)
        return
    with pytest.raises(Misconfigured, match="not marked sensitive"):
        practice.push(fresh(document(ANN, payer="medicare")))
    assert fake.contacts == {}


@pytest.mark.parametrize("name", ["First Name", "email", "hs_lead_status"])
def test_fields_are_named_as_hubspot_names_properties(name: str) -> None:
    with pytest.raises(ValidationError):
        HubspotSettings.model_validate(
            {"kind": "hubspot", "token": {"env": "T"}, "inside": True, "fields": {name: "email"}}
        )


# ---------------------------------------------------------------- reading back, and the rate


def test_opt_outs_are_read_in_order_of_their_ids_and_again_where_the_index_lagged(
    practice: Practice, fake: FakeHubspot
) -> None:
    for n in range(205):
        fake.put(f"p{n}@example.com", hs_email_optout="true")
    pages = list(practice.hubspot.feedback(None, fake.now))
    assert [(len(page.items), page.complete) for page in pages] == [(200, False), (5, True)]
    fake.lag = 600
    fake.put(ANN, hs_email_hard_bounce_reason_enum="UNKNOWN_USER")
    late = list(practice.hubspot.feedback(pages[-1].cursor, fake.now))
    assert ANN not in {item.address for page in late for item in page.items}
    fake.lag = 0
    caught = list(practice.hubspot.feedback(late[-1].cursor, fake.now))
    assert (ANN, "cleaned") in {(item.address, item.state) for page in caught for item in page.items}


def test_a_reading_that_broke_off_goes_on_after_its_last_stored_page(practice: Practice, fake: FakeHubspot) -> None:
    for n in range(205):
        fake.put(f"p{n}@example.com", hs_email_optout="true")
    first = next(iter(practice.hubspot.feedback(None, fake.now)))
    (rest,) = practice.hubspot.feedback(first.cursor, fake.now)
    assert (len(rest.items), rest.complete, set(rest.cursor)) == (5, True, {"since"})


def test_the_rate_that_answers_tell_of_is_kept(practice: Practice, fake: FakeHubspot) -> None:
    fake.stamps = {"X-HubSpot-RateLimit-Remaining": "3", "X-HubSpot-RateLimit-Interval-Milliseconds": "10000"}
    practice.push(fresh(document(ANN)))
    assert set(practice.slept) == {10.0}
    fake.stamps = {"X-HubSpot-RateLimit-Daily-Remaining": "0"}
    with pytest.raises(Unavailable, match="of the day"):
        list(practice.hubspot.feedback(None, fake.now)) + list(practice.hubspot.feedback(None, fake.now))


def test_no_more_than_eight_calls_are_under_way_and_none_names_an_address(
    practice: Practice, fake: FakeHubspot
) -> None:
    practice.push(*(fresh(document(f"p{n}@example.com")) for n in range(950)))
    assert isinstance(practice.lent.budget, CountingBudget)
    assert practice.lent.budget.peak <= 8
    assert not any("@" in str(call.params) for call in fake.calls)


def test_a_live_check_names_each_step(practice: Practice, fake: FakeHubspot) -> None:
    found = list(practice.hubspot.probe(fake.now))
    assert [(finding.step, finding.ok) for finding in found] == [
        ("token", True), ("properties", True), ("opt-outs", True), ("lists", True),
    ]  # fmt: skip
    assert {method for method, template in fake.templates() if template == PROPERTIES} == {"GET"}
    assert not fake.contacts
    assert not fake.lists


def test_without_workflows_tags_may_be_added_quietly(fake: FakeHubspot, tmp_path: Path) -> None:
    assert not Practice(fake, tmp_path).hubspot.capabilities.quiet_tags
    assert Practice(fake, tmp_path, automations="none").hubspot.capabilities.quiet_tags


@pytest.mark.parametrize(
    ("status", "text", "code", "stop"),
    [
        (401, "", "stopped", "token"),
        (400, "PROPERTY_DOESNT_EXIST", "stopped", "fields"),
        (None, "CONFLICT Contact already exists. Existing ID: 12", "exists", None),
        (None, "OBJECT_NOT_FOUND", "gone", None),
        (400, "words that nobody has seen", "refused_400", None),
        (None, "", "refused", None),
    ],
)
def test_refusals_are_looked_up_by_status_and_text(status: int | None, text: str, code: str, stop: str | None) -> None:
    found = verdict(status, text)
    assert (found.code, found.stop) == (code, stop)
