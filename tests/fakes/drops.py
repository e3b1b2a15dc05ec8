"""A tabular source on a folder of invented files."""

import os
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from connectors.base import Pass, RawRow, Refusal
from connectors.settings import Surroundings
from connectors.tabular import TabularSettings, TabularSource
from connectors.tabular.proof import Dialect, Proved, Recall, prove
from mappings.plan import Plan
from tests.fakes.known import AT, MemoryKnown, land
from tests.fakes.lent import lent

DENVER = ZoneInfo("America/Denver")
AROUND = Surroundings(
    zone=ZoneInfo("America/Chicago"),
    phone_region="US",
    site_zones={"lincoln": ZoneInfo("America/Chicago"), "boulder": DENVER},
)
PATIENTS = {"patients": {"files": "patients*"}}


def source(folder: Path, **keys: Any) -> TabularSource:
    return TabularSource("plain", settings(folder, **keys), AROUND, lent())


def settings(folder: Path, **keys: Any) -> TabularSettings:
    return TabularSettings.model_validate({"kind": "tabular", "folder": folder} | (keys or PATIENTS))


def only(passes: list[tuple[Pass, list[RawRow]]]) -> tuple[Pass, list[RawRow]]:
    assert len(passes) == 1
    return passes[0]


def refusal(folder: Path, **keys: Any) -> Refusal:
    pass_, _ = only(land(source(folder, **keys), MemoryKnown()))
    assert pass_.refusal is not None
    return pass_.refusal


def growing(path: Path, name: str, plan: Plan, dialect: Dialect, recall: Recall | None) -> Proved:
    """The proof of a file that somebody is still writing."""
    proved = prove(path, name, plan, dialect, recall)
    os.utime(path, (AT.timestamp(), AT.timestamp()))
    return proved


def put(folder: Path, name: str, content: str | bytes, *, changed: datetime = AT - timedelta(hours=1)) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    os.utime(path, (changed.timestamp(), changed.timestamp()))
    return path
