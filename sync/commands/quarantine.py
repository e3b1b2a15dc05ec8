"""`quarantine list/show/replay/ack`: rows that could not be used."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from sync.commands.options import ConfigOption, JsonOption, instant, open_config, open_service, stop

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from config.load import Config
    from connectors.base import Source

SourceOption = Annotated[str | None, typer.Option("--source", help="Only this source.")]
IdsArgument = Annotated[list[int] | None, typer.Argument(metavar="[ID]…", help="As `quarantine list` gives them.")]


def register(app: typer.Typer) -> None:
    """Adds the commands."""
    group = typer.Typer(help="Rows that could not be used.", no_args_is_help=True)
    group.command("list")(list_)
    group.command()(show)
    group.command()(replay)
    group.command()(ack)
    app.add_typer(group, name="quarantine")


def list_(
    context: typer.Context, source: SourceOption = None, config: ConfigOption = None, as_json: JsonOption = False
) -> None:
    """List what lies in quarantine: where it stands, what is wrong, what to do; never a value."""
    from sync.build import open_engine
    from sync.store.engine import reading
    from sync.store.quarantine_list import in_quarantine

    loaded = open_config(context, config)
    with reading(open_engine(loaded)) as connection:
        _known(connection, loaded, source)
        if as_json:
            from sync.commands.json_lines import write_lines

            write_lines(in_quarantine(connection, source))
            return
        empty = True
        for row in in_quarantine(connection, source):
            empty = False
            column = f", column {row['column']!r}" if row["column"] else ""
            seen = " (acknowledged)" if row["acked"] else ""
            typer.echo(f"{row['id']}  {row['source']}: {row['file']}:{row['line']}{column}: {row['sentence']}{seen}")
            typer.echo(f"      → {row['advice']}")
    if empty:
        typer.echo("Nothing is in quarantine.")


def show(
    context: typer.Context,
    number: Annotated[int, typer.Argument(metavar="ID", help="As `quarantine list` gives it.")],
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show a row as it was delivered (values of a person: for your own terminal)."""
    from sync.store.engine import reading
    from sync.store.quarantine_list import with_value

    service = open_service(context, config)
    with reading(service.engine) as connection:
        found = with_value(connection, number)
    if found is None:
        raise stop("nothing in quarantine has this id; run: prm-sync quarantine list")
    if as_json:
        from sync.commands.json_lines import write_json

        write_json(found)
        return
    for name, value in found.items():
        if name != "row" and value is not None:
            typer.echo(f"{name}: {value}")
    row = found["row"]
    typer.echo("\n".join(_cells(service.sources.get(found["source"]), row)) if isinstance(row, list) else row)


def _cells(source: "Source | None", row: list[str]) -> Iterator[str]:
    """The cells that are not empty, under today's names of their columns where those still fit."""
    table, _folder, *cells = row
    named = getattr(source, "columns", None)
    columns = named(table) if named is not None else ()
    names = columns if len(columns) == len(cells) else [str(number) for number in range(1, len(cells) + 1)]
    return (f"  {name}: {cell}" for name, cell in zip(names, cells, strict=True) if cell)


def replay(
    context: typer.Context,
    ids: IdsArgument = None,
    source: SourceOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Read rows again by today's configuration and land those that fit: the given ones, or all."""
    from sync.owner import owning
    from sync.replay import replay as replayed
    from sync.store.decisions import record_decision
    from sync.store.engine import reading, writing

    service = open_service(context, config)
    if source is not None and source not in service.sources:
        raise stop(f"no source is called {source}; there are: {', '.join(service.sources) or 'none'}")
    at = instant(service.config, None)
    with reading(service.engine) as connection:
        _require(connection, ids)
    with owning(service.engine, at):
        done = replayed(service, ids, source, at)
        with writing(service.engine) as connection:
            record_decision(connection, "quarantine replay", source or "all", at, ids=ids or [], **done.to_json())
    if as_json:
        from sync.commands.json_lines import write_json

        write_json(done.to_json())
        return
    landed = sum(done.landed.values())
    typer.echo(f"{landed:,} rows landed" + ("; now: prm-sync run" if landed else ""))
    for code, n in sorted(done.still.items()):
        typer.echo(f"{n:,} still cannot be used: {code.replace('_', ' ')}")
    if done.unconfigured:
        typer.echo(f"{done.unconfigured:,} are of sources that are configured no longer")


def ack(
    context: typer.Context,
    ids: IdsArgument = None,
    everything: Annotated[bool, typer.Option("--all", help="All of them.")] = False,
    config: ConfigOption = None,
) -> None:
    """Mark rows as seen: they stay in quarantine and no longer count in the status."""
    from sync.build import open_engine
    from sync.store.decisions import record_decision
    from sync.store.engine import writing
    from sync.store.quarantine_list import acknowledge

    if bool(ids) == everything:
        raise stop("give ids, or --all")
    loaded = open_config(context, config)
    at = instant(loaded, None)
    with writing(open_engine(loaded)) as connection:
        _require(connection, ids)
        acked = acknowledge(connection, ids or None, at)
        if acked:
            record_decision(connection, "quarantine ack", "all" if everything else "named", at, ids=acked)
    typer.echo(f"{len(acked):,} rows acknowledged.")


def _known(connection: "Connection", config: "Config", source: str | None) -> None:
    """Refuses a source that is neither configured nor has left rows behind."""
    from sync.store.quarantine_list import in_quarantine

    names = config.settings.sources
    if source is not None and source not in names and next(in_quarantine(connection, source), None) is None:
        raise stop(f"no source is called {source}; there are: {', '.join(names) or 'none'}")


def _require(connection: "Connection", ids: list[int] | None) -> None:
    from sync.store.quarantine_list import unknown_ids

    unknown = unknown_ids(connection, ids or [])
    if unknown:
        raise stop(f"nothing in quarantine has the id {', '.join(map(str, unknown))}; run: prm-sync quarantine list")
