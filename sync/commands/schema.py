"""`schema`: the JSON schema of the configuration, for editors."""

import typer


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command()(schema)


def schema() -> None:
    """Print the JSON schema of the configuration."""
    import json

    from config.schema import schema as made

    typer.echo(json.dumps(made(), indent=2))
