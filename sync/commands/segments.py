"""`segments list`, `segments show NAME`: who is in, who is allowed, who is there, and why the rest is not."""

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from sync.commands.options import ConfigOption, JsonOption, open_service, stop


def register(app: typer.Typer) -> None:
    """Adds the commands."""
    group = typer.Typer(help="Segments: in it, with an address, allowed, at each destination.")
    group.callback(invoke_without_command=True)(segments)
    group.command("list")(list_)
    group.command()(show)
    app.add_typer(group, name="segments")


def segments(context: typer.Context, config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Segments: in it, with an address, allowed, at each destination."""
    if context.invoked_subcommand is None:
        list_(context, config, as_json=as_json)
        return
    context.obj["json"] = as_json
    if config is not None:
        context.obj["config"] = config


def list_(context: typer.Context, config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """List the segments with their counts."""
    from sync.segment_counts import segments_of

    found = segments_of(open_service(context, config))
    if as_json or context.obj.get("json"):
        from sync.commands.json_lines import write_json

        write_json(found)
    else:
        _show_all(found)


def _show_all(found: Mapping[str, Mapping[str, Any]]) -> None:
    from sync.commands.screen import grid, screen

    table = grid("segment", "purpose", "code", "in it", "with address", "allowed", "at each destination")
    for name, segment in found.items():
        if segment["off"]:
            table.add_row(name, segment["purpose"], segment["code"] or "–", "off", "", "", "")
            continue
        counts = (f"{segment[key]:,}" for key in ("members", "with_address", "allowed"))
        there = ", ".join(f"{destination} {at['there']:,}" for destination, at in segment["destinations"].items())
        table.add_row(name, segment["purpose"], segment["code"] or "–", *counts, there or "nowhere")
    screen().print(table if found else "No segments are configured; they stand in operators/*.yaml.")


def show(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="A segment.")],
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show a segment: its rule in English, its counts, and why the rest is not there."""
    from sync.segment_counts import segments_of

    found = segments_of(open_service(context, config))
    if name not in found:
        raise stop(f"no segment is called that; there are: {', '.join(found) or 'none'}")
    if as_json or context.obj.get("json"):
        from sync.commands.json_lines import write_json

        write_json({"name": name, **found[name]})
    else:
        _show_one(name, found[name])


def _show_one(name: str, segment: Mapping[str, Any]) -> None:
    from mappings.withheld import WITHHELD

    typer.echo(f"{name} ({segment['purpose']}, code {segment['code'] or 'none yet'}): {segment['describe']}")
    if segment["off"]:
        typer.echo("It is off: nobody is put into it.")
        return
    typer.echo(segment["rule"])
    counts = (segment["members"], segment["with_address"], segment["allowed"])
    typer.echo("In it {:,} · with an address {:,} · allowed somewhere {:,}".format(*counts))
    for destination, at in segment["destinations"].items():
        typer.echo(f"{destination}: allowed {at['allowed']:,} · there {at['there']:,}")
        for reason, n in sorted(at["withheld"].items(), key=lambda item: -item[1]):
            typer.echo(f"  {n:,} not: {WITHHELD.get(reason, reason)}")
    if not segment["destinations"]:
        typer.echo("No destination lists it.")
