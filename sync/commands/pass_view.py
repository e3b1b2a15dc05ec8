"""How a pass is shown: progress on a terminal while it runs, tables and sentences when it has ended."""

import sys
from types import TracebackType
from typing import Final, Self, TextIO

import orjson
from rich.console import Console
from rich.progress import BarColumn, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bars
from rich.table import Table

from sync.commands.screen import grid
from sync.report import Report

WIDTH: Final = 110


class Progress:
    """A line a source on a terminal's stderr; nothing elsewhere."""

    def __init__(self, *, shown: bool) -> None:
        columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(bar_width=20), TimeElapsedColumn())
        self._bars = Bars(*columns, console=Console(stderr=True), transient=True) if shown else None
        self._tasks: dict[str, TaskID] = {}

    def __enter__(self) -> Self:
        if self._bars is not None:
            self._bars.start()
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        if self._bars is not None:
            self._bars.stop()

    def tell(self, source: str, file: str, rows: int) -> None:
        """Says how many rows of a file were read."""
        if self._bars is None:
            return
        if source not in self._tasks:
            self._tasks[source] = self._bars.add_task(source, total=None)
        self._bars.update(self._tasks[source], description=f"{source}: {file}, {rows:,} rows")


def console_for(stream: TextIO) -> Console:
    """A console as wide as the terminal; of a fixed width where there is none."""
    return Console(file=stream, width=None if stream.isatty() else WIDTH)


def show_pass(report: Report, *, as_json: bool) -> None:
    """Prints a pass to stdout."""
    if as_json:
        sys.stdout.write(orjson.dumps(report.to_json()).decode() + "\n")
        return
    console = console_for(sys.stdout)
    if report.pulled:
        console.print(_sources(report))
    if report.pushed or report.observed:
        console.print(_destinations(report))
    for line in sentences(report):
        console.print(line, markup=False, highlight=False, soft_wrap=True)


def _sources(report: Report) -> Table:
    table = grid("source", "files", "read", "unchanged", "changed", "absent", "quarantined", "ignored", title="Pulled")
    for name, pulled in report.pulled.items():
        tally = pulled.tally
        counts = (tally.read, tally.unchanged, tally.changed, tally.absent, tally.quarantined, tally.ignored)
        table.add_row(name, str(len(pulled.landed)), *(f"{n:,}" for n in counts))
    return table


def _destinations(report: Report) -> Table:
    table = grid("destination", "wished", "sent", "accepted", "refused", "later", "calls", title="Pushed")
    for name, pushed in report.pushed.items():
        counts = (pushed.sent, pushed.accepted, pushed.refused, pushed.retried, pushed.calls)
        table.add_row(name, f"{report.reviewed.wishes[name]:,}", *(f"{n:,}" for n in counts))
    for name in report.observed:
        table.add_row(name, f"{report.reviewed.wishes[name]:,}", "observe: nothing is written", "", "", "", "")
    return table


def sentences(report: Report) -> list[str]:
    """What the tables do not say: contacts, transitions, what was refused, held or failed, and what to do."""
    pulled = report.pulled.values()
    lines = [
        f"{sum(p.created for p in pulled):,} new contacts, {sum(p.merged for p in pulled):,} merged; "
        f"{report.reviewed.contacts:,} reviewed, {report.reviewed.transitions:,} changed status."
    ]
    lines += [f"Refused from {name}: {refusal}" for name, p in report.pulled.items() for refusal in p.refused]
    lines += [f"Set aside as older than what has landed: {name}" for p in pulled for name in p.older]
    for name, found in report.pulled.items():
        for (code, column), n in sorted(found.tally.rejected_as.items()):
            lines.append(
                f"Quarantined from {name}: {n} × {code.replace('_', ' ')}" + (f" in {column}" if column else "")
            )
    for hold in [*report.held, *(h for p in pulled for h in p.held)]:
        lines.append(
            f"Held: {hold.id} ({hold.kind} {hold.name}); see it: prm-sync status, then: prm-sync apply {hold.id}, or discard {hold.id}"
        )
    lines += [f"Failed: {trouble.kind} {trouble.name}: {trouble.sentence}" for trouble in report.troubles]
    return lines
