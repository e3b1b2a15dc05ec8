"""Whatever the order of arrival, the same rows and decisions end in the same people and the same review queue."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, Engine, select

from mappings.records import Identifier, PatientLink, PatientRow
from sync.resolve import Resolver, ResolverSettings
from sync.store import matches, rows
from sync.store import tables as t
from sync.store.engine import connect

AT = datetime(2026, 3, 2, 12, tzinfo=UTC)
SETTINGS = ResolverSettings(shared_address_limit=2, roles={"emr": "emr", "web": "leads"})

# An example lands dozens of pages.
_default = settings.default.max_examples if settings.default else 50

Known = tuple[str, str]


class Outcome(NamedTuple):
    people: frozenset[frozenset[Known]]
    reviews: frozenset[tuple[frozenset[Known], str]]


class Said(NamedTuple):
    pair: tuple[Known, Known]
    verdict: Any


def several(values: Sequence[Any]) -> st.SearchStrategy[Any]:
    return st.sampled_from(values)


SOURCES = several(["emr", "emr", "web"])
ROWS = st.builds(
    PatientRow,
    external_id=several(["1", "2", "3", "4"]),
    given_name=several(["Ann", "Ann", "Annie", "Anm", "Bob", None]),
    family_name=several(["Lee", "Lee", "Leee", "Ele", "Fox"]),
    birth_date=several([None, date(1980, 1, 1), date(1980, 1, 1), date(1981, 1, 1), date(2015, 1, 1)]),
    sex=several([None, "female", "male"]),
    email=several([None, "a@example.com", "a@example.com", "b@example.com"]),
    phone=several([None, "+14025550101", "+14025550102"]),
    postal_code=several([None, "68102"]),
    replaced_by=several([None, None, None, None, "1", "5"]),
    identifiers=several([(), (), (), (Identifier("mrn", "7"),), (Identifier("mrn", "8"),)]),
    links=several([(), (), (), (PatientLink("replaces", "2"),), (PatientLink("seealso", "3"),)]),
)
ARRIVALS = st.lists(st.tuples(SOURCES, ROWS), min_size=2, max_size=9)


@pytest.fixture(scope="module")
def engine(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    path = tmp_path_factory.mktemp("order") / "prm.db"
    path.write_bytes(sqlite_template.read_bytes())
    engine = connect(f"sqlite:///{path}")
    yield engine
    engine.dispose()


def land(connection: Connection, page: Sequence[tuple[str, PatientRow]]) -> None:
    for source in sorted({source for source, _ in page}):
        records = {record.external_id: record for name, record in page if name == source}
        origin = rows.Origin(source, "patients", AT, first_pull=False)
        Resolver(SETTINGS, AT).resolve(connection, rows.store_patients(connection, origin, list(records.values())))


def say(connection: Connection, said: Sequence[Said]) -> None:
    for (a, b), verdict in said:
        pair = rows.row_ids(connection, a[0], [a[1]])[a[1]], rows.row_ids(connection, b[0], [b[1]])[b[1]]
        matches.record_by_hand(connection, [pair], matches.ByHand(verdict, "someone", AT))
        Resolver(SETTINGS, AT).resolve(connection, pair)


def outcome(connection: Connection) -> Outcome:
    p, k = t.patient_record.c, t.link.c
    query = select(p.source, p.external_id, k.contact, p.id).join(t.link, k.row_id == p.id).where(k.until.is_(None))
    found: dict[str, set[Known]] = {}
    oldest: dict[str, int] = {}
    for source, external_id, contact, row in connection.execute(query):
        found.setdefault(contact, set()).add((source, external_id))
        oldest[contact] = min(row, oldest.get(contact, row))
    c = t.contact.c
    active = connection.execute(select(c.id, c.founder).where(c.state == "active"))
    assert dict(active.all()) == oldest
    reviews = (
        (frozenset((row[end]["source"], row[end]["id"]) for end in ("a", "b")), row["rule"])
        for row in matches.open_reviews(connection)
    )
    return Outcome(frozenset(map(frozenset, found.values())), frozenset(reviews))


def play(engine: Engine, pages: Sequence[Sequence[tuple[str, PatientRow]]], said: Sequence[Said]) -> Outcome:
    with engine.connect() as connection, connection.begin() as transaction:
        for page in pages:
            land(connection, page)
        say(connection, said)
        result = outcome(connection)
        transaction.rollback()
    return result


def last_of_each(arrivals: Sequence[tuple[str, PatientRow]]) -> dict[Known, tuple[str, PatientRow]]:
    return {(source, record.external_id): (source, record) for source, record in arrivals}


@settings(max_examples=_default // 2)
@given(ARRIVALS, st.data())
def test_one_page_and_many_pages_in_any_order_with_changes_on_the_way_end_alike(
    engine: Engine, arrivals: list[tuple[str, PatientRow]], data: st.DataObject
) -> None:
    final = last_of_each(arrivals)
    known = sorted(final)
    pairs = st.tuples(several(known), several(known)).filter(lambda pair: pair[0] < pair[1])
    verdicts = several(["same", "not_same", "not_same", "none"])
    said = data.draw(st.lists(st.builds(Said, pairs, verdicts), max_size=2)) if len(known) > 1 else []
    at_once = play(engine, [list(final.values())], said)
    bit_by_bit = play(engine, [[arrival] for arrival in arrivals], said)
    shuffled = data.draw(st.permutations(list(final.values())))
    assert bit_by_bit == at_once
    assert play(engine, [shuffled[:2], *([one] for one in shuffled[2:])], said) == at_once


@settings(max_examples=_default // 3)
@given(ARRIVALS)
def test_what_is_said_before_a_change_holds_after_it(engine: Engine, arrivals: list[tuple[str, PatientRow]]) -> None:
    final = list(last_of_each(arrivals).items())
    (first, _), (second, _) = final[0], final[-1]
    said = [Said((first, second), "not_same")] if first != second else []
    other = [(source, replace(record, given_name="Zoe", email=None)) for source, record in arrivals]
    with engine.connect() as connection, connection.begin() as transaction:
        land(connection, other)
        say(connection, said)
        land(connection, [arrival for _, arrival in final])
        after = outcome(connection)
        transaction.rollback()
    assert after == play(engine, [[arrival for _, arrival in final]], said)
