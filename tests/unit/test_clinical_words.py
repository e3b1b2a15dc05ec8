"""Names that tell why somebody comes are known, and plain ones are left alone."""

import pytest

from mappings.clinical_words import clinical_word


@pytest.mark.parametrize(
    ("name", "word"),
    [
        ("knee-club", "knee"), ("kneePain", "knee"), ("KNEEPAIN", "kneepain"), ("Pelvic floor drop-outs", "pelvic"),
        ("diabetes_news", "diabetes"), ("LBPAIN", "lbpain"), ("after-hip-replacement", "hip"), ("TBI", "tbi"),
    ],
)  # fmt: skip
def test_a_clinical_word_is_found_in_whatever_way_names_are_joined(name: str, word: str) -> None:
    assert clinical_word(name) == word


@pytest.mark.parametrize(
    "name",
    [
        "win-back", "workers-comp-lapsed", "no-show-recovery", "discharge-thanks", "Membership", "relationship", "hipster",
        "hands-on", "at-risk", "visits-running-out", "FNAME", "COMPANY", "birthday-month", "review-request", "there",
    ],
)  # fmt: skip
def test_plain_names_are_left_alone(name: str) -> None:
    assert clinical_word(name) is None
