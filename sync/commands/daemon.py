"""`daemon`: the line by its schedule."""

import typer

from sync.commands.options import ConfigOption, open_config


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command()(daemon)


def daemon(context: typer.Context, config: ConfigOption = None) -> None:
    """Run on schedule until SIGTERM, which drains; SIGHUP or a changed file reloads the configuration."""
    from sync.daemon import Daemon, hearing

    found = open_config(context, config)
    with hearing() as signals:
        code = Daemon(found, signals).serve()
    raise typer.Exit(code)
