"""What may leave to whom, and the assertion before every send."""

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from mappings.consent import Verdict
from mappings.document import Document
from mappings.facts import CANONICAL, FACTS
from mappings.policy import BARE_NAMES, Audience, PolicyViolation, assert_document, covers, refused_names

DATED, UNDATED = Verdict("yes_dated", date(2026, 1, 5)), Verdict("yes_undated")
BASIS, NONE, NO = Verdict("basis"), Verdict("none"), Verdict("no", date(2026, 1, 5))

BARE = Audience(
    destination="newsletter",
    unit="address",
    agreement="none",
    fields={"FNAME": "given_name", "STATUS": "status", "LANG": "language", "HI": "greeting"},
    tags={("segment", "win-back"): "KF27"},
)
DOCUMENT = Document(address="ann@example.com", fields={"FNAME": "Ann"}, tags=frozenset({"KF27"}))


@pytest.mark.parametrize("agreement", ["inside", "signed", "none"])
@pytest.mark.parametrize("purpose", ["treatment", "operations", "marketing"])
def test_a_prospect_needs_an_opt_in_or_the_stated_basis_of_the_source(agreement: Any, purpose: Any) -> None:
    audience = replace(BARE, agreement=agreement)
    allowed = {v.state for v in (DATED, BASIS, NONE, NO) if covers(audience, v, purpose, prospect=True)}
    assert allowed == {"yes_dated", "basis"}


@pytest.mark.parametrize("agreement", ["inside", "signed"])
@pytest.mark.parametrize("purpose", ["treatment", "operations"])
def test_with_an_agreement_a_patient_is_told_of_care_unless_withdrawn(agreement: Any, purpose: Any) -> None:
    audience = replace(BARE, agreement=agreement)
    assert all(covers(audience, v, purpose, prospect=False) for v in (DATED, UNDATED, BASIS, NONE))
    assert not covers(audience, NO, purpose, prospect=False)


@pytest.mark.parametrize("purpose", ["treatment", "operations", "marketing"])
def test_without_an_agreement_a_patient_needs_a_dated_consent_for_every_purpose(purpose: Any) -> None:
    assert covers(BARE, DATED, purpose, prospect=False)
    assert not any(covers(BARE, v, purpose, prospect=False) for v in (UNDATED, BASIS, NONE, NO))


@pytest.mark.parametrize("agreement", ["inside", "signed", "none"])
def test_marketing_to_a_patient_needs_a_dated_consent_everywhere(agreement: Any) -> None:
    audience = replace(BARE, agreement=agreement)
    assert covers(audience, DATED, "marketing", prospect=False)
    assert not any(covers(audience, v, "marketing", prospect=False) for v in (UNDATED, BASIS, NONE, NO))


@pytest.mark.parametrize("agreement", ["inside", "signed", "none"])
def test_an_undated_opt_in_of_a_prospect_does_not_count_without_an_agreement(agreement: Any) -> None:
    audience = replace(BARE, agreement=agreement)
    assert covers(audience, UNDATED, "marketing", prospect=True) == (agreement != "none")


def test_without_an_agreement_only_address_given_name_and_language_may_leave() -> None:
    everything = {name: name for name in (*FACTS, *CANONICAL, "greeting")}
    audience = replace(BARE, fields=everything)
    assert set(everything) - set(refused_names(audience)) == BARE_NAMES
    assert {CANONICAL[name] for name in BARE_NAMES if name in CANONICAL} == {"contact"}
    assert refused_names(replace(audience, agreement="signed")) == []
    assert refused_names(replace(audience, agreement="inside")) == []


def test_a_document_of_codes_and_bare_fields_passes() -> None:
    assert_document(DOCUMENT, BARE)


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"fields": {"STATUS": "dropped_out"}}, "STATUS"),
        ({"fields": {"FNAME": "Ann", "LNAME": "Miller"}}, "LNAME"),
        ({"tags": frozenset({"win-back"})}, "tag"),
        ({"tags": frozenset({"KF27", "KF273"})}, "tag"),
        ({"tags": frozenset({"kf27"})}, "tag"),
        ({"tags": frozenset({"KF२७"})}, "tag"),
    ],
)
def test_what_must_not_leave_is_refused_without_repeating_a_value(changes: Any, named: str) -> None:
    with pytest.raises(PolicyViolation, match=named) as caught:
        assert_document(replace(DOCUMENT, **changes), BARE)
    assert str(caught.value).startswith("newsletter: ")
    assert not [word for word in ("Ann", "Miller", "dropped_out", "win-back", "@") if word in str(caught.value)]


def test_with_an_agreement_plain_tags_pass_but_only_configured_fields() -> None:
    signed = replace(BARE, agreement="signed")
    plain = replace(DOCUMENT, fields={"STATUS": "dropped_out"}, tags=frozenset({"win-back", "status:dropped_out"}))
    assert_document(plain, signed)
    with pytest.raises(PolicyViolation, match="LNAME"):
        assert_document(replace(plain, fields={"LNAME": "Miller"}), signed)
