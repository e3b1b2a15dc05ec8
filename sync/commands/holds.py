"""`apply ID`, `discard ID`: what a person decides of a hold."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from sync.commands.options import ConfigOption, instant, open_config

if TYPE_CHECKING:
    from collections.abc import Callable

HoldArgument = Annotated[str, typer.Argument(metavar="ID", help="A hold, such as H1; see: prm-sync status.")]


def register(app: typer.Typer) -> None:
    """Adds the commands."""
    app.command()(apply)
    app.command()(discard)


def apply(context: typer.Context, hold: HoldArgument, config: ConfigOption = None) -> None:
    """Release a hold: its changes leave, or its file lands, with the next run."""
    from sync.holds import apply_hold

    found = _decide(context, config, hold, "apply", apply_hold)
    where = "lands at the next pull" if found["kind"] == "source" else "leaves at the next push"
    typer.echo(f"{hold} is released: it {where}. Now: prm-sync run")


def discard(context: typer.Context, hold: HoldArgument, config: ConfigOption = None) -> None:
    """Drop what a hold holds; the next review wishes again for what is then true."""
    from sync.holds import discard_hold

    found = _decide(context, config, hold, "discard", discard_hold)
    what = "the file will not land" if found["kind"] == "source" else "the changes will not leave"
    typer.echo(f"{hold} is dropped: {what}.")


def _decide(
    context: typer.Context, config: Any, hold: str, action: str, decide: "Callable[..., dict[str, Any]]"
) -> dict[str, Any]:
    from sync.build import open_engine
    from sync.store.decisions import record_decision
    from sync.store.engine import writing

    loaded = open_config(context, config)
    at = instant(loaded, None)
    with writing(open_engine(loaded)) as connection:
        found = decide(connection, hold, at)
        record_decision(connection, action, hold, at, kind=found["kind"], name=found["name"], site=found["site"])
    return found
