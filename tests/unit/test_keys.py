"""`keys generate`: a key pair for an EMR that knows its clients by their keys."""

import json
import stat
from pathlib import Path

import pytest
from typer.testing import CliRunner

from connectors.auth.signing_key import read_key
from sync.cli import app


def generate(*arguments: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, ["keys", "generate", *arguments], catch_exceptions=False)
    return result.exit_code, result.stdout, result.stderr


@pytest.mark.parametrize(("algorithm", "kind"), [("ES384", "EC"), ("RS384", "RSA")])
def test_a_private_key_and_its_public_set_are_written(tmp_path: Path, algorithm: str, kind: str) -> None:
    folder = tmp_path / "secrets"
    code, out, _err = generate("--folder", str(folder), "--alg", algorithm, "--name", "hospital")
    assert code == 0
    private, public = folder / "hospital.jwk", folder / "hospital.jwks.json"
    key = read_key(private.read_text(encoding="utf-8"), "k")
    (shown,) = json.loads(public.read_text(encoding="utf-8"))["keys"]
    assert (shown["kty"], shown["alg"], shown["use"], shown["kid"]) == (kind, algorithm, "sig", key.kid)
    assert not {"d", "p", "q", "dp", "dq", "qi"} & set(shown)
    assert stat.S_IMODE(private.stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert "hospital.jwks.json" in out
    assert "check --live" in out
    assert json.loads(private.read_text(encoding="utf-8"))["d"] not in out


@pytest.mark.parametrize("there", ["prm-sync.jwk", "prm-sync.jwks.json"])
def test_nothing_is_ever_overwritten(tmp_path: Path, there: str) -> None:
    (tmp_path / there).write_text("mine", encoding="utf-8")
    code, _out, err = generate("--folder", str(tmp_path))
    assert code == 64
    assert "there already" in err
    assert [path.name for path in tmp_path.iterdir()] == [there]
    assert (tmp_path / there).read_text(encoding="utf-8") == "mine"


def test_it_works_where_there_is_no_configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert generate()[0] == 0
    assert sorted(path.name for path in (tmp_path / "secrets").iterdir()) == ["prm-sync.jwk", "prm-sync.jwks.json"]


@pytest.mark.parametrize("name", ["../x", "a/b", "", ".hidden", "a b"])
def test_a_name_stays_in_its_folder(tmp_path: Path, name: str) -> None:
    result = CliRunner().invoke(app, ["keys", "generate", "--folder", str(tmp_path), "--name", name])
    assert result.exit_code != 0
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    code, _out, err = generate("--folder", str(tmp_path / "file" / "secrets"))
    assert code == 1
    assert "cannot be written" in err
