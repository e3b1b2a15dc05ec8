"""What two patient rows say of being one person, by themselves."""

from datetime import date
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mappings.name_keys import name_key
from sync import identity
from sync.identity import Facts, Verdict, blocks, decide, is_minor, is_vetoed

TODAY = date(2026, 3, 2)
BORN = date(1980, 5, 17)
ANN = Facts(
    id=1,
    source="emr",
    external_id="1",
    first="ann",
    last="lee",
    birth=BORN,
    sex="female",
    email="ann@example.com",
    phone="+14025550101",
    postal="68102",
)
AGAIN = ANN._replace(id=2, external_id="2")
BARE = AGAIN._replace(email=None, phone=None, postal=None)


def rule(a: Facts, b: Facts) -> tuple[str, str] | None:
    found = decide(a, b, TODAY)
    return (found.verdict, found.rule) if found else None


def test_an_id_of_one_authority_is_the_same_person_whatever_else_differs() -> None:
    mrn = frozenset({("urn:mrn", "7")})
    other = Facts(id=2, source="old", external_id="9", first="bo", birth=date(1990, 1, 1), identifiers=mrn)
    assert rule(ANN._replace(identifiers=mrn | {("urn:x", "1")}), other) == ("same", identity.IDENTIFIER)


def test_one_value_of_two_authorities_says_nothing() -> None:
    a = Facts(id=1, source="emr", external_id="1", identifiers=frozenset({("urn:a", "7")}))
    b = Facts(id=2, source="old", external_id="2", identifiers=frozenset({("urn:b", "7")}))
    assert rule(a, b) is None


def test_the_emrs_own_merge_is_the_same_person_whatever_else_differs() -> None:
    gone = Facts(id=2, source="emr", external_id="2", first="bo", birth=date(1990, 1, 1), replaced_by="1")
    assert rule(ANN, gone) == rule(gone, ANN) == ("same", identity.EMR_MERGE)
    assert rule(gone, gone._replace(id=3, external_id="3")) == ("same", identity.EMR_MERGE)


def test_a_merge_link_does_not_reach_into_another_source() -> None:
    assert rule(ANN, Facts(id=2, source="old", external_id="2", replaced_by="1")) is None


@pytest.mark.parametrize(
    "other", [BARE._replace(email=ANN.email), BARE._replace(phone=ANN.phone), BARE._replace(postal=ANN.postal)]
)
def test_names_and_birth_date_and_one_of_email_phone_and_postal_code_are_the_same_person(other: Facts) -> None:
    assert rule(ANN, other) == ("same", identity.NAMES_BIRTH_CONTACT)


def test_two_rows_of_one_source_may_match() -> None:
    assert ANN.source == AGAIN.source
    assert rule(ANN, AGAIN) == ("same", identity.NAMES_BIRTH_CONTACT)


def test_another_sex_alone_does_not_keep_namesakes_of_one_day_and_postal_code_apart() -> None:
    alex = BARE._replace(postal=ANN.postal, sex="male")
    assert rule(ANN, alex) == ("same", identity.NAMES_BIRTH_CONTACT)
    assert not is_vetoed(ANN, alex)


def test_the_more_agrees_the_surer() -> None:
    scores = [decide(ANN, other, TODAY) for other in (BARE, BARE._replace(postal=ANN.postal), AGAIN)]
    assert [found.score for found in scores if found] == [0.7, 0.96, 1.0]


def test_names_and_birth_date_alone_are_reviewed() -> None:
    assert rule(ANN, BARE) == ("maybe", identity.NAMES_BIRTH)
    assert rule(ANN, AGAIN._replace(email="x@example.com", phone="+1402", postal="1")) == (
        "maybe",
        identity.NAMES_BIRTH,
    )


def test_names_and_both_addresses_with_another_birth_date_are_reviewed() -> None:
    typo = AGAIN._replace(birth=date(1980, 5, 7))
    assert rule(ANN, typo) == ("maybe", identity.OTHER_BIRTH)
    assert rule(ANN, typo._replace(phone=None)) is None


def test_father_and_son_of_one_name_at_one_email_are_two_people_out_of_review() -> None:
    senior = Facts(
        id=1, source="emr", external_id="1", first=name_key("John"), last=name_key("Lee Sr."), birth=date(1950, 1, 1)
    )
    junior = senior._replace(id=2, external_id="2", last=name_key("Lee, Jr"), birth=date(1982, 1, 1))
    assert senior.last == junior.last
    assert rule(senior._replace(email="lee@example.com"), junior._replace(email="lee@example.com")) is None
    assert is_vetoed(senior, junior)


def test_anyone_under_18_is_reviewed_unless_an_id_or_the_emr_says_so() -> None:
    child, again = (row._replace(birth=date(2008, 3, 3)) for row in (ANN, AGAIN))
    assert rule(child, again) == ("maybe", identity.MINOR)
    assert rule(child, again._replace(replaced_by="1")) == ("same", identity.EMR_MERGE)


def test_a_minor_is_one_until_the_day_before_the_18th_birthday() -> None:
    assert [is_minor(date(2008, 3, day), TODAY) for day in (2, 3)] == [False, True]
    assert is_minor(date(2008, 2, 29), date(2026, 2, 28))
    assert not is_minor(None, TODAY)


AT_ADDRESS = pytest.mark.parametrize("other", [BARE._replace(email=ANN.email), BARE._replace(phone=ANN.phone)])


@AT_ADDRESS
def test_someone_who_married_is_reviewed(other: Facts) -> None:
    assert rule(ANN, other._replace(last="fox")) == ("maybe", identity.OTHER_LAST)


def test_another_last_name_needs_an_address_to_be_reviewed() -> None:
    assert rule(ANN, BARE._replace(last="fox", postal=ANN.postal)) is None


@AT_ADDRESS
def test_names_and_an_address_without_a_birth_date_are_reviewed(other: Facts) -> None:
    undated = other._replace(birth=None)
    assert rule(ANN, undated) == ("maybe", identity.NAMES_ADDRESS)
    assert rule(undated, undated._replace(id=3)) == ("maybe", identity.NAMES_ADDRESS)


def test_names_without_birth_date_and_address_say_nothing() -> None:
    assert rule(ANN, BARE._replace(birth=None, postal=ANN.postal)) is None


def test_a_household_is_never_a_reason() -> None:
    husband = AGAIN._replace(first="bo", birth=date(1978, 1, 1), sex="male")
    child = AGAIN._replace(id=3, first="mia", birth=date(2015, 1, 1))
    assert [rule(a, b) for a, b in combinations((ANN, husband, child), 2)] == [None, None, None]


def test_rows_without_names_say_nothing_by_address_and_birth_date() -> None:
    nobody = ANN._replace(first="", last="")
    assert rule(nobody, nobody._replace(id=2)) is None
    assert rule(ANN._replace(first=""), AGAIN._replace(first="")) is None


def test_twins_are_no_match_and_veto_each_other() -> None:
    mia, max_ = ANN._replace(first="mia"), AGAIN._replace(first="max", sex="female")
    assert rule(mia, max_) is None
    assert is_vetoed(mia, max_)


def test_birth_dates_that_differ_veto() -> None:
    assert is_vetoed(ANN, AGAIN._replace(birth=date(1981, 1, 1)))
    assert not is_vetoed(ANN, AGAIN._replace(birth=None))


def test_another_sex_vetoes_with_another_first_name_only() -> None:
    undated = AGAIN._replace(birth=None, sex="male")
    assert is_vetoed(ANN, undated._replace(first="bo"))
    assert not is_vetoed(ANN, undated)
    assert not is_vetoed(ANN, undated._replace(first="bo", sex="unknown"))
    assert not is_vetoed(ANN, undated._replace(first="bo", sex=None))


@pytest.mark.parametrize(
    ("first", "other", "vetoed"),
    [
        ("rob", "robert", False),
        ("jon", "john", False),
        ("brian", "brain", False),
        ("mihcael", "michael", False),
        ("abcd", "badc", False),
        ("maria", "mario", True),
        ("minh", "linh", True),
        ("emma", "emily", True),
        ("ann", "bob", True),
    ],
)
def test_two_usual_names_that_are_not_short_for_each_other_are_twins(first: str, other: str, vetoed: bool) -> None:
    a, b = ANN._replace(first=first), AGAIN._replace(first=other)
    assert is_vetoed(a, b) is is_vetoed(b, a) is vetoed
    assert is_vetoed(a, b._replace(last="les")) is vetoed
    assert not is_vetoed(a, b._replace(last="fox"))


@pytest.mark.parametrize(
    "change", [{"first": "anb"}, {"first": "nan"}, {"last": "lea"}, {"first": "annie", "last": "le e"}]
)
def test_a_nickname_and_one_edit_in_each_name_agree(change: dict[str, str]) -> None:
    other = AGAIN._replace(**{name: name_key(value) for name, value in change.items()})
    assert rule(ANN._replace(last="leee"), other._replace(last=other.last + "e")) == (
        "same",
        identity.NAMES_BIRTH_CONTACT,
    )


def test_two_usual_names_one_edit_apart_are_reviewed_and_never_joined() -> None:
    joan, john = BARE._replace(first="joan", email="a"), AGAIN._replace(id=3, first="john", email="a")
    assert rule(joan, john) == ("maybe", identity.NEAR_NAMES)
    assert rule(joan, john._replace(birth=None)) is None


def test_a_nickname_of_the_other_sex_counts_only_where_the_sexes_do_not_differ() -> None:
    sam, samantha = ANN._replace(first="sam"), AGAIN._replace(first="samantha")
    assert rule(sam, samantha) == ("same", identity.NAMES_BIRTH_CONTACT)
    assert rule(sam._replace(sex="male"), samantha) == ("maybe", identity.NEAR_NAMES)


def test_initials_and_names_with_digits_have_no_slips() -> None:
    assert rule(ANN._replace(first="j"), AGAIN._replace(first="m")) is None
    assert rule(BARE._replace(last="test12"), BARE._replace(id=3, last="test13")) is None


def test_names_that_are_not_the_same_cost_a_little_of_the_score() -> None:
    scores = [
        decide(ANN, AGAIN._replace(**change), TODAY)
        for change in ({}, {"first": "annie"}, {"first": "anb", "last": "leee"})
    ]
    assert [found.score for found in scores if found] == [1.0, 0.97, 0.94]


def test_a_link_of_the_emr_is_the_same_person_and_no_merge_unless_it_says_replaces() -> None:
    other = Facts(id=2, source="emr", external_id="2", first="bo", birth=date(1990, 1, 1))
    assert rule(ANN._replace(merged=frozenset("2")), other) == ("same", identity.EMR_MERGE)
    assert rule(other._replace(linked=frozenset("1")), ANN) == ("same", identity.EMR_LINK)
    assert rule(ANN, other._replace(source="old", linked=frozenset("1"), merged=frozenset("1"))) is None


def test_a_married_name_is_no_veto() -> None:
    assert not is_vetoed(ANN, AGAIN._replace(last="fox"))


def test_every_rule_has_a_reason_in_words() -> None:
    assert set(identity.RULES) == {
        value for name, value in vars(identity).items() if name.isupper() and isinstance(value, str)
    }


FACTS = st.builds(
    Facts,
    id=st.just(1),
    source=st.sampled_from(["emr", "web"]),
    external_id=st.sampled_from("12"),
    first=st.sampled_from(["", "ann", "bo", "annie", "anb", "joan", "john"]),
    last=st.sampled_from(["", "lee", "eel", "leee", "fox"]),
    birth=st.sampled_from([None, BORN, date(2015, 1, 1)]),
    sex=st.sampled_from([None, "female", "male"]),
    email=st.sampled_from([None, "a@example.com"]),
    phone=st.sampled_from([None, "+14025550101"]),
    postal=st.sampled_from([None, "68102"]),
    replaced_by=st.sampled_from([None, "1", "3"]),
    identifiers=st.sampled_from([frozenset(), frozenset({("mrn", "1")})]),
    merged=st.sampled_from([frozenset(), frozenset("1")]),
    linked=st.sampled_from([frozenset(), frozenset("2")]),
)


@given(FACTS, FACTS)
def test_it_does_not_matter_which_row_comes_first(a: Facts, b: Facts) -> None:
    assert decide(a, b, TODAY) == decide(b, a, TODAY)
    assert is_vetoed(a, b) == is_vetoed(b, a)


@given(FACTS, FACTS)
def test_rows_of_which_anything_is_said_have_a_key_in_common(a: Facts, b: Facts) -> None:
    if decide(a, b, TODAY) is not None:
        assert set(blocks(a)) & set(blocks(b))


@given(FACTS, FACTS)
def test_only_an_id_or_the_emr_joins_a_vetoed_pair(a: Facts, b: Facts) -> None:
    match decide(a, b, TODAY):
        case Verdict("same", found, _) if is_vetoed(a, b):
            assert found in identity.CERTAIN
