"""What every destination that takes subscribers one by one promises; each runs the same suite."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

import pytest

from connectors.base import Accepted, Change, Destination, Feedback, Outcome, Refused
from connectors.mailchimp import Mailchimp, MailchimpSettings
from connectors.memory import MemoryDestination, MemorySettings
from mappings.document import Document
from tests.fakes.lent import SURROUNDINGS, lent
from tests.fakes.mailchimp import FakeMailchimp

ADDRESS = "ann@example.com"
AT = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


class Account(Protocol):
    """A destination, and what the other side of it holds and does."""

    destination: Destination

    def state(self, address: str) -> str | None: ...
    def tags(self, address: str) -> frozenset[str]: ...
    def fields(self, address: str) -> dict[str, str]: ...
    def act(self, address: str, state: str) -> None: ...
    def started(self) -> int: ...


class MemoryAccount:
    def __init__(self, on_leave: str) -> None:
        settings = MemorySettings.model_validate({"kind": "memory", "inside": True, "on_leave": on_leave})
        self.destination = self._memory = MemoryDestination("memory", settings, SURROUNDINGS, lent())

    def state(self, address: str) -> str | None:
        member = self._memory.members.get(address)
        return member.state if member else None

    def tags(self, address: str) -> frozenset[str]:
        return self._memory.members[address].document.tags

    def fields(self, address: str) -> dict[str, str]:
        return {name: value for name, value in self._memory.members[address].document.fields.items() if value}

    def act(self, address: str, state: str) -> None:
        self._memory.act(address, state, AT)  # type: ignore[arg-type]  # the suite names states that both know

    def started(self) -> int:
        return len(self._memory.started)


class MailchimpAccount:
    def __init__(self, fake: FakeMailchimp, key: Path, on_leave: str) -> None:
        self._audience = fake.audience
        settings = MailchimpSettings.model_validate(
            {
                "kind": "mailchimp",
                "api_key": {"file": key},
                "audience": fake.audience_id,
                "base_url": fake.url,
                "recipient": "a fake",
                "on_leave": on_leave,
                "fields": {"FNAME": "given_name"},
            }
        )
        self.destination = Mailchimp("newsletter", settings, SURROUNDINGS, lent(), sleep=lambda _: None)

    def state(self, address: str) -> str | None:
        found = [m.status for m in self._audience.members.values() if m.address == address]
        return found[0] if found else None

    def tags(self, address: str) -> frozenset[str]:
        return frozenset(self._audience.get(address).tags.values())

    def fields(self, address: str) -> dict[str, str]:
        return self._audience.get(address).fields

    def act(self, address: str, state: str) -> None:
        self._audience.act(address, state)

    def started(self) -> int:
        return self._audience.automations.total()


@pytest.fixture(params=["untag", "archive"])
def on_leave(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(params=["memory", "mailchimp"])
def account(request: pytest.FixtureRequest, on_leave: str, tmp_path: Path) -> Iterator[Account]:
    if request.param == "memory":
        yield MemoryAccount(on_leave)
        return
    with FakeMailchimp() as fake:
        key = tmp_path / "key"
        key.write_text(fake.api_key + "\n", encoding="utf-8")
        key.chmod(0o600)
        yield MailchimpAccount(fake, key, on_leave)


def document(address: str = ADDRESS, tags: Sequence[str] = (), standing: Any = "subscribed", **fields: str) -> Document:
    return Document(address=address, fields=fields, tags=frozenset(tags), standing=standing)


def push(account: Account, wished: Document, after: Outcome | None = None, loud: Sequence[str] = ()) -> Outcome:
    """Pushes one document, as the next step after an earlier outcome."""
    change = Change(
        key=wished.address,
        wished=wished,
        accepted=getattr(after, "document", None) or getattr(after, "accepted", None),
        ref=getattr(after, "ref", None),
        loud=frozenset(loud),
    )
    (outcome,) = account.destination.push([change])
    return outcome


def read(account: Account, cursor: dict[str, Any] | None = None) -> tuple[list[Feedback], dict[str, Any]]:
    pages = list(account.destination.feedback(cursor, AT))
    assert [page.complete for page in pages] == [False] * (len(pages) - 1) + [True]
    return [item for page in pages for item in page.items], pages[-1].cursor


def test_it_is_a_destination(account: Account) -> None:
    assert isinstance(account.destination, Destination)
    assert account.destination.preflight() == []


def test_nothing_to_push_is_nothing_done(account: Account) -> None:
    assert list(account.destination.push([])) == []


def test_a_new_subscriber_is_held_as_wished(account: Account) -> None:
    wished = document(tags=["KF27", "AB12"], FNAME="Ann")
    outcome = push(account, wished)
    assert isinstance(outcome, Accepted)
    assert (outcome.document, bool(outcome.ref)) == (wished, True)
    assert account.state(ADDRESS) == "subscribed"
    assert account.tags(ADDRESS) == {"KF27", "AB12"}
    assert account.fields(ADDRESS) == {"FNAME": "Ann"}


def test_outcomes_come_in_the_order_of_the_changes(account: Account) -> None:
    addresses = [f"p{n}@example.com" for n in range(30)]
    changes = [Change(key=a, wished=document(a, ["KF27"]), accepted=None, ref=None) for a in addresses]
    outcomes = account.destination.push(changes)
    assert [outcome.document.address for outcome in outcomes if isinstance(outcome, Accepted)] == addresses


def test_a_change_adds_removes_and_erases(account: Account) -> None:
    first = push(account, document(tags=["KF27", "AB12"], FNAME="Ann", LANG="en"))
    wished = document(tags=["AB12", "CD34"], FNAME="Anna")
    second = push(account, wished, after=first)
    assert isinstance(second, Accepted)
    assert account.tags(ADDRESS) == {"AB12", "CD34"}
    assert account.fields(ADDRESS) == {"FNAME": "Anna"}


def test_a_push_repeated_after_a_crash_is_accepted_and_changes_nothing(account: Account) -> None:
    wished = document(tags=["KF27"], FNAME="Ann")
    push(account, wished, loud=["KF27"])
    again = push(account, wished, loud=["KF27"])
    assert isinstance(again, Accepted)
    assert again.document == wished
    assert account.tags(ADDRESS) == {"KF27"}
    assert account.started() == 1


def test_quiet_tags_start_nothing_and_loud_ones_start_once(account: Account) -> None:
    first = push(account, document(tags=["KF27"]))
    assert account.started() == 0
    second = push(account, document(tags=["KF27", "AB12", "CD34"]), after=first, loud=["AB12", "KF27"])
    assert account.started() == 1
    push(account, document(), after=second)
    assert account.started() == 1


@pytest.mark.parametrize(
    ("state", "cause"), [("unsubscribed", "unsubscribed"), ("cleaned", "bounced"), ("archived", "archived_by_human")]
)
def test_who_left_by_themselves_is_never_brought_back(account: Account, state: str, cause: str) -> None:
    wished = document(tags=["KF27"], FNAME="Ann")
    first = push(account, wished)
    account.act(ADDRESS, state)
    changed = push(account, document(tags=["KF27"], FNAME="Anna"), after=first)
    assert isinstance(changed, Refused)
    assert changed.suppress == cause
    anew = push(account, wished)
    assert isinstance(anew, Refused)
    assert anew.suppress == cause
    assert account.state(ADDRESS) == state


def test_leaving_takes_our_tags_and_is_no_unsubscribe(account: Account, on_leave: str) -> None:
    first = push(account, document(tags=["KF27"], FNAME="Ann"))
    left = document(standing="left")
    outcome = push(account, left, after=first)
    assert isinstance(outcome, Accepted)
    assert outcome.document == left
    assert account.state(ADDRESS) == ("archived" if on_leave == "archive" else "subscribed")
    assert account.tags(ADDRESS) == frozenset()
    assert account.started() == 0


def test_leaving_twice_or_without_having_been_there_is_accepted(account: Account) -> None:
    left = document(standing="left")
    assert push(account, left) == Accepted(document=left, ref=None)
    first = push(account, document(tags=["KF27"]))
    second = push(account, left, after=first)
    assert isinstance(push(account, left, after=second), Accepted)
    assert isinstance(push(account, left, after=first), Accepted)


def test_whom_we_took_out_ourselves_may_return(account: Account) -> None:
    first = push(account, document(tags=["KF27"], FNAME="Ann"))
    left = push(account, document(standing="left"), after=first)
    wished = document(tags=["AB12"], FNAME="Ann")
    back = push(account, wished, after=left)
    assert isinstance(back, Accepted)
    assert account.state(ADDRESS) == "subscribed"
    assert account.tags(ADDRESS) == {"AB12"}
    assert account.fields(ADDRESS) == {"FNAME": "Ann"}


def test_whom_we_took_out_and_who_then_left_stays_away(account: Account) -> None:
    first = push(account, document(tags=["KF27"]))
    left = push(account, document(standing="left"), after=first)
    account.act(ADDRESS, "unsubscribed")
    back = push(account, document(tags=["KF27"]), after=left)
    assert isinstance(back, Refused)
    assert account.state(ADDRESS) == "unsubscribed"


def test_our_own_opt_out_unsubscribes_for_good(account: Account) -> None:
    first = push(account, document(tags=["KF27"]))
    stopped = push(account, document(standing="unsubscribed"), after=first)
    assert isinstance(stopped, Accepted)
    assert (account.state(ADDRESS), account.tags(ADDRESS)) == ("unsubscribed", frozenset())
    assert isinstance(push(account, document(tags=["KF27"]), after=stopped), Refused)
    assert account.state(ADDRESS) == "unsubscribed"


def test_our_own_opt_out_of_a_stranger_creates_nobody(account: Account) -> None:
    assert isinstance(push(account, document(standing="unsubscribed")), Accepted)
    assert account.state(ADDRESS) is None


def test_opt_outs_are_read_back_once_and_the_cursor_goes_on(account: Account) -> None:
    push(account, document())
    push(account, document("bob@example.com"))
    account.act(ADDRESS, "unsubscribed")
    items, cursor = read(account)
    assert [(i.address, i.state) for i in items if i.state != "subscribed"] == [(ADDRESS, "unsubscribed")]
    account.act("bob@example.com", "cleaned")
    items, _ = read(account, cursor)
    assert ("bob@example.com", "cleaned") in [(item.address, item.state) for item in items]
    assert len({(item.address, item.state) for item in items}) == len(items)
    assert all(item.at is not None and item.at.tzinfo is not None for item in items)
