"""One measured stretch of work in a process of its own, so that its peak of memory is its own; prints JSON.

python -m bench.worker line CONFIG INSTANT [PROFILE]     one pass of the line
python -m bench.worker bare csv|fhir FOLDER              csv.reader or orjson over every byte of the files
"""

import csv
import json
import resource
import sys
import time
from collections.abc import Callable
from contextlib import redirect_stderr
from cProfile import Profile
from datetime import datetime
from os import devnull
from pathlib import Path
from typing import Any

import orjson

from config.load import load
from sync.build import build
from sync.pipeline import Line


def peak_rss() -> int:
    """The process's own peak of resident memory in bytes.

    Not ru_maxrss where there is a choice: on Linux that begins with the peak of the process that started this one
    (man 2 getrusage; exec keeps it), VmHWM does not.
    """
    status = Path("/proc/self/status")
    if status.exists():
        lines = status.read_text(encoding="ascii").splitlines()
        return int(next(line for line in lines if line.startswith("VmHWM:")).split()[1]) * 1024
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024


def measured(work: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Runs work once; adds `cpu` and `wall` in seconds, `startup` (CPU before it) and `rss` in bytes to its result."""
    startup, began = time.process_time(), time.perf_counter()
    result = work()
    cpu, wall = time.process_time() - startup, time.perf_counter() - began
    return {**result, "startup": startup, "cpu": cpu, "wall": wall, "rss": peak_rss()}


def line(config: Path, at: datetime, profile: Path | None) -> dict[str, Any]:
    """One pass of the line; what it imports and opens first counts as start-up."""
    service = build(load(config))

    def run() -> dict[str, Any]:
        with Path(devnull).open("w", encoding="utf-8") as nowhere, redirect_stderr(nowhere):
            return {"report": Line(service, at).run().to_json()}

    if profile is None:
        return measured(run)
    with Profile() as profiler:
        result = measured(run)
    profiler.dump_stats(profile)
    return result


def bare(kind: str, folder: Path) -> dict[str, Any]:
    """Reads every file of a folder and keeps nothing."""
    read = _read_csv if kind == "csv" else _read_json
    return measured(lambda: {"rows": sum(read(path) for path in sorted(folder.iterdir()))})


def _read_csv(path: Path) -> int:
    with path.open(encoding="utf-8", newline="") as file:
        return sum(1 for _ in csv.reader(file, strict=True)) - 1


def _read_json(path: Path) -> int:
    with path.open("rb") as file:
        return sum(1 for _ in map(orjson.loads, file))


def main(arguments: list[str]) -> None:
    """Runs what the arguments name and prints what it cost."""
    work, first, second, *rest = arguments
    if work == "line":
        found = line(Path(first), datetime.fromisoformat(second), Path(rest[0]) if rest else None)
    else:
        found = bare(first, Path(second))
    print(json.dumps(found))


if __name__ == "__main__":
    main(sys.argv[1:])
