"""What is installed is pinned by hash, and no lock names a host."""

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
RUNTIME, DEV, BENCH = "requirements.lock", "requirements-dev.lock", "requirements-bench.lock"
PIN = re.compile(r"([a-z0-9-]+)==([^\s;]+)(?: ; [^\\]+?)?((?: --hash=sha256:[0-9a-f]{64})+)")


def requirements(lock: str) -> list[str]:
    """One line for each requirement, its hashes included."""
    text = (ROOT / lock).read_text(encoding="utf-8")
    joined = re.sub(r"\s*\\\n\s*", " ", re.sub(r"^\s*#.*\n", "", text, flags=re.MULTILINE))
    return [line.strip() for line in joined.splitlines() if line.strip()]


def pins(lock: str) -> set[tuple[str, str]]:
    return {(match[1], match[2]) for line in requirements(lock) if (match := PIN.fullmatch(line))}


def project() -> dict[str, list[str]]:
    """The names that pyproject asks for, by the lock that must hold them."""
    data = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    groups = data["dependency-groups"]
    asked = {RUNTIME: data["project"]["dependencies"], DEV: groups["dev"], BENCH: groups["bench"]}
    return {
        lock: [re.split(r"[\[<>=,~ ]", name)[0].lower().replace(".", "-") for name in asked[lock]] for lock in asked
    }


@pytest.mark.parametrize("lock", [RUNTIME, DEV, BENCH])
def test_every_locked_requirement_is_pinned_to_one_version_and_hashed(lock: str) -> None:
    lines = requirements(lock)
    assert len(lines) > 10
    assert [line.split(" ")[0] for line in lines if not PIN.fullmatch(line)] == []


@pytest.mark.parametrize("lock", [RUNTIME, DEV, BENCH])
def test_a_lock_names_no_host_index_or_folder(lock: str) -> None:
    text = (ROOT / lock).read_text(encoding="utf-8")
    assert re.findall(r"://|--(?:extra-)?index|--find-links|--trusted-host| @ |file:", text) == []


def test_tests_and_benchmarks_run_with_the_versions_that_are_shipped() -> None:
    assert pins(RUNTIME) <= pins(DEV)
    assert len(dict(pins(DEV) | pins(BENCH))) == len(pins(DEV) | pins(BENCH))


@pytest.mark.parametrize("lock", [RUNTIME, DEV, BENCH])
def test_everything_that_the_project_asks_for_is_locked(lock: str) -> None:
    assert set(project()[lock]) <= {name for name, _ in pins(lock)}
