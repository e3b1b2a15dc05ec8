"""`db upgrade`: brings an older database up to date; a copy is written first."""

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from sync.commands.options import ConfigOption, open_config

if TYPE_CHECKING:
    from sqlalchemy import Engine


def register(app: typer.Typer) -> None:
    """Adds the commands."""
    group = typer.Typer(help="The database.", no_args_is_help=True)
    group.callback()(_database)
    group.command()(upgrade)
    app.add_typer(group, name="db")


def _database() -> None:
    """The database."""


def upgrade(context: typer.Context, config: ConfigOption = None) -> None:
    """Bring the database up to this version; of an SQLite file a copy is written beside it first."""
    from config.load import database_url
    from sync.owner import owning
    from sync.store.engine import connect
    from sync.store.schema import open_schema, state
    from sync.store.schema import upgrade as migrate

    engine = connect(database_url(open_config(context, config)))
    match state(engine):
        case "older":
            at = datetime.now(UTC)
            copy = _copy_of(engine, at)
            with owning(engine, at):
                migrate(engine, copy)
            typer.echo("The database is up to date." + (f" A copy of the old one: {copy}" if copy is not None else ""))
        case "newer":
            open_schema(engine)  # raises, and says what to do
        case "empty":
            open_schema(engine)
            typer.echo("An empty database was given its tables.")
        case "current":
            typer.echo("The database is up to date already.")


def _copy_of(engine: "Engine", at: datetime) -> Path | None:
    if engine.dialect.name != "sqlite" or not engine.url.database:
        return None
    path = Path(engine.url.database)
    return path.with_name(f"{path.name}.before-{at:%Y%m%dT%H%M%SZ}")
