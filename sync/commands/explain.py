"""`explain`: why a contact is where it is, what went where, what is withheld and why, what time alone changes next."""

from typing import Annotated

import typer

from sync.commands.options import AsOfOption, ConfigOption, JsonOption, instant, open_service, stop


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command()(explain)


def explain(
    context: typer.Context,
    contact: Annotated[
        str,
        typer.Argument(metavar="CONTACT", help="A contact id, the hash from a log line, or SOURCE:EXTERNAL_ID."),
    ],
    config: ConfigOption = None,
    as_of: AsOfOption = None,
    as_json: JsonOption = False,
) -> None:
    """Explain a contact: links, status and its history, segments, consent, deliveries, what is withheld."""
    from sync.contact_reference import UnknownContact
    from sync.explain import explain as explained

    service = open_service(context, config)
    try:
        found = explained(service, contact, instant(service.config, as_of))
    except UnknownContact as error:
        raise stop(str(error)) from None
    if as_json:
        from sync.commands.json_lines import write_json

        write_json(found)
        return
    from sync.commands.explain_view import show_explanation

    show_explanation(found)
