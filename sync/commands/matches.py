"""`matches list`: pairs of rows that may be one person and wait for somebody to say so."""

import typer

from sync.commands.options import ConfigOption, JsonOption, open_config


def register(app: typer.Typer) -> None:
    """Adds the commands."""
    group = typer.Typer(help="Pairs of rows that may be one person.", no_args_is_help=True)
    group.callback()(_matches)
    group.command("list")(list_)
    app.add_typer(group, name="matches")


def _matches() -> None:
    """Pairs of rows that may be one person."""


def list_(context: typer.Context, config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """List the pairs that wait for a decision; nobody is joined by them."""
    from sync.build import open_engine
    from sync.identity import RULES
    from sync.store.engine import reading
    from sync.store.matches import open_reviews

    engine = open_engine(open_config(context, config))
    with reading(engine) as connection:
        if as_json:
            from sync.commands.json_lines import write_lines

            write_lines(open_reviews(connection))
            return
        for found in open_reviews(connection):
            a, b = (f"{found[side]['source']}:{found[side]['id']}" for side in ("a", "b"))
            typer.echo(f"{found['id']}  {a}  {b}  {found['score']:.2f}  {RULES.get(found['rule'], found['rule'])}")
