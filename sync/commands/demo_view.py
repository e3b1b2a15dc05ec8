"""What the demo tells: what was read, linked, quarantined; each status and segment; what was withheld; where it lies."""

import sys
from collections import defaultdict
from pathlib import Path

import orjson
from rich.table import Table

from mappings.withheld import WITHHELD
from sync.build import Service
from sync.commands.pass_view import console_for, show_pass
from sync.commands.screen import grid
from sync.report import Report
from sync.status import status_of


def show_demo(service: Service, report: Report, folder: Path, *, made: bool, as_json: bool) -> None:
    """Prints the demo's outcome to stdout."""
    status = status_of(service)
    if as_json:
        sys.stdout.write(orjson.dumps({**report.to_json(), "status": status}).decode() + "\n")
        return
    console = console_for(sys.stdout)
    console.print(
        f"[bold]{'Made' if made else 'Found'} a synthetic practice in {folder}[/] (3 clinics, 2 EMRs, web leads)"
    )
    show_pass(report, as_json=False)
    console.print(_counts("Where everybody stands", "status", status["by_status"]))
    console.print(_counts("Segments", "segment", status["by_segment"]))
    console.print(_withheld(status["destinations"]))
    for line in _closing(service, report, folder):
        console.print(line, soft_wrap=True, highlight=False)


def _counts(title: str, noun: str, counts: dict[str, int]) -> Table:
    table = grid(noun, "contacts", title=title)
    table.columns[1].justify = "right"
    for name, n in sorted(counts.items(), key=lambda item: -item[1]):
        table.add_row(name, f"{n:,}")
    return table


def _withheld(destinations: dict[str, dict[str, dict[str, dict[str, int]]]]) -> Table:
    table = grid("destination", "because", "from which segment or status, how many contacts", title="Withheld")
    for destination, state in destinations.items():
        by_reason: dict[str, list[tuple[int, str]]] = defaultdict(list)
        for name, reasons in state["withheld"].items():
            for reason, n in reasons.items():
                by_reason[reason].append((n, "everything" if name == "*" else name))
        for reason, found in sorted(by_reason.items(), key=lambda item: -sum(n for n, _ in item[1])):
            shown = ", ".join(f"{name} {n:,}" for n, name in sorted(found, reverse=True))
            table.add_row(destination, WITHHELD.get(reason, reason), shown)
    return table


def _closing(service: Service, report: Report, folder: Path) -> list[str]:
    changed = sum(p.tally.changed for p in report.pulled.values())
    writes = sum(p.calls for p in report.pushed.values())
    wishes = sum(report.reviewed.wishes.values())
    lines = [f"{changed:,} changes, {wishes:,} wishes, {writes:,} files written."]
    lines += [f"Look at {folder / 'out' / name}" for name in service.destinations]
    config = folder / "prm-sync.yaml"
    lines.append(f"Go on with: prm-sync --config {config} status (or: segments, quarantine list, explain CONTACT)")
    lines.append("Run the demo again: nothing changes.")
    return lines
