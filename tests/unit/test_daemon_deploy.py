"""What is shipped to run the daemon is safe by default."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

DEPLOY = Path(__file__).parents[2] / "deploy"
UNIT = (DEPLOY / "prm-sync.service").read_text()
DOCKERFILE = (DEPLOY / "Dockerfile").read_text()


def _settings() -> dict[str, str]:
    return dict(re.findall(r"^([A-Z]\w+)=(.*)$", UNIT, re.MULTILINE))


def test_the_unit_restarts_what_fails_or_hangs_but_not_what_only_a_person_can_mend() -> None:
    unit = _settings()
    assert (unit["Type"], unit["Restart"]) == ("notify", "on-failure")
    assert set(unit["RestartPreventExitStatus"].split()) == {"77", "78"}
    assert int(unit["WatchdogSec"]) >= 60
    assert int(unit["TimeoutStopSec"]) > 30


def test_the_unit_keeps_patients_to_itself() -> None:
    unit = _settings()
    assert (unit["StateDirectoryMode"], unit["UMask"], unit["LimitCORE"]) == ("0700", "0077", "0")
    assert unit["DynamicUser"] == "yes"


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not installed here")
def test_systemd_rates_the_unit_s_exposure_as_low() -> None:
    command = ["systemd-analyze", "security", "--offline=true", "--threshold=20", str(DEPLOY / "prm-sync.service")]
    rated = subprocess.run(command, capture_output=True, text=True, check=False)
    assert rated.returncode == 0, rated.stdout[-200:] + rated.stderr


def test_the_image_runs_as_nobody_in_particular_from_locked_libraries() -> None:
    users = re.findall(r"^USER (\S+)$", DOCKERFILE, re.MULTILINE)
    assert users == ["10001:10001"]
    assert "--require-hashes" in DOCKERFILE
    assert 'CMD ["prm-sync", "status", "--fail"]' in DOCKERFILE


def test_images_are_named_without_a_host() -> None:
    images = re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE)
    assert images
    assert not [image for image in images if "/" in image]
