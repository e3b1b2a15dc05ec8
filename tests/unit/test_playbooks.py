"""Every entry that ships does what it says; operators switch it on, set its numbers and override its keys."""

from pathlib import Path
from typing import Any

import pytest

from config.load import Config
from config.playbook import Entry, load_playbook, playbook_names
from config.problem import Problem
from sync import playbook_reference
from sync.cases import Judge
from tests.fakes.segments import configured, refused, verdicts

ENTRIES = [
    pytest.param(name, entry, id=f"{name}.{entry}")
    for name in playbook_names()
    for entry in load_playbook(name).entries
]


def _config(tmp_path: Path, operators: dict[str, Any]) -> Config:
    return configured(tmp_path, operators)


def _faults(tmp_path: Path, playbook: dict[str, Any], segments: dict[str, Any] | None = None) -> list[Problem]:
    return refused(tmp_path, {"playbook": playbook, "segments": segments or {}})


@pytest.fixture(scope="module")
def everything(tmp_path_factory: pytest.TempPathFactory) -> Config:
    """All entries of all playbooks, on."""
    books = {name: {entry: {} for entry in load_playbook(name).entries} for name in playbook_names()}
    return configured(tmp_path_factory.mktemp("all"), {"playbook": books})


@pytest.mark.parametrize(("name", "entry"), ENTRIES)
def test_an_entry_comes_out_as_its_own_cases_say(everything: Config, name: str, entry: str) -> None:
    shipped: Entry = load_playbook(name).entries[entry]
    found = verdicts(everything, shipped.tests, entry)
    assert len(found) >= 2
    assert [(v.case.settings.name, v.failures) for v in found if not v.passed] == []


def test_playbooks_are_off_until_an_entry_is_named(tmp_path: Path) -> None:
    config = _config(tmp_path, {"playbook": {"physical-therapy": {"win-back": None}}})
    assert list(config.settings.segments) == ["win-back"]
    assert config.place(("segments", "win-back", "who")).file.endswith("segments.yaml")


def test_with_sets_the_numbers_that_an_entry_publishes(tmp_path: Path) -> None:
    entry = {"visits-running-out": {"with": {"visits": 4}}}
    config = _config(tmp_path, {"playbook": {"physical-therapy": entry}})
    assert config.settings.segments["visits-running-out"].who["visits_authorized_left"] == {"at_most": 4}


def test_a_clinic_may_have_numbers_of_its_own(tmp_path: Path) -> None:
    entry = {"no-show-recovery": {"by_site": {"boulder": {"with": {"days": 3}}}}}
    config = _config(tmp_path, {"playbook": {"physical-therapy": entry}})
    visits = [{"date": "2026-03-01", "status": "fulfilled"}, {"date": "2026-03-10", "status": "noshow"}]
    at = {"as_of": "2026-03-16"}
    cases = [
        {"name": site, **at, "given": {"site": site, "visits": visits}, "expect": {key: ["no-show-recovery"]}}
        for site, key in (("lincoln", "segments"), ("boulder", "not_segments"))
    ]
    assert all(verdict.passed for verdict in verdicts(config, cases, None))


def test_keys_of_an_entry_and_of_a_segment_of_its_name_override_it_in_this_order(tmp_path: Path) -> None:
    playbook = {"physical-therapy": {"win-back": {"priority": 3, "sites": ["lincoln"], "describe": "ours"}}}
    config = _config(tmp_path, {"playbook": playbook, "segments": {"win-back": {"priority": 7}}})
    segment = config.settings.segments["win-back"]
    assert (segment.priority, segment.sites, segment.describe, segment.purpose) == (
        7,
        ("lincoln",),
        "ours",
        "treatment",
    )
    given = {"site": "boulder", "visits": [{"date": "2026-03-01", "status": "fulfilled"}]}
    case = {"name": "c", "as_of": "2026-04-10", "given": given, "expect": {"not_segments": ["win-back"]}}
    assert verdicts(config, [case], None)[0].passed


@pytest.mark.parametrize(
    ("playbook", "path", "word"),
    [
        ({"physical-thrapy": {}}, "playbook.physical-thrapy", "did you mean 'physical-therapy'?"),
        ({"physical-therapy": {"winback": {}}}, "playbook.physical-therapy.winback", "did you mean 'win-back'?"),
        (
            {"physical-therapy": {"win-back": {"with": {"weeks": 3}}}},
            "playbook.physical-therapy.win-back.with.weeks",
            "it publishes days",
        ),
        (
            {"physical-therapy": {"win-back": {"by_site": {"omaha": {"with": {"days": 3}}}}}},
            "playbook.physical-therapy.win-back.by_site.omaha",
            "no such site",
        ),
        ({"physical-therapy": {"win-back": {"prio": 3}}}, "playbook.physical-therapy.win-back.prio", "unknown key"),
    ],
)
def test_what_no_playbook_has_is_refused_at_its_place(
    tmp_path: Path, playbook: dict[str, Any], path: str, word: str
) -> None:
    (problem,) = _faults(tmp_path, playbook)
    assert (problem.path, word in problem.message) == (path, True)


def test_the_page_of_the_documentation_is_that_of_the_playbooks() -> None:
    page = Path(__file__).parents[2] / "docs" / "reference" / "playbooks.md"
    assert page.read_text(encoding="utf-8") == playbook_reference.reference()


def test_each_entry_says_what_it_needs_and_what_to_set_up(everything: Config) -> None:
    assert Judge(everything).settings.segments.keys() >= {"win-back", "tune-up"}
    for name in playbook_names():
        for entry in load_playbook(name).entries.values():
            assert entry.about
            assert entry.needs
            assert entry.provider
