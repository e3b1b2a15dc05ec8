"""Kit as a destination: one by one with an API key, in bulk with OAuth; nobody is ever made active again."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from connectors.base import Accepted, Change, Misconfigured, Outcome, Refused, Retry, Unavailable
from connectors.kit import Kit, KitSettings
from connectors.kit.outcomes import verdict
from mappings.document import Document
from tests.fakes.kit import BULK, BULK_FIELDS, BULK_TAGS, SUBSCRIBERS, TAGGING, TAGS, FakeKit
from tests.fakes.lent import SURROUNDINGS, CountingBudget, lent

ANN, BOB = "ann@example.com", "bob@example.com"
FIELDS = {"first_name": "given_name", "last_name": "family_name"}


class Practice:
    """A Kit destination and the fake behind it."""

    def __init__(self, fake: FakeKit, folder: Path, by: str = "api_key", **more: Any) -> None:
        key = folder / "key"
        key.touch(0o600)
        key.write_text(fake.secret, encoding="utf-8")
        plain = {"kind": "kit", by: {"file": key}, "base_url": fake.url, "recipient": "a fake", "fields": FIELDS}
        self.fake, self.lent = fake, lent()
        settings = KitSettings.model_validate(plain | more)
        self.kit = Kit("letters", settings, SURROUNDINGS, self.lent, sleep=lambda _: None)

    def push(self, *changes: Change) -> list[Outcome]:
        return list(self.kit.push(changes))

    def seeded(self, address: str, *tags: str) -> Change:
        """A subscriber that we created earlier, as the change that keeps it."""
        wished = document(address, *tags)
        (outcome,) = self.push(fresh(wished))
        assert isinstance(outcome, Accepted)
        self.fake.calls.clear()
        return Change(key=address, wished=wished, accepted=wished, ref=outcome.ref)


@pytest.fixture
def fake() -> Iterator[FakeKit]:
    with FakeKit() as found:
        yield found


@pytest.fixture(params=["api_key", "oauth_token"])
def practice(request: pytest.FixtureRequest, fake: FakeKit, tmp_path: Path) -> Practice:
    return Practice(fake, tmp_path, request.param)


@pytest.fixture
def bulk(fake: FakeKit, tmp_path: Path) -> Practice:
    return Practice(fake, tmp_path, "oauth_token")


@pytest.fixture
def single(fake: FakeKit, tmp_path: Path) -> Practice:
    return Practice(fake, tmp_path)


def document(address: str, *tags: str, **fields: str) -> Document:
    return Document(address=address, fields=fields, tags=frozenset(tags))


def fresh(wished: Document) -> Change:
    return Change(key=wished.address, wished=wished, accepted=None, ref=None)


def moved(change: Change, wished: Document) -> Change:
    return Change(key=wished.address, wished=wished, accepted=change.wished, ref=change.ref)


def many(count: int) -> list[Change]:
    return [fresh(document(f"p{n}@example.com", "KF27", first_name="A", last_name="B")) for n in range(count)]


# ---------------------------------------------------------------- what is written


def test_everybody_is_brought_in_step_either_way(practice: Practice, fake: FakeKit) -> None:
    outcomes = practice.push(*many(120))
    assert [type(outcome) for outcome in outcomes] == [Accepted] * 120
    assert {each.first_name for each in fake.subscribers.values()} == {"A"}
    assert all(each.fields == {"last_name": "B"} for each in fake.subscribers.values())
    assert all(len(each.tags) == 1 for each in fake.subscribers.values())
    assert len(fake.sent(TAGS)) == 1


def test_an_api_key_writes_no_bulk_requests_and_no_state(single: Practice, fake: FakeKit) -> None:
    single.push(*many(2))
    assert {template for _, template in fake.templates()} == {TAGS, "/v4/custom_fields", SUBSCRIBERS, TAGGING}
    body = {"email_address": "p0@example.com", "first_name": "A", "fields": {"last_name": "B"}}
    assert body in fake.sent(SUBSCRIBERS)


def test_oauth_writes_a_hundred_at_a_time(bulk: Practice, fake: FakeKit) -> None:
    bulk.push(*many(120))
    assert [len(body["subscribers"]) for body in fake.sent(BULK)] == [100, 20]
    assert [len(body["custom_field_values"]) for body in fake.sent(BULK_FIELDS)] == [100, 20]
    assert [len(body["taggings"]) for body in fake.sent(BULK_TAGS)] == [100, 20]
    assert SUBSCRIBERS not in {template for _, template in fake.templates()}


@pytest.mark.parametrize(
    ("state", "cause"),
    [("cancelled", "unsubscribed"), ("bounced", "bounced"), ("complained", "complained"), ("inactive", None)],
)
def test_whoever_is_not_active_is_left_as_they_are(
    practice: Practice, fake: FakeKit, state: str, cause: str | None
) -> None:
    fake.put(ANN, state=state)
    (outcome,) = practice.push(fresh(document(ANN, "KF27")))
    assert isinstance(outcome, Refused)
    assert (outcome.suppress, fake.get(ANN).state, fake.get(ANN).tags) == (cause, state, set())


def test_a_tag_alone_shows_that_somebody_has_left(practice: Practice, fake: FakeKit) -> None:
    change = practice.seeded(ANN)
    fake.act(ANN, "unsubscribed")
    (outcome,) = practice.push(moved(change, document(ANN, "KF27")))
    assert isinstance(outcome, Refused)
    assert (outcome.suppress, fake.get(ANN).state) == ("unsubscribed", "cancelled")


def test_who_was_deleted_at_kit_is_not_created_again(practice: Practice, fake: FakeKit) -> None:
    change = practice.seeded(ANN, "KF27")
    fake.act(ANN, "archived")
    for wished in (document(ANN, "KF27", first_name="Ann"), document(ANN, "KF27", "AB12")):
        (outcome,) = practice.push(moved(change, wished))
        assert isinstance(outcome, Refused)
        assert outcome.suppress == "archived_by_human"
    assert fake.subscribers == {}


def test_a_renamed_subscriber_keeps_its_id(practice: Practice, fake: FakeKit) -> None:
    change = practice.seeded(ANN, "KF27")
    (outcome,) = practice.push(moved(change, document(BOB, "KF27")))
    assert isinstance(outcome, Accepted)
    assert (outcome.ref, fake.get(BOB).id) == (change.ref, int(change.ref or 0))


def test_a_renaming_onto_another_subscriber_moves_the_tags_there(single: Practice, fake: FakeKit) -> None:
    change, other = single.seeded(ANN, "KF27"), fake.put(BOB)
    (outcome,) = single.push(moved(change, document(BOB, "KF27")))
    assert outcome == Accepted(document=document(BOB, "KF27"), ref=str(other.id))
    assert (fake.tags(ANN), fake.tags(BOB), fake.get(ANN).state) == (frozenset(), {"KF27"}, "active")


# ---------------------------------------------------------------- what goes wrong


def test_one_bad_address_never_fails_the_others(practice: Practice, fake: FakeKit) -> None:
    fake.bad_addresses = {"p1@example.com"}
    outcomes = practice.push(*many(3))
    assert [type(outcome) for outcome in outcomes] == [Accepted, Refused, Accepted]
    assert outcomes[1] == Refused(code="bad_address", suppress="bad_address")


@pytest.mark.parametrize("template", [SUBSCRIBERS, TAGGING])
def test_a_call_without_an_answer_is_made_again_and_does_no_harm(
    single: Practice, fake: FakeKit, template: str
) -> None:
    fake.fail("cut_after_acting", times=9, template=template)
    (outcome,) = single.push(fresh(document(ANN, "KF27")))
    assert isinstance(outcome, Retry)
    assert outcome.code == "outcome_unknown"
    fake.heal()
    assert isinstance(single.push(fresh(document(ANN, "KF27")))[0], Accepted)
    assert (len(fake.subscribers), fake.automations.total()) == (1, 1)


@pytest.mark.parametrize("template", [BULK, BULK_FIELDS, BULK_TAGS])
def test_a_bulk_request_that_fails_leaves_what_was_taken_on_record(
    bulk: Practice, fake: FakeKit, template: str
) -> None:
    fake.fail("500", times=9, template=template)
    try:
        outcomes = bulk.push(*many(3))
    except Unavailable:
        outcomes = []
    assert {type(outcome) for outcome in outcomes} <= {Retry}
    fake.heal()
    assert [type(outcome) for outcome in bulk.push(*many(3))] == [Accepted] * 3
    assert (len(fake.subscribers), fake.automations.total()) == (3, 3)


def test_too_many_requests_are_waited_for_without_a_retry_after(practice: Practice, fake: FakeKit) -> None:
    fake.fail("429", times=2)
    assert isinstance(practice.push(fresh(document(ANN)))[0], Accepted)
    fake.fail("429", times=99)
    with pytest.raises(Unavailable, match="too many requests"):
        practice.push(fresh(document(BOB)))


def test_a_refused_key_stops_the_destination_with_advice(practice: Practice, fake: FakeKit) -> None:
    fake.fail("401", times=9)
    with pytest.raises(Misconfigured, match="make a new one") as stopped:
        practice.push(fresh(document(ANN)))
    assert stopped.value.credentials


def test_a_custom_field_that_is_gone_stops_the_destination_before_anything_is_written(
    practice: Practice, fake: FakeKit
) -> None:
    del fake.custom["last_name"]
    with pytest.raises(Misconfigured, match="no custom field with the key last_name"):
        practice.push(fresh(document(ANN)))
    assert fake.subscribers == {}


def test_a_tag_that_was_renamed_is_followed_and_one_that_was_deleted_stops_the_destination(
    practice: Practice, fake: FakeKit
) -> None:
    practice.seeded(ANN, "KF27")
    (label,) = fake.tag_names
    fake.tag_names[label] = "Spring"
    practice.push(fresh(document(BOB, "KF27")))
    assert fake.tags(BOB) == {"Spring"}
    fake.tag_names.clear()
    with pytest.raises(Misconfigured, match="tag KF27 was deleted"):
        practice.push(fresh(document("eve@example.com", "KF27")))


# ---------------------------------------------------------------- reading back, settings


def test_states_are_read_page_by_page_and_again_two_days_back(practice: Practice, fake: FakeKit) -> None:
    fake.page = 2
    for n, state in enumerate(("cancelled", "cancelled", "cancelled", "bounced", "complained", "active")):
        fake.put(f"p{n}@example.com", state=state)
    pages = list(practice.kit.feedback(None, fake.now))
    states = sorted(item.state for page in pages for item in page.items)
    assert states == ["cleaned", "complained", "unsubscribed", "unsubscribed", "unsubscribed"]
    assert [page.complete for page in pages].count(True) == 1
    fake.calls.clear()
    list(practice.kit.feedback(pages[-1].cursor, fake.now))
    assert {call.params["updated_after"] for call in fake.calls} == {"2026-02-28"}


def test_no_more_than_eight_calls_are_under_way_and_none_names_an_address(single: Practice, fake: FakeKit) -> None:
    single.push(*many(60))
    assert isinstance(single.lent.budget, CountingBudget)
    assert single.lent.budget.peak <= 8
    assert not any("@" in str(call.params) for call in fake.calls)


def test_a_live_check_names_each_step(practice: Practice, fake: FakeKit) -> None:
    found = [(finding.step, finding.ok) for finding in practice.kit.probe(fake.now)]
    assert found == [("key", True), ("custom fields", True), ("tags", True)]
    assert {call.method for call in fake.calls} == {"GET"}


@pytest.mark.parametrize(
    "keys",
    [
        {},
        {"api_key": {"env": "A"}, "oauth_token": {"env": "B"}},
        {"api_key": {"env": "A"}, "fields": {"Last Name": "family_name"}},
        {"api_key": {"env": "A"}, "fields": {"email_address": "email"}},
        {"api_key": {"env": "A"}, "fields": {f"f{n}": "city" for n in range(11)}},
        {"api_key": {"env": "A"}, "on_leave": "archive"},
    ],
)
def test_settings_that_cannot_work_are_refused(keys: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        KitSettings.model_validate({"kind": "kit", "inside": True} | keys)


@pytest.mark.parametrize(
    ("status", "errors", "code", "look"),
    [
        (404, ["Not Found"], "gone", True),
        (422, ["Email address has already been taken"], "exists", True),
        (422, ["Words that nobody has seen"], "refused_422", False),
        (None, None, "refused", False),
    ],
)
def test_refusals_are_looked_up_by_status_and_text(status: int | None, errors: Any, code: str, look: bool) -> None:
    found = verdict(status, errors)
    assert (found.code, found.look) == (code, look)
