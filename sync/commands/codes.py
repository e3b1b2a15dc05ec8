"""`codes`: the code book for the marketing desk."""

import typer

from sync.commands.options import ConfigOption, JsonOption, open_config


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command()(codes)


def codes(context: typer.Context, config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """List the codes under which segments, statuses and sites leave without a business associate agreement."""
    from sync.build import open_engine
    from sync.codes import listed
    from sync.store.engine import reading

    engine = open_engine(open_config(context, config))
    with reading(engine) as connection:
        found = listed(connection)
    if as_json:
        from sync.commands.json_lines import write_json

        write_json(found)
        return
    from sync.commands.screen import grid, screen

    table = grid("code", "kind", "name", "since")
    for code, entry in found.items():
        table.add_row(code, entry["kind"], entry["name"], entry["since"][:10])
    screen().print(table if found else "No codes yet; the first review gives them: prm-sync run")
