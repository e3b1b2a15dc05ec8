"""Options that several commands share, and what they open."""

from datetime import datetime, time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sync import __version__
from sync.exit_codes import BAD_CONFIG, USAGE

if TYPE_CHECKING:
    from config.load import Config
    from sync.build import Service


def _version(value: bool) -> None:  # typer calls it so
    if value:
        typer.echo(__version__)
        raise typer.Exit


ConfigOption = Annotated[
    Path | None,
    typer.Option("--config", help="The configuration; default $PRM_SYNC_CONFIG, ./prm-sync.yaml, /etc/prm-sync."),
]
VersionOption = Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON on stdout and nothing else.")]
AsOfOption = Annotated[str | None, typer.Option("--as-of", help="Judge at this instant (with offset) or DATE, 12:00.")]


def open_config(context: typer.Context, config: Path | None, operators: Path | None = None) -> "Config":
    """Reads the configuration, given before or after the command, and sets up the log.

    `operators` is an operators' file to read in place of the folder `operators/`.
    """
    from config.load import find, load
    from sync.log import set_up

    found = load(find(config or context.obj["config"]), operators=operators)
    set_up(found)
    return found


def open_service(context: typer.Context, config: Path | None) -> "Service":
    """Makes the service of the configuration."""
    from sync.build import build

    return build(open_config(context, config))


def instant(config: "Config", as_of: str | None) -> datetime:
    """The clock: now, or what `--as-of` names (an instant with offset, or a date at 12:00 in the practice's zone)."""
    zone = config.settings.practice.timezone
    if as_of is None:
        return datetime.now(zone)
    try:
        found = datetime.fromisoformat(as_of)
    except ValueError:
        raise typer.BadParameter(
            "write an instant with offset, or a date such as 2026-03-31", param_hint="--as-of"
        ) from None
    if len(as_of) == len("2026-03-31"):
        return datetime.combine(found.date(), time(12), zone)
    if found.tzinfo is None:
        raise typer.BadParameter("an instant needs its offset, such as 2026-03-31T09:00-06:00", param_hint="--as-of")
    return found


def stop(sentence: str, code: int = USAGE) -> typer.Exit:
    """An end of the command with a sentence on stderr."""
    typer.echo(sentence, err=True)
    return typer.Exit(code)


__all__ = [
    "BAD_CONFIG",
    "AsOfOption",
    "ConfigOption",
    "JsonOption",
    "VersionOption",
    "instant",
    "open_config",
    "open_service",
    "stop",
]
