"""The wheel is whole: it runs from anywhere, carries its data, and shares its names with nobody.

It is built by the locked backend and installed without its dependencies, which the new environment borrows
from the one that runs the tests; so nothing is fetched.
"""

import json
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("sync", "connectors", "mappings", "config")


class Installed(NamedTuple):
    """An environment that holds the wheel, and a folder that is far from the checkout."""

    environment: Path
    elsewhere: Path

    def run(self, program: str, *arguments: str) -> str:
        command = [str(self.environment / "bin" / program), *arguments]
        done = subprocess.run(command, cwd=self.elsewhere, env={}, text=True, capture_output=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    subprocess.run(build, check=True, capture_output=True)
    (path,) = folder.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    folder = tmp_path_factory.mktemp("clean")
    environment, elsewhere = folder / "venv", folder / "elsewhere"
    elsewhere.mkdir()
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(environment)], check=True)
    python = environment / "bin" / "python"
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", str(python)]
    subprocess.run([*pip, "install", "--quiet", "--no-index", "--no-deps", str(wheel)], check=True)
    (site,) = environment.glob("lib/python*/site-packages")
    (site / "borrowed.pth").write_text(sysconfig.get_path("purelib") + "\n", encoding="utf-8")
    return Installed(environment, elsewhere)


def test_the_wheel_carries_every_file_of_the_packages_and_no_other(wheel: Path) -> None:
    tree = {
        str(path.relative_to(ROOT))
        for package in PACKAGES
        for path in (ROOT / package).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    with zipfile.ZipFile(wheel) as archive:
        carried = {name for name in archive.namelist() if ".dist-info/" not in name}
    assert carried == tree


@pytest.mark.parametrize(
    "name",
    [
        "config/schema.json",
        "config/examples/demo/prm-sync.yaml",
        "config/examples/demo/operators/segments.yaml",
        "config/examples/starter/prm-sync.yaml",
        "mappings/presets/generic.yaml",
        "mappings/presets/webpt.standard-extract.yaml",
        "sync/store/migrations/env.py",
    ],
)
def test_the_wheel_carries_its_data(wheel: Path, name: str) -> None:
    with zipfile.ZipFile(wheel) as archive:
        assert archive.getinfo(name).file_size > 0


def test_the_installed_command_tells_its_version_and_its_help(installed: Installed) -> None:
    assert "0.1.0" in installed.run("prm-sync", "--version")
    assert "check" in installed.run("prm-sync", "--help")


def test_the_installed_command_writes_and_checks_a_configuration(installed: Installed) -> None:
    installed.run("prm-sync", "init")
    installed.run("prm-sync", "check")


def test_the_top_level_names_belong_to_this_distribution_alone(installed: Installed) -> None:
    ask = f"import importlib.metadata as m, json; d = m.packages_distributions(); print(json.dumps([d[n] for n in {PACKAGES}]))"
    assert json.loads(installed.run("python", "-c", ask)) == [["prm-sync"]] * len(PACKAGES)
