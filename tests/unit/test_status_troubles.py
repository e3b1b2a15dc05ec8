"""What the status calls a trouble, and what fails `status --fail`."""

from typing import Any

import pytest

from sync.troubles import troubles

SOURCE = {
    "error": None, "is_retired": False, "last_success": "2026-03-02T18:00:00+00:00", "stale": False, "data_as_of": "2026-03-02T12:00:00+00:00",
    "warnings": [], "old_mapping": 0, "late": None, "incomplete": [], "unusual": [],
}  # fmt: skip
WARNING = {"feed": "patients", "field": "birth_date", "code": "unreadable_value", "n": 3, "file": "p.csv"}
DESTINATION = {"error": None, "parked": 0, "mode": "on", "oldest_pending_s": 30, "pending": 2}
DELIVERY_HOLD = {
    "id": "H1", "kind": "delivery", "name": "newsletter", "site": "lincoln",
    "reasons": {"removals": {"count": 40, "of": 200}},
}  # fmt: skip
SOURCE_HOLD = {
    "id": "H2", "kind": "source", "name": "emr", "site": None,
    "reasons": {"file": "patients.csv", "codes": ["lost_site"], "rows": 10, "before": 90},
}  # fmt: skip


def _status(**changes: Any) -> dict[str, Any]:
    quiet = {
        "sources": {"emr": SOURCE},
        "destinations": {"newsletter": DESTINATION},
        "holds": [],
        "refused": [],
        "quarantine": {"emr": 0},
        "timezone": "America/Chicago",
    }
    return quiet | changes


def test_a_quiet_service_has_no_troubles() -> None:
    assert troubles(_status()) == []


@pytest.mark.parametrize(
    ("changes", "sentence", "advice"),
    [
        ({"sources": {"emr": SOURCE | {"stale": True}}}, "are of 2026-03-02 06:00 CST", "time alone changes nobody"),
        ({"sources": {"emr": SOURCE | {"error": "no folder"}}}, "emr failed: no folder", "check --live"),
        ({"sources": {"emr": SOURCE | {"last_success": None}}}, "never pulled", "run --source emr"),
        ({"destinations": {"n": DESTINATION | {"error": "refused"}}}, "n failed: refused", "check --live"),
        ({"destinations": {"n": DESTINATION | {"parked": 3}}}, "refused 3 subscribers", "outbox list --destination n"),
        ({"destinations": {"n": DESTINATION | {"oldest_pending_s": 3601}}}, "since 60 min", "prm-sync run"),
        ({"holds": [DELIVERY_HOLD]}, "newsletter at lincoln: 40 removals of 200", "apply H1, or: prm-sync discard H1"),
        ({"holds": [SOURCE_HOLD]}, "patients.csv: lost site (10 rows, 90 before)", "apply H2"),
        ({"refused": ["visits.csv:3: cut last line"]}, "visits.csv:3: cut last line", "left where it was"),
    ],
)
def test_each_trouble_is_told_with_what_to_do_and_fails(changes: dict[str, Any], sentence: str, advice: str) -> None:
    [trouble] = troubles(_status(**changes))
    assert sentence in trouble.sentence
    assert advice in trouble.advice
    assert trouble.fails


def test_values_that_were_left_out_are_told_and_do_not_fail() -> None:
    [trouble] = troubles(_status(sources={"emr": SOURCE | {"warnings": [WARNING]}}))
    assert trouble.sentence == "3 birth_date in p.csv (emr, patients): unreadable value, left out; the rows landed"
    assert not trouble.fails


def test_fault_54_garbled_names_are_told_with_what_to_do() -> None:
    [trouble] = troubles(_status(sources={"emr": SOURCE | {"warnings": [WARNING | {"code": "garbled_text"}]}}))
    assert "garbled" in trouble.sentence
    assert "encoding:" in trouble.advice


def test_a_late_export_and_one_that_is_not_whole_fail_and_an_unusual_number_is_only_told() -> None:
    source = SOURCE | {
        "late": {"due": "2026-03-02T13:00:00+00:00", "feeds": ["patients"]},
        "incomplete": ["patients.csv lacks appointments; not come in time"],
        "unusual": [{"feed": "patients", "site": "101", "rows": 4, "usual": 90}],
    }
    late, incomplete, unusual = troubles(_status(sources={"emr": source}))
    assert late.sentence == "Source emr is late: no export of patients by 2026-03-02 07:00 CST"
    assert "lacks appointments" in incomplete.sentence
    assert "had 4 rows; usual on this weekday are 90" in unusual.sentence
    assert (late.fails, incomplete.fails, unusual.fails) == (True, True, False)


def test_rows_of_an_old_mapping_are_told_and_do_not_fail() -> None:
    [trouble] = troubles(_status(sources={"emr": SOURCE | {"old_mapping": 4}}))
    assert trouble.sentence.startswith("4 rows of emr keep what an earlier configuration read")
    assert not trouble.fails


def test_rows_in_quarantine_are_told_and_do_not_fail() -> None:
    [trouble] = troubles(_status(quarantine={"emr": 1200}))
    assert trouble.sentence == "1,200 rows of emr in quarantine"
    assert not trouble.fails


def test_old_wishes_of_a_destination_that_only_observes_are_no_trouble() -> None:
    observed = DESTINATION | {"mode": "observe", "oldest_pending_s": 999_999}
    assert troubles(_status(destinations={"newsletter": observed})) == []
