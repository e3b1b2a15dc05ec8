"""`matches`: pairs of rows that may be one person, what somebody says of them, and the exchange with other tools."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from sync.commands.options import ConfigOption, JsonOption, instant, open_config, stop

if TYPE_CHECKING:
    from collections.abc import Mapping

    from config.load import Config

MatchArgument = Annotated[int, typer.Argument(metavar="ID", help="As `matches list` gives it.")]


def register(app: typer.Typer) -> None:
    """Adds the commands."""
    group = typer.Typer(help="Pairs of rows that may be one person.", no_args_is_help=True)
    group.callback()(_matches)
    group.command("list")(list_)
    group.command()(show)
    group.command()(accept)
    group.command()(reject)
    group.command("export")(export)
    group.command("import")(import_)
    app.add_typer(group, name="matches")


def _matches() -> None:
    """Pairs of rows that may be one person."""


def list_(context: typer.Context, config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """List the pairs that wait for a decision, the surest first; nobody is joined by them."""
    from sync.build import open_engine
    from sync.identity import RULES
    from sync.match_queue import queue
    from sync.resolve import ResolverSettings
    from sync.store.engine import reading

    loaded = open_config(context, config)
    with reading(open_engine(loaded)) as connection:
        waiting = queue(connection, ResolverSettings.of(loaded.settings), instant(loaded, None))
        if as_json:
            from sync.commands.json_lines import write_lines

            write_lines(waiting)
            return
        for found in waiting:
            a, b = (f"{found[side]['source']}:{found[side]['id']}" for side in ("a", "b"))
            because = RULES.get(found["rule"], found["rule"])
            typer.echo(f"{found['id']}  {a}  {b}  {found['score']:.2f}  {because} ({', '.join(found['reasons'])})")


def show(
    context: typer.Context, match: MatchArgument, config: ConfigOption = None, as_json: JsonOption = False
) -> None:
    """Show a pair with its rows side by side (values of a person: for your own terminal)."""
    from sync.build import open_engine
    from sync.match_queue import UnknownMatch, pair_sheet
    from sync.resolve import ResolverSettings
    from sync.store.engine import reading

    loaded = open_config(context, config)
    try:
        with reading(open_engine(loaded)) as connection:
            sheet = pair_sheet(connection, match, ResolverSettings.of(loaded.settings), instant(loaded, None))
    except UnknownMatch as error:
        raise stop(str(error)) from None
    if as_json:
        from sync.commands.json_lines import write_json

        write_json(sheet)
    else:
        _show(sheet)


def _show(sheet: "Mapping[str, Any]") -> None:
    from sync.commands.screen import screen
    from sync.commands.side_by_side import side_by_side

    console = screen()
    console.print(f"[bold]{sheet['id']}[/]: {sheet['verdict']} ({sheet['score']:.2f}), because {sheet['because']}")
    console.print(f"said by {sheet['actor']} on {sheet['at'][:10]}")
    console.print("; ".join(sheet["reasons"]))
    console.print(f"contacts: {' '.join(sheet['contacts'])}")
    console.print(side_by_side(sheet["rows"]))


def accept(
    context: typer.Context, match: MatchArgument, config: ConfigOption = None, as_json: JsonOption = False
) -> None:
    """Say that both rows are one person: their contacts become one."""
    _decide(open_config(context, config), match, "same", as_json=as_json)


def reject(
    context: typer.Context, match: MatchArgument, config: ConfigOption = None, as_json: JsonOption = False
) -> None:
    """Say that the rows are two people: no rule joins them any more."""
    _decide(open_config(context, config), match, "not_same", as_json=as_json)


def _decide(loaded: "Config", match: int, verdict: Literal["same", "not_same"], *, as_json: bool) -> None:
    from sync.commands.resolving import decide, settle, told
    from sync.match_queue import decide_pair

    with decide(loaded) as (connection, at):
        rows = decide_pair(connection, match, verdict, at)
    found = settle(loaded, at, rows)
    said = "One person" if verdict == "same" else "Two people"
    told(found, f"{said}: {' '.join(found['contacts'])}.", as_json=as_json)


def export(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The CSV to write; it holds values of everybody.")],
    config: ConfigOption = None,
) -> None:
    """Write all patient rows as CSV for a de-duplication tool that runs inside the practice."""
    from sync.build import open_engine
    from sync.match_exchange import export_rows
    from sync.store.engine import reading

    loaded = open_config(context, config)
    with reading(open_engine(loaded)) as connection:
        try:
            n = export_rows(connection, file)
        except OSError as error:
            raise stop(f"{file} cannot be written ({error.strerror})") from None
    typer.echo(f"{n:,} rows are in {file}, readable by you alone. Delete it when the tool has read it.")


def import_(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="CSV: a, b, score; or what Splink writes.")],
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Put pairs that another tool proposes into the review queue; nobody is joined by them."""
    from sync.commands.resolving import decide
    from sync.match_exchange import Unreadable, import_pairs, read_pairs

    loaded = open_config(context, config)
    try:
        read = read_pairs(file)
        with decide(loaded) as (connection, at):
            done = import_pairs(connection, file, read, at)
    except Unreadable as error:
        raise stop(str(error)) from None
    if as_json:
        from sync.commands.json_lines import write_json

        write_json(done._asdict())
        return
    typer.echo(f"{done.proposed:,} pairs wait for a decision; now: prm-sync matches list")
    if done.known:
        typer.echo(f"{done.known:,} were decided, joined or waiting already")
