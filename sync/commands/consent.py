"""`consent show`, `consent set`, `consent import`: decisions on being contacted, as they are on file and as people record them."""

from datetime import date, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sync.commands.contacts import ContactArgument
from sync.commands.options import ConfigOption, JsonOption, instant, open_config, open_service, stop

if TYPE_CHECKING:
    from sync.by_hand import Said


class Answer(StrEnum):
    """What was decided."""

    YES = "yes"
    NO = "no"


class About(StrEnum):
    """What a decision is about; all: every purpose."""

    TREATMENT = "treatment"
    OPERATIONS = "operations"
    MARKETING = "marketing"
    ALL = "all"


class Way(StrEnum):
    """How somebody is contacted."""

    EMAIL = "email"
    SMS = "sms"
    PHONE = "phone"
    MAIL = "mail"


def register(app: typer.Typer) -> None:
    """Adds the commands."""
    group = typer.Typer(help="Who may be contacted, and what for.", no_args_is_help=True)
    group.command()(show)
    group.command("set")(set_)
    group.command("import")(import_)
    app.add_typer(group, name="consent")


def show(
    context: typer.Context, contact: ContactArgument, config: ConfigOption = None, as_json: JsonOption = False
) -> None:
    """Show every decision on file, what they come to, and what closes the person or an address."""
    from sync.consent_sheet import consent_of
    from sync.contact_reference import UnknownContact

    try:
        found = consent_of(open_service(context, config), contact)
    except UnknownContact as error:
        raise stop(str(error)) from None
    if as_json:
        from sync.commands.json_lines import write_json

        write_json(found)
    else:
        _show(found)


def _show(found: dict[str, Any]) -> None:
    from rich.markup import escape

    from sync.commands.screen import grid, screen

    table = grid("purpose", "channel", "decision", "of", "evidence", "on file since")
    for each in found["decisions"]:
        answer = ("basis" if each["basis"] else each["decision"]) + ("" if each["asserted"] else ", no longer stated")
        cells = (each["purpose"], each["channel"], answer, each["decided_on"] or "–", each["evidence"] or "–")
        table.add_row(*map(escape, cells), each["first_seen_on"])
    console = screen()
    console.print(f"[bold]{found['contact']}[/]")
    console.print(table if found["decisions"] else "Nobody has said anything that is on file.")
    for purpose, verdict in found["verdicts"].items():
        day = f" of {verdict['decided_on']}" if verdict["decided_on"] else ""
        console.print(f"e-mail, {purpose}: {verdict['state'].replace('_', ', ')}{day}")
    for each in found["closed"]:
        where = f" at {each['destination']}" if each["destination"] else ""
        console.print(f"{(each['decided_at'] or each['at'])[:10]}: {each['of']} {each['cause']}{where}")


def set_(
    context: typer.Context,
    contact: ContactArgument,
    decision: Annotated[Answer, typer.Argument(help="What the person has decided.")],
    purpose: Annotated[list[About] | None, typer.Option("--purpose", help="Default: all; may be repeated.")] = None,
    channel: Annotated[Way, typer.Option("--channel")] = Way.EMAIL,
    on: Annotated[
        str | None, typer.Option("--on", metavar="DATE", help="The day of the decision; default today.")
    ] = None,
    evidence: Annotated[str | None, typer.Option("--evidence", help="What shows it; a yes needs it.")] = None,
    config: ConfigOption = None,
) -> None:
    """Record what a person has decided. A no to every purpose unsubscribes them wherever they are subscribed."""
    from sync.build import open_engine
    from sync.by_hand import record
    from sync.contact_reference import UnknownContact
    from sync.store.decisions import record_decision
    from sync.store.engine import writing

    loaded = open_config(context, config)
    at = instant(loaded, None)
    if decision == Answer.YES and not (evidence or "").strip():
        raise stop('a yes needs what shows it, such as --evidence "signed form of 2026-03-31"')
    said = _said(decision, purpose or [About.ALL], channel, _day(on, at), evidence)
    try:
        with writing(open_engine(loaded)) as connection:
            found = record(connection, contact, said, at)
            what = {"decision": said.decision, "purposes": list(said.purposes), "channel": said.channel}
            record_decision(connection, "consent set", found, at, **what, decided_on=said.decided_on.isoformat())
    except UnknownContact as error:
        raise stop(str(error)) from None
    typer.echo(
        f"Recorded: {decision.value} to {', '.join(said.purposes)} by {channel.value}. It acts with the next run."
    )


def _said(decision: Answer, purposes: list[About], channel: Way, day: date, evidence: str | None) -> "Said":
    from mappings.consent import PURPOSES
    from sync.by_hand import Said

    named = tuple(p for p in PURPOSES if About.ALL in purposes or p in purposes)
    return Said(
        decision=decision.value,
        decided_on=day,
        purposes=named,
        channel=channel.value,
        evidence=(evidence or "").strip() or None,
    )


def _day(text: str | None, at: datetime) -> date:
    try:
        found = date.fromisoformat(text) if text is not None else at.date()
    except ValueError:
        raise typer.BadParameter("write a day such as 2026-03-31", param_hint="--on") from None
    if found > at.date():
        raise typer.BadParameter("this day has not come yet", param_hint="--on")
    return found


def import_(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A CSV file.")],
    config: ConfigOption = None,
) -> None:
    """Record a file of decisions, all of them or none.

    Its columns: contact (a contact id or SOURCE:EXTERNAL_ID) or email; decision (yes, no); and, where they are not all
    purposes, e-mail and today: purpose, channel, decided_on. A yes needs decided_on and evidence.
    """
    from sync.build import open_engine
    from sync.by_hand import Unrecorded, import_file
    from sync.store.decisions import record_decision
    from sync.store.engine import writing

    loaded = open_config(context, config)
    at = instant(loaded, None)
    try:
        with writing(open_engine(loaded)) as connection:
            n = import_file(connection, file, at.date(), at)
            record_decision(connection, "consent import", "file", at, n=n)
    except Unrecorded as error:
        raise stop(f"{error}\nNothing was recorded.") from None
    typer.echo(f"{n:,} decisions are recorded; they act with the next run.")
