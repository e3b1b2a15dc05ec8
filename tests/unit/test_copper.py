"""Copper as a destination: people by key, others' tags and addresses left as they are."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from connectors.base import Accepted, Change, Misconfigured, Outcome, Refused, Retry
from connectors.copper import Copper, CopperSettings
from connectors.copper.outcomes import verdict
from mappings.document import Document
from tests.fakes.copper import BY_EMAIL, KEY_FIELD, ONE, PEOPLE, SEARCH, FakeCopper
from tests.fakes.lent import SURROUNDINGS, lent

ANN = "ann@example.com"
FIELDS = {"name": "given_name", "email": "email", "Language": "language"}


class Practice:
    """A Copper destination and the fake behind it."""

    def __init__(self, fake: FakeCopper, folder: Path, **more: Any) -> None:
        key = folder / "key"
        key.touch(0o600)
        key.write_text(fake.secret, encoding="utf-8")
        plain = {"kind": "copper", "api_key": {"file": key}, "user_email": fake.user, "recipient": "a fake"}
        settings = CopperSettings.model_validate({**plain, "base_url": fake.url, "fields": FIELDS, **more})
        self.fake = fake
        self.copper = Copper("crm", settings, SURROUNDINGS, lent(), sleep=lambda _: None)

    def push(self, *changes: Change) -> list[Outcome]:
        return list(self.copper.push(changes))

    def seeded(self, *tags: str, **fields: str) -> Change:
        wished = document(*tags, **fields)
        (outcome,) = self.push(fresh(wished))
        assert isinstance(outcome, Accepted)
        self.fake.calls.clear()
        return Change(key="c1", wished=wished, accepted=wished, ref=outcome.ref)


@pytest.fixture
def fake() -> Iterator[FakeCopper]:
    with FakeCopper() as found:
        yield found


@pytest.fixture
def practice(fake: FakeCopper, tmp_path: Path) -> Practice:
    return Practice(fake, tmp_path)


def document(*tags: str, **fields: str) -> Document:
    return Document(address="", fields={"name": "Ann", "email": ANN, **fields}, tags=frozenset(tags))


def fresh(wished: Document, key: str = "c1") -> Change:
    return Change(key=key, wished=wished, accepted=None, ref=None)


def moved(change: Change, wished: Document) -> Change:
    return Change(key=change.key, wished=wished, accepted=change.wished, ref=change.ref)


def test_a_new_person_is_made_once_with_key_fields_and_tags(practice: Practice, fake: FakeCopper) -> None:
    (outcome,) = practice.push(fresh(document("KF27", Language="en")))
    assert isinstance(outcome, Accepted)
    made = fake.get(ANN)
    assert (made.name, made.tags, made.custom) == ("Ann", ["KF27"], {103481: "en", KEY_FIELD: "c1"})
    assert fake.templates().count(("POST", PEOPLE)) == 1


def test_a_person_of_the_practices_own_is_taken_over_with_tags_and_addresses_kept(
    practice: Practice, fake: FakeCopper
) -> None:
    theirs = fake.put("Ann Lee", ANN, tags=["VIP"])
    theirs.emails.append({"email": "lee@example.com", "category": "home"})
    other = fake.put("Bob", "bob@example.com", tags=["VIP"])
    (outcome,) = practice.push(fresh(document("KF27")))
    assert outcome == Accepted(document=document("KF27"), ref=str(theirs.id))
    assert (theirs.tags, theirs.custom[KEY_FIELD]) == (["VIP", "KF27"], "c1")
    assert [each["email"] for each in theirs.emails] == [ANN, "lee@example.com"]
    assert (other.tags, other.custom) == (["VIP"], {})


def test_leaving_takes_our_tags_only(practice: Practice, fake: FakeCopper) -> None:
    change = practice.seeded("KF27")
    fake.get(ANN).tags.append("VIP")
    practice.push(moved(change, Document(address="", standing="left")))
    assert fake.get(ANN).tags == ["VIP"]


def test_a_new_address_replaces_ours_and_keeps_the_others(practice: Practice, fake: FakeCopper) -> None:
    change = practice.seeded()
    fake.get(ANN).emails.append({"email": "lee@example.com", "category": "home"})
    practice.push(moved(change, document(email="new@example.com")))
    (person,) = fake.people.values()
    assert [each["email"] for each in person.emails] == ["new@example.com", "lee@example.com"]


@pytest.mark.parametrize(("name", "key"), [("Zoe", ""), ("Ann", "c2")])
def test_whoever_else_has_the_address_is_never_touched(
    practice: Practice, fake: FakeCopper, name: str, key: str
) -> None:
    other = fake.put(name, ANN, custom={KEY_FIELD: key} if key else {})
    before = other.body()
    assert practice.push(fresh(document("KF27"))) == [Refused(code="address_taken", ref=str(other.id))]
    assert other.body() == before


def test_a_person_whose_making_was_not_heard_of_is_found_again(practice: Practice, fake: FakeCopper) -> None:
    wished = Document(address="", fields={"name": "Ann", "email": ""}, tags=frozenset({"KF27"}))
    fake.fail("cut_after_acting", template=PEOPLE)
    (outcome,) = practice.push(fresh(wished))
    assert isinstance(outcome, Retry)
    assert outcome.code == "outcome_unknown"
    assert isinstance(practice.push(fresh(wished))[0], Accepted)
    assert len(fake.people) == 1
    assert ("POST", SEARCH) in fake.templates()


def test_who_was_deleted_is_not_made_again(practice: Practice, fake: FakeCopper) -> None:
    change = practice.seeded()
    fake.people.clear()
    assert practice.push(moved(change, document("KF27")))[0] == Refused(
        code="archived_by_human", accepted=change.wished, ref=change.ref
    )
    assert fake.people == {}


def test_one_refused_person_never_fails_the_others(practice: Practice, fake: FakeCopper) -> None:
    changes = [fresh(document(email=f"p{n}@example.com", name=f"P{n}"), f"c{n}") for n in range(3)]
    fake.put("P1", "P1@example.com", custom={KEY_FIELD: "c9"})
    assert [type(outcome) for outcome in practice.push(*changes)] == [Accepted, Refused, Accepted]


@pytest.mark.parametrize("kind", ["401", "403"])
def test_a_refused_key_stops_the_destination_with_advice(practice: Practice, fake: FakeCopper, kind: Any) -> None:
    fake.fail(kind, times=9)
    with pytest.raises(Misconfigured, match="user_email") as stopped:
        practice.push(fresh(document()))
    assert stopped.value.credentials


def test_a_renamed_field_stops_the_destination_before_anything_is_written(practice: Practice, fake: FakeCopper) -> None:
    fake.definitions[KEY_FIELD] = ("other", "String")
    with pytest.raises(Misconfigured, match="no custom field 'prm-sync key'"):
        practice.push(fresh(document()))
    fake.definitions[KEY_FIELD] = ("prm-sync key", "Dropdown")
    with pytest.raises(Misconfigured, match="is no text"):
        practice.push(fresh(document()))
    assert fake.people == {}


def test_a_live_check_names_each_step_and_only_reads(practice: Practice, fake: FakeCopper) -> None:
    assert [(f.step, f.ok) for f in practice.copper.probe(fake.now)] == [("key", True), ("custom fields", True)]
    assert {call.method for call in fake.calls} == {"GET"}


def test_fields_need_a_name() -> None:
    with pytest.raises(ValidationError, match="without a name"):
        CopperSettings.model_validate(
            {"kind": "copper", "api_key": {"env": "A"}, "user_email": "a@example.com", "inside": True}
            | {"fields": {"email": "email"}}
        )


@pytest.mark.parametrize(
    ("status", "text", "code"),
    [
        (422, "Email has already been taken", "address_taken"),
        (422, "Invalid input", "invalid_fields"),
        (400, "", "refused_400"),
    ],
)
def test_refusals_are_looked_up_by_status_and_text(status: int, text: str, code: str) -> None:
    assert verdict(status, {"message": text}).code == code


def test_addresses_stand_in_bodies_only(practice: Practice, fake: FakeCopper) -> None:
    practice.push(fresh(document("KF27")))
    assert {template for _, template in fake.templates()} <= {
        BY_EMAIL,
        ONE,
        PEOPLE,
        SEARCH,
        "/custom_field_definitions",
    }
    assert not any(call.params for call in fake.calls)
