"""Rows of pages become contacts: found, joined, reviewed, parted again; on both engines."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import Any

import pytest
from sqlalchemy import Engine, select

from mappings.records import Identifier, PatientLink, PatientRow
from sync.resolve import Resolved, Resolver, ResolverSettings
from sync.store import matches, rows
from sync.store import tables as t
from sync.store.engine import connect, reading, writing
from sync.store.people import load

AT = datetime(2026, 3, 2, 12, tzinfo=UTC)
BORN = date(1980, 5, 17)
SETTINGS = ResolverSettings(shared_address_limit=3, roles={"emr": "emr", "old": "emr", "web": "leads"})
ANN = PatientRow(
    external_id="1", given_name="Ann", family_name="Lee", birth_date=BORN, email="ann@example.com", phone="+14025550101"
)


@dataclass(frozen=True, slots=True)
class Practice:
    """A store that pages of rows are landed in."""

    engine: Engine

    def land(self, source: str, *records: PatientRow, settings: ResolverSettings = SETTINGS) -> Resolved:
        with writing(self.engine) as connection:
            ids = rows.store_patients(connection, rows.Origin(source, "patients", AT, first_pull=False), records)
            return Resolver(settings, AT).resolve(connection, ids)

    def say(self, verdict: Any, *pairs: tuple[tuple[str, str], tuple[str, str]]) -> None:
        with writing(self.engine) as connection:
            found = [(self.row(*a), self.row(*b)) for a, b in pairs]
            matches.record_by_hand(connection, found, matches.ByHand(verdict, "someone", AT))
            Resolver(SETTINGS, AT).resolve(connection, [row for pair in found for row in pair])

    def row(self, source: str, external_id: str) -> int:
        with reading(self.engine) as connection:
            return rows.row_ids(connection, source, [external_id])[external_id]

    def links(self) -> dict[tuple[str, str], str]:
        p, k = t.patient_record.c, t.link.c
        query = select(p.source, p.external_id, k.contact).join(t.link, k.row_id == p.id).where(k.until.is_(None))
        with reading(self.engine) as connection:
            return {(source, external_id): contact for source, external_id, contact in connection.execute(query)}

    def people(self) -> set[frozenset[str]]:
        found: dict[str, set[str]] = {}
        for (source, external_id), contact in self.links().items():
            found.setdefault(contact, set()).add(f"{source}/{external_id}")
        return {frozenset(person) for person in found.values()}

    def reviews(self) -> dict[frozenset[str], str]:
        with reading(self.engine) as connection:
            return {
                frozenset(f"{row[end]['source']}/{row[end]['id']}" for end in ("a", "b")): row["rule"]
                for row in matches.open_reviews(connection)
            }

    def column(self, column: Any) -> list[Any]:
        with reading(self.engine) as connection:
            return list(connection.execute(select(column)).scalars())


@pytest.fixture
def practice(database_url: str) -> Iterator[Practice]:
    engine = connect(database_url)
    yield Practice(engine)
    engine.dispose()


def people(*persons: str) -> set[frozenset[str]]:
    return {frozenset(person.split()) for person in persons}


def test_a_new_row_founds_a_contact_of_an_opaque_id(practice: Practice) -> None:
    done = practice.land("emr", ANN, replace(ANN, external_id="2", given_name="Bo", email=None, phone=None))
    assert done == Resolved(created=2, merged=0, stale=2)
    assert len(set(practice.links().values())) == 2
    assert all(contact.startswith("c") and len(contact) == 16 for contact in practice.links().values())


def test_the_same_person_of_two_sources_is_one_contact(practice: Practice) -> None:
    practice.land("emr", ANN)
    done = practice.land("old", replace(ANN, external_id="9", phone=None))
    assert done == Resolved(created=0, merged=1, stale=1)
    assert practice.people() == people("emr/1 old/9")
    assert practice.reviews() == {}
    assert sorted(practice.column(t.contact.c.state)) == ["absorbed", "active"]


def test_two_rows_of_one_page_are_joined(practice: Practice) -> None:
    assert practice.land("emr", ANN, replace(ANN, external_id="2")) == Resolved(created=1, merged=1, stale=1)
    assert practice.people() == people("emr/1 emr/2")


def test_a_page_landed_twice_changes_nothing(practice: Practice) -> None:
    practice.land("emr", ANN, replace(ANN, external_id="2"))
    before = practice.links(), practice.column(t.match.c.id), practice.column(t.link.c.id)
    assert practice.land("emr", ANN, replace(ANN, external_id="2")) == Resolved(created=0, merged=0, stale=0)
    assert (practice.links(), practice.column(t.match.c.id), practice.column(t.link.c.id)) == before


def test_a_contact_keeps_the_id_of_its_oldest_row_and_a_split_gives_the_others_back(practice: Practice) -> None:
    apart = replace(ANN, external_id="2", email="other@example.com", phone=None)
    practice.land("emr", ANN, apart)
    ann, other = practice.links()[("emr", "1")], practice.links()[("emr", "2")]
    practice.land("emr", replace(apart, email=ANN.email))
    assert set(practice.links().values()) == {ann}
    practice.land("emr", apart)
    assert practice.links() == {("emr", "1"): ann, ("emr", "2"): other}
    assert practice.column(t.contact.c.state) == ["active", "active"]
    assert practice.reviews() == {frozenset({"emr/1", "emr/2"}): "names-birth"}


def test_evidence_that_is_gone_is_withdrawn_in_the_ledger(practice: Practice) -> None:
    practice.land("emr", ANN, replace(ANN, external_id="2"))
    practice.land("emr", replace(ANN, external_id="2", given_name="Bea", family_name="Fox"))
    assert practice.column(t.match.c.verdict) == ["same", "none"]
    assert practice.people() == people("emr/1", "emr/2")
    assert practice.reviews() == {}


def test_contacts_that_win_or_lose_rows_are_reviewed_again(practice: Practice) -> None:
    apart = replace(ANN, external_id="2", email="other@example.com", phone=None)
    practice.land("emr", ANN, apart)
    with writing(practice.engine) as connection:
        connection.execute(t.contact.update().values(stale=False))
    practice.land("emr", replace(apart, email=ANN.email))
    assert practice.column(t.contact.c.stale) == [True, True]


def test_a_row_bridges_two_contacts(practice: Practice) -> None:
    by_phone = replace(ANN, external_id="2", email=None)
    by_email = replace(ANN, external_id="3", phone=None)
    practice.land("emr", by_phone, by_email)
    assert practice.people() == people("emr/2", "emr/3")
    assert practice.land("old", ANN) == Resolved(created=0, merged=2, stale=2)
    assert practice.people() == people("emr/2 emr/3 old/1")


@pytest.mark.parametrize("merged_first", [True, False])
def test_the_emr_merges_whatever_the_order_of_arrival(practice: Practice, merged_first: bool) -> None:
    stale = replace(ANN, external_id="2", family_name="Fox", birth_date=date(1979, 1, 1), replaced_by="1")
    for record in (stale, ANN) if merged_first else (ANN, stale):
        practice.land("emr", record)
    assert practice.people() == people("emr/1 emr/2")


def test_rows_merged_into_one_that_has_not_arrived_are_one(practice: Practice) -> None:
    for number in ("2", "3"):
        practice.land("emr", PatientRow(external_id=number, replaced_by="1"))
    assert practice.people() == people("emr/2 emr/3")


@pytest.mark.parametrize("kind", ["replaces", "refer", "seealso"])
@pytest.mark.parametrize("survivor_first", [True, False])
def test_a_link_of_the_emr_joins_and_its_end_restores(practice: Practice, kind: str, survivor_first: bool) -> None:
    other = PatientRow(external_id="2", given_name="Bo", family_name="Fox", birth_date=date(1979, 1, 1))
    linked = replace(ANN, links=(PatientLink(kind, "2"),))
    for record in (linked, other) if survivor_first else (other, linked):
        practice.land("emr", record)
    assert practice.people() == people("emr/1 emr/2")
    with reading(practice.engine) as connection:
        contact = practice.links()[("emr", "1")]
        rows_ = load(connection, [contact], SETTINGS.roles).persons[contact].rows
    assert {row.external_id for row in rows_ if row.merged_away} == ({"2"} if kind == "replaces" else set())
    practice.land("emr", ANN)
    assert practice.people() == people("emr/1", "emr/2")


def test_the_end_of_a_merge_restores_both_contacts(practice: Practice) -> None:
    other = PatientRow(external_id="2", given_name="Bo", family_name="Fox")
    practice.land("emr", ANN, other)
    before = practice.links()
    practice.land("emr", replace(other, replaced_by="1"))
    assert practice.people() == people("emr/1 emr/2")
    practice.land("emr", other)
    assert practice.links() == before


@pytest.mark.parametrize(
    "change",
    [
        {"given_name": "Annie"},
        {"family_name": "Leee"},
        {"family_name": "Le"},
        {"given_name": "Anbn", "family_name": "Lea"},
    ],
)
def test_a_nickname_or_a_slip_in_each_name_is_found_by_birth_date_and_postal_code(
    practice: Practice, change: dict[str, str]
) -> None:
    ann = replace(ANN, email=None, phone=None, postal_code="68102")
    practice.land("emr", replace(ann, family_name="Lee"))
    practice.land("old", replace(ann, external_id="9", **change))
    short = change.get("family_name") == "Le"
    assert practice.people() == (people("emr/1", "old/9") if short else people("emr/1 old/9"))


def test_a_merge_names_a_row_of_its_own_source(practice: Practice) -> None:
    practice.land("old", PatientRow(external_id="2", replaced_by="1"))
    practice.land("emr", PatientRow(external_id="1"))
    assert practice.people() == people("emr/1", "old/2")


def test_an_id_of_one_authority_is_one_person(practice: Practice) -> None:
    mine = (Identifier("urn:mrn", "77"),)
    practice.land("emr", PatientRow(external_id="1", identifiers=mine), PatientRow(external_id="2"))
    practice.land("old", PatientRow(external_id="1", identifiers=(*mine, Identifier("urn:other", "1"))))
    assert practice.people() == people("emr/1 old/1", "emr/2")


def test_a_person_reviews_and_says_same(practice: Practice) -> None:
    practice.land("emr", ANN, replace(ANN, external_id="2", email=None, phone=None))
    assert practice.reviews() == {frozenset({"emr/1", "emr/2"}): "names-birth"}
    practice.say("same", (("emr", "1"), ("emr", "2")))
    assert practice.people() == people("emr/1 emr/2")
    practice.land("emr", replace(ANN, external_id="2", given_name="Bea", email=None, phone=None))
    assert practice.people() == people("emr/1 emr/2")
    assert practice.reviews() == {}


def test_not_the_same_parts_what_rules_joined_until_it_is_taken_back(practice: Practice) -> None:
    practice.land("emr", ANN, replace(ANN, external_id="2"))
    pair = ("emr", "1"), ("emr", "2")
    practice.say("not_same", pair)
    assert practice.people() == people("emr/1", "emr/2")
    assert practice.reviews() == {}
    practice.land("emr", replace(ANN, postal_code="68102"))
    assert practice.people() == people("emr/1", "emr/2")
    practice.say("none", pair)
    assert practice.people() == people("emr/1 emr/2")


def test_links_that_would_jointly_join_a_vetoed_pair_are_not_made_and_others_are(practice: Practice) -> None:
    by_phone = replace(ANN, external_id="2", email=None, postal_code="68102")
    by_email = replace(ANN, external_id="3", phone=None)
    beside = replace(ANN, external_id="4", email=None, phone=None, postal_code="68102")
    practice.land("emr", by_phone, by_email, beside)
    practice.say("not_same", (("emr", "2"), ("emr", "3")))
    practice.land("old", ANN)
    assert practice.people() == people("old/1", "emr/2 emr/4", "emr/3")
    assert practice.reviews().keys() >= {frozenset({"old/1", "emr/2"}), frozenset({"old/1", "emr/3"})}


def test_an_inquiry_joins_the_one_adult_whom_it_fits(practice: Practice) -> None:
    lead = PatientRow(external_id="L", given_name="ann", family_name="LEE", email=ANN.email)
    practice.land("web", lead)
    practice.land("emr", ANN)
    assert practice.people() == people("emr/1 web/L")


def test_an_inquiry_that_fits_two_adults_is_reviewed_until_they_are_one(practice: Practice) -> None:
    lead = PatientRow(external_id="L", given_name="Ann", family_name="Lee", email=ANN.email)
    mother = replace(ANN, external_id="2", birth_date=date(1950, 1, 1), phone=None)
    practice.land("emr", ANN, mother)
    practice.land("web", lead)
    assert practice.people() == people("emr/1", "emr/2", "web/L")
    assert len(practice.reviews()) == 2
    practice.say("same", (("emr", "1"), ("emr", "2")))
    assert practice.people() == people("emr/1 emr/2 web/L")


def test_inquiries_of_one_person_are_one_prospect(practice: Practice) -> None:
    lead = PatientRow(external_id="L", given_name="Ann", family_name="Lee", email=ANN.email)
    practice.land("web", lead)
    practice.land("web", replace(lead, external_id="M"), replace(lead, external_id="N", email="else@example.com"))
    assert practice.people() == people("web/L web/M", "web/N")


def desk(number: int) -> PatientRow:
    return PatientRow(
        external_id=f"d{number}",
        given_name=f"Name{number}",
        family_name="Desk",
        birth_date=date(1970, 1, number + 1),
        email=ANN.email,
    )


def test_an_address_of_too_many_is_no_evidence_while_it_is(practice: Practice) -> None:
    practice.land("emr", replace(ANN, phone=None), replace(ANN, external_id="2", phone=None), desk(1), desk(2))
    assert practice.people() == people("emr/1 emr/2", "emr/d1", "emr/d2")
    practice.land("emr", desk(3))
    assert practice.people() == people("emr/1", "emr/2", "emr/d1", "emr/d2", "emr/d3")
    assert practice.reviews() == {frozenset({"emr/1", "emr/2"}): "names-birth"}
    practice.land("emr", replace(desk(2), email=None))
    assert practice.people() == people("emr/1 emr/2", "emr/d1", "emr/d2", "emr/d3")


def test_a_new_limit_holds_at_once(practice: Practice) -> None:
    pair = replace(ANN, phone=None), replace(ANN, external_id="2", phone=None)
    practice.land("emr", *pair, desk(1), desk(2), settings=replace(SETTINGS, shared_address_limit=2))
    assert len(practice.people()) == 4
    practice.land("emr", PatientRow(external_id="x"))
    assert len(practice.people()) == 4
    assert frozenset({"emr/1", "emr/2"}) in practice.people()
    practice.land("emr", PatientRow(external_id="y"), settings=replace(SETTINGS, shared_address_limit=2))
    assert len(practice.people()) == 6


def test_a_placeholder_is_no_evidence(practice: Practice) -> None:
    nobody = replace(ANN, email="none@none.com", phone=None)
    practice.land("emr", nobody, replace(nobody, external_id="2"))
    assert practice.reviews() == {frozenset({"emr/1", "emr/2"}): "names-birth"}


def test_a_family_at_one_address_stays_apart_and_out_of_review(practice: Practice) -> None:
    bo = replace(ANN, external_id="2", given_name="Bo", birth_date=date(1978, 1, 1))
    twins = [replace(ANN, external_id=n, given_name=n, birth_date=date(2016, 1, 1)) for n in ("Mia", "Max")]
    practice.land("emr", ANN, bo, *twins)
    assert len(practice.people()) == 4
    assert practice.reviews() == {}


def test_what_is_said_of_a_contacts_rows_can_be_told(practice: Practice) -> None:
    practice.land("emr", ANN, replace(ANN, external_id="2"))
    practice.say("same", (("emr", "1"), ("emr", "2")))
    contact = practice.links()[("emr", "1")]
    with reading(practice.engine) as connection:
        (said,) = matches.pairs_of(connection, contact)
    assert said == {
        "a": {"source": "emr", "id": "1"},
        "b": {"source": "emr", "id": "2"},
        "verdict": "same",
        "rule": "manual",
        "score": 1.0,
        "actor": "someone",
        "at": AT,
    }
