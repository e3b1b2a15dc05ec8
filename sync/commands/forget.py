"""`forget CONTACT`: erases a person, here and at every destination that can."""

from typing import TYPE_CHECKING, Annotated

import typer

from sync.commands.contacts import ContactArgument
from sync.commands.options import ConfigOption, instant, open_service, stop

if TYPE_CHECKING:
    from datetime import datetime

    from sync.build import Service
    from sync.forget import Forgotten


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command()(forget)


def forget(
    context: typer.Context,
    contact: ContactArgument,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    config: ConfigOption = None,
) -> None:
    """Forget a person for good: nothing is sent any more, and nothing of them stays but ids and the ledgers.

    Their rows, visits, addresses and quarantine are emptied; every destination that can erases the subscriber for good;
    later exports do not bring them back. What was disclosed stays in the ledger, without values.
    """
    from sync.contact_reference import UnknownContact
    from sync.forget import forget as forget_person
    from sync.store.decisions import record_decision
    from sync.store.engine import writing

    service = open_service(context, config)
    at = instant(service.config, None)
    if not yes and not typer.confirm("This cannot be undone. Forget this person?", err=True):
        raise stop("Nobody was forgotten.")
    try:
        with writing(service.engine) as connection:
            settings, capabilities = service.config.settings, service.standards.capabilities
            found = forget_person(connection, settings, capabilities, contact, at)
            record_decision(connection, "forget", found.contact, at, rows=found.rows)
    except UnknownContact as error:
        raise stop(str(error)) from None
    _tell(found)
    raise typer.Exit(_erase(service, found, at))


def _tell(found: "Forgotten") -> None:
    typer.echo(f"{found.contact} is forgotten: {found.rows} patient rows and what hung on them are emptied.")
    for name in found.by_hand:
        typer.echo(f"{name}: nothing can be erased from here (it observes, or cannot); erase them there by hand.")
    if found.shared:
        typer.echo("Others share an address with them: what they brought to it goes with the next run, the rest stays.")


def _erase(service: "Service", found: "Forgotten", at: "datetime") -> int:
    from sync.owner import Busy, owning
    from sync.pipeline import Line
    from sync.store.engine import reading
    from sync.store.erasures import open_erasures

    if not found.erasing:
        return 0
    line = Line(service, at)
    try:
        with owning(service.engine, at):
            line.erase(found.erasing)
    except Busy:
        typer.echo(f"The service is running; it erases them at {', '.join(found.erasing)} with its next push.")
        return 0
    with reading(service.engine) as connection:
        left = open_erasures(connection)
    for name in found.erasing:
        typer.echo(f"{name}: {'not yet erased; the next push tries again' if name in left else 'erased'}")
    return line.report.exit_code()
