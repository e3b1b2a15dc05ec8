"""`test`: runs the operators' cases, explains what came out otherwise, names the segments without a case."""

import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sync.commands.options import AsOfOption, ConfigOption, JsonOption, instant, open_config, stop
from sync.exit_codes import ERROR

if TYPE_CHECKING:
    from config.load import Config
    from sync.cases import Verdict


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command("test")(run_cases)


def run_cases(
    context: typer.Context,
    config: ConfigOption = None,
    with_file: Annotated[
        Path | None, typer.Option("--with", help="Test this operators file in place of the folder operators/.")
    ] = None,
    as_of: AsOfOption = None,
    contact: Annotated[
        str | None,
        typer.Option("--from", metavar="CONTACT", help="Write a case from a contact: invented name, moved dates."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Run the operators' cases; exit 1 when one comes out otherwise than expected."""
    from sync.cases import without_case

    loaded = open_config(context, config, with_file)
    if contact is not None:
        _write(loaded, contact, instant(loaded, as_of))
        return
    verdicts = _judged(loaded, instant(loaded, as_of) if as_of is not None else None)
    uncovered = without_case(loaded, (verdict.case for verdict in verdicts))
    if as_json:
        from sync.commands.json_lines import write_json

        write_json(_plain(loaded, verdicts, uncovered))
    else:
        from sync.commands.cases_view import show_verdicts

        show_verdicts(loaded, verdicts, uncovered)
    raise typer.Exit(ERROR if any(not verdict.passed for verdict in verdicts) else 0)


def _judged(config: "Config", at: datetime | None) -> list["Verdict"]:
    """Every case judged; raises ConfigError with all that cannot be read."""
    from config.problem import ConfigError, Problem
    from sync.case import UnreadableCase
    from sync.cases import Judge

    judge, today = Judge(config), datetime.now(UTC).astimezone(config.settings.practice.timezone).date()
    verdicts: list[Verdict] = []
    problems: list[Problem] = []
    for case in config.settings.cases():
        try:
            verdicts.append(judge.verdict(case, at, today))
        except UnreadableCase as error:
            problems += [config.problem((*case.path, *path), message) for path, message in error.faults]
    if problems:
        raise ConfigError(problems)
    return verdicts


def _plain(config: "Config", verdicts: Sequence["Verdict"], uncovered: list[str]) -> dict[str, Any]:
    return {
        "passed": sum(verdict.passed for verdict in verdicts),
        "failed": sum(not verdict.passed for verdict in verdicts),
        "cases": [_case(config, verdict) for verdict in verdicts],
        "without_case": uncovered,
    }


def _case(config: "Config", verdict: "Verdict") -> dict[str, Any]:
    place = config.place(verdict.case.path)
    return {
        "name": verdict.case.settings.name,
        "segment": verdict.case.segment,
        "file": place.file,
        "line": place.line,
        "as_of": verdict.at.isoformat(),
        "passed": verdict.passed,
        "status": verdict.facts["status"],
        "segments": list(verdict.segments),
        "failures": [failure._asdict() for failure in verdict.failures],
        "trees": verdict.trees,
    }


def _write(config: "Config", contact: str, at: datetime) -> None:
    from sync.build import open_engine
    from sync.case_writer import write_case
    from sync.contact_reference import UnknownContact
    from sync.store.engine import reading

    try:
        with reading(open_engine(config)) as connection:
            written = write_case(connection, config, contact, at)
    except UnknownContact as error:
        raise stop(str(error)) from None
    sys.stdout.write(written.text)
    if not written.faithful:
        sentence = "No move of the dates keeps everything as it is for the contact; look at what is expected."
        typer.echo(sentence, err=True)
