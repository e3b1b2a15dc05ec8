"""Sources that come, watch and go: `mode: observe`, `retired: DATE`, and a first load that takes several ticks."""

from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from sync.commands.status_view import show_status
from sync.explain import explain
from sync.plan import plan_of
from sync.status import status_of
from sync.vigil import stale_sources, standing
from tests.fakes.clinic import AT, Clinic, days, lead, patient, visit

OTHER = {"kind": "tabular", "folder": "drops/other", "site": "boulder"}
BARE = ["external_id", "given_name", "family_name", "birth_date", "email"]


@pytest.fixture
def clinic(tmp_path: Path, database_url: str) -> Clinic:
    made = Clinic(tmp_path)
    made.config["database"] = {"url": database_url}
    made.config["sources"]["emr"]["max_age"] = "300d"
    return made


def _entries(clinic: Clinic, segment: str) -> dict[str, str]:
    """How each patient's entry into a segment was recorded."""
    rows = clinic.ask(
        "SELECT p.external_id, m.entered_by FROM membership m"
        " JOIN link l ON l.contact = m.contact AND l.until IS NULL JOIN patient_record p ON p.id = l.row_id"
        " WHERE m.segment = :segment",
        segment=segment,
    )
    return dict(rows)


def _given(clinic: Clinic) -> list[str]:
    """The contacts that the contact file holds, by given name and family name."""
    path = clinic.folder / "out" / "contacts" / "contacts.csv"
    lines = path.read_text(encoding="utf-8").splitlines()[1:] if path.exists() else []
    return sorted(line.split(",")[3] for line in lines)


def _loud(clinic: Clinic) -> list[Any]:
    return [loud for (loud,) in clinic.ask("SELECT loud FROM wish") if loud not in ("{}", {})]


def _other(clinic: Clinic, feed: str, columns: list[str], *rows: dict[str, str], stamp: str = "20260302-0600") -> None:
    folder = clinic.folder / "drops" / "other"
    folder.mkdir(exist_ok=True)
    lines = [",".join(columns), *(",".join(row.get(name, "") for name in columns) for row in rows)]
    (folder / f"{feed}-{stamp}.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")


# ---------------------------------------------------------------- a first load over several ticks


def test_a_table_that_comes_a_tick_later_brings_no_loud_entry(clinic: Clinic) -> None:
    clinic.drop("patients", [patient("1"), patient("2")], "20260302-0600")
    clinic.run(AT)
    clinic.drop("appointments", [visit("a1", "1", "2026-03-01", "noshow")], "20260302-1200")
    clinic.run(AT + days(0.1))
    assert _entries(clinic, "no-show-recovery") == {"1": "baseline"}
    clinic.drop(
        "appointments",
        [visit("a1", "1", "2026-03-01", "noshow"), visit("a2", "2", "2026-03-02", "noshow")],
        "20260303-0600",
    )
    clinic.run(AT + days(1))
    assert _entries(clinic, "no-show-recovery") == {"1": "baseline", "2": "event"}


def test_a_table_that_breaks_off_and_lands_in_the_next_pass_brings_no_loud_entry(clinic: Clinic) -> None:
    clinic.drop("patients", [patient("1"), patient("2")], "20260302-0600")
    clinic.run(AT)
    with clinic.service() as service, service.engine.begin() as connection:
        connection.exec_driver_sql(
            "INSERT INTO feed_line (source, feed, generation, block, digests, labels)"
            " VALUES ('emr', 'appointments', 0, 0, '', '')"
            if service.engine.dialect.name == "postgresql"
            else "INSERT INTO feed_line VALUES ('emr', 'appointments', 0, 0, x'', x'')"
        )
    clinic.run(AT + days(0.05), stages=["review"])
    stored = dict(clinic.ask("SELECT name, complete FROM rule_version WHERE name LIKE 'feed:emr:%'"))
    assert {name: bool(done) for name, done in stored.items()} == {
        "feed:emr:patients": True,
        "feed:emr:appointments": False,
    }


def test_a_dateless_patient_of_a_table_that_comes_after_another_is_a_lost_lead_and_a_later_one_a_lead(
    clinic: Clinic,
) -> None:
    clinic.drop("appointments", [visit("a1", "1", "2026-02-25")], "20260302-0600")
    clinic.run(AT)
    clinic.drop("patients", [patient("1"), patient("2", created_at="")], "20260303-0600")
    clinic.run(AT + days(1))
    assert clinic.status("2") == "lost_lead"
    clinic.drop("patients", [patient("1"), *(patient(n, created_at="") for n in "23")], "20260304-0600")
    clinic.run(AT + days(2))
    assert (clinic.status("2"), clinic.status("3")) == ("lost_lead", "lead")


def test_the_first_pull_of_a_late_table_goes_on_until_one_is_complete(clinic: Clinic) -> None:
    clinic.config["sources"]["emr"]["patients"]["snapshot"] = "delta"
    clinic.drop("appointments", [visit("a1", "1", "2026-02-25")], "20260302-0600")
    clinic.run(AT)
    clinic.drop("patients", [patient("2", created_at="")], "20260303-0600")
    broken = clinic.drop("patients", [patient("3", created_at="")], "20260303-0700")
    whole = broken.read_bytes()
    broken.write_bytes(whole.rstrip())
    clinic.run(AT + days(1))
    assert ("emr", "3") not in clinic.statuses()
    broken.write_bytes(whole)
    clinic.run(AT + days(1.1))
    clinic.drop("patients", [patient("4", created_at="")], "20260304-0600")
    clinic.run(AT + days(2))
    assert [clinic.status(number) for number in "234"] == ["lost_lead", "lost_lead", "lead"]


def test_only_the_first_file_of_a_lead_list_is_quiet(clinic: Clinic) -> None:
    clinic.drop("patients", [patient("1")], "20260302-0600")
    clinic.drop("leads", [lead("L1")], "20260302-0600")
    clinic.run(AT)
    clinic.drop("leads", [lead("L2", lead_since="2026-03-03")], "20260303-0600")
    clinic.run(AT + days(1))
    clinic.drop("leads", [lead("L3", lead_since="2026-03-04")], "20260304-0600")
    clinic.run(AT + days(2))
    assert _entries(clinic, "lead-follow-up") | {"1": ""} == {"1": "", "L1": "baseline", "L2": "event", "L3": "event"}


def test_a_new_table_of_one_source_leaves_the_others_loud(clinic: Clinic) -> None:
    clinic.drop("patients", [patient("1")], "20260302-0600")
    clinic.drop("leads", [lead("L1")], "20260302-0600")
    clinic.run(AT)
    clinic.drop("appointments", [visit("a1", "1", "2026-03-03", "noshow")], "20260303-0600")
    clinic.drop("leads", [lead("L2", lead_since="2026-03-03")], "20260303-0600")
    clinic.run(AT + days(1))
    assert _entries(clinic, "no-show-recovery") == {"1": "baseline"}
    assert _entries(clinic, "lead-follow-up")["L2"] == "event"


# ---------------------------------------------------------------- observe


def _with_other(clinic: Clinic, **keys: Any) -> None:
    clinic.config["sources"]["other"] = OTHER | {"patients": {"files": "patients-*.csv"}} | keys


def _ann(**cells: str) -> dict[str, str]:
    return {"external_id": "9", "given_name": "Annq", "family_name": "Alderq", "birth_date": "1970-01-01"} | cells


def test_nothing_of_an_observed_source_is_sent_and_everything_is_computed(clinic: Clinic) -> None:
    _with_other(clinic, mode="observe")
    clinic.drop("patients", [patient("1")], "20260302-0600")
    _other(clinic, "patients", BARE, _ann(email="ann@example.com"))
    clinic.run(AT)
    assert len(_given(clinic)) == 1
    assert clinic.status("9", "other") == "lost_lead"
    assert clinic.withheld("9", "contacts")["*"] == "observe"
    with clinic.service() as service:
        found = explain(service, "other:9", AT)
        assert found["status"] == "lost_lead"
        assert found["destinations"]["contacts"]["withheld"]["*"] == "observe"
        assert found["destinations"]["contacts"]["document"] is None
        status = status_of(service, AT)
        assert status["contacts"] == 2
        assert status["destinations"]["contacts"]["withheld"]["*"] == {"observe": 1}
        assert not plan_of(service, AT).changes


def test_what_an_observed_source_brings_is_quiet_once_it_is_on(clinic: Clinic) -> None:
    _with_other(clinic, mode="observe", role="leads", consent=[_basis()])
    clinic.drop("patients", [patient("1")], "20260302-0600")
    _other(clinic, "patients", [*BARE, "lead_since"], _ann(lead_since="2026-03-01"))
    clinic.run(AT)
    later = _ann(external_id="10", given_name="Benq", family_name="Birchq", lead_since="2026-03-02")
    _other(clinic, "patients", [*BARE, "lead_since"], later, stamp="20260303-0600")
    clinic.run(AT + days(1))
    assert len(_given(clinic)) == 1
    _with_other(clinic, role="leads", consent=[_basis()])
    third = _ann(external_id="11", given_name="Coraq", family_name="Cedarq", lead_since="2026-03-03")
    _other(clinic, "patients", [*BARE, "lead_since"], third, stamp="20260303-1300")
    clinic.run(AT + days(1.1), stages=["pull", "review"])
    assert set(_entries(clinic, "lead-follow-up").values()) == {"baseline"}
    assert _loud(clinic) == []
    clinic.run(AT + days(1.1))
    assert len(_given(clinic)) == 4
    fourth = _ann(external_id="12", given_name="Doraq", family_name="Doveq", lead_since="2026-03-04")
    _other(clinic, "patients", [*BARE, "lead_since"], fourth, stamp="20260304-0600")
    clinic.run(AT + days(2))
    assert _entries(clinic, "lead-follow-up")["12"] == "event"


def _basis() -> dict[str, Any]:
    return {"always": "form", "channels": ["email"], "purposes": ["marketing"]}


def test_nothing_new_is_sent_of_somebody_who_is_also_in_an_observed_source(clinic: Clinic) -> None:
    clinic.drop("patients", [patient("1", email="one@example.com")], "20260302-0600")
    clinic.drop("appointments", [visit("a1", "1", "2026-03-01", "noshow")], "20260302-0600")
    clinic.run(AT)
    segment = clinic.folder / "out" / "contacts" / "segments" / "no-show-recovery.csv"
    assert len(segment.read_text(encoding="utf-8").splitlines()) == 2
    _with_other(clinic, mode="observe")
    same = patient("1", email="one@example.com")
    _other(clinic, "patients", BARE, {**{name: same[name] for name in BARE}, "external_id": "9"})
    clinic.drop("appointments", [visit("a1", "1", "2026-03-01"), visit("a2", "1", "2026-03-03")], "20260303-0600")
    clinic.run(AT + days(1))
    assert len({*clinic.ask("SELECT contact FROM link WHERE until IS NULL")}) == 1
    assert len(segment.read_text(encoding="utf-8").splitlines()) == 1
    assert "newsletter" in clinic.members()
    assert clinic.withheld("1", "contacts") == {"newsletter": "observe"}


def test_at_an_observed_site_nothing_is_sent_until_it_is_on(clinic: Clinic) -> None:
    clinic.config["sites"]["boulder"]["mode"] = "observe"
    clinic.drop("patients", [patient("1"), patient("2", clinic_id="102")], "20260302-0600")
    clinic.run(AT)
    assert len(_given(clinic)) == 1
    assert clinic.withheld("2", "contacts")["*"] == "observe"
    clinic.config["sites"]["boulder"]["mode"] = "on"
    clinic.drop("appointments", [visit("a1", "2", "2026-03-02", "noshow", clinic_id="102")], "20260303-0600")
    clinic.run(AT + days(1))
    assert len(_given(clinic)) == 2
    assert clinic.withheld("2", "contacts") == {}
    assert _entries(clinic, "no-show-recovery") == {"2": "baseline"}


# ---------------------------------------------------------------- retired


def _dead(clinic: Clinic, **keys: Any) -> None:
    """A practice whose EMR exported last on March 2."""
    clinic.config["sources"]["emr"].update({"max_age": "48h"} | keys)
    clinic.drop("patients", [patient("1")], "20260302-0600")
    clinic.drop("appointments", [visit("a1", "1", "2026-03-01"), visit("a2", "1", "2026-03-02")], "20260302-0600")


def _at(number: float) -> datetime:
    return AT + days(number)


def test_the_clock_of_a_retired_source_goes_on_and_its_rows_stay(clinic: Clinic) -> None:
    _dead(clinic)
    clinic.run(AT)
    clinic.run(_at(30))
    assert clinic.status("1") == "active"
    _dead(clinic, retired="2026-04-02")
    clinic.run(_at(30))
    assert clinic.status("1") == "active"
    clinic.run(_at(31))
    assert clinic.status("1") == "dropped_out"
    assert _entries(clinic, "win-back") == {"1": "baseline"}


def test_time_moves_the_patients_of_a_retired_source_on_as_it_does_others(clinic: Clinic) -> None:
    _dead(clinic, retired="2026-03-03")
    clinic.run(AT)
    for day in (1, 8, 15, 24):
        clinic.run(_at(day))
    assert [new for _, new, _, _ in clinic.transitions()] == ["active", "at_risk", "dropped_out"]


def test_a_booking_that_a_retired_source_left_behind_comes_to_nothing(clinic: Clinic) -> None:
    _dead(clinic, retired="2026-03-03", sees_ahead="14d")
    clinic.drop(
        "appointments", [visit("a1", "1", "2026-03-01"), visit("a3", "1", "2026-03-05", "booked")], "20260302-0700"
    )
    clinic.run(AT)
    for day in (1, 5, 9, 30):
        clinic.run(_at(day))
    assert clinic.status("1") == "dropped_out"


def test_a_retired_source_is_not_pulled_and_is_neither_stale_nor_in_trouble(clinic: Clinic) -> None:
    _dead(clinic, retired="2026-03-05")
    clinic.run(AT)
    clinic.drop("patients", [patient("1"), patient("2")], "20260304-0600")
    clinic.run(_at(2))
    assert ("emr", "2") in clinic.statuses()
    clinic.drop("patients", [patient("1"), patient("2"), patient("3")], "20260305-0600")
    report = clinic.run(_at(3))
    assert "emr" not in report.pulled
    assert ("emr", "3") not in clinic.statuses()
    with clinic.service() as service:
        assert stale_sources(service, _at(20)) == {}
        status = status_of(service, _at(20))
    assert standing(status, _at(20))["source"] is None
    source = status["sources"]["emr"]
    assert (source["stale"], source["retired"], source["next_run"], source["error"]) == (
        False,
        "2026-03-05",
        None,
        None,
    )


# ---------------------------------------------------------------- what the status says


def test_the_status_tells_modes_next_runs_by_cron_and_the_practices_own_time(
    clinic: Clinic, capsys: pytest.CaptureFixture[str]
) -> None:
    clinic.config["sites"]["boulder"]["mode"] = "observe"
    clinic.config["sources"]["emr"]["schedule"] = {"cron": "30 2 * * *"}
    clinic.config["sources"]["leads"] |= {"mode": "observe", "retired": "2027-01-01"}
    clinic.drop("patients", [patient("1")], "20260302-0600")
    clinic.drop("appointments", [visit("a1", "1", "2026-03-01"), visit("a2", "404", "2026-03-01")], "20260302-0600")
    clinic.run(AT)
    with clinic.service() as service:
        found = status_of(service, AT)
    assert found["sources"]["emr"]["next_run"] == "2026-03-03T08:30:00+00:00"
    assert (found["sources"]["leads"]["mode"], found["sources"]["leads"]["retired"]) == ("observe", "2027-01-01")
    assert (found["observed_sites"], found["without_patient"]) == (["boulder"], {"emr": 1})
    show_status(found)
    text = " ".join(capsys.readouterr().out.replace("│", " ").split())
    assert "CST" in text
    assert "UTC" not in text
    assert "until" in text
    assert "1 visits of emr belong to patients that no file has brought." in text
