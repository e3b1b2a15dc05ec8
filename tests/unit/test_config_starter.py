"""`init` writes a configuration that is good as it is."""

from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from config.document import read_document
from config.load import load
from config.schema import schema
from config.starter import starter
from connectors.settings import read_secret


def test_the_starter_loads_without_problems_or_warnings(tmp_path: Path) -> None:
    starter(tmp_path / "practice")
    config = load(tmp_path / "practice" / "prm-sync.yaml")
    assert config.warnings == ()
    assert list(config.settings.sources) == ["emr"]
    assert list(config.settings.destinations) == ["contacts"]


def test_the_starter_validates_against_its_schema(tmp_path: Path) -> None:
    starter(tmp_path)
    data = read_document(tmp_path / "prm-sync.yaml").data
    assert list(Draft202012Validator(schema()).iter_errors(data)) == []


def uncommented(path: Path, marker: str) -> str:
    """The file with each commented block that begins with `marker` switched on."""
    lines, on = [], False
    for line in path.read_text(encoding="utf-8").splitlines():
        bare = line.lstrip(" ")
        on = bare.startswith("# " + marker) or (on and bare.startswith("#"))
        lines.append(line.replace("# ", "", 1) if on else line)
    return "\n".join(lines) + "\n"


def test_the_commented_provider_and_segment_load_when_switched_on(tmp_path: Path) -> None:
    starter(tmp_path)
    main, operators = tmp_path / "prm-sync.yaml", tmp_path / "operators" / "segments.yaml"
    operators.write_text(uncommented(operators, "segments:"), encoding="utf-8")
    for marker in ("newsletter:", "web-leads:", "consent:"):
        main.write_text(uncommented(main, marker), encoding="utf-8")
    config = load(main)
    assert config.settings.destinations["newsletter"].mode == "observe"
    assert config.settings.sources["web-leads"].role == "leads"
    assert config.settings.sources["emr"].consent[0].column == "Email OK"
    assert list(config.rules) == ["win-back"]


def test_the_headers_lead_editors_to_the_schema(tmp_path: Path) -> None:
    starter(tmp_path)
    for name in ("prm-sync.yaml", "operators/segments.yaml"):
        path = tmp_path / name
        header = path.read_text(encoding="utf-8").splitlines()[0]
        assert header.startswith("# yaml-language-server: $schema=")
        assert (path.parent / header.partition("=")[2]).is_file()


def test_secrets_are_private_fresh_and_readable_by_us(tmp_path: Path) -> None:
    starter(tmp_path / "a")
    starter(tmp_path / "b")
    key = tmp_path / "a" / "secrets" / "log.key"
    assert (key.stat().st_mode & 0o777, key.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    assert key.read_bytes() != (tmp_path / "b" / "secrets" / "log.key").read_bytes()
    reference = load(tmp_path / "a" / "prm-sync.yaml").settings.log_key
    assert reference is not None
    assert len(bytes.fromhex(read_secret(reference, "log_key"))) == 32


@pytest.mark.parametrize("name", ["prm-sync.yaml", "secrets/log.key", "operators/segments.yaml", ".gitignore"])
def test_nothing_is_overwritten_and_then_nothing_is_written(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    path.write_text("mine")
    with pytest.raises(FileExistsError, match=str(path)):
        starter(tmp_path)
    assert path.read_text() == "mine"
    assert [file for file in tmp_path.rglob("*") if file.is_file()] == [path]


def test_neither_secrets_nor_patients_get_into_a_repository(tmp_path: Path) -> None:
    starter(tmp_path)
    ignored = (tmp_path / ".gitignore").read_text(encoding="utf-8").split()
    assert {"/secrets/", "/drops/", "/out/", "/var/"} <= set(ignored)
