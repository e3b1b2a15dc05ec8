"""`codes`: the code book for the marketing desk."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sync.commands.options import ConfigOption, JsonOption, instant, open_config, stop

if TYPE_CHECKING:
    from config.load import Config


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command()(codes)


def codes(
    context: typer.Context,
    config: ConfigOption = None,
    as_json: JsonOption = False,
    html: Annotated[
        Path | None, typer.Option("--html", metavar="FILE", help="Write them as a page for the marketing desk.")
    ] = None,
) -> None:
    """List the codes under which segments, statuses and sites leave without a business associate agreement."""
    from sync.build import open_engine
    from sync.codes import listed
    from sync.store.engine import reading

    loaded = open_config(context, config)
    with reading(open_engine(loaded)) as connection:
        found = listed(connection)
    if html is not None:
        _write_page(loaded, html, found)
        return
    if as_json:
        from sync.commands.json_lines import write_json

        write_json(found)
        return
    from sync.commands.screen import grid, screen

    table = grid("code", "kind", "name", "since")
    for code, entry in found.items():
        table.add_row(code, entry["kind"], entry["name"], entry["since"][:10])
    screen().print(table if found else "No codes yet; the first review gives them: prm-sync run")


def _write_page(config: "Config", file: Path, found: dict[str, Any]) -> None:
    from sync.code_page import code_page

    settings = config.settings
    described = {name: segment.describe for name, segment in settings.segments.items()}
    try:
        file.write_text(
            code_page(settings.practice.name, found, described, instant(config, None).date()), encoding="utf-8"
        )
    except OSError as error:
        raise stop(f"{file} cannot be written ({error.strerror})") from None
    typer.echo(f"{len(found)} codes are in {file}. With it codes can be read: keep it within the practice.")
