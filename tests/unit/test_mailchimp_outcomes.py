"""How Mailchimp's refusals are read, in the shapes that have been seen; and what an operator may configure."""

from pathlib import Path
from typing import Any

import pytest
import responses
from pydantic import ValidationError

from connectors.base import Accepted, Change, Misconfigured, Outcome, Refused, Unavailable
from connectors.mailchimp import Mailchimp, MailchimpSettings
from connectors.mailchimp.outcomes import verdict
from connectors.mailchimp.settings import read_key
from mappings.document import Document
from tests.fakes.lent import SURROUNDINGS, lent
from tests.fakes.mailchimp import member_id

LIST = "https://us6.api.mailchimp.com/3.0/lists/a1b2c3d4e5"
ANN = "ann@example.com"
PLAIN: dict[str, Any] = {
    "kind": "mailchimp",
    "api_key": {"env": "MAILCHIMP_TEST_KEY"},
    "audience": "a1b2c3d4e5",
    "recipient": "Intuit Mailchimp, Atlanta GA",
}


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAILCHIMP_TEST_KEY", "0123456789abcdef0123456789abcdef-us6")


def push(change: Change) -> Outcome:
    settings = MailchimpSettings.model_validate(PLAIN)
    (outcome,) = Mailchimp("newsletter", settings, SURROUNDINGS, lent(), sleep=lambda _: None).push([change])
    return outcome


def patched() -> Change:
    before, after = Document(address=ANN), Document(address=ANN, fields={"FNAME": "Ann"})
    return Change(key=ANN, wished=after, accepted=before, ref="abc")


NEW = Change(key=ANN, wished=Document(address=ANN), accepted=None, ref=None)


@pytest.mark.parametrize(
    ("status", "text", "code", "suppress"),
    [
        (400, "Member In Compliance State x is in a compliance state", "compliance", "unsubscribed"),
        (400, "Forgotten Email Not Subscribed", "forgotten", "unsubscribed"),
        (400, "x was permanently deleted and cannot be re-imported.", "forgotten", "unsubscribed"),
        (
            400,
            "Invalid Resource x looks fake or invalid, please enter a real email address.",
            "bad_address",
            "bad_address",
        ),
        (400, "Please provide a valid email address.", "bad_address", "bad_address"),
        (400, "Invalid Resource Your merge fields were invalid.", "invalid_fields", None),
        (400, "A text that nobody has seen", "refused_400", None),
        (400, "", "refused_400", None),
        (422, "", "refused_422", None),
        (None, "x is already a list member", "exists", None),
        (None, "something ERROR_CONTACT_EXISTS", "exists", None),
        (None, "something ERROR_GENERIC", "refused", None),
        (None, "looks fake or invalid ERROR_GENERIC", "bad_address", "bad_address"),
    ],
)
def test_refusals_are_looked_up_by_status_and_text(status: int | None, text: str, code: str, suppress: str) -> None:
    found = verdict(status, text)
    assert (found.code, found.suppress) == (code, suppress)


@responses.activate
@pytest.mark.parametrize("body", [b"", b"<html>", b"null", b'{"title": 7}', b'{"detail": "canary@example.com"}'])
def test_an_unknown_refusal_parks_its_member_under_its_status(body: bytes) -> None:
    responses.patch(f"{LIST}/members/abc", status=400, body=body)
    outcome = push(patched())
    assert outcome == Refused(code="refused_400", accepted=Document(address=ANN), ref="abc")
    assert len(responses.calls) == 1


@responses.activate
def test_compliance_is_explained_by_the_members_state() -> None:
    error = {"email_address": ANN, "error": f"{ANN} is in a compliance state", "error_code": "ERROR_GENERIC"}
    responses.post(LIST, json={"new_members": [], "errors": [error], "error_count": 1})
    responses.add(
        responses.GET, url=f"{LIST}/members/{member_id(ANN)}", json={"id": member_id(ANN), "status": "cleaned"}
    )
    outcome = push(NEW)
    assert isinstance(outcome, Refused)
    assert outcome.suppress == "bounced"


@responses.activate
def test_compliance_without_a_member_is_taken_for_an_unsubscribe() -> None:
    error = {"email_address": ANN.upper(), "error": "in a compliance state", "error_code": "ERROR_GENERIC"}
    responses.post(LIST, json={"new_members": [], "errors": [error]})
    responses.get(f"{LIST}/members/{member_id(ANN)}", status=404, json={"title": "Resource Not Found"})
    responses.get(LIST, json={"id": "a1b2c3d4e5"})
    assert push(NEW) == Refused(code="compliance", suppress="unsubscribed")


@responses.activate
def test_a_batch_refused_as_a_whole_is_halved_until_the_culprit_stands_alone() -> None:
    def answer(request: Any) -> tuple[int, dict[str, str], str]:
        text = request.body.decode()
        if "p3@example.com" in text:
            return 400, {}, '{"title": "Invalid Resource", "detail": "Please provide a valid email address."}'
        members = [f'{{"id": "m{n}", "email_address": "p{n}@example.com", "status": "subscribed"}}' for n in range(8)]
        named = [each for n, each in enumerate(members) if f"p{n}@example.com" in text]
        return 200, {}, f'{{"new_members": [{", ".join(named)}], "errors": []}}'

    responses.add_callback(responses.POST, LIST, answer)
    settings = MailchimpSettings.model_validate(PLAIN)
    mailchimp = Mailchimp("newsletter", settings, SURROUNDINGS, lent(), sleep=lambda _: None)
    people = [Document(address=f"p{n}@example.com") for n in range(8)]
    outcomes = mailchimp.push([Change(key=p.address, wished=p, accepted=None, ref=None) for p in people])
    assert outcomes[3] == Refused(code="bad_address", suppress="bad_address")
    assert [type(o) for n, o in enumerate(outcomes) if n != 3] == [Accepted] * 7


@responses.activate
def test_a_member_found_in_another_state_by_a_patch_is_refused() -> None:
    responses.patch(f"{LIST}/members/abc", json={"id": "abc", "status": "unsubscribed"})
    outcome = push(patched())
    assert isinstance(outcome, Refused)
    assert outcome.suppress == "unsubscribed"


@responses.activate
def test_an_id_that_would_change_the_url_is_no_member() -> None:
    responses.post(LIST, json={"new_members": [{"id": "../x", "email_address": ANN}], "errors": []})
    responses.get(f"{LIST}/members/{member_id(ANN)}", json={"id": "../../x", "status": "subscribed"})
    outcome = push(NEW)
    assert getattr(outcome, "code", "") == "outcome_unknown"


@responses.activate
def test_the_key_is_sent_as_basic_auth() -> None:
    responses.get(LIST, status=401, json={"title": "API Key Invalid"})
    settings = MailchimpSettings.model_validate(PLAIN)
    with pytest.raises(Misconfigured, match="refused the key"):
        Mailchimp("newsletter", settings, SURROUNDINGS, lent()).preflight()
    assert responses.calls[0].request.headers["Authorization"].startswith("Basic ")


# ---------------------------------------------------------------- settings


@pytest.mark.parametrize(
    "wrong",
    [
        {"audience": "a/../b"},
        {"audience": ""},
        {"base_url": "http://example.com/3.0"},
        {"fields": {"FIRSTNAME12": "given_name"}},
        {"fields": {"fname": "given_name"}},
        {"fields": {"EMAIL": "email"}},
        {"api_key": "0123456789abcdef0123456789abcdef-us6"},
        {"unknown": 1},
    ],
)
def test_settings_that_cannot_work_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError) as caught:
        MailchimpSettings.model_validate(PLAIN | wrong)
    assert "0123456789abcdef" not in str(caught.value)


@pytest.mark.parametrize(
    "text", ["0123456789abcdef", "0123-", "-us7", "0123 4567-us6", "0123-us6.example.com/", "ключ-us6"]
)
def test_a_key_of_another_shape_is_refused_without_being_told(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("MAILCHIMP_TEST_KEY", text)
    with pytest.raises(Misconfigured) as caught:
        read_key(MailchimpSettings.model_validate(PLAIN), "destinations.newsletter")
    assert caught.value.credentials
    assert text not in str(caught.value)


def test_a_replaced_key_is_used_without_a_restart(tmp_path: Path) -> None:
    file = tmp_path / "key"
    settings = MailchimpSettings.model_validate(PLAIN | {"api_key": {"file": file}})
    file.touch(0o600)
    for text in ("first-us6\n", "second-us7\n"):
        file.write_text(text, encoding="utf-8")
        assert read_key(settings, "x")[0] == text.strip()
    assert read_key(settings, "x")[1] == "https://us7.api.mailchimp.com/3.0"


def test_push_without_a_key_is_misconfigured_and_not_unavailable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MAILCHIMP_TEST_KEY")
    with pytest.raises(Misconfigured) as caught:
        push(NEW)
    assert not isinstance(caught.value, Unavailable)
    assert caught.value.setting == "destinations.newsletter.api_key"
