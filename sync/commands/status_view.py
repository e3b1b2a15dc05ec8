"""How the status is shown on a terminal."""

from collections.abc import Mapping
from typing import Any

from rich.table import Table

from sync.commands.screen import grid, screen
from sync.troubles import troubles


def show_status(status: Mapping[str, Any]) -> None:
    """Prints tables of sources, destinations and contacts, then each trouble with what to do."""
    console = screen()
    console.print(_sources(status["sources"], status["quarantine"]))
    console.print(_destinations(status["destinations"]))
    console.print(_contacts(status))
    for name, source in status["sources"].items():
        if source["other_payers"]:
            said = f"{source['other_payers']:,} patients of {name} have a payer of class other (see its payers:)."
            console.print(_plain(said))
    found = troubles(status)
    for trouble in found:
        console.print(f"[bold red]![/] {_plain(trouble.sentence)}\n  → {_plain(trouble.advice)}")
    if not found:
        console.print("Nothing needs a person.")


def _plain(text: str) -> str:
    return text.replace("[", r"\[")


def _sources(sources: Mapping[str, Any], quarantine: Mapping[str, int]) -> Table:
    table = grid("source", "last success", "data as of", "fresh", "quarantined", "next run", title="Sources")
    for name, source in sources.items():
        fresh = "[red]stale[/]" if source["stale"] else "yes" if source["data_as_of"] else "–"
        table.add_row(
            name,
            _short(source["last_success"]),
            _short(source["data_as_of"]),
            fresh,
            f"{quarantine.get(name, 0):,}",
            _short(source["next_run"]),
        )
    return table


def _destinations(destinations: Mapping[str, Any]) -> Table:
    table = grid("destination", "mode", "pending", "held", "parked", "last push", "circuit", title="Destinations")
    for name, found in destinations.items():
        counts = (found["pending"], found["held"], found["parked"])
        circuit = found["circuit"] if found["error"] is None else f"[red]{found['circuit']}[/]"
        table.add_row(name, found["mode"], *(f"{n:,}" for n in counts), _short(found["last_push"]), circuit)
    return table


def _contacts(status: Mapping[str, Any]) -> Table:
    table = grid("status", "contacts", title=f"{status['contacts']:,} contacts")
    for name, n in sorted(status["by_status"].items(), key=lambda item: -item[1]):
        table.add_row(name, f"{n:,}")
    return table


def _short(instant: str | None) -> str:
    return instant[:16].replace("T", " ") + " UTC" if instant is not None else "–"
