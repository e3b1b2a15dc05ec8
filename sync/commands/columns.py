"""`columns`: proposes a column map for an unknown file, as YAML to paste; it prints titles, forms and counts, no values."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from sync.commands.options import ConfigOption, JsonOption, stop
from sync.exit_codes import ERROR

if TYPE_CHECKING:
    from connectors.tabular.guess import Look

KindName = Literal["patients", "appointments", "episodes"]


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command()(columns)


def columns(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="A CSV, XLSX or JSON Lines file.", show_default=False)],
    kind: Annotated[KindName | None, typer.Option(help="What its rows are; else found from its titles.")] = None,
    preset: Annotated[str | None, typer.Option(help="Propose only what this preset does not know.")] = None,
    region: Annotated[
        str | None, typer.Option(help="Country of numbers without a country code (ISO 3166); else --config's, else US.")
    ] = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Propose which columns of an unknown file mean what: YAML to paste under a source."""
    from connectors.base import Refusal
    from connectors.tabular.guess import look_at
    from mappings.preset import preset_names

    if preset is not None and preset not in preset_names():
        raise stop("no such preset; there are " + ", ".join(preset_names()))
    try:
        look = look_at(file)
    except Refusal as refusal:
        raise stop(str(refusal), ERROR) from None
    except OSError as error:
        raise stop(f"{file.name}: it cannot be opened ({error.strerror})", ERROR) from None
    given = config or context.obj["config"]
    _show(file, look, kind, preset, region or _region_of(given), as_json=as_json)


def _region_of(config: Path | None) -> str:
    if config is None:
        return "US"
    from config.load import find, load

    return load(find(config)).settings.practice.phone_region


def _show(file: Path, look: "Look", kind: KindName | None, preset: str | None, region: str, *, as_json: bool) -> None:
    from mappings.column_shape import shape_of
    from mappings.proposal import has_titles, kind_of, propose
    from sync.column_advice import Placed, as_yaml, beside_preset, described, table_of

    shapes = [shape_of(title, cells, region) for title, cells in zip(look.titles, look.columns, strict=True)]
    if not has_titles(shape_of("", look.titles, region), look.titles):
        raise stop(
            f"{file.name}: its first row holds no titles that are known here; give the file a row of titles", ERROR
        )
    found = kind_of(look.titles) if kind is None else kind
    table = table_of(file.name, found, preset)
    if preset is not None and table is None:
        raise stop(f"no table of {preset} has a file called like {file.name}; say --kind, or rename the file")
    proposal = propose(shapes, found if table is None else table.kind)
    if preset is not None and table is not None:
        proposal = beside_preset(proposal, preset, table.name, look.titles)
    placed = Placed(file.name, look, table)
    if as_json:
        from sync.commands.json_lines import write_json

        write_json(described(placed, proposal))
        return
    typer.echo(as_yaml(placed, proposal))
