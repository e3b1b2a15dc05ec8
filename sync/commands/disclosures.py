"""`disclosures`: what was told to whom about a person, or by destination, segment and days."""

from collections.abc import Iterator, Mapping
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sync.commands.options import ConfigOption, JsonOption, instant, open_config, stop

if TYPE_CHECKING:
    from config.load import Config
    from sync.store.disclosures import Asked


class Format(StrEnum):
    """How disclosures are shown."""

    TABLE = "table"
    LETTER = "letter"


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command()(disclosures)


def disclosures(
    context: typer.Context,
    contact: Annotated[
        str | None,
        typer.Argument(metavar="[CONTACT]", help="A contact id, the hash from a log line, or SOURCE:EXTERNAL_ID."),
    ] = None,
    destination: Annotated[
        str | None, typer.Option("--destination", help="All that this destination was told.")
    ] = None,
    segment: Annotated[
        str | None, typer.Option("--segment", help="Of these, what tells of a segment (or its code).")
    ] = None,
    since: Annotated[str | None, typer.Option("--from", metavar="DATE", help="From this day on.")] = None,
    until: Annotated[str | None, typer.Option("--to", metavar="DATE", help="To this day, included.")] = None,
    form: Annotated[Format, typer.Option("--format", help="letter: an accounting for the person.")] = Format.TABLE,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show the ledger: names of fields and codes with their meaning then, never values or addresses.

    A forgotten person is still found. Whatever a destination was told in a time is what a breach there lays open.
    """
    from sync.build import open_engine
    from sync.contact_reference import UnknownContact
    from sync.store import disclosures as ledger
    from sync.store.engine import reading

    if (contact is None) == (destination is None):
        raise stop("give either a CONTACT or --destination")
    if contact is not None and (segment or since or until):
        raise stop("--segment, --from and --to belong to --destination")
    if contact is None and form == Format.LETTER:
        raise stop("a letter is about one person: give a CONTACT")
    loaded = open_config(context, config)
    with reading(open_engine(loaded)) as connection:
        try:
            ids = ledger.ids_of(connection, contact) if contact is not None else []
        except UnknownContact as error:
            raise stop(str(error)) from None
        if destination is not None:
            found = ledger.of_destination(connection, _asked(loaded, destination, segment, (since, until)))
        else:
            found = ledger.about(connection, ids)
        _write(loaded, found, form, ids, as_json=as_json)


def _asked(config: "Config", destination: str, segment: str | None, days: tuple[str | None, str | None]) -> "Asked":
    from sync.store.disclosures import Asked

    zone = config.settings.practice.timezone
    first, last = _day("--from", days[0]), _day("--to", days[1])
    return Asked(
        destination=destination,
        segment=segment,
        since=datetime.combine(first, time(), zone) if first is not None else None,
        until=datetime.combine(last + timedelta(days=1), time(), zone) if last is not None else None,
    )


def _day(option: str, text: str | None) -> date | None:
    try:
        return date.fromisoformat(text) if text is not None else None
    except ValueError:
        raise typer.BadParameter("write a day such as 2026-03-31", param_hint=option) from None


def _write(
    config: "Config", found: Iterator[Mapping[str, Any]], form: Format, ids: list[str], *, as_json: bool
) -> None:
    if as_json:
        from sync.commands.json_lines import write_lines

        write_lines(found)
    elif form == Format.LETTER:
        from sync.letter import Sender, letter

        practice = config.settings.practice
        sender = Sender(practice.name, instant(config, None).date(), practice.timezone)
        for line in letter(sender, ids[0], found):
            typer.echo(line)
    else:
        _show(found)


def _show(found: Iterator[Mapping[str, Any]]) -> None:
    from rich.markup import escape

    from sync.commands.screen import grid, screen

    table = grid("at", "destination", "contacts", "fields", "added", "removed", "purpose", "outcome")
    people: set[str] = set()
    for told in found:
        people.update(told["contacts"])
        tags = (" ".join(f"{tag}={meaning}" for tag, meaning in told[name].items()) for name in ("added", "removed"))
        cells = (told["at"][:16], told["destination"], " ".join(told["contacts"]), " ".join(told["fields"]), *tags)
        table.add_row(*map(escape, cells), told["purpose"], told["outcome"])
    console = screen()
    console.print(table if table.row_count else "Nothing was disclosed.")
    if table.row_count:
        console.print(f"{table.row_count:,} disclosures about {len(people):,} contacts")
