"""Measures pulls, the line and identity: `make bench` (or `python -m bench`; QUICK=1 leaves out 100,000 patients)."""

import argparse
import json
import os
import platform
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from bench.passes import Case, Measure, identity
from bench.pulls import COMPARED, Pulled, pulls_of
from bench.server import postgresql
from bench.targets import MIB, Verdict, identity_verdicts, pull_verdicts, verdicts

RESULTS = Path(__file__).parent / "results"
PARTS = ("pulls", "line", "identity")
_COLUMNS = ("data", "patients", "pass", "CPU µs/record", "x bare", "% of first", "wall s", "peak MiB", "writes")


def main() -> None:
    """Measures, prints, and keeps the figures below bench/results."""
    options = _options()
    console = Console(width=120, highlight=False)
    figures: dict[str, Any] = {}
    if "pulls" in options.parts:
        figures["pulls"] = list(map(asdict, _pulls(options, console)))
    if "line" in options.parts:
        figures["measures"] = list(map(asdict, _line(options, console)))
    if "identity" in options.parts:
        figures["identity"] = identity(options.identity)
        _judge(identity_verdicts(figures["identity"]), console)
    console.print(f"The figures are in {_keep(figures)}")


def _pulls(options: argparse.Namespace, console: Console) -> list[Pulled]:
    found: list[Pulled] = []
    for pulled in pulls_of(options.pulled):
        console.print(f"{pulled.way}, {pulled.records:,} patients pulled: {pulled.micros:.1f} µs a record")
        found.append(pulled)
    console.print(_pull_table(found))
    _judge(pull_verdicts(found), console)
    return found


def _line(options: argparse.Namespace, console: Console) -> list[Measure]:
    measures: list[Measure] = []
    for case in _cases(options):
        for measure in case.measures():
            console.print(
                f"{case.kind} {case.engine} {case.patients:,}, {measure.name}: {measure.micros:.1f} µs a record"
            )
            measures.append(measure)
    console.print(_table(measures))
    _judge(verdicts(measures), console)
    return measures


def _judge(found: list[Verdict], console: Console) -> None:
    for verdict in found:
        console.print(f"{'kept  ' if verdict.kept else 'MISSED'}  {verdict.target}: {verdict.found}")


def _options() -> argparse.Namespace:
    sizes = [10_000] if os.environ.get("QUICK", "0") not in ("", "0") else [10_000, 100_000]
    parser = argparse.ArgumentParser(prog="python -m bench", description="Measures pulls, the line and identity.")
    parser.add_argument("--parts", choices=PARTS, nargs="+", default=PARTS, help="what to measure")
    parser.add_argument(
        "--pulled",
        type=int,
        nargs="+",
        default=[10_000, 100_000],
        metavar="PATIENTS",
        help=f"sizes at which the sources' memory is measured, beside {COMPARED:,} (multiples of 500)",
    )
    parser.add_argument("--patients", type=int, nargs="+", default=sizes, help="numbers of patients (5 visits each)")
    parser.add_argument("--format", choices=["csv", "fhir"], nargs="+", default=["csv", "fhir"], dest="formats")
    rows = 50_000 if max(sizes) < 100_000 else 250_000
    parser.add_argument("--identity", type=int, default=rows, metavar="ROWS", help="new rows to resolve in one load")
    parser.add_argument("--postgresql", action="store_true", help="into PostgreSQL instead of SQLite")
    parser.add_argument("--profile", action="store_true", help="under cProfile; leaves *.prof beside the data")
    return parser.parse_args()


def _cases(options: argparse.Namespace) -> Iterator[Case]:
    with ExitStack() as stack:
        server = stack.enter_context(postgresql()) if options.postgresql else None
        for kind in options.formats:
            for patients in sorted(options.patients):
                case = Case(kind=kind, patients=patients, profiled=options.profile)
                if server is None:
                    yield case
                else:
                    database = server.database(f"{kind}_{patients}")
                    yield Case(
                        kind=kind,
                        patients=patients,
                        engine="postgresql",
                        database=database,
                        profiled=options.profile,
                    )


def _table(measures: list[Measure]) -> Table:
    table = Table(*_COLUMNS, title="CPU is this process's own; x bare: csv.reader or orjson over the same bytes")
    for column in table.columns[3:]:
        column.justify = "right"
    first = {(m.kind, m.engine, m.patients): m.cpu for m in measures if m.name == "first load"}
    for m in measures:
        table.add_row(
            f"{m.kind}, {m.engine}",
            f"{m.patients:,}",
            m.name,
            f"{m.micros:.1f}",
            f"{m.micros / m.bare_micros:.1f}",
            f"{m.cpu / first[(m.kind, m.engine, m.patients)]:.1%}",
            f"{m.wall:.1f}",
            f"{m.rss / MIB:.0f}",
            f"{m.writes}",
        )
    return table


def _pull_table(pulls: list[Pulled]) -> Table:
    table = Table(
        "way", "patients", "CPU µs/record", "records/s", "peak MiB", title="Patients of a FHIR server, 500 a page"
    )
    for column in table.columns[1:]:
        column.justify = "right"
    for each in pulls:
        speed = f"{each.records / each.wall:,.0f}"
        table.add_row(each.way, f"{each.records:,}", f"{each.micros:.1f}", speed, f"{each.rss / MIB:.0f}")
    return table


def _keep(figures: dict[str, Any]) -> Path:
    RESULTS.mkdir(exist_ok=True)
    now = datetime.now(UTC)
    path = RESULTS / f"{now:%Y%m%dT%H%M%SZ}.json"
    head = {"at": now.isoformat(), "python": platform.python_version(), "machine": platform.machine()}
    path.write_text(json.dumps({**head, "cores": os.cpu_count(), **figures}, indent=1) + "\n", encoding="utf-8")
    return path


if __name__ == "__main__":
    main()
