"""The closed table of facts."""

import dataclasses
from pathlib import Path

import pytest

from mappings.facts import CANONICAL, CLASSES, FACTS
from mappings.records import STATUSES, PatientRow
from sync.rule_reference import reference

FEEDS = {"patients", "appointments", "episodes", "surveys", "conditions", "engagement"}

IN_SCOPE = """
status days_in_status returning site sites brand preferred_site age is_minor sex language city region postal_code
birthday payer_class providers provider visit_types body_region diagnosis referral_source referred_by_patient referral_received lead_source
lead_since campaign first_visit last_visit last_visit_status last_missed last_cancelled next_visit next_visit_kind
next_visit_booked evaluated episode_started episode_type visits_attended visits_missed visits_missed_30d
visits_cancelled_30d days_between_visits visits_prescribed visits_left visits_authorized_left authorization_ends
discharged discharge_outcome discharge_reason has_email has_mobile email_status last_nudged last_opened
last_clicked nps nps_score household_size in_segment entered today
"""


def test_the_table_holds_exactly_the_facts_of_the_three_feeds_and_those_that_need_none() -> None:
    assert list(FACTS) == IN_SCOPE.split()


@pytest.mark.parametrize("fact", FACTS.values(), ids=list(FACTS))
def test_a_fact_is_described_and_fed_by_known_feeds(fact) -> None:
    assert fact.sentence.endswith(".")
    assert fact.noun
    assert fact.fed_by <= FEEDS
    assert fact.klass in CLASSES


def test_what_tells_of_a_condition_or_a_payer_is_health() -> None:
    health = {name for name, fact in FACTS.items() if fact.klass == "health"}
    assert health == {
        "payer_class",
        "visit_types",
        "next_visit_kind",
        "episode_type",
        "visits_authorized_left",
        "authorization_ends",
        "discharge_reason",
        "body_region",
        "diagnosis",
    }


def test_name_address_and_language_are_contact_and_dates_and_sites_are_relationship() -> None:
    assert {FACTS[name].klass for name in ("language", "city", "has_email")} == {"contact"}
    assert {FACTS[name].klass for name in ("status", "site", "next_visit", "in_segment", "age")} == {"relationship"}


def test_the_statuses_are_the_choices_of_status() -> None:
    assert FACTS["status"].choices == STATUSES


def test_every_canonical_name_of_a_patient_row_has_a_class() -> None:
    kept = {field.name for field in dataclasses.fields(PatientRow)}
    derived = {"identifiers", "email_invalid", "consents", "payer_class"}
    assert set(CANONICAL) - {"full_name", "payer"} == kept - derived
    assert CANONICAL["given_name"] == "contact"
    assert CANONICAL["payer"] == "health"
    assert CANONICAL["birth_date"] == "relationship"


def test_the_reference_page_is_current() -> None:
    page = Path(__file__).parents[2] / "docs" / "reference" / "rules.md"
    assert page.read_text(encoding="utf-8") == reference(), "run: python -m sync.rule_reference"
