"""Thresholds: type over site over practice, and always rising."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.lifecycle import DEFAULTS, disorders, merge
from sync.person import Thresholds


def test_defaults_are_those_of_the_lifecycle() -> None:
    assert Thresholds(**DEFAULTS) == Thresholds()


def test_a_type_stands_over_a_site_and_a_site_over_the_practice() -> None:
    practice = {"dropout_after_days": 20, "by_type": {"hand": {"dropout_after_days": 10}}}
    sites = {
        "boulder": {"dropout_after_days": 14, "at_risk_after_days": 5, "by_type": {"knee": {"at_risk_after_days": 4}}}
    }
    merged = merge(practice, sites)
    assert merged.practice["dropout_after_days"] == 20
    assert merged.by_site["boulder"]["dropout_after_days"] == 14
    assert merged.by_type["hand"]["dropout_after_days"] == 10
    hand, knee = merged.by_site_type["boulder", "hand"], merged.by_site_type["boulder", "knee"]
    assert (hand["dropout_after_days"], hand["at_risk_after_days"]) == (10, 5)
    assert (knee["dropout_after_days"], knee["at_risk_after_days"]) == (14, 4)


@pytest.mark.parametrize(
    ("practice", "sites", "path"),
    [
        ({"at_risk_after_days": 21}, {}, ("lifecycle",)),
        ({"by_type": {"hand": {"dropout_after_days": 400}}}, {}, ("lifecycle", "by_type", "hand")),
        ({}, {"boulder": {"dormant_after_days": 21}}, ("sites", "boulder", "lifecycle")),
        (
            {},
            {"boulder": {"by_type": {"hand": {"at_risk_after_days": 30}}}},
            ("sites", "boulder", "lifecycle", "by_type", "hand"),
        ),
        (
            {"by_type": {"hand": {"dropout_after_days": 10}}},
            {"boulder": {"at_risk_after_days": 12}},
            ("sites", "boulder", "lifecycle"),
        ),
    ],
)
def test_thresholds_that_do_not_rise_after_merging_are_refused_once(
    practice: dict[str, Any], sites: dict[str, Any], path: tuple[str, ...]
) -> None:
    assert [where for where, _ in disorders(practice, sites)] == [path]


def test_equal_thresholds_do_not_rise() -> None:
    assert list(disorders({"at_risk_after_days": 7, "dropout_after_days": 7}, {}))


LAYER = st.dictionaries(
    st.sampled_from(["at_risk_after_days", "dropout_after_days", "dormant_after_days"]), st.integers(0, 500), max_size=2
)
LIFECYCLE = st.builds(
    lambda own, types: {**own, "by_type": types}, LAYER, st.dictionaries(st.sampled_from("ab"), LAYER)
)


@given(practice=LIFECYCLE, sites=st.dictionaries(st.sampled_from("xy"), LIFECYCLE))
def test_something_is_refused_exactly_when_some_merged_set_does_not_rise(
    practice: dict[str, Any], sites: dict[str, Any]
) -> None:
    merged = merge(practice, sites)
    sets = [merged.practice, *merged.by_site.values(), *merged.by_type.values(), *merged.by_site_type.values()]
    rising = all(s["at_risk_after_days"] < s["dropout_after_days"] < s["dormant_after_days"] for s in sets)
    assert rising == (not list(disorders(practice, sites)))
