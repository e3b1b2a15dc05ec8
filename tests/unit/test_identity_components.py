"""From verdicts on pairs to people."""

import random
from datetime import date, timedelta
from itertools import combinations, pairwise, permutations

from hypothesis import given
from hypothesis import strategies as st

from sync import identity
from sync.components import Pair, edges_between, settle
from sync.identity import Facts

TODAY = date(2026, 3, 2)
BORN = date(1980, 5, 17)


def row(id_: int, **changes: object) -> Facts:
    facts = Facts(id=id_, source="emr", external_id=str(id_), first="ann", last="lee", birth=BORN)
    return facts._replace(**changes)  # type: ignore[arg-type]  # each test names real fields


def lead(id_: int, **changes: object) -> Facts:
    return row(id_, source="web", birth=None, lead=True, **changes)


def people(*rows: Facts, by_hand: dict[Pair, str] | None = None) -> set[tuple[int, ...]]:
    return {tuple(person) for person in settle(rows, by_hand or {}, TODAY).persons}


def rules(*rows: Facts, by_hand: dict[Pair, str] | None = None) -> dict[Pair, tuple[str, str]]:
    return {p: (v.verdict, v.rule) for p, v in settle(rows, by_hand or {}, TODAY).verdicts.items()}


def test_people_are_joined_over_several_rows() -> None:
    assert people(row(1, email="a"), row(2, email="a", phone="1"), row(3, phone="1"), row(4)) == {(1, 2, 3), (4,)}


def test_the_emrs_merge_joins_a_vetoed_pair() -> None:
    assert people(row(1), row(2, first="bo", birth=date(1990, 1, 1), replaced_by="1")) == {(1, 2)}


def test_someone_may_join_what_rules_keep_apart_and_part_what_they_join() -> None:
    assert people(row(1), row(2, birth=date(1990, 1, 1)), by_hand={(1, 2): "same"}) == {(1, 2)}
    assert people(row(1, email="a"), row(2, email="a"), by_hand={(1, 2): "not_same"}) == {(1,), (2,)}


def test_not_the_same_on_that_very_pair_beats_the_emr() -> None:
    assert people(row(1), row(2, replaced_by="1"), by_hand={(1, 2): "not_same"}) == {(1,), (2,)}


def test_links_that_would_jointly_join_a_vetoed_pair_all_stand_in_review() -> None:
    rows = row(1, email="a"), row(2, email="a", phone="1"), row(3, phone="1")
    assert people(*rows, by_hand={(1, 3): "not_same"}) == {(1,), (2,), (3,)}
    found = rules(*rows, by_hand={(1, 3): "not_same"})
    assert found[(1, 2)] == found[(2, 3)] == ("maybe", identity.NAMES_BIRTH_CONTACT)


def test_a_link_beside_the_way_to_a_vetoed_pair_is_made() -> None:
    rows = row(1, email="a"), row(2, email="a", phone="1"), row(3, phone="1"), row(4, email="b"), row(5, email="b")
    beside = row(6, phone="1", postal="9"), row(7, postal="9")
    assert people(*rows, by_hand={(1, 3): "not_same"}) == {(1,), (2,), (3,), (4, 5)}
    assert (6, 7) in people(*rows, *beside, by_hand={(1, 3): "not_same"})


def test_a_link_to_a_person_whom_the_emr_joined_from_a_vetoed_row_is_not_made() -> None:
    merged = row(1, email="a"), row(2, first="bo", sex="male", replaced_by="1", birth=None)
    assert people(*merged, row(3, email="a", sex="female")) == {(1, 2), (3,)}
    assert people(*merged, row(3, email="a", sex="male")) == {(1, 2, 3)}


def test_an_inquiry_joins_the_one_adult_whom_it_fits_by_email_or_phone() -> None:
    assert people(row(1, email="a"), lead(2, email="a")) == {(1, 2)}
    assert people(row(1, phone="1"), lead(2, phone="1")) == {(1, 2)}
    assert rules(row(1, email="a"), lead(2, email="a")) == {(1, 2): ("same", identity.LEAD)}


def test_an_inquiry_under_another_name_joins_nobody() -> None:
    assert people(row(1, email="a"), lead(2, email="a", first="bo")) == {(1,), (2,)}


def test_an_inquiry_that_fits_two_people_is_reviewed_with_both() -> None:
    rows = row(1, email="a"), row(2, phone="1", birth=date(1950, 1, 1)), lead(3, email="a", phone="1")
    assert people(*rows) == {(1,), (2,), (3,)}
    assert rules(*rows) == {
        (1, 3): ("maybe", identity.NAMES_ADDRESS),
        (2, 3): ("maybe", identity.NAMES_ADDRESS),
    }


def test_two_rows_of_one_person_are_one_to_an_inquiry() -> None:
    assert people(row(1, email="a", postal="9"), row(2, phone="1", postal="9"), lead(3, email="a", phone="1")) == {
        (1, 2, 3)
    }


def test_a_minor_counts_among_those_whom_an_inquiry_fits_but_is_never_joined() -> None:
    child = row(1, email="a", birth=date(2015, 1, 1))
    assert people(child, lead(2, email="a")) == {(1,), (2,)}
    assert people(child, lead(2, email="a"), row(3, email="a")) == {(1,), (2,), (3,)}


def test_inquiries_of_one_name_and_address_are_one_where_nobody_with_a_birth_date_fits() -> None:
    assert people(lead(1, email="a"), lead(2, email="a", phone="1"), lead(3, phone="1")) == {(1, 2, 3)}


def test_inquiries_that_fit_two_patients_stay_apart() -> None:
    patients = row(1, email="a"), row(2, email="a", birth=date(1950, 1, 1))
    assert people(*patients, lead(3, email="a"), lead(4, email="a")) == {(1,), (2,), (3,), (4,)}


def test_a_patient_without_birth_date_is_reviewed_with_an_inquiry_and_joins_nothing() -> None:
    rows = row(1, email="a", birth=None), lead(2, email="a"), lead(3, email="a")
    assert people(*rows) == {(1,), (2, 3)}
    assert rules(*rows)[(1, 2)] == ("maybe", identity.NAMES_ADDRESS)


def test_inquiries_that_would_jointly_join_two_patients_all_stand_in_review() -> None:
    patients = row(1, phone="2"), row(2, phone="3", birth=date(1950, 1, 1))
    bridge = lead(3, email="a"), lead(4, email="a", phone="2"), lead(5, email="b", phone="3")
    middle = lead(6, email="b", phone="4"), lead(7, email="a", phone="4")
    found = people(*patients, *bridge, *middle)
    assert {1, 2} <= {person[0] for person in found if len(person) == 1}
    assert {(1, 4), (2, 5)} <= {
        p for p, said in rules(*patients, *bridge, *middle).items() if said == ("maybe", identity.NAMES_ADDRESS)
    }


def test_an_inquiry_with_a_birth_date_is_judged_like_any_row() -> None:
    dated = lead(2, email="a")._replace(birth=BORN)
    assert rules(row(1, email="a"), dated) == {(1, 2): ("same", identity.NAMES_BIRTH_CONTACT)}
    assert people(row(1, email="a"), dated._replace(birth=date(1970, 1, 1))) == {(1,), (2,)}


def test_a_row_that_left_its_source_is_the_one_adult_of_its_names_and_birth_date_who_stayed() -> None:
    gone = row(2, present=False)
    assert people(row(1), gone) == {(1, 2)}
    assert rules(row(1), gone) == {(1, 2): ("same", identity.GONE)}
    assert people(row(1), gone._replace(source="old")) == {(1,), (2,)}
    assert people(row(1, birth=date(2015, 1, 1)), gone._replace(birth=date(2015, 1, 1))) == {(1,), (2,)}
    assert people(row(1, present=False), gone) == {(1,), (2,)}


def test_a_row_that_left_is_reviewed_where_two_namesakes_stayed_or_its_person_did() -> None:
    assert people(row(1), row(2, present=False), row(3)) == {(1,), (2,), (3,)}
    assert people(row(1, email="a"), row(2, email="a", present=False), row(3)) == {(1, 2), (3,)}
    assert people(row(1, email="a"), row(2, present=False), row(3, email="a")) == {(1, 2, 3)}


def test_not_the_same_keeps_a_row_that_left_apart() -> None:
    assert people(row(1), row(2, present=False), by_hand={(1, 2): "not_same"}) == {(1,), (2,)}


def test_the_wife_of_nearly_the_same_name_is_not_joined_by_her_inquiry() -> None:
    john = row(1, first="john", email="a", phone="1")
    assert people(john, lead(2, first="joan", email="a", phone="1")) == {(1,), (2,)}
    assert people(john, lead(2, first="johnny", email="a", phone="1")) == {(1, 2)}


def test_a_nickname_that_fits_two_twins_joins_neither() -> None:
    twins = row(1, first="albert", email="a"), row(2, first="alan", email="a")
    assert people(*twins, row(3, first="al", email="a")) == {(1,), (2,), (3,)}


EDGES = st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)).filter(lambda edge: edge[0] < edge[1]), max_size=11)


@given(EDGES, st.tuples(st.integers(0, 6), st.integers(0, 6)).filter(lambda ends: ends[0] < ends[1]))
def test_edges_between_two_ends_are_those_of_all_simple_paths(edges: list[Pair], ends: Pair) -> None:
    known = set(edges)
    nodes = {node for edge in known for node in edge}
    if not set(ends) <= nodes:
        return
    expected: set[Pair] = set()
    inner = nodes - set(ends)
    for length in range(len(inner) + 1):
        for way in permutations(inner, length):
            steps = [ends[0], *way, ends[1]]
            path = {(min(a, b), max(a, b)) for a, b in pairwise(steps)}
            if path <= known:
                expected |= path
    connected = bool(expected)
    assert edges_between(known, [ends] if connected else []) == expected


def practice(chance: random.Random) -> list[tuple[int, Facts]]:
    """Rows of a small town with few names, each with the number of the person whom it describes."""
    made: list[tuple[int, Facts]] = []
    for person in range(400):
        home = person // 3
        born = date(1950, 1, 1) + timedelta(days=chance.randrange(9000))
        facts = Facts(
            id=0,
            source="emr",
            external_id="",
            first=chance.choice(("ann", "bob", "cleo", "dan", "eve")),
            last=("lee", "fox", "ray")[home % 3],
            birth=born,
            email=f"home{home}@example.com",
            phone=f"+1402555{home:04}",
            postal=str(68100 + home % 50),
        )
        for copy in range(chance.choice((1, 1, 2, 3))):
            change = chance.choice(({}, {"email": None}, {"phone": None}, {"postal": "1"}, {"birth": None}))
            id_ = len(made) + 1
            made.append((person, facts._replace(id=id_, external_id=str(id_), **(change if copy else {}))))
    return made


def test_in_a_town_of_families_with_few_names_nobody_is_taken_for_another() -> None:
    made = practice(random.Random(7))
    owner = {facts.id: person for person, facts in made}
    found = settle([facts for _, facts in made], {}, TODAY).persons
    assert all(len({owner[id_] for id_ in person}) == 1 for person in found)
    pairs = [(a, b) for (p, a), (q, b) in combinations(made, 2) if p == q and a.birth and b.birth]
    home = {id_: number for number, person in enumerate(found) for id_ in person}
    assert all(home[a.id] == home[b.id] for a, b in pairs)
