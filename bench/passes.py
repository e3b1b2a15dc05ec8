"""The three passes over one practice: first load, everything read again unchanged, 1 % changed."""

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from bench.exports import Export, Format
from bench.people import VISITS
from bench.practice import drop, lay_out

DATA: Final = Path(__file__).parent / "data"
AT: Final = datetime(2026, 3, 2, 18, tzinfo=UTC)
"""When the first pass runs; the others follow by the hour, so that time alone changes nobody."""

_EXPORTS: Final = {
    "first load": (False, False),
    "unchanged": (True, False),
    "1 % changed": (True, True),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """One measured pass: seconds of CPU and wall, bytes of memory; `bare_cpu` is bare reading of the same bytes."""

    kind: Format
    engine: str
    patients: int
    name: str
    size: int
    rows: int
    cpu: float
    wall: float
    startup: float
    rss: int
    bare_cpu: float
    report: dict[str, Any]

    @property
    def micros(self) -> float:
        """CPU µs per record read."""
        return self.cpu * 1e6 / self.rows

    @property
    def bare_micros(self) -> float:
        """CPU µs per record of bare reading."""
        return self.bare_cpu * 1e6 / self.rows

    @property
    def writes(self) -> int:
        """Calls to destinations that write (a file is one)."""
        return sum(found["calls"] for found in self.report["destinations"].values())

    @property
    def wishes(self) -> int:
        """Documents that the review wished to send."""
        return int(self.report["wishes"])


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """What is measured: a format, a number of patients, an engine's name and the URL of an empty database."""

    kind: Format
    patients: int
    engine: str = "sqlite"
    database: str = "sqlite:///var/prm.db"
    profiled: bool = False

    def measures(self) -> Iterator[Measure]:
        """Runs the passes one after the other, each in a process of its own."""
        folder = DATA / f"{self.kind}-{self.patients}-{self.engine}"
        config = lay_out(folder, self.kind, self.database)
        for hour, (name, (turned, changed)) in enumerate(_EXPORTS.items()):
            at = AT + timedelta(hours=hour)
            export = Export(self.patients, at - timedelta(minutes=30), turned, changed)
            size = drop(folder, self.kind, export)
            bare = _worker("bare", self.kind, str(folder / "drops"))
            profile = [str(folder / f"{name.replace(' ', '-')}.prof")] if self.profiled else []
            found = _worker("line", str(config), at.isoformat(), *profile)
            yield self._measure(name, size, bare, found)

    def _measure(self, name: str, size: int, bare: dict[str, Any], found: dict[str, Any]) -> Measure:
        rows = sum(source["read"] for source in found["report"]["sources"].values())
        measure = Measure(
            kind=self.kind, engine=self.engine, patients=self.patients, name=name, size=size, rows=rows,
            bare_cpu=bare["cpu"], **{key: found[key] for key in ("cpu", "wall", "startup", "rss", "report")},
        )  # fmt: skip
        _check(measure)
        return measure


def _check(measure: Measure) -> None:
    """A pass that did not do its work has no time worth printing."""
    expected = measure.patients * (1 + VISITS)
    if measure.rows != expected or measure.report["troubles"] or measure.report["held"] or measure.report["refused"]:
        raise RuntimeError(f"{measure.kind}, {measure.name}: {measure.rows} of {expected} rows; {measure.report}")
    changed = sum(source["changed"] for source in measure.report["sources"].values())
    share = {"first load": 1.0, "unchanged": 0.0, "1 % changed": 0.01}[measure.name]
    if abs(changed - expected * share) > expected * 0.001:
        raise RuntimeError(f"{measure.kind}, {measure.name}: {changed} rows changed")


def identity(rows: int) -> dict[str, Any]:
    """What identity costs so many rows, and how well it tells people apart (`bench.identity`)."""
    return _ran("bench.identity", str(rows))


def _worker(*arguments: str) -> dict[str, Any]:
    return _ran("bench.worker", *arguments)


def _ran(module: str, *arguments: str) -> dict[str, Any]:
    command = [sys.executable, "-m", module, *arguments]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True, cwd=Path(__file__).parents[1])
    found: dict[str, Any] = json.loads(done.stdout)
    return found
