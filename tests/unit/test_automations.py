"""The fourteen automations that practices ask for first, each as an operator writes it, with a case of its own."""

from pathlib import Path
from typing import Any

import pytest

from config.load import Config
from tests.fakes.segments import configured, verdicts

SHIPPED = [
    "check-in",
    "welcome",
    "win-back",
    "no-show-recovery",
    "cancelled-not-rebooked",
    "lead-follow-up",
    "referred-not-scheduled",
    "reactivation",
    "referral-ask",
    "year-end-benefits",
    "no-email-on-file",
    "visits-running-out",
]
OWN: dict[str, Any] = {
    "score-reminder": {  # a text to those whom the question of day 6 brought no score from
        "purpose": "operations",
        "who": {
            "evaluated": {"between": ["21 days ago", "9 days ago"]},
            "has_mobile": True,
            "any": [{"nps": "none"}, {"nps": {"over": "21 days ago"}}],
        },
    },
    "low-back-workshop": {
        "purpose": "marketing",
        "who": {
            "episode_type": ["low back", "lumbar"],
            "age": {"at_least": 40},
            "city": ["Lincoln", "Omaha"],
            "status": ["discharged", "dormant", "dropped_out"],
        },
        "repeat": "once per 12 months",
    },
}
SEEN = {"visits": [{"date": "2026-03-14", "status": "fulfilled"}]}
CLOSED = {"started_on": "2025-11-03", "discharged_on": "2026-01-19"}
BACK: dict[str, Any] = {
    "birth_date": "1970-02-01",
    "city": "Omaha",
    "visits": [{"date": "2026-01-19", "status": "fulfilled"}],
    "episodes": [CLOSED | {"kind": "low back", "outcome": "completed"}],
}
CASES: list[tuple[str, str, dict[str, Any], bool]] = [
    ("check-in", "2026-03-20", SEEN, True),
    ("check-in", "2026-03-19", SEEN, False),
    ("score-reminder", "2026-03-23", SEEN | {"phone": "+12025550123"}, True),
    ("score-reminder", "2026-03-23", SEEN | {"phone": "+12025550123", "nps": "2026-03-21"}, False),
    ("score-reminder", "2026-03-23", SEEN, False),
    ("welcome", "2026-03-10", {"visits": [{"date": "2026-03-14", "status": "booked"}]}, True),
    ("win-back", "2026-04-10", SEEN, True),
    ("no-show-recovery", "2026-03-20", {"visits": [*SEEN["visits"], {"date": "2026-03-18", "status": "noshow"}]}, True),
    ("cancelled-not-rebooked", "2026-03-20", {"visits": [{"date": "2026-03-18", "status": "cancelled"}]}, True),
    ("lead-follow-up", "2026-03-20", {"lead_since": "2026-03-19"}, True),
    ("referred-not-scheduled", "2026-03-20", {"referral_received": "2026-03-10"}, True),
    ("reactivation", "2026-03-20", BACK, True),
    ("reactivation", "2026-03-18", BACK, False),
    ("low-back-workshop", "2026-03-20", BACK, True),
    ("low-back-workshop", "2026-03-20", BACK | {"birth_date": "1990-02-01"}, False),
    ("low-back-workshop", "2026-03-20", BACK | {"city": "Denver"}, False),
    ("referral-ask", "2026-03-20", SEEN | {"nps": "2026-03-18", "nps_score": 9}, True),
    ("year-end-benefits", "2026-11-01", SEEN | {"payer_class": "commercial"}, True),
    ("year-end-benefits", "2026-10-31", SEEN | {"payer_class": "commercial"}, False),
    ("no-email-on-file", "2026-03-15", SEEN, True),
    ("visits-running-out", "2026-03-15", SEEN | {"visits_authorized_left": 2}, True),
]


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Config:
    operators = {"playbook": {"physical-therapy": {name: {} for name in SHIPPED}}, "segments": OWN}
    return configured(tmp_path_factory.mktemp("automations"), operators)


def test_there_are_fourteen(config: Config) -> None:
    assert len(config.settings.segments) == 14
    assert {name for name, *_ in CASES} == set(config.settings.segments)


@pytest.mark.parametrize(("segment", "as_of", "given", "member"), CASES)
def test_an_automation_reaches_whom_it_is_for(
    config: Config, segment: str, as_of: str, given: dict[str, Any], member: bool
) -> None:
    key = "segments" if member else "not_segments"
    case = {"name": segment, "as_of": as_of, "given": given, "expect": {key: [segment]}}
    (verdict,) = verdicts(config, [case], segment)
    assert verdict.passed, verdict.facts


def test_shipped_files_are_found_in_a_package(tmp_path: Path) -> None:
    config = configured(tmp_path, {"playbook": {"cash-practice": {"tune-up": {}}}})
    assert [step.amount for step in config.settings.segments["tune-up"].steps] == [3, 6, 12]
