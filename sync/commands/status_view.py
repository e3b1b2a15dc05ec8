"""How the status is shown on a terminal."""

from collections.abc import Mapping, Sequence
from typing import Any
from zoneinfo import ZoneInfo

from rich.table import Table

from sync.commands.screen import grid, screen
from sync.funnel import STAGES
from sync.troubles import by_the_clock, troubles


def show_status(status: Mapping[str, Any]) -> None:
    """Prints tables of sources, destinations and contacts, then each trouble with what to do."""
    console = screen()
    zone = ZoneInfo(status["timezone"])
    console.print(_sources(status["sources"], status["quarantine"], zone))
    console.print(_destinations(status["destinations"], zone))
    console.print(_contacts(status))
    if status["funnel"]:
        console.print(_funnel(status["funnel"]))
    for name, source in status["sources"].items():
        if source["other_payers"]:
            said = f"{source['other_payers']:,} patients of {name} have a payer of class other (see its payers:)."
            console.print(_plain(said))
    for name, n in status["without_patient"].items():
        console.print(_plain(f"{n:,} visits of {name} belong to patients that no file has brought."))
    if status["observed_sites"]:
        console.print(f"Sites that only observe: {', '.join(status['observed_sites'])}.")
    found = troubles(status)
    for trouble in found:
        console.print(f"[bold red]![/] {_plain(trouble.sentence)}\n  → {_plain(trouble.advice)}")
    if not found:
        console.print("Nothing needs a person.")


def _plain(text: str) -> str:
    return text.replace("[", r"\[")


def _sources(sources: Mapping[str, Any], quarantine: Mapping[str, int], zone: ZoneInfo) -> Table:
    table = grid("source", "mode", "last success", "data as of", "fresh", "quarantined", "next run", title="Sources")
    for name, source in sources.items():
        fresh = "[red]stale[/]" if source["stale"] else "yes" if source["data_as_of"] else "–"
        table.add_row(
            name,
            _mode(source),
            by_the_clock(source["last_success"], zone),
            by_the_clock(source["data_as_of"], zone),
            fresh,
            f"{quarantine.get(name, 0):,}",
            by_the_clock(source["next_run"], zone),
        )
    return table


def _mode(source: Mapping[str, Any]) -> str:
    if source["is_retired"]:
        return f"retired {source['retired']}"
    until = f", until {source['retired']}" if source["retired"] else ""
    return f"{source['mode']}{until}"


def _destinations(destinations: Mapping[str, Any], zone: ZoneInfo) -> Table:
    table = grid("destination", "mode", "pending", "held", "parked", "last push", "circuit", title="Destinations")
    for name, found in destinations.items():
        counts = (found["pending"], found["held"], found["parked"])
        circuit = found["circuit"] if found["error"] is None else f"[red]{found['circuit']}[/]"
        table.add_row(name, found["mode"], *(f"{n:,}" for n in counts), by_the_clock(found["last_push"], zone), circuit)
    return table


def _contacts(status: Mapping[str, Any]) -> Table:
    table = grid("status", "contacts", title=f"{status['contacts']:,} contacts")
    for name, n in sorted(status["by_status"].items(), key=lambda item: -item[1]):
        table.add_row(name, f"{n:,}")
    return table


def _funnel(funnel: Sequence[Mapping[str, Any]]) -> Table:
    table = grid(
        "site", "lead source", *(stage.replace("_", " ") for stage in STAGES), title="Leads: how far they came"
    )
    for row in funnel:
        table.add_row(row["site"] or "–", row["lead_source"] or "–", *(f"{row[stage]:,}" for stage in STAGES))
    return table
