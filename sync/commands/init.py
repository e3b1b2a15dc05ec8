"""`init`: a first configuration."""

from pathlib import Path
from typing import Annotated

import typer

from sync.commands.options import stop


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command()(init)


def init(folder: Annotated[Path, typer.Argument(help="Where to write it.")] = Path()) -> None:
    """Write a commented starter configuration (providers on observe), its schema and a secrets folder."""
    from config.starter import starter

    try:
        written = starter(folder)
    except FileExistsError as error:
        raise stop(str(error)) from None
    for path in written:
        typer.echo(f"wrote {path}")
    typer.echo(f"Next: edit {folder / 'prm-sync.yaml'}, then run: prm-sync --config {folder / 'prm-sync.yaml'} check")
