"""Configurations of two clinics with some operators' file, and cases judged under them."""

import json
from collections.abc import Iterable
from datetime import date
from pathlib import Path
from typing import Any

from config.cases import Case, CaseSettings
from config.load import Config, load
from config.problem import ConfigError, Problem
from sync.cases import Judge, Verdict

MAIN: dict[str, Any] = {
    "version": 1,
    "practice": {"name": "Test Practice", "timezone": "America/Chicago"},
    "sites": {"lincoln": {"timezone": "America/Chicago"}, "boulder": {"timezone": "America/Denver"}},
}


def configured(folder: Path, operators: dict[str, Any], **main: Any) -> Config:
    """The configuration of two clinics with one operators' file; raises ConfigError."""
    (folder / "operators").mkdir(exist_ok=True)
    path = folder / "prm-sync.yaml"
    path.write_text(json.dumps(MAIN | main), encoding="utf-8")
    (folder / "operators" / "segments.yaml").write_text(json.dumps(operators), encoding="utf-8")
    return load(path)


def refused(folder: Path, operators: dict[str, Any], **main: Any) -> list[Problem]:
    """The problems of a configuration that is not taken."""
    try:
        configured(folder, operators, **main)
    except ConfigError as error:
        return list(error.problems)
    raise AssertionError("it was taken")


def verdicts(config: Config, cases: Iterable[CaseSettings | dict[str, Any]], segment: str | None) -> list[Verdict]:
    """Cases judged, each at its own day."""
    judge = Judge(config)
    read = [case if isinstance(case, CaseSettings) else CaseSettings.model_validate(case) for case in cases]
    return [judge.verdict(Case(case, (), segment), None, date(2026, 3, 20)) for case in read]
