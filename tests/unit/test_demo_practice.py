"""The demo practice is invented, repeatable, and keeps clear of every threshold."""

import csv
import gzip
import re
import stat
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from itertools import combinations
from pathlib import Path

import orjson
import pytest
from ruamel.yaml import YAML

from mappings.addresses import is_placeholder
from mappings.records import STATUSES
from sync.demo import DemoTruth, write_practice
from sync.demo.care import DemoCase
from sync.demo.names import FAMILY, FEMALE, MALE
from sync.demo.practice import Practice, invent

AT = datetime(2026, 11, 25, 18, 0, tzinfo=UTC)
TODAY = date(2026, 11, 25)
DAYS = (TODAY, date(2027, 3, 15), date(2028, 2, 29))
EMAIL = re.compile(r"[^,\"\s]+@[^,\"\s]+")
PHONE = re.compile(r"\(\d{3}\) 555-01\d\d")


@pytest.fixture(scope="module")
def truth(tmp_path_factory: pytest.TempPathFactory) -> DemoTruth:
    return write_practice(tmp_path_factory.mktemp("practice"), AT)


@pytest.fixture(scope="module", params=DAYS, ids=str)
def practice(request: pytest.FixtureRequest) -> Practice:
    return invent(request.param, 20)


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def table(truth: DemoTruth, name: str) -> list[dict[str, str]]:
    (path,) = (truth.folder / "drops" / "webpt").glob(f"{name}-*.csv")
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, strict=True))


def texts(truth: DemoTruth) -> Iterator[str]:
    for name, content in contents(truth.folder / "drops").items():
        yield (gzip.decompress(content) if name.endswith(".gz") else content).decode()


def test_the_same_day_and_seed_give_the_same_files_but_for_the_log_key(truth: DemoTruth, tmp_path: Path) -> None:
    write_practice(tmp_path, AT.replace(hour=7))
    first, second = contents(truth.folder), contents(tmp_path)
    assert first.pop("secrets/log.key") != second.pop("secrets/log.key")
    assert first == second


def test_another_seed_invents_other_people() -> None:
    names = {seed: {(chart.given, chart.family) for chart in invent(TODAY, seed).charts} for seed in (20, 21)}
    assert len(names[20] & names[21]) < len(names[20]) / 2


def test_a_folder_with_a_configuration_is_left_alone(truth: DemoTruth) -> None:
    before = contents(truth.folder)
    with pytest.raises(FileExistsError):
        write_practice(truth.folder, AT + timedelta(days=9))
    assert contents(truth.folder) == before


def test_the_log_key_is_for_its_owner_only(truth: DemoTruth) -> None:
    vault = truth.folder / "secrets"
    assert stat.S_IMODE(vault.stat().st_mode) == 0o700
    assert stat.S_IMODE((vault / "log.key").stat().st_mode) == 0o600
    assert len((vault / "log.key").read_text().strip()) == 64


@pytest.mark.parametrize("at", [datetime(2026, 11, 25, 6, 1, tzinfo=UTC), datetime(2026, 11, 26, 5, 59, tzinfo=UTC)])
def test_the_export_time_in_the_file_names_lies_before_any_instant_of_the_day(at: datetime, tmp_path: Path) -> None:
    write_practice(tmp_path, at)
    names = [path.name for path in (tmp_path / "drops").rglob("*.*")]
    assert len(names) == 14
    assert all("-20261124-2345." in name for name in names)


def test_both_configuration_files_are_yaml_and_name_what_was_written(truth: DemoTruth) -> None:
    settings = YAML(typ="safe").load(truth.config)
    segments = YAML(typ="safe").load(truth.folder / "operators" / "segments.yaml")["segments"]
    assert set(settings["sources"]) == set(truth.patients)
    assert all((truth.folder / source["folder"]).is_dir() for source in settings["sources"].values())
    assert set(settings["destinations"]["newsletter-preview"]["segments"]) <= set(segments)
    assert all(segment["describe"] and segment["purpose"] for segment in segments.values())


def test_the_columns_that_the_configuration_names_stand_in_the_files(truth: DemoTruth) -> None:
    webpt = YAML(typ="safe").load(truth.config)["sources"]["webpt"]
    for name, settings in webpt["tables"].items():
        columns = (entry["column"] if isinstance(entry, dict) else entry for entry in settings["columns"].values())
        assert {*columns, webpt["site"]["column"]} <= set(table(truth, name)[0])


def test_the_practice_is_of_the_size_that_it_promises(practice: Practice) -> None:
    assert 1_900 <= len(practice.people) <= 2_200
    assert {chart.clinic.key for chart in practice.charts} == {"lincoln", "omaha", "boulder"}
    assert {person.status for person in practice.people} == set(STATUSES)


def test_every_row_belongs_to_exactly_one_person(practice: Practice) -> None:
    rows = Counter(row for person in practice.people for row in person.rows)
    keys = {chart.key for chart in practice.charts} | {("web-leads", lead.external_id) for lead in practice.leads}
    assert set(rows) == keys
    assert set(rows.values()) == {1}


def test_truth_counts_the_rows_of_each_source(truth: DemoTruth) -> None:
    rows = Counter(source for person in truth.people for source, _ in person.rows)
    assert rows == truth.patients
    assert sum(truth.by_status.values()) == truth.contacts
    assert len(truth.status_of()) == rows.total()


def test_review_pairs_are_two_persons(truth: DemoTruth) -> None:
    owner = {row: number for number, person in enumerate(truth.people) for row in person.rows}
    assert len(truth.review) == 12
    assert all(owner[first] != owner[second] for first, second in truth.review)


def test_nobody_but_twins_and_doubles_shares_a_birth_date_and_nobody_but_doubles_a_name(practice: Practice) -> None:
    doubles = {row for person in practice.people for row in person.rows[1:]} | {b.key for _, b in practice.review}
    once = [chart for chart in practice.charts if chart.key not in doubles]
    names = Counter((chart.given, chart.family) for chart in once)
    days = Counter(chart.born for chart in once if chart.born)
    twins = {day for day, count in days.items() if count > 1}
    assert set(names.values()) == {1}
    assert 3 <= len(twins) <= 12
    assert all(len({chart.family for chart in once if chart.born == day}) == 1 for day in twins)


@pytest.mark.parametrize("words", [FEMALE + MALE, FAMILY])
def test_no_two_names_are_one_slip_apart(words: tuple[str, ...]) -> None:
    def shortened(word: str) -> set[str]:
        return {word, *(word[:cut] + word[cut + 1 :] for cut in range(len(word)))}

    assert not [1 for one, other in combinations(map(shortened, words), 2) if one & other]


def test_families_share_an_address_and_children_stay_clear_of_their_eighteenth_birthday(practice: Practice) -> None:
    mail = Counter(chart.home.email for chart in practice.charts if not is_placeholder(chart.home.email))
    minors = [chart for chart in practice.charts if chart.minor]
    assert sum(count in (2, 3, 4) for address, count in mail.items() if address) > 60
    assert mail["frontdesk@lakeside.example.com"] == 14
    assert len(minors) > 80
    for chart in practice.charts:
        age = (practice.today - chart.born).days / 365.25 if chart.born else 40
        assert age < 17 if chart.minor else age > 18.5
    assert {bool(chart.guardian_email) for chart in minors} == {True, False}


def test_consent_is_dated_for_most_and_refused_by_some(practice: Practice) -> None:
    said = Counter(chart.answers.email for chart in practice.charts)
    dated = sum(chart.answers.day is not None for chart in practice.charts)
    assert 0.55 < said["Y"] / len(practice.charts) < 0.65
    assert 0.05 < said["N"] / len(practice.charts) < 0.12
    assert 0.6 < dated / len(practice.charts) < 0.72


def test_no_visit_lies_within_a_day_of_today_or_of_a_threshold_of_the_lifecycle(practice: Practice) -> None:
    for chart in practice.charts:
        dropout = 14 if chart.clinic.key == "boulder" else 21
        for case in chart.history.cases:
            days = {visit.day for visit in case.visits}
            attended = [-visit.day for visit in case.visits if visit.happened == "attended"]
            missed = [-visit.day for visit in case.visits if visit.happened == "missed"]
            assert not days & {-1, 0, 1}
            gap = min(attended or missed or [30])
            assert all(abs(gap - limit) > 1 for limit in (7, dropout, 365))


def test_a_case_holds_one_visit_a_day_in_order_and_closes_after_the_last_one(practice: Practice) -> None:
    for case in (case for chart in practice.charts for case in chart.history.cases):
        days = [visit.day for visit in case.visits]
        assert days == sorted(set(days))
        assert case.opened <= max(days)
        assert case.closed is None or days[-1] <= case.closed <= -2


def test_nothing_booked_lies_in_the_past_and_nothing_else_in_the_future(practice: Practice) -> None:
    for visit in (v for chart in practice.charts for case in chart.history.cases for v in case.visits):
        assert (visit.day > 0) == (visit.happened == "booked")
        assert visit.day < 14


def test_only_invented_domains_and_numbers_occur(truth: DemoTruth) -> None:
    for text in texts(truth):
        for address in EMAIL.findall(text):
            ending = address.rpartition("@")[2]
            assert not ending or ending.endswith(
                ("example.com", "example.org", "example.net", "none.com", "noemail.com")
            )
        assert all(PHONE.fullmatch(number) for number in re.findall(r"\(\d{3}\) [\d-]+", text))


def test_the_window_table_shows_two_weeks_and_negative_ids_until_check_in(truth: DemoTruth) -> None:
    rows = table(truth, "appointments")
    days = {(date.fromisoformat(row["start_date"][:10]) - TODAY).days for row in rows}
    assert min(days) > -14
    assert max(days) < 14
    assert all((row["appointmnet_id"][0] == "-") == (row["check_in_time"] == "") for row in rows)


def test_the_fhir_files_hold_one_resource_a_line_and_their_references_lead_somewhere(truth: DemoTruth) -> None:
    ids: set[str] = set()
    named: set[str] = set()
    for path in (truth.folder / "drops" / "fhir").iterdir():
        content = path.read_bytes() if path.suffix == ".ndjson" else gzip.decompress(path.read_bytes())
        resources = [orjson.loads(line) for line in content.splitlines()]
        ids |= {f"{each['resourceType']}/{each['id']}" for each in resources}
        named |= set(re.findall(r'"reference":"((?:Patient|Location|EpisodeOfCare)/[^"]+)"', content.decode()))
    assert len(ids) > 5_000
    assert named <= ids


def test_about_twenty_rows_are_dirty(truth: DemoTruth) -> None:
    assert truth.quarantined == {"webpt": 14, "boulder-fhir": 6, "web-leads": 2}


def test_the_visit_of_an_unmapped_code_belongs_to_the_one_patient_who_hangs_on_it(truth: DemoTruth) -> None:
    (row,) = (row for row in table(truth, "visits") if row["Status"] == "Rescheduled?")
    (person,) = (person for person in truth.people if person.history == "held_open")
    assert ("webpt", row["Patient ID"]) in person.rows
    assert person.status == "active"


def by_the_book(case: DemoCase, dropout: int) -> str | None:
    """The rules for one episode, read afresh; without horizons and quarantine. None: it counts as no episode."""
    days = {
        happened: [-v.day for v in case.visits if v.happened == happened]
        for happened in ("attended", "missed", "booked")
    }
    came, missed, booked = days.values()
    gap = min(came or missed or [0])
    twice = len([day for day in missed if day - min(came + missed) < 30]) >= 2
    if not came + missed + booked:
        return None
    if case.closed is not None or (case.prescribed and len(came) >= case.prescribed and not booked and gap > 7):
        tidied = case.closed is not None and not case.reason and case.closed + min(came + missed) > dropout
        late = "dropped_out" if tidied or case.reason == "Patient stopped" else "discharged"
        return "dormant" if gap > 365 else late
    if booked:
        return "scheduled" if not came else "at_risk" if twice else "active"
    if gap > dropout:
        return "dormant" if gap > 365 else "dropped_out"
    return "at_risk" if gap > 7 or not came or twice else "active"


def test_each_history_leads_to_its_status_by_the_rules(practice: Practice) -> None:
    beside = {"monthly", "held_open", "deceased", "inactive", "cancelled_first", "cancelled_long_ago"}
    for chart in practice.charts:
        found = [by_the_book(case, 14 if chart.clinic.key == "boulder" else 21) for case in chart.history.cases]
        if chart.history.name not in beside:
            assert found[-1] == chart.history.status, chart.history.name
        elif chart.history.name.startswith("cancelled"):
            assert found == [None]


def test_who_comes_monthly_is_expected_beyond_what_the_window_shows(practice: Practice) -> None:
    monthly = [chart for chart in practice.charts if chart.history.name == "monthly"]
    last = [chart.history.cases[0].visits[-1].day for chart in monthly]
    assert len(monthly) == 24
    assert all(day < -7 and day + 1.5 * 28 >= 14 + 2 for day in last)
