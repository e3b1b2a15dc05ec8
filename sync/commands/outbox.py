"""`outbox list/retry/drop`: what waits to leave, and what a destination refused."""

from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sync.commands.options import ConfigOption, JsonOption, instant, open_config, stop

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from config.load import Config
    from sync.store.outbox import WishKey

DestinationOption = Annotated[str | None, typer.Option("--destination", help="Only this destination.")]
_UNKNOWN = "no wish has this id; run: prm-sync outbox list"


def register(app: typer.Typer) -> None:
    """Adds the commands."""
    group = typer.Typer(help="What waits to leave.", no_args_is_help=True)
    group.command("list")(list_)
    group.command()(retry)
    group.command()(drop)
    app.add_typer(group, name="outbox")


def list_(
    context: typer.Context,
    destination: DestinationOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the wishes that stand: their state, code, attempts and age; persons by contact id only."""
    from sync.build import open_engine
    from sync.store.engine import reading
    from sync.store.outbox import outbox

    loaded = open_config(context, config)
    _known(loaded, destination)
    at = instant(loaded, None)
    with reading(open_engine(loaded)) as connection:
        found = (_aged(wish, at) for wish in outbox(connection, destination))
        if as_json:
            from sync.commands.json_lines import write_lines

            write_lines(found)
        else:
            _show(found)


def _aged(wish: dict[str, Any], at: datetime) -> dict[str, Any]:
    age = round((at - wish["since"]).total_seconds())
    not_before = wish["not_before"].isoformat() if wish["not_before"] is not None else None
    return {**wish, "since": wish["since"].isoformat(), "not_before": not_before, "age_s": age}


def _show(found: Iterator[dict[str, Any]]) -> None:
    empty = True
    for wish in found:
        empty = False
        words = [wish["state"], wish["code"] or "", f"{wish['attempts']} attempts", f"{wish['age_s'] // 60} min"]
        hold = [f"hold {wish['hold']}"] if wish["hold"] else []
        typer.echo("  ".join([wish["id"], *filter(None, words), *hold, " ".join(wish["contacts"])]))
    if empty:
        typer.echo("Nothing waits to leave.")


def retry(
    context: typer.Context,
    wish: Annotated[str | None, typer.Argument(metavar="[ID]", help="As `outbox list` gives it.")] = None,
    destination: DestinationOption = None,
    all_parked: Annotated[bool, typer.Option("--all-parked", help="All that any destination refused.")] = False,
    config: ConfigOption = None,
) -> None:
    """Send again what a destination refused: one wish, all of a destination, or all."""
    from sync.build import open_engine
    from sync.store.decisions import record_decision
    from sync.store.engine import writing
    from sync.store.outbox import parked, retry

    if sum((wish is not None, destination is not None, all_parked)) != 1:
        raise stop("give an ID, or --destination, or --all-parked")
    loaded = open_config(context, config)
    _known(loaded, destination)
    at = instant(loaded, None)
    with writing(open_engine(loaded)) as connection:
        keys = [_named(connection, wish)] if wish is not None else parked(connection, destination)
        n = retry(connection, keys)
        if n:
            record_decision(connection, "outbox retry", wish or destination or "all parked", at, n=n)
    typer.echo(f"{n:,} will be sent again; now: prm-sync push")


def drop(
    context: typer.Context,
    wish: Annotated[str, typer.Argument(metavar="ID", help="As `outbox list` gives it.")],
    config: ConfigOption = None,
) -> None:
    """Drop a wish; a later review of the same person wishes again if it is still true."""
    from sync.build import open_engine
    from sync.store.decisions import record_decision
    from sync.store.engine import writing
    from sync.store.outbox import drop

    loaded = open_config(context, config)
    at = instant(loaded, None)
    with writing(open_engine(loaded)) as connection:
        key = _named(connection, wish)
        if not drop(connection, key):
            raise stop("this wish is being sent right now; try again when the push has ended")
        record_decision(connection, "outbox drop", wish, at)
    typer.echo("Dropped.")


def _named(connection: "Connection", wish: str) -> "WishKey":
    from sync.store.outbox import named

    found = named(connection, wish)
    if found is None:
        raise stop(_UNKNOWN)
    return found


def _known(config: "Config", destination: str | None) -> None:
    names = config.settings.destinations
    if destination is not None and destination not in names:
        raise stop(f"no destination is called {destination}; there are: {', '.join(names) or 'none'}")
