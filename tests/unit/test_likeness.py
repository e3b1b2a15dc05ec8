"""How alike names are."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mappings.name_keys import halves
from sync.likeness import Likeness, first_likeness, is_one_edit, last_likeness, spellings

NAMES = st.text("abcé", min_size=1, max_size=7)


@pytest.mark.parametrize(
    "pair",
    ["bob robert", "bill william", "kate katherine", "peggy margaret", "jack john", "mike michael", "liz elizabeth",
     "sara sarah", "dick richard", "beth elizabeth", "tony anthony", "steve stephen"],
)  # fmt: skip
def test_a_name_and_what_it_is_called_for_short_agree_both_ways(pair: str) -> None:
    a, b = pair.split()
    assert first_likeness(a, b) is first_likeness(b, a) is Likeness.NICKNAME


@pytest.mark.parametrize(
    "pair", ["louis louise", "andrew andrea", "emily emma", "aaron erin", "anna hannah", "mia mya"]
)
def test_two_names_that_children_are_given_as_they_are_are_only_near(pair: str) -> None:
    a, b = pair.split()
    assert first_likeness(a, b) is Likeness.NEAR
    assert not first_likeness(a, b).agrees


def test_two_nicknames_of_one_name_are_two_names() -> None:
    assert first_likeness("liz", "beth") is Likeness.OTHER


def test_last_names_have_no_nicknames() -> None:
    assert last_likeness("bob", "robert") is Likeness.OTHER
    assert last_likeness("smith", "smyth") is Likeness.EDIT


@given(NAMES, NAMES)
def test_names_one_edit_apart_have_a_spelling_in_common(a: str, b: str) -> None:
    assert is_one_edit(a, b) == is_one_edit(b, a)
    if is_one_edit(a, b):
        assert set(spellings(a)) & set(spellings(b))


@given(NAMES, NAMES)
def test_one_edit_is_a_letter_more_less_or_other_or_two_neighbours_swapped(a: str, b: str) -> None:
    near = {b[:i] + b[i + 1 :] for i in range(len(b))} | {b[:i] + c + b[i + 1 :] for i in range(len(b)) for c in "abcé"}
    near |= {b[:i] + c + b[i:] for i in range(len(b) + 1) for c in "abcé"}
    near |= {b[:i] + b[i + 1] + b[i] + b[i + 2 :] for i in range(len(b) - 1)}
    assert is_one_edit(a, b) == (a != b and a in near and min(len(a), len(b)) >= 3)


def other_halves(name: str) -> set[tuple[str, int]]:
    """What `sync.store.candidates` asks for: heads (0) and tails (1) as one edit leaves them."""
    split = len(name) // 2 + 2 * (len(name) % 2) - 1
    head, tail = halves(name)
    return {(str(head), 0), (str(tail), 1), (name[:split], 0), (name[split + 1 :], 1)}


@given(NAMES, NAMES)
def test_names_one_edit_apart_are_found_by_half_a_name(a: str, b: str) -> None:
    if is_one_edit(a, b):
        head, tail = halves(b)
        assert other_halves(a) & {(head, 0), (tail, 1)}
