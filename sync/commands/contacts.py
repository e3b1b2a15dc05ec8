"""`contacts list/find/show/merge/split`: who is known, and who is who; names and addresses are never arguments."""

import sys
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sync.commands.options import ConfigOption, JsonOption, open_config, stop

if TYPE_CHECKING:
    from sync.store.contact_list import Wanted

ContactArgument = Annotated[
    str, typer.Argument(metavar="CONTACT", help="A contact id, the hash from a log line, or SOURCE:EXTERNAL_ID.")
]


def register(app: typer.Typer) -> None:
    """Adds the commands."""
    group = typer.Typer(help="Who is known.", no_args_is_help=True)
    group.command("list")(list_)
    group.command()(find)
    group.command()(show)
    group.command()(merge)
    group.command()(split)
    app.add_typer(group, name="contacts")


def list_(context: typer.Context, config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """List every contact, inactive ones too, without names."""
    from sync.build import open_engine
    from sync.store.contact_list import every_contact
    from sync.store.engine import reading

    engine = open_engine(open_config(context, config))
    with reading(engine) as connection:
        _write(every_contact(connection), as_json=as_json)


def _write(found: Iterable[Mapping[str, Any]], *, as_json: bool) -> None:
    if as_json:
        from sync.commands.json_lines import write_lines

        write_lines(found)
        return
    for contact in found:
        links = " ".join(f"{link['source']}:{link['id']}" for link in contact["links"])
        segments = ",".join(contact["segments"]) or "-"
        columns = (contact["contact"], contact["status"] or "-", contact["site"] or "-", segments, links)
        typer.echo("  ".join(columns))


def find(context: typer.Context, config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Find contacts by name, e-mail, phone or birth date.

    Asks on the terminal; elsewhere it reads stdin, a line each: `email: …`, `name: …`, `phone: …`, `birth date: …`,
    or the bare value. All that is given must agree.
    """
    from sync.build import open_engine
    from sync.search import Unreadable
    from sync.store.contact_list import contacts, find
    from sync.store.engine import reading

    loaded = open_config(context, config)
    engine = open_engine(loaded)
    try:
        wanted = _asked(loaded.settings.practice.phone_region)
    except Unreadable as error:
        raise stop(str(error)) from None
    with reading(engine) as connection:
        found = list(contacts(connection, find(connection, wanted)))
    _write(found, as_json=as_json)
    if not found:
        raise stop("nobody agrees with all of that")


def _asked(region: str) -> "Wanted":
    from sync.search import FIELDS, Unreadable, sorted_out, wanted

    if sys.stdin.isatty():
        said = {field: typer.prompt(field.capitalize(), default="", show_default=False, err=True) for field in FIELDS}
    else:
        said = sorted_out(sys.stdin, region)
    if not any(text.strip() for text in said.values()):
        raise Unreadable("nothing was asked for; give a name, an e-mail address, a phone number or a birth date")
    return wanted(said, region)


def show(
    context: typer.Context, contact: ContactArgument, config: ConfigOption = None, as_json: JsonOption = False
) -> None:
    """Show a contact with its rows side by side (values of a person: for your own terminal)."""
    from sync.build import open_engine
    from sync.contact_reference import UnknownContact
    from sync.contact_sheet import sheet_of
    from sync.store.engine import reading

    engine = open_engine(open_config(context, config))
    try:
        with reading(engine) as connection:
            sheet = sheet_of(connection, contact)
    except UnknownContact as error:
        raise stop(str(error)) from None
    if as_json:
        from sync.commands.json_lines import write_json

        write_json(sheet)
    else:
        _show(sheet)


def _show(sheet: Mapping[str, Any]) -> None:
    from rich.markup import escape

    from sync.commands.screen import screen
    from sync.commands.side_by_side import side_by_side

    console = screen()
    since = (sheet["status_since"] or "")[:10] or "–"
    console.print(f"[bold]{sheet['contact']}[/]: {sheet['status'] or 'not reviewed yet'} since {since}")
    console.print(side_by_side(sheet["rows"]))
    for name in ("site", "address", "phone", "household_size"):
        console.print(f"{name.replace('_', ' ')}: {escape(str(sheet[name] or '–'))}")
    console.print(f"segments: {', '.join(sheet['segments']) or '–'}")
    for number in sheet["quarantined"]:
        console.print(f"in quarantine: prm-sync quarantine show {number}")


def merge(
    context: typer.Context,
    contact: ContactArgument,
    other: Annotated[str, typer.Argument(metavar="OTHER", help="Likewise; both are one person.")],
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make one contact of two; the next run sends what changes."""
    from sync import contact_surgery
    from sync.commands.resolving import decide, settle, told

    loaded = open_config(context, config)
    with decide(loaded) as (connection, at):
        rows = contact_surgery.merge(connection, contact, other, at)
    found = settle(loaded, at, rows)
    told(found, f"Joined: {' '.join(found['contacts'])}.", as_json=as_json)


def split(
    context: typer.Context,
    contact: ContactArgument,
    rows: Annotated[
        list[str], typer.Argument(metavar="SOURCE:EXTERNAL_ID…", help="Its rows that are another person's.")
    ],
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Part rows from a contact, and list whom destinations were told of both (ids, never addresses)."""
    from sync import contact_surgery
    from sync.commands.resolving import decide, settle, told

    loaded = open_config(context, config)
    with decide(loaded) as (connection, at):
        done = contact_surgery.split(connection, contact, rows, at)
        disclosed = contact_surgery.told_of_both(connection, done)
    found = settle(loaded, at, [*done.leaving, *done.staying]) | {"told_of_both": disclosed}
    told(found, f"Parted: {' '.join(found['contacts'])}.", as_json=as_json)
    if not as_json and disclosed:
        typer.echo("While they were one, these subscribers were told of both (for the privacy officer):")
        for each in disclosed:
            typer.echo(
                f"  {each['destination']}  subscriber {each['subscriber']}  of {' '.join(each['contacts'])}"
                f"  {each['first']} to {each['last']}: {', '.join(each['segments'])}"
            )
