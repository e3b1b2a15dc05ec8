"""The outbox: what is claimed, settled, parked, put off or given back, and what a review may do meanwhile."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, select

from mappings.document import Document
from sync.store import reviews, wishes
from sync.store import tables as t
from sync.store.engine import connect, writing

AT = datetime(2026, 3, 2, 12, tzinfo=UTC)
LEASE = AT + timedelta(minutes=30)
LATER = AT + timedelta(hours=1)


def document(address: str, *tags: str, **changes: Any) -> Document:
    return Document(address=address, fields={"FNAME": "Ann"}, tags=frozenset(tags), **changes)


def wish(key: str, state: str = "ready", **changes: Any) -> dict[str, Any]:
    stated = {"destination": "newsletter", "version": 1, "since": AT, "site": "lincoln", "attempts": 0}
    wished = wishes.to_json(document(f"{key}@example.com", "KF27"))
    return {"key": key, "state": state, "document": wished, "lease_until": None, **stated, **changes}


class Outbox:
    """The wishes of one destination, a transaction a call."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    def write(self, *rows: dict[str, Any]) -> None:
        for row in rows:
            with writing(self.engine) as connection:
                reviews.write_wishes(connection, [row])

    def claim(self, at: datetime = AT, limit: int = 100) -> list[wishes.Claimed]:
        with writing(self.engine) as connection:
            return wishes.claim(connection, "newsletter", wishes.Lease(at, at + timedelta(minutes=30), limit))

    def do(self, act: Any, *arguments: Any, **changes: Any) -> Any:
        with writing(self.engine) as connection:
            return act(connection, "newsletter", *arguments, **changes)

    def rewrite(self, claimed: wishes.Claimed, state: str) -> None:
        """What a review does to a wish whose document has changed, and a brake to what it wrote."""
        newer = wishes.to_json(document(f"{claimed.key}@example.com", "BD90"))
        self.write(wish(claimed.key, state, document=newer, version=claimed.version + 1))

    def states(self, *columns: str) -> dict[str, Any]:
        names = columns or ("state",)
        with writing(self.engine) as connection:
            rows = connection.execute(select(t.wish.c.key, *(t.wish.c[name] for name in names)))
            return {row[0]: row[1] if len(names) == 1 else tuple(row[1:]) for row in rows}


@pytest.fixture
def outbox(database_url: str) -> Iterator[Outbox]:
    engine = connect(database_url)
    yield Outbox(engine)
    engine.dispose()


def test_a_document_comes_back_as_it_was_stored() -> None:
    stored = document("ann@example.com", "KF27", "BD90", standing="left")
    assert wishes.from_json(wishes.to_json(stored)) == stored
    assert wishes.to_json(stored)["tags"] == ["BD90", "KF27"]
    assert wishes.from_json(None) is None


def test_only_what_is_ready_and_due_is_claimed_once_and_in_order(outbox: Outbox) -> None:
    outbox.write(
        wish("c"),
        wish("a", not_before=AT),
        wish("b", not_before=LATER),
        *(wish(state, state) for state in ("waiting", "held", "parked", "claimed")),
        wish("elsewhere", destination="crm"),
    )
    assert [item.key for item in outbox.claim(limit=1)] == ["a"]
    assert [item.key for item in outbox.claim()] == ["c"]
    assert outbox.claim() == []
    assert [item.key for item in outbox.claim(LATER)] == ["b"]
    assert outbox.states("state", "lease_until")["a"] == ("claimed", LEASE)
    assert outbox.states()["elsewhere"] == "ready"


def test_a_claim_carries_the_wish_and_what_the_destination_holds(outbox: Outbox) -> None:
    held = document("a@example.com", "BD90")
    outbox.write(wish("a", loud={"KF27": AT.isoformat()}, parties=[["c1", "consent", ["marketing"]]], version=4))
    outbox.write(wish("b", primary_contact="c2"))
    accepted = {"destination": "newsletter", "key": "a", "accepted": wishes.to_json(held), "ref": "m1"}
    with writing(outbox.engine) as connection:
        wishes.record_accepted(connection, [accepted, {**accepted, "destination": "crm", "key": "b"}])
    first, second = outbox.claim()
    assert (first.key, first.document, first.accepted, first.ref) == (
        "a",
        document("a@example.com", "KF27"),
        held,
        "m1",
    )
    assert (first.loud, first.parties, first.version) == (
        {"KF27": AT.isoformat()},
        [["c1", "consent", ["marketing"]]],
        4,
    )
    assert (second.accepted, second.ref, second.primary_contact, second.attempts) == (None, None, "c2", 0)


def test_a_settled_wish_is_gone(outbox: Outbox) -> None:
    outbox.write(wish("a"), wish("b"), wish("c", "held"))
    a, b = outbox.claim()
    outbox.do(wishes.settle, a)
    assert outbox.states() == {"b": "claimed", "c": "held"}
    outbox.do(wishes.settle_all, [b])
    assert outbox.states() == {"c": "held"}


def test_a_wish_that_changed_while_it_was_claimed_stays_as_its_review_left_it(outbox: Outbox) -> None:
    outcomes: dict[str, Any] = {
        "settle": (wishes.settle,),
        "park": (wishes.park, "bad_field"),
        "later": (wishes.later, LATER, "http_429"),
    }
    keys = [f"{outcome}-{state}" for outcome in outcomes for state in ("waiting", "held", "ready")]
    outbox.write(*(wish(key) for key in keys))
    for item in outbox.claim():
        outcome, state = item.key.split("-")
        outbox.rewrite(item, state)
        act, *arguments = outcomes[outcome]
        outbox.do(act, item, *arguments)
    assert outbox.states("document")["settle-held"] == wishes.to_json(document("settle-held@example.com", "BD90"))
    found = outbox.states("state", "version", "attempts", "not_before", "last_code")
    assert found == {key: (key.split("-")[1], 2, 0, None, None) for key in keys}


def test_a_parked_wish_is_not_claimed_until_its_document_changes(outbox: Outbox) -> None:
    outbox.write(wish("a"))
    (a,) = outbox.claim()
    outbox.do(wishes.park, a, "compliance")
    assert outbox.states("state", "attempts", "last_code", "lease_until") == {"a": ("parked", 1, "compliance", None)}
    assert outbox.claim(LATER) == []
    outbox.rewrite(a, "ready")
    assert [item.version for item in outbox.claim()] == [2]


def test_a_wish_that_was_put_off_comes_again_in_its_time(outbox: Outbox) -> None:
    outbox.write(wish("a"))
    (a,) = outbox.claim()
    outbox.do(wishes.later, a, LATER, "http_429")
    assert outbox.claim() == []
    (again,) = outbox.claim(LATER)
    assert (again.attempts, outbox.states("last_code")) == (1, {"a": "http_429"})


def test_what_was_given_back_is_ready_and_nothing_else_is_touched(outbox: Outbox) -> None:
    outbox.write(wish("a"), wish("b"), wish("held", "held"), wish("parked", "parked"))
    _, b = outbox.claim()
    outbox.rewrite(b, "waiting")
    outbox.do(wishes.give_back, ["a", "b", "held", "parked"])
    assert outbox.states() == {"a": "ready", "b": "waiting", "held": "held", "parked": "parked"}
    assert [item.key for item in outbox.claim()] == ["a"]


def test_abandoned_are_the_claims_of_a_dead_process_or_those_whose_lease_has_ended(outbox: Outbox) -> None:
    outbox.write(wish("old", lease_until=None), wish("ready", not_before=LATER))
    outbox.claim()
    outbox.write(wish("young", not_before=LATER))
    outbox.claim(LATER)

    def lost(at: datetime | None) -> list[str]:
        return [item.key for item in outbox.do(wishes.abandoned, at)]

    assert lost(None) == ["old", "ready", "young"]
    assert lost(LEASE) == []
    assert lost(LEASE + timedelta(seconds=1)) == ["old"]


def test_a_dropped_wish_is_gone_and_states_are_counted(outbox: Outbox) -> None:
    outbox.write(wish("a"), wish("b"), wish("a", destination="crm"), wish("c", "parked"))
    outbox.do(wishes.drop, ["a", "unknown"])
    assert set(outbox.do(wishes.wishes, ["a", "b", "c"])) == {"b", "c"}
    assert [outbox.do(wishes.count, state) for state in ("ready", "parked", "held")] == [1, 1, 0]


def test_the_whole_audience_is_as_wished_or_else_as_accepted(outbox: Outbox) -> None:
    keys = ("held", "parked", "ready", "taken", "waiting", "claimed")
    accepted = [
        {"destination": "newsletter", "key": key, "accepted": wishes.to_json(document("old@example.com")), "ref": None}
        for key in keys
    ]
    elsewhere = {**accepted[0], "destination": "crm", "key": "elsewhere"}
    with writing(outbox.engine) as connection:
        wishes.record_accepted(connection, [*accepted, elsewhere])
        wishes.record_reference(connection, "newsletter", "only a reference", "m1")
    outbox.write(*(wish(key, key) for key in keys if key != "taken"))
    outbox.write(wish("new"), wish("new but held", "held"), wish("elsewhere", destination="crm"))
    found = outbox.do(lambda *where: list(wishes.whole_audience(*where)))
    assert [key for key, _ in found] == sorted((*keys, "new"))
    as_wished = [key for key, it in found if it.address != "old@example.com"]
    assert as_wished == ["claimed", "new", "ready"]


def test_a_reference_is_kept_beside_what_was_accepted(outbox: Outbox) -> None:
    held = wishes.to_json(document("a@example.com"))
    with writing(outbox.engine) as connection:
        wishes.record_accepted(connection, [{"destination": "newsletter", "key": "a", "accepted": held}])
        wishes.record_reference(connection, "newsletter", "a", "m1")
    found = outbox.do(wishes.subscribers, ["a", "unknown"])
    assert {key: (row.accepted, row.ref) for key, row in found.items()} == {"a": (held, "m1")}


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_two_workers_on_postgresql_never_claim_the_same_and_never_wait(outbox: Outbox) -> None:
    outbox.write(*(wish(key) for key in "abcd"))
    with writing(outbox.engine) as first, writing(outbox.engine) as second:
        mine = wishes.claim(first, "newsletter", wishes.Lease(AT, LEASE, 2))
        theirs = wishes.claim(second, "newsletter", wishes.Lease(AT, LEASE, 4))
        assert ([item.key for item in mine], [item.key for item in theirs]) == (["a", "b"], ["c", "d"])
