"""Sources, edits, merges and people's word in any order: links do not depend on it, and nothing moves without cause."""

from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import Connection, Engine, select

from bench.identity import AT
from mappings.records import PatientLink, PatientRow
from sync.resolve import Resolver, ResolverSettings
from sync.store import matches, rows
from sync.store import tables as t
from sync.store.engine import connect

SETTINGS = ResolverSettings(shared_address_limit=3, roles={"emr": "emr", "old": "emr", "web": "leads"})
BASE = PatientRow(external_id="1", given_name="Robert", family_name="Marsh", birth_date=date(1980, 1, 1))

Key = tuple[str, str]
KEYS = st.tuples(st.sampled_from(["emr", "emr", "old", "web"]), st.sampled_from("123"))
EDITS: dict[str, st.SearchStrategy[Any]] = {
    "given_name": st.sampled_from(["Robert", "Bob", "Robrt", "Roberta", "Ann"]),
    "family_name": st.sampled_from(["Marsh", "Mash", "Fox"]),
    "birth_date": st.sampled_from([None, date(1980, 1, 1), date(1981, 1, 1), date(2015, 1, 1)]),
    "sex": st.sampled_from([None, "male", "female"]),
    "email": st.sampled_from([None, "a@example.com", "b@example.com"]),
    "postal_code": st.sampled_from([None, "68102"]),
}


class World:
    """A database, what was said of it so far, and whoever is absent."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.records: dict[Key, PatientRow] = {}
        self.absent: set[Key] = set()
        self.said: dict[tuple[Key, Key], str] = {}

    def land(self, key: Key, record: PatientRow) -> None:
        self.records[key] = record
        self.absent.discard(key)
        origin = rows.Origin(key[0], "patients", AT, first_pull=False)
        self._resolve(rows.store_patients(self.connection, origin, [record]))

    def leave(self, key: Key) -> None:
        self.absent.add(key)
        rows.mark_present(self.connection, "patients", key[0], [key[1]], present=False)
        self._resolve([self.row(key)])

    def say(self, a: Key, b: Key, verdict: Any) -> None:
        self.said[(a, b)] = verdict
        pair = self.row(a), self.row(b)
        matches.record_by_hand(self.connection, [pair], matches.ByHand(verdict, "someone", AT))
        self._resolve(pair)

    def _resolve(self, ids: Any) -> None:
        Resolver(SETTINGS, AT).resolve(self.connection, ids)

    def row(self, key: Key) -> int:
        return rows.row_ids(self.connection, key[0], [key[1]])[key[1]]

    def again(self) -> None:
        """Everything delivered once more as it is."""
        for key in sorted(self.records):
            self._resolve([self.row(key)])

    def links(self) -> dict[Key, str]:
        p, k = t.patient_record.c, t.link.c
        query = select(p.source, p.external_id, k.contact).join(t.link, k.row_id == p.id).where(k.until.is_(None))
        return {(source, external_id): contact for source, external_id, contact in self.connection.execute(query)}

    def outcome(self) -> tuple[set[frozenset[Key]], set[frozenset[str]]]:
        people: dict[str, set[Key]] = {}
        for key, contact in self.links().items():
            people.setdefault(contact, set()).add(key)
        waiting = (
            frozenset(f"{row[end]['source']}:{row[end]['id']}" for end in ("a", "b"))
            for row in matches.open_reviews(self.connection)
        )
        return set(map(frozenset, people.values())), set(waiting)

    def size(self) -> tuple[int, ...]:
        return tuple(len(self.connection.execute(select(table)).all()) for table in (t.match, t.link, t.contact))


class Machine(RuleBasedStateMachine):
    """Plays a world; every step is followed by the same world played in another order."""

    engine: Engine
    spare: Engine

    @initialize()
    def begin(self) -> None:
        self._opened = self.engine.connect()
        self._transaction = self._opened.begin()
        self.world = World(self._opened)

    def teardown(self) -> None:
        if hasattr(self, "_opened"):
            self._transaction.rollback()
            self._opened.close()

    @rule(key=KEYS, name=st.sampled_from(sorted(EDITS)), data=st.data())
    def edit(self, key: Key, name: str, data: st.DataObject) -> None:
        before = self.world.records.get(key, replace(BASE, external_id=key[1]))
        self.world.land(key, replace(before, **{name: data.draw(EDITS[name])}))

    @precondition(lambda self: self.world.records)
    @rule(data=st.data(), kind=st.sampled_from(["replaced_by", "replaces", "seealso"]), other=st.sampled_from("123"))
    def merge_and_undo(self, data: st.DataObject, kind: str, other: str) -> None:
        key = data.draw(st.sampled_from(sorted(self.world.records)))
        record, absent, before = self.world.records[key], key in self.world.absent, self.world.links()
        merged = {"replaced_by": other} if kind == "replaced_by" else {"links": (PatientLink(kind, other),)}
        self.world.land(key, replace(record, **merged))
        if data.draw(st.booleans()):
            self.world.land(key, record)
            if absent:
                self.world.leave(key)
            assert self.world.links() == before

    @precondition(lambda self: self.world.records.keys() - self.world.absent)
    @rule(data=st.data())
    def leave(self, data: st.DataObject) -> None:
        self.world.leave(data.draw(st.sampled_from(sorted(self.world.records.keys() - self.world.absent))))

    @precondition(lambda self: len(self.world.records) > 1)
    @rule(data=st.data(), verdict=st.sampled_from(["same", "not_same", "none"]))
    def say(self, data: st.DataObject, verdict: str) -> None:
        a, b = sorted(data.draw(st.permutations(sorted(self.world.records)))[:2])
        self.world.say(a, b, verdict)

    @invariant()
    def a_second_time_is_silent(self) -> None:
        before = self.world.links(), self.world.size()
        self.world.again()
        assert (self.world.links(), self.world.size()) == before

    @invariant()
    def the_order_of_arrival_leaves_no_trace(self) -> None:
        with self.spare.connect() as connection, connection.begin() as transaction:
            other = World(connection)
            for key in sorted(self.world.records, reverse=True):
                other.land(key, self.world.records[key])
            for (a, b), verdict in self.world.said.items():
                other.say(a, b, verdict)
            for key in sorted(self.world.absent):
                other.leave(key)
            assert other.outcome() == self.world.outcome()
            transaction.rollback()


def test_whatever_happens_in_whatever_order_the_people_are_the_same(sqlite_template: Path, tmp_path: Path) -> None:
    for name in ("engine", "spare"):
        path = tmp_path / f"{name}.db"
        path.write_bytes(sqlite_template.read_bytes())
        setattr(Machine, name, connect(f"sqlite:///{path}"))
    usual = settings.default.max_examples if settings.default else 50
    # A step is played twice: to make a failure smaller would take minutes.
    bounded = settings(max_examples=usual // 6, stateful_step_count=10, phases=[Phase.generate])
    run_state_machine_as_test(Machine, settings=bounded)
    Machine.engine.dispose()
    Machine.spare.dispose()
