"""The log writes what the registry knows and nothing else."""

import io
import logging
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest

from config.load import Config, load
from connectors.base import Misconfigured
from connectors.settings import parse_duration
from sync import log
from sync.events import EVENTS, reference
from sync.log import Unregistered, bound, keys, person_hash, place_of, say, set_up

ROOT = Path(__file__).parents[2]
SAID = re.compile(r"""\bsay\(\s*"([^"]+)"(?:,\s*"(info|warning|error)")?""")
CHOSEN = re.compile(r'event = "([a-z_.]+)" if .* else "([a-z_.]+)"')
CONFIG = "version: 1\npractice: {name: Lakeside Physical Therapy, timezone: America/Chicago}\n"


@pytest.fixture(autouse=True)
def _key_of_the_process() -> Iterator[None]:
    key, warned = log._hashing.key, log._hashing.warned
    yield
    log._hashing.key, log._hashing.warned = key, warned


@pytest.fixture
def lenient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(log.STRICT)


def _config(folder: Path, more: str = "") -> Config:
    path = folder / "prm-sync.yaml"
    path.write_text(CONFIG + more)
    return load(path)


def _keyed(folder: Path, key: str = "k" * 64) -> Config:
    path = folder / "log.key"
    path.write_text(key)
    path.chmod(0o600)
    return _config(folder, "log_key: {file: log.key}\n")


def _lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    return [orjson.loads(line) for line in capsys.readouterr().err.splitlines()]


def _said() -> dict[str, set[str]]:
    """Every event that the code says, with its levels."""
    found: dict[str, set[str]] = {}
    for path in (ROOT / "sync").rglob("*.py"):
        text = path.read_text()
        for name, level in SAID.findall(text):
            found.setdefault(name, set()).add(level or "info")
        for names in CHOSEN.findall(text):
            for name in names:
                found.setdefault(name, set()).add("error")
    return found


def test_every_event_in_the_code_is_registered_and_every_registered_event_is_in_the_code() -> None:
    assert set(_said()) == set(EVENTS)


def test_the_code_says_each_event_at_its_registered_level() -> None:
    assert {name: {EVENTS[name].level} for name in EVENTS} == _said()


def test_warnings_and_errors_have_codes_of_their_own_and_advice() -> None:
    loud = {name: event for name, event in EVENTS.items() if event.level != "info"}
    codes = [event.code for event in loud.values()]
    assert all(code and re.fullmatch(r"PRM-\d{3}", code) for code in codes)
    assert len(set(codes)) == len(codes)
    assert [name for name, event in loud.items() if not event.command] == []


def test_only_what_cannot_wait_pages() -> None:
    paging = {name for name, event in EVENTS.items() if event.urgency == "page"}
    assert paging == {"database.corrupt", "database.replaced", "feedback.unread", "policy.refused"}


def test_the_reference_page_is_current() -> None:
    page = ROOT / "docs" / "reference" / "log-events.md"
    assert page.read_text(encoding="utf-8") == reference(keys()), "run: python -m sync.events"


def test_a_line_is_flat_json_with_an_instant_in_utc(capsys: pytest.CaptureFixture[str]) -> None:
    say("run.ended", n_read=3, seconds=0.25)
    (line,) = _lines(capsys)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", str(line.pop("ts")))
    assert line == {"level": "info", "event": "run.ended", "urgency": "none", "n_read": 3, "seconds": 0.25}


def test_a_warning_carries_its_code_and_what_to_do(capsys: pytest.CaptureFixture[str]) -> None:
    say("rows.quarantined", "warning", source="webpt", n_rows=2)
    (line,) = _lines(capsys)
    assert (line["code"], line["urgency"], line["next"]) == ("PRM-118", "morning", "prm-sync quarantine list")


def test_an_event_may_bring_its_own_advice(capsys: pytest.CaptureFixture[str]) -> None:
    say("source.failed", "error", source="webpt", next="mount the share again")
    assert _lines(capsys)[0]["next"] == "mount the share again"


def test_bound_keys_are_on_every_line_of_the_block_alone(capsys: pytest.CaptureFixture[str]) -> None:
    with bound(run_id="r1", job="pull:webpt"):
        say("source.pulled", source="webpt")
    say("source.pulled", source="webpt")
    inside, outside = _lines(capsys)
    assert (inside["run_id"], inside["job"]) == ("r1", "pull:webpt")
    assert not {"run_id", "job"} & outside.keys()


def test_a_key_without_a_value_is_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    say("hold.made", "warning", hold="H1", destination="newsletter", site=None)
    assert "site" not in _lines(capsys)[0]


@pytest.mark.parametrize(
    ("event", "level", "given"),
    [
        ("patient.seen", "info", {}),
        ("run.ended", "error", {}),
        ("run.ended", "info", {"email": "ann@example.com"}),
        ("run.ended", "info", {"source": "Ann Example"}),
        ("run.ended", "info", {"n_read": "ann@example.com"}),
        ("run.ended", "info", {"seconds": "0.1"}),
        ("source.failed", "error", {"next": "one\nand another"}),
    ],
)
def test_what_is_not_registered_is_an_error_in_tests(event: str, level: log.Level, given: dict[str, object]) -> None:
    with pytest.raises(Unregistered) as raised:
        say(event, level, **given)
    assert not [value for value in given.values() if str(value) in str(raised.value)]


@pytest.mark.usefixtures("lenient")
def test_what_is_not_registered_is_left_out_and_counted_in_production(capsys: pytest.CaptureFixture[str]) -> None:
    say("run.ended", email="ann@example.com", source="Ann Example", n_read=1)
    text = capsys.readouterr().err
    assert "ann@example.com" not in text
    assert "Ann" not in text
    assert (orjson.loads(text)["n_dropped"], orjson.loads(text)["n_read"]) == (2, 1)


@pytest.mark.usefixtures("lenient")
def test_an_unknown_event_is_marked_in_production(capsys: pytest.CaptureFixture[str]) -> None:
    say("Ann Example was seen")
    (line,) = _lines(capsys)
    assert (line["event"], line["urgency"]) == ("event.unknown", "none")


def test_a_person_is_twelve_digits_keyed_by_the_log_key(tmp_path: Path) -> None:
    set_up(_keyed(tmp_path))
    first = person_hash("c1")
    assert re.fullmatch(r"[0-9a-f]{12}", first)
    assert first != person_hash("c2")
    set_up(_keyed(tmp_path, "another" * 10))
    assert person_hash("c1") != first
    set_up(_keyed(tmp_path))
    assert person_hash("c1") == first


def test_without_a_log_key_a_warning_comes_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    set_up(_config(tmp_path))
    assert person_hash("c1") == person_hash("c1")
    assert [line["event"] for line in _lines(capsys)] == ["log.unkeyed"]


def test_an_unreadable_log_key_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="log_key"):
        set_up(_config(tmp_path, "log_key: {file: nowhere.key}\n"))


def test_what_libraries_say_is_named_without_their_text(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    set_up(_config(tmp_path))
    try:
        raise ValueError("ann@example.com is no number")
    except ValueError:
        logging.getLogger("some.package").exception("cannot read %s", "ann@example.com")
    logging.getLogger("urllib3.connectionpool").info("GET /lists?email=ann@example.com")
    text = capsys.readouterr().err
    assert "ann@example.com" not in text
    line = orjson.loads(text)
    assert (line["event"], line["logger"], line["error"]) == ("library.said", "some.package", "ValueError")


def test_setting_up_twice_hears_libraries_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = _config(tmp_path)
    set_up(config)
    set_up(config)
    logging.getLogger("some.package").warning("once")
    assert len(_lines(capsys)) == 1


def test_a_terminal_gets_plain_lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    set_up(_config(tmp_path))
    say("run.ended", n_read=3)
    monkeypatch.undo()
    set_up(_config(tmp_path))
    assert "run.ended" in terminal.getvalue()
    assert not terminal.getvalue().startswith("{")


def test_a_log_that_cannot_be_written_stops_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    class Full(io.StringIO):
        def write(self, _text: str) -> int:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(sys, "stderr", Full())
    say("run.ended", n_read=3)


def test_the_place_of_an_error_is_a_file_and_line_of_ours() -> None:
    with pytest.raises(ValueError, match="duration") as raised:
        parse_duration("soon")
    assert re.fullmatch(r"settings\.py:\d+", place_of(raised.value))


def test_an_error_that_no_code_of_ours_was_near_has_no_place() -> None:
    with pytest.raises(ValueError, match="column") as raised:
        orjson.loads(b"{")
    assert place_of(raised.value) == "library"
