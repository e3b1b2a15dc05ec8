"""`release SEGMENT --per-day N`: lets the quiet members of a segment be heard, at a steady pace."""

from typing import Annotated

import typer

from sync.commands.options import ConfigOption, instant, open_config, stop


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command()(release)


def release(
    context: typer.Context,
    segment: Annotated[str, typer.Argument(metavar="SEGMENT", help="A segment whose members came in quietly.")],
    per_day: Annotated[int, typer.Option("--per-day", min=0, help="How many a day become loud; 0 ends the release.")],
    config: ConfigOption = None,
) -> None:
    """Turn waiting baseline members of a segment into loud entries, so many a day."""
    from config.problem import did_you_mean
    from sync.build import open_engine
    from sync.release import start_release
    from sync.store.decisions import record_decision
    from sync.store.engine import writing

    loaded = open_config(context, config)
    segments = loaded.settings.segments
    if segment not in segments or segments[segment].off:
        raise stop(f"no such segment is on{did_you_mean(segment, segments)}; see: prm-sync segments")
    at = instant(loaded, None)
    with writing(open_engine(loaded)) as connection:
        found = start_release(connection, segment, per_day, at)
        record_decision(connection, "release", segment, at, per_day=per_day)
    if not per_day:
        typer.echo(f"{segment}: nobody more is released; {found.waiting:,} wait.")
        return
    days = -(-found.waiting // per_day)
    typer.echo(
        f"{segment}: {found.waiting:,} wait, {per_day:,} a day become loud: {days:,} days from the next review on."
    )
