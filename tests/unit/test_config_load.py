"""A configuration is read whole, and refused with everything that is wrong with it."""

from datetime import date, timedelta
from pathlib import Path
from textwrap import dedent
from zoneinfo import ZoneInfo

import pytest

from config.load import Config, database_url, find, load
from config.problem import ConfigError, Problem
from connectors import registry
from connectors.settings import parse_duration
from tests.data.config import kinds

MAIN = """\
version: 1
practice: {name: Lakeside Physical Therapy, timezone: America/Chicago}
"""
SITES = """\
sites:
  lincoln: {name: Lincoln, timezone: America/Chicago}
  boulder: {timezone: America/Denver}
"""


@pytest.fixture(autouse=True)
def _invented_kinds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "SOURCES", kinds.SOURCES)
    monkeypatch.setattr(registry, "DESTINATIONS", kinds.DESTINATIONS)


def write(folder: Path, text: str, **others: str) -> Path:
    """Writes prm-sync.yaml (the obligatory head before `text`) and files of operators/."""
    for name, content in others.items():
        (folder / "operators").mkdir(exist_ok=True)
        (folder / "operators" / f"{name}.yaml").write_text(dedent(content), encoding="utf-8")
    path = folder / "prm-sync.yaml"
    path.write_text(MAIN + dedent(text), encoding="utf-8")
    return path


def loaded(folder: Path, text: str, **others: str) -> Config:
    return load(write(folder, text, **others))


def problems(folder: Path, text: str, **others: str) -> list[Problem]:
    with pytest.raises(ConfigError) as caught:
        loaded(folder, text, **others)
    return list(caught.value.problems)


def only(folder: Path, text: str, **others: str) -> Problem:
    (problem,) = problems(folder, text, **others)
    return problem


# ------------------------------------------------------------------ what is read


def test_what_is_left_out_has_its_default(tmp_path: Path) -> None:
    settings = loaded(tmp_path, "").settings
    assert (settings.practice.phone_region, settings.practice.greeting, settings.practice.sandbox) == (
        "US",
        "there",
        False,
    )
    assert (settings.fresh_for, settings.feedback_max_age) == (timedelta(days=3), timedelta(minutes=15))
    assert settings.identity.shared_address_limit == 10
    brakes = settings.brakes
    assert (brakes.max_removals.number, brakes.max_removals.share) == (25, 0.05)
    assert (brakes.max_status_changes.number, brakes.max_status_changes.share) == (25, 0.20)
    assert brakes.min_source_rows == 0.5


def test_a_bare_share_keeps_the_number_and_a_bare_number_keeps_the_share(tmp_path: Path) -> None:
    brakes = loaded(tmp_path, "brakes: {max_removals: 10%, max_status_changes: {number: 3}}").settings.brakes
    assert (brakes.max_removals.number, brakes.max_removals.share) == (25, 0.10)
    assert (brakes.max_status_changes.number, brakes.max_status_changes.share) == (3, 0.20)


def test_a_source_has_the_model_of_its_kind_and_paths_start_at_the_folder(tmp_path: Path) -> None:
    config = loaded(tmp_path, "sources: {webpt: {kind: folder, folder: drops, schedule: {every: 15m}}}")
    source = config.settings.sources["webpt"]
    assert isinstance(source, kinds.FolderSettings)
    assert source.folder == tmp_path / "drops"
    assert config.folder == tmp_path


def test_sites_may_stand_in_a_file_of_their_own(tmp_path: Path) -> None:
    (tmp_path / "sites.yaml").write_text("lincoln: {name: Lincoln}\nboulder: {timezone: America/Denver}\n")
    config = loaded(tmp_path, "sites: {file: sites.yaml}")
    assert list(config.settings.sites) == ["lincoln", "boulder"]
    assert config.place(("sites", "boulder", "timezone")).file == str(tmp_path / "sites.yaml")
    assert tmp_path / "sites.yaml" in config.files


def test_a_site_without_a_zone_has_the_practices_and_without_a_name_that_of_its_key(tmp_path: Path) -> None:
    settings = loaded(tmp_path, "sites: {east-side: {}, boulder: {name: Boulder, timezone: America/Denver}}").settings
    assert settings.sites["east-side"].name == "East Side"
    assert settings.surroundings().site_zones == {
        "east-side": ZoneInfo("America/Chicago"),
        "boulder": ZoneInfo("America/Denver"),
    }


def test_segments_come_from_the_main_file_and_all_operators_files(tmp_path: Path) -> None:
    config = loaded(
        tmp_path,
        "segments: {a: {purpose: treatment, who: {status: lead}}}",
        one="segments: {b: {purpose: marketing, who: {status: active}}}",
        two="segments:\n",
        three="# nothing yet\n",
    )
    assert sorted(config.settings.segments) == ["a", "b"]
    assert sorted(config.rules) == ["a", "b"]
    assert [file.name for file in config.operator_files] == ["one.yaml", "three.yaml", "two.yaml"]


def test_another_operators_folder_may_be_named(tmp_path: Path) -> None:
    other = tmp_path / "elsewhere"
    other.mkdir()
    (other / "x.yaml").write_text("segments: {c: {purpose: treatment, who: {status: lead}}}")
    path = write(tmp_path, "", one="segments: {b: {purpose: marketing, who: {status: active}}}")
    assert list(load(path, operators=other).settings.segments) == ["c"]


def test_one_operators_file_may_be_named_in_place_of_the_folder(tmp_path: Path) -> None:
    path = write(tmp_path, "", one="segments: {b: {purpose: marketing, who: {status: active}}}")
    draft = tmp_path / "draft.txt"
    draft.write_text("segments: {c: {purpose: treatment, who: {status: lead}}}")
    assert list(load(path, operators=draft).settings.segments) == ["c"]
    with pytest.raises(ConfigError, match=r"absent\.yaml:1:1: cannot be read"):
        load(path, operators=tmp_path / "absent.yaml")


def test_a_later_check_can_point_at_what_was_written_or_left_out(tmp_path: Path) -> None:
    config = loaded(tmp_path, "", one="segments:\n  b:\n    purpose: marketing\n    who: {status: active}\n")
    assert config.place(("segments", "b", "who", "status"))[1:] == (4, 19)
    problem = config.problem(("segments", "b", "code"), "is no good")
    assert str(problem) == f"{tmp_path}/operators/one.yaml:2:3: segments.b.code: is no good"


def test_thresholds_are_merged_for_every_site_and_type(tmp_path: Path) -> None:
    text = """\
        lifecycle: {dropout_after_days: 30, by_type: {hand: {dropout_after_days: 10}}}
        sites: {boulder: {lifecycle: {dropout_after_days: 14}}}
        """
    merged = loaded(tmp_path, text).settings.thresholds()
    assert merged.practice["dropout_after_days"] == 30
    assert merged.by_site["boulder"]["dropout_after_days"] == 14
    assert merged.by_site_type["boulder", "hand"]["dropout_after_days"] == 10


def test_the_database_starts_at_the_folder(tmp_path: Path) -> None:
    config = loaded(tmp_path, 'database: {url: "sqlite:///var/prm.db"}')
    assert database_url(config) == f"sqlite:///{tmp_path}/var/prm.db"


# ------------------------------------------------------------------ what is refused


def test_all_problems_of_all_files_come_at_once_in_reading_order(tmp_path: Path) -> None:
    found = problems(
        tmp_path,
        """\
        fresh_fro: 3 days
        feedback_max_age: 12:30
        sources: {webpt: {kind: folder, site: lincon}}
        destinations: {news: {kind: letters, inside: true, segments: [winback]}}
        sites: {lincoln: {timezone: America/Chicgo}}
        """,
        one="segments: {win-back: {purpose: marketing, who: {statu: lead}}}\npractice: {}\n",
    )
    assert [str(problem).removeprefix(f"{tmp_path}/") for problem in found] == [
        "prm-sync.yaml:3:1: fresh_fro: unknown key (did you mean 'fresh_for'?)",
        "prm-sync.yaml:4:19: feedback_max_age: write a duration such as 15m, 48h or 3 days",
        "prm-sync.yaml:5:18: sources.webpt.folder: is missing",
        "prm-sync.yaml:5:39: sources.webpt.site: no such site under sites: (did you mean 'lincoln'?)",
        "prm-sync.yaml:6:63: destinations.news.segments[0]: no such segment (did you mean 'win-back'?)",
        "prm-sync.yaml:7:29: sites.lincoln.timezone: no such time zone; write one such as America/Chicago"
        " (did you mean 'America/Chicago'?)",
        "operators/one.yaml:1:56: segments.win-back.who.statu: is no fact that a segment can test"
        " (did you mean 'status'?)",
        "operators/one.yaml:2:1: practice: unknown key",
    ]


@pytest.mark.parametrize(
    "line",
    [
        "destinations: {d: {kind: letters, inside: true, adopt: ask}}",
    ],
)
def test_keys_of_later_versions_are_unknown(tmp_path: Path, line: str) -> None:
    assert only(tmp_path, line).message.startswith("unknown key")


@pytest.mark.parametrize("key", ["sources: {}", "lifecycle: {}", "practice: {}"])
def test_operators_may_write_only_what_is_theirs(tmp_path: Path, key: str) -> None:
    problem = only(tmp_path, "", one=key)
    assert (problem.file, problem.line, problem.column) == (f"{tmp_path}/operators/one.yaml", 1, 1)
    assert problem.message.startswith("unknown key")


def test_holidays_of_all_files_add_up(tmp_path: Path) -> None:
    config = loaded(tmp_path, "holidays: [2026-12-25]\n", one="holidays: [2027-01-01]\n", two="holidays:\n")
    assert config.settings.holidays == (date(2026, 12, 25), date(2027, 1, 1))


@pytest.mark.parametrize("wrong", ["Christmas", "20261225", "7", "2026-02-30"])
def test_a_holiday_that_is_no_day_is_named_where_it_stands(tmp_path: Path, wrong: str) -> None:
    problem = only(tmp_path, "holidays: [2026-12-25]\n", one=f"holidays:\n  - {wrong}\n")
    assert (problem.file, problem.line, problem.path) == (f"{tmp_path}/operators/one.yaml", 2, "holidays[1]")
    assert problem.message.startswith("write a day as year-month-day")


def test_holidays_are_a_list(tmp_path: Path) -> None:
    assert only(tmp_path, "", one="holidays: Christmas\n").path == "holidays"


def test_an_operators_segment_named_by_a_number_is_named(tmp_path: Path) -> None:
    problem = only(tmp_path, "", one="segments:\n  7: {purpose: marketing, who: {status: lead}}\n")
    assert str(problem) == f"{tmp_path}/operators/one.yaml:2:3: segments.7: YAML read this key as a number; quote it"


def test_an_unknown_kind_is_answered_with_those_that_are_known(tmp_path: Path) -> None:
    problem = only(tmp_path, "sources: {a: {kind: foldr, folder: x, nonsense: 1}}")
    assert (problem.path, problem.message) == (
        "sources.a.kind",
        "unknown kind; known are folder (did you mean 'folder'?)",
    )


def test_what_a_whole_model_finds_stands_at_its_own_place(tmp_path: Path) -> None:
    found = problems(
        tmp_path, "sources:\n  a:\n    kind: folder\n    folder: x\n    columns:\n      a: X\n      b: X\n"
    )
    assert [(problem.path, problem.line) for problem in found] == [
        ("sources.a.columns.a", 8),
        ("sources.a.columns.b", 9),
    ]


def test_a_missing_kind_is_missing(tmp_path: Path) -> None:
    assert str(only(tmp_path, "destinations: {a: {inside: true}}")).endswith(
        "prm-sync.yaml:3:19: destinations.a.kind: is missing; known are letters"
    )


@pytest.mark.parametrize(
    ("text", "path"),
    [
        (
            SITES + "sources: {a: {kind: folder, folder: x, site: {column: c, map: {101: lincoln}}}}",
            "sources.a.site.map.101",
        ),
        ("sources: {a: {kind: folder, folder: x, payers: {medicare: [3]}}}", "sources.a.payers.medicare[0]"),
        ("sources: {a: {kind: folder, folder: x, payers: {12: [a]}}}", "sources.a.payers.12"),
        ("sources: {12: {kind: folder, folder: x}}", "sources.12"),
        ("segments: {7: {purpose: marketing, who: {status: lead}}}", "segments.7"),
        ("sites: {7: {}}\nsegments: {s: {purpose: marketing, who: {status: lead}}}", "sites.7"),
    ],
)
def test_ids_and_codes_that_yaml_reads_as_numbers_are_named(tmp_path: Path, text: str, path: str) -> None:
    problem = only(tmp_path, text)
    assert (problem.path, problem.message.endswith("as a number; quote it")) == (path, True)


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("log_key: hunter2", "log_key"),
        ("destinations: {d: {kind: letters, inside: true, api_key: hunter2}}", "destinations.d.api_key"),
        ('database: {url: "postgresql+psycopg://prm:hunter2@h/prm"}', "database.url"),
        ("log_key: {env: A, file: hunter2}", "log_key"),
    ],
)
def test_a_secret_itself_is_refused_and_not_repeated(tmp_path: Path, text: str, path: str) -> None:
    problem = only(tmp_path, text)
    assert problem.path == path
    assert "never" in problem.message
    assert "hunter2" not in str(problem)


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("sources: {a: {kind: folder, folder: x, site: nowhere}}", "sources.a.site"),
        ('sources: {a: {kind: folder, folder: x, site: {by: folder, map: {"7": nowhere}}}}', "sources.a.site.map.7"),
        ("sources: {a: {kind: folder, folder: x, site: {by: folder, default: nowhere}}}", "sources.a.site.default"),
        ("destinations: {d: {kind: letters, inside: true, sites: [lincoln, nowhere]}}", "destinations.d.sites[1]"),
        ("segments: {s: {purpose: marketing, who: {site: nowhere}}}", "segments.s.who"),
    ],
)
def test_a_site_must_be_configured(tmp_path: Path, text: str, path: str) -> None:
    assert only(tmp_path, SITES + text).path == path


def test_fields_name_a_canonical_name_a_fact_or_greeting(tmp_path: Path) -> None:
    fields = "{A: given_name, B: status, C: greeting, D: given}"
    problem = only(tmp_path, f"destinations: {{d: {{kind: letters, inside: true, fields: {fields}}}}}")
    assert problem.path == "destinations.d.fields.D"


def test_a_destination_outside_needs_a_recipient(tmp_path: Path) -> None:
    problem = only(tmp_path, "destinations: {d: {kind: letters}}")
    assert (problem.path, "recipient is missing" in problem.message) == ("destinations.d", True)


def test_a_segment_that_is_off_is_warned_of_where_it_is_listed(tmp_path: Path) -> None:
    text = """\
        segments: {s: {purpose: marketing, off: true, who: {status: lead}}}
        destinations: {d: {kind: letters, inside: true, segments: [s]}}
        """
    assert [warning.path for warning in loaded(tmp_path, text).warnings] == ["destinations.d.segments[0]"]


def test_an_emr_source_that_leaves_its_site_open_is_warned_of(tmp_path: Path) -> None:
    sources = "sources: {a: {kind: folder, folder: x}, b: {kind: folder, folder: x, role: leads}}"
    assert [warning.path for warning in loaded(tmp_path, SITES + sources).warnings] == ["sources.a"]
    assert loaded(tmp_path, sources).warnings == ()


def test_a_yml_file_of_an_operator_is_warned_of(tmp_path: Path) -> None:
    path = write(tmp_path, "", one="segments: {}")
    (tmp_path / "operators" / "two.yml").write_text("segments: {}")
    assert [warning.file for warning in load(path).warnings] == [f"{tmp_path}/operators/two.yml"]


def test_thresholds_that_do_not_rise_are_refused_where_they_are_written(tmp_path: Path) -> None:
    problem = only(tmp_path, SITES + "  omaha: {lifecycle: {dropout_after_days: 7}}\n")
    assert (problem.path, problem.line) == ("sites.omaha.lifecycle", 6)


def test_a_segment_stands_in_one_file_only(tmp_path: Path) -> None:
    segment = "segments: {s: {purpose: marketing, who: {status: lead}}}"
    problem = only(tmp_path, segment, one=segment)
    assert problem.file.endswith("operators/one.yaml")
    assert "prm-sync.yaml, line 3" in problem.message


def test_two_segments_do_not_share_a_code(tmp_path: Path) -> None:
    text = """\
        segments:
          a: {purpose: marketing, code: KF27, who: {status: lead}}
          b: {purpose: marketing, code: KF27, who: {status: lead}}
        """
    assert only(tmp_path, text).path == "segments.b.code"


def test_segments_that_read_each_other_are_refused(tmp_path: Path) -> None:
    text = """\
        segments:
          a: {purpose: marketing, who: {in_segment: b}}
          b: {purpose: marketing, who: {in_segment: a}}
        """
    found = problems(tmp_path, text)
    assert [problem.path for problem in found] == ["segments.a.who", "segments.b.who"]
    assert all("circle" in problem.message for problem in found)


def test_a_segment_says_its_purpose(tmp_path: Path) -> None:
    problem = only(tmp_path, "segments: {s: {who: {status: lead}}}")
    assert (problem.path, problem.message) == ("segments.s.purpose", "is missing")


@pytest.mark.parametrize("name", ["Lincoln", "-a", "a_b", '"a b"', '""'])
def test_names_are_plain(tmp_path: Path, name: str) -> None:
    assert "a name is made of" in only(tmp_path, f"sites: {{{name}: {{}}}}").message


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("brakes: {max_removals: {number: many}}", "write a whole number"),
        ("brakes: {min_source_rows: 150%}", "write a share such as 5%"),
        ("identity: {shared_address_limit: 0}", "must be at least 1"),
        ("lifecycle: {at_risk_after_days: 2.5}", "write a whole number"),
        ("sites: [lincoln]", "write keys and values here (key: value)"),
        ("destinations: {d: {kind: letters, inside: maybe}}", "write true or false"),
        (
            "destinations: {d: {kind: letters, inside: true, mode: observ}}",
            "write on or observe (did you mean 'observe'?)",
        ),
        ("destinations: {d: {kind: letters, inside: true, segments: x}}", "write a list, such as [a, b] or all"),
        (
            "destinations: {d: {kind: letters, inside: true, schedule: {every: 5m, cron: '* * * * *'}}}",
            "give either every or cron",
        ),
        (
            "destinations: {d: {kind: letters, inside: true, schedule: {cron: 99 * * * *}}}",
            'write five cron fields (minute hour day month weekday), such as "5 */2 * * *"',
        ),
        ("codes_file: 5", "YAML read this as a number; quote it"),
    ],
)
def test_a_wrong_value_is_answered_with_what_to_write(tmp_path: Path, line: str, message: str) -> None:
    assert only(tmp_path, line).message == message


def test_a_missing_practice_is_missing(tmp_path: Path) -> None:
    path = tmp_path / "prm-sync.yaml"
    path.write_text("version: 1\n")
    with pytest.raises(ConfigError) as caught:
        load(path)
    assert str(caught.value) == f"{path}:1:1: practice: is missing"


@pytest.mark.parametrize("version", ["2", '"1"'])
def test_another_version_is_refused(tmp_path: Path, version: str) -> None:
    path = tmp_path / "prm-sync.yaml"
    path.write_text(MAIN.replace("version: 1", f"version: {version}"))
    with pytest.raises(ConfigError, match="version: write 1"):
        load(path)


@pytest.mark.parametrize("text", ["", "- a\n", "just words"])
def test_a_file_without_keys_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "prm-sync.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError):
        load(path)


def test_a_syntax_error_stands_alone_for_its_file(tmp_path: Path) -> None:
    found = problems(tmp_path, "web: 1", one="segments: {a", two="segments: ]")
    assert [problem.file.rsplit("/", 1)[1] for problem in found] == ["one.yaml", "two.yaml"]


def test_a_missing_sites_file_is_named(tmp_path: Path) -> None:
    problem = only(tmp_path, "sites: {file: sites.yaml}")
    assert (problem.file, "cannot be read" in problem.message) == (str(tmp_path / "sites.yaml"), True)


# ------------------------------------------------------------------ where it is found


def test_the_named_file_comes_before_the_environments_and_that_before_the_folders(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path, "")
    monkeypatch.setenv("PRM_SYNC_CONFIG", "/else/where.yaml")
    assert find(Path("named.yaml")) == Path("named.yaml")
    assert find() == Path("/else/where.yaml")
    monkeypatch.delenv("PRM_SYNC_CONFIG")
    assert find() == Path("prm-sync.yaml")


def test_without_any_file_the_way_to_one_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("PRM_SYNC_CONFIG", raising=False)
    with pytest.raises(ConfigError, match="prm-sync init"):
        find()


def test_relative_paths_start_at_a_linked_files_own_folder(tmp_path: Path) -> None:
    mounted, data = tmp_path / "mounted", tmp_path / "data"
    mounted.mkdir()
    data.mkdir()
    path = mounted / "prm-sync.yaml"
    path.symlink_to(write(data, ""))
    assert load(path).folder == mounted


def test_a_duration_beyond_a_century_is_a_slip() -> None:
    with pytest.raises(ValueError, match="at most 36500 days"):
        parse_duration("999999999 days")
    assert parse_duration("36500 days") == timedelta(days=36500)
