"""What every destination that takes subscribers one by one promises; each runs the same suite."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from connectors.base import Accepted, Change, Destination, Erasing, Feedback, Refused
from tests.contract.accounts import ADDRESS, AT, Account, opened, variants


@pytest.fixture(params=variants(), ids="-".join)
def account(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Account]:
    name, on_leave = request.param
    with opened(name, on_leave, tmp_path) as found:
        yield found


@pytest.fixture
def hearing(account: Account) -> Account:
    """An account that knows opt-outs."""
    if not account.hears:
        pytest.skip("it knows no opt-outs")
    return account


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
    wished = account.document(tags=["KF27", "AB12"], given="Ann")
    outcome = account.push(wished)
    assert isinstance(outcome, Accepted)
    assert (outcome.document, bool(outcome.ref)) == (wished, True)
    assert account.there.state(ADDRESS) == "subscribed"
    assert account.there.tags(ADDRESS) == {"KF27", "AB12"}
    assert account.fields() == {"given": "Ann"}


def test_outcomes_come_in_the_order_of_the_changes(account: Account) -> None:
    wished = {a: account.document(a, ["KF27"], given=a[0:3]) for a in (f"p{n}@example.com" for n in range(30))}
    changes = [Change(key=a, wished=document, accepted=None, ref=None) for a, document in wished.items()]
    outcomes = account.destination.push(changes)
    assert [outcome.document for outcome in outcomes if isinstance(outcome, Accepted)] == list(wished.values())


def test_a_change_adds_removes_and_erases(account: Account) -> None:
    first = account.push(account.document(tags=["KF27", "AB12"], given="Ann", language="en"))
    wished = account.document(tags=["AB12", "CD34"], given="Anna")
    second = account.push(wished, after=first)
    assert isinstance(second, Accepted)
    assert account.there.tags(ADDRESS) == {"AB12", "CD34"}
    assert account.fields() == {"given": "Anna"}


def test_a_push_repeated_after_a_crash_is_accepted_and_changes_nothing(account: Account) -> None:
    wished = account.document(tags=["KF27"], given="Ann")
    account.push(wished, loud=["KF27"])
    again = account.push(wished, loud=["KF27"])
    assert isinstance(again, Accepted)
    assert again.document == wished
    assert account.there.tags(ADDRESS) == {"KF27"}
    assert account.there.started() == 1


def test_quiet_tags_start_nothing_and_loud_ones_start_once(account: Account) -> None:
    if not account.quiet:
        pytest.skip("it cannot add a tag quietly, so sync holds quiet ones back")
    first = account.push(account.document(tags=["KF27"]))
    assert account.there.started() == 0
    second = account.push(account.document(tags=["KF27", "AB12", "CD34"]), after=first, loud=["AB12", "KF27"])
    assert account.there.started() == 1
    account.push(account.document(), after=second)
    assert account.there.started() == 1


@pytest.mark.parametrize(
    ("state", "cause"), [("unsubscribed", "unsubscribed"), ("cleaned", "bounced"), ("archived", "archived_by_human")]
)
def test_who_left_by_themselves_is_never_brought_back(hearing: Account, state: str, cause: str) -> None:
    account, wished = hearing, hearing.document(tags=["KF27"], given="Ann")
    first = account.push(wished)
    account.there.act(ADDRESS, state)
    changed = account.push(account.document(tags=["KF27"], given="Anna"), after=first)
    assert isinstance(changed, Refused)
    assert changed.suppress == cause
    if state == "archived" and not account.archives:
        return  # it keeps nothing of whoever was deleted; the suppression that sync has recorded must do
    anew = account.push(wished)
    assert isinstance(anew, Refused)
    assert anew.suppress == cause
    assert account.there.state(ADDRESS) == state


def test_leaving_takes_our_tags_and_is_no_unsubscribe(account: Account) -> None:
    first = account.push(account.document(tags=["KF27"], given="Ann"))
    started = account.there.started()
    left = account.document(standing="left")
    outcome = account.push(left, after=first)
    assert isinstance(outcome, Accepted)
    assert outcome.document == left
    assert account.there.state(ADDRESS) == ("archived" if account.on_leave == "archive" else "subscribed")
    assert account.there.tags(ADDRESS) == frozenset()
    assert account.there.started() == started


def test_leaving_twice_or_without_having_been_there_is_accepted(account: Account) -> None:
    left = account.document(standing="left")
    assert account.push(left) == Accepted(document=left, ref=None)
    first = account.push(account.document(tags=["KF27"]))
    second = account.push(left, after=first)
    assert isinstance(account.push(left, after=second), Accepted)
    assert isinstance(account.push(left, after=first), Accepted)


def test_whom_we_took_out_ourselves_may_return(account: Account) -> None:
    first = account.push(account.document(tags=["KF27"], given="Ann"))
    left = account.push(account.document(standing="left"), after=first)
    wished = account.document(tags=["AB12"], given="Ann")
    back = account.push(wished, after=left)
    assert isinstance(back, Accepted)
    assert account.there.state(ADDRESS) == "subscribed"
    assert account.there.tags(ADDRESS) == {"AB12"}
    assert account.fields() == {"given": "Ann"}


def test_whom_we_took_out_and_who_then_left_stays_away(hearing: Account) -> None:
    account = hearing
    first = account.push(account.document(tags=["KF27"]))
    left = account.push(account.document(standing="left"), after=first)
    account.there.act(ADDRESS, "unsubscribed")
    back = account.push(account.document(tags=["KF27"]), after=left)
    assert isinstance(back, Refused)
    assert account.there.state(ADDRESS) == "unsubscribed"


def test_our_own_opt_out_unsubscribes_for_good(hearing: Account) -> None:
    account = hearing
    first = account.push(account.document(tags=["KF27"]))
    stopped = account.push(account.document(standing="unsubscribed"), after=first)
    assert isinstance(stopped, Accepted)
    assert (account.there.state(ADDRESS), account.there.tags(ADDRESS)) == ("unsubscribed", frozenset())
    assert isinstance(account.push(account.document(tags=["KF27"]), after=stopped), Refused)
    assert account.there.state(ADDRESS) == "unsubscribed"


def test_our_own_opt_out_of_a_stranger_creates_nobody(account: Account) -> None:
    assert isinstance(account.push(account.document(standing="unsubscribed")), Accepted)
    assert account.there.state(ADDRESS) is None


def test_opt_outs_are_read_back_once_and_the_cursor_goes_on(hearing: Account) -> None:
    account = hearing
    account.push(account.document())
    account.push(account.document("bob@example.com"))
    account.there.act(ADDRESS, "unsubscribed")
    items, cursor = read(account)
    assert [(i.address, i.state) for i in items if i.state != "subscribed"] == [(ADDRESS, "unsubscribed")]
    account.there.act("bob@example.com", "cleaned")
    items, _ = read(account, cursor)
    assert ("bob@example.com", "cleaned") in [(item.address, item.state) for item in items]
    assert len({(item.address, item.state) for item in items}) == len(items)
    assert all(item.at is None or item.at.tzinfo is not None for item in items)


def test_r17_erasing_leaves_nobody_and_says_when_there_was_none(account: Account) -> None:
    destination = account.destination
    if not destination.capabilities.erases:
        pytest.skip("it cannot erase")
    assert isinstance(destination, Erasing)
    first = account.push(account.document(tags=["KF27"], given="Ann"))
    assert isinstance(first, Accepted)
    assert destination.erase(ADDRESS, first.ref) == "erased"
    assert account.there.state(ADDRESS) is None
    assert destination.erase(ADDRESS, first.ref) == "absent"
