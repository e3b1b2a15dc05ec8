"""Reading an audience back: what is asked, what is told, and where the next reading starts."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import responses
from responses import matchers

from connectors.base import Feedback, FeedbackPage, Unavailable
from connectors.mailchimp import Mailchimp, MailchimpSettings
from tests.fakes.lent import SURROUNDINGS, lent
from tests.fakes.mailchimp import FakeMailchimp, member_id

BASE = "https://us6.api.mailchimp.com/3.0"
MEMBERS = f"{BASE}/lists/a1b2c3d4e5/members"
DATE = "Mon, 02 Mar 2026 12:00:00 GMT"
LOCAL = datetime(2031, 1, 1, tzinfo=UTC)  # a local clock that is years off


@pytest.fixture
def key(tmp_path: Path) -> Path:
    path = tmp_path / "key"
    path.touch(0o600)
    path.write_text("0123456789abcdef0123456789abcdef-us6", encoding="utf-8")
    return path


def destination(key: Path, **more: Any) -> Mailchimp:
    plain = {"kind": "mailchimp", "api_key": {"file": key}, "audience": "a1b2c3d4e5", "recipient": "a fake"}
    settings = MailchimpSettings.model_validate(plain | more)
    return Mailchimp("newsletter", settings, SURROUNDINGS, lent(), sleep=lambda _: None)


@pytest.fixture
def fake() -> Iterator[FakeMailchimp]:
    with FakeMailchimp(api_key="0123456789abcdef0123456789abcdef-us6") as running:
        yield running


def items(pages: list[FeedbackPage]) -> list[Feedback]:
    return [item for page in pages for item in page.items]


def test_the_first_reading_names_no_date_and_reads_everyone(fake: FakeMailchimp, key: Path) -> None:
    for n in range(2500):
        fake.audience.put(f"p{n}@example.com")
    fake.audience.act("p7@example.com", "unsubscribed")
    fake.audience.act("p8@example.com", "archived")
    pages = list(destination(key, base_url=fake.url).feedback(None, LOCAL))
    assert {item.address: item.state for item in items(pages)} == {
        f"p{n}@example.com": {7: "unsubscribed", 8: "archived"}.get(n, "subscribed") for n in range(2500)
    }
    assert [page.complete for page in pages] == [False, False, False, True]
    assert all("since_last_changed" not in call.params for call in fake.calls)
    assert {call.params["count"] for call in fake.calls} == {"1000"}
    assert fake.writes == []


def test_the_cursor_is_the_servers_time_and_the_next_reading_overlaps(fake: FakeMailchimp, key: Path) -> None:
    mailchimp = destination(key, base_url=fake.url)
    fake.audience.put("ann@example.com")
    mark = fake.audience.now
    pages = list(mailchimp.feedback(None, LOCAL))
    assert pages[-1].cursor == {"since": mark.isoformat()}
    fake.calls.clear()
    fake.audience.tick(60)
    fake.audience.put("bob@example.com", "cleaned")
    again = list(mailchimp.feedback(pages[-1].cursor, LOCAL))
    assert [(i.address, i.state, i.ref) for i in items(again)] == [
        ("bob@example.com", "cleaned", member_id("bob@example.com")),
        ("ann@example.com", "subscribed", member_id("ann@example.com")),
    ]
    assert {c.params["since_last_changed"] for c in fake.calls} == {(mark - timedelta(minutes=10)).isoformat()}


def test_the_cursor_does_not_move_before_the_last_page(fake: FakeMailchimp, key: Path) -> None:
    fake.audience.put("ann@example.com")
    begun = {"since": "2026-03-01T00:00:00+00:00"}
    first, last = destination(key, base_url=fake.url).feedback(begun, LOCAL)
    assert (first.cursor, first.complete) == (begun, False)
    assert last.complete


def test_a_change_during_the_reading_skips_nobody(fake: FakeMailchimp, key: Path) -> None:
    for n in range(1500):
        fake.audience.put(f"p{n}@example.com", "unsubscribed")
    pages = destination(key, base_url=fake.url).feedback(None, LOCAL)
    got = list(next(pages).items)
    fake.audience.act("p0@example.com", "cleaned")
    fake.audience.act("p1400@example.com", "archived")
    got += [item for page in pages for item in page.items]
    assert {item.address for item in got} >= {f"p{n}@example.com" for n in range(1, 1500)}
    assert len({(i.address, i.state, i.at) for i in got}) == len(got)


def test_members_that_leave_the_list_during_the_reading_draw_nobody_past_it(fake: FakeMailchimp, key: Path) -> None:
    for n in range(1500):
        fake.audience.put(f"p{n}@example.com", "unsubscribed")
    pages = destination(key, base_url=fake.url).feedback(None, LOCAL)
    first = next(pages)
    for item in first.items[:3]:
        fake.audience.forget(item.address)
    read = {item.address for item in first.items} | {item.address for page in pages for item in page.items}
    assert read == {f"p{n}@example.com" for n in range(1500)}


@responses.activate
def test_without_a_base_url_the_keys_suffix_names_the_host(key: Path) -> None:
    body = {"members": [], "total_items": 0}
    responses.get(MEMBERS, json=body, headers={"Date": DATE})
    (_, last) = destination(key).feedback(None, LOCAL)
    assert last.cursor == {"since": "2026-03-02T12:00:00+00:00"}


@responses.activate
def test_a_date_far_ahead_does_not_move_the_cursor(key: Path) -> None:
    member = {
        "id": "1",
        "email_address": "ann@example.com",
        "status": "cleaned",
        "last_changed": "2999-01-01T00:00:00Z",
    }
    responses.get(MEMBERS, json={"members": [member], "total_items": 1}, headers={"Date": DATE})
    *_, last = destination(key).feedback({"since": "2026-03-01T00:00:00+00:00"}, LOCAL)
    assert last.cursor == {"since": "2026-03-02T12:00:00+00:00"}


@responses.activate
@pytest.mark.parametrize(
    ("member", "state"),
    [
        ({"status": "unsubscribed", "unsubscribe_reason": "N/A (Unsubscribed by an admin)"}, "unsubscribed"),
        ({"status": "unsubscribed", "unsubscribe_reason": "Abuse complaint"}, "complained"),
        ({"status": "pending"}, "pending"),
        ({"status": "something new"}, None),
        ({}, None),
    ],
)
def test_states_are_read_and_unknown_ones_conclude_nothing(key: Path, member: dict[str, str], state: str) -> None:
    whole = {"id": "1", "email_address": " Ann@Example.com ", "last_changed": "2026-03-01T10:00:00+00:00"} | member
    responses.get(MEMBERS, json={"members": [whole], "total_items": 1}, headers={"Date": DATE})
    got = items(list(destination(key).feedback(None, LOCAL)))
    assert [(i.address, i.state, i.at) for i in got] == (
        [("ann@example.com", state, datetime(2026, 3, 1, 10, tzinfo=UTC))] if state else []
    )


@responses.activate
@pytest.mark.parametrize(
    "body",
    [
        b"<html>log in</html>",
        b"[]",
        b"{}",
        b'{"members": [], "total_items": 5}',
        b'{"members": {}, "total_items": 0}',
    ],
)
def test_an_answer_that_is_no_list_is_never_taken_for_an_empty_one(key: Path, body: bytes) -> None:
    responses.get(MEMBERS, body=body, headers={"Date": DATE})
    with pytest.raises(Unavailable):
        list(destination(key).feedback(None, LOCAL))


@responses.activate
def test_archived_members_are_asked_for_by_name(key: Path) -> None:
    archived = {"id": "2", "email_address": "b@example.com", "status": "archived", "last_changed": None}
    responses.get(
        MEMBERS,
        json={"members": [archived], "total_items": 1},
        match=[matchers.query_param_matcher({"status": "archived"}, strict_match=False)],
    )
    responses.get(MEMBERS, json={"members": [], "total_items": 0})
    assert [(i.address, i.state, i.at) for i in items(list(destination(key).feedback(None, LOCAL)))] == [
        ("b@example.com", "archived", None)
    ]
