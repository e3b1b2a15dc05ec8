"""Pulls over HTTP: prm-sync's beside fhirpy and plain requests, round by round, each in a process of its own."""

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Final

from bench.fhir_stub import fhir_stub

COMPARED: Final = 50_000
"""Patients of the comparison."""
_ROUNDS: Final = 3
_IN_TURNS: Final = ("bytes", "json", "fhir-search", "export bytes", "export mapped", "fhir-bulk")


@dataclass(frozen=True, slots=True, kw_only=True)
class Pulled:
    """One measured pull: seconds of CPU and wall, bytes of memory. `way` is one of `bench.puller.WAYS`."""

    way: str
    records: int
    cpu: float
    wall: float
    startup: float
    rss: int

    @property
    def micros(self) -> float:
        """CPU µs per record."""
        return self.cpu * 1e6 / self.records


def pulls_of(sizes: Sequence[int]) -> Iterator[Pulled]:
    """The comparison, then prm-sync's sources alone at each of the sizes."""
    with fhir_stub(COMPARED) as url:
        for way in (*_IN_TURNS * _ROUNDS, "fhirpy"):
            yield _pulled(way, url, COMPARED)
    for size in sorted(sizes):
        with fhir_stub(size) as url:
            yield _pulled("fhir-search", url, size)
            yield _pulled("fhir-bulk", url, size)


def usual(pulls: Sequence[Pulled], way: str) -> float:
    """The median CPU µs per record of the comparison's rounds."""
    return median(each.micros for each in pulls if each.way == way and each.records == COMPARED)


def _pulled(way: str, url: str, patients: int) -> Pulled:
    command = [sys.executable, "-m", "bench.puller", way, url]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True, cwd=Path(__file__).parents[1])
    pulled = Pulled(way=way, **json.loads(done.stdout))
    if pulled.records != patients:
        raise RuntimeError(f"{way}: {pulled.records} of {patients} patients came")
    return pulled
