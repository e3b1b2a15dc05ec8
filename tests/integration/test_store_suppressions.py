"""Reasons never to send again: at the address, and with the person where they follow."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import Engine, func, select, update

from sync.store import suppressions
from sync.store import tables as t
from sync.store.engine import connect, writing
from sync.store.statements import insert
from sync.store.suppressions import Suppressed, suppress

AT = datetime(2026, 3, 2, 12, tzinfo=UTC)
HOME, WORK = "home@example.com", "work@example.com"


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    """Ann and Bob share one address, Cat has another; Ann has a second row without one."""
    engine = connect(database_url)
    people = [(1, "ann", HOME), (2, "bob", HOME), (3, "cat", WORK), (4, "ann", None)]
    with writing(engine) as connection:
        rows = [
            {"id": n, "source": "webpt", "external_id": str(n), "email": email, "first_seen_at": AT}
            for n, _, email in people
        ]
        insert(connection, t.patient_record, rows)
        insert(connection, t.link, [{"row_id": n, "contact": contact, "since": AT} for n, contact, _ in people])
        # A link that has ended says nothing of who is at an address now.
        insert(connection, t.link, [{"row_id": 1, "contact": "former", "since": AT, "until": AT}])
    yield engine
    engine.dispose()


def close(engine: Engine, *found: tuple[str, str], destination: str = "newsletter") -> set[str]:
    with writing(engine) as connection:
        return suppress(connection, destination, [Suppressed(address, cause, AT) for address, cause in found], AT)


def ask(engine: Engine, question: Any, *items: str) -> Any:
    with writing(engine) as connection:
        return question(connection, items)


def n_rows(engine: Engine) -> int:
    with writing(engine) as connection:
        return connection.execute(select(func.count()).select_from(t.suppression)).scalar_one()


def test_a_suppression_closes_its_address_and_only_that(engine: Engine) -> None:
    assert ask(engine, suppressions.by_address, HOME) == {}
    assert close(engine, (HOME, "bounced"), (HOME, "bounced"), (HOME, "archived_by_human")) == {HOME}
    assert ask(engine, suppressions.by_address, HOME, WORK, HOME) == {HOME: {"bounced", "archived_by_human"}}


def test_what_is_known_is_not_recorded_again(engine: Engine) -> None:
    close(engine, (HOME, "unsubscribed"))
    assert close(engine, (HOME, "unsubscribed")) == set()
    assert close(engine, (HOME, "unsubscribed"), destination="crm") == set()
    assert close(engine, (HOME, "complained")) == {HOME}
    assert n_rows(engine) == 2


def test_an_opt_out_or_a_complaint_follows_everyone_of_the_address_to_a_new_one(engine: Engine) -> None:
    close(engine, (HOME, "unsubscribed"), (HOME, "complained"), (WORK, "complained"))
    with writing(engine) as connection:
        connection.execute(update(t.patient_record).where(t.patient_record.c.id == 1).values(email="new@example.com"))
    both = {"unsubscribed", "complained"}
    found = ask(engine, suppressions.by_contact, "ann", "bob", "cat", "former")
    assert found == {"ann": both, "bob": both, "cat": {"complained"}}
    assert ask(engine, suppressions.by_address, "new@example.com") == {}


def test_other_causes_stay_with_the_address(engine: Engine) -> None:
    close(engine, *((HOME, cause) for cause in ("bounced", "archived_by_human", "bad_address")))
    assert ask(engine, suppressions.by_contact, "ann", "bob") == {}


def test_an_address_that_nobody_has_is_suppressed_all_the_same(engine: Engine) -> None:
    assert close(engine, ("gone@example.com", "unsubscribed")) == {"gone@example.com"}
    assert ask(engine, suppressions.by_address, "gone@example.com") == {"gone@example.com": {"unsubscribed"}}


def test_a_reopening_lifts_what_came_before_it_and_nothing_after(engine: Engine) -> None:
    close(engine, (HOME, "unsubscribed"), (WORK, "bounced"))
    with writing(engine) as connection:
        row = {"address": HOME, "cause": "reopened", "destination": "newsletter", "at": AT}
        connection.execute(t.suppression.insert().values(**row))
    assert ask(engine, suppressions.by_address, HOME, WORK) == {WORK: {"bounced"}}
    assert close(engine, (HOME, "unsubscribed")) == {HOME}
    assert ask(engine, suppressions.by_address, HOME) == {HOME: {"unsubscribed"}}


def test_the_contacts_at_an_address_are_those_whose_rows_have_it_now(engine: Engine) -> None:
    assert ask(engine, suppressions.contacts_at, HOME) == {"ann", "bob"}
    assert ask(engine, suppressions.contacts_at, HOME, WORK, "gone@example.com") == {"ann", "bob", "cat"}
    assert ask(engine, suppressions.contacts_at) == set()
