"""How a decision on who is who is taken at the command line, and takes effect: at once, or with the next pass."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Any

import typer

from sync.commands.options import instant, stop

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from config.load import Config


@contextmanager
def decide(config: "Config") -> Iterator[tuple["Connection", datetime]]:
    """A transaction to decide in, and the clock; what does not exist or fit ends the command (64)."""
    from sync.build import open_engine
    from sync.contact_reference import UnknownContact
    from sync.contact_surgery import Unfit
    from sync.match_queue import UnknownMatch
    from sync.store.engine import writing

    try:
        with writing(open_engine(config)) as connection:
            yield connection, instant(config, None)
    except (UnknownContact, UnknownMatch, Unfit) as error:
        raise stop(str(error)) from None


def settle(config: "Config", at: datetime, rows: Sequence[int]) -> dict[str, Any]:
    """Resolves what waits, unless another process owns the line and will; {settled, contacts of the rows}."""
    from sync.build import open_engine
    from sync.owner import Busy, owning
    from sync.resolve import Resolver, ResolverSettings
    from sync.store import links
    from sync.store.engine import reading, writing

    engine = open_engine(config)
    settled, waits = True, True
    try:
        with owning(engine, at):
            while waits:
                with writing(engine) as connection:
                    resolver = Resolver(ResolverSettings.of(config.settings), at)
                    waits = bool(resolver.resolve_waiting(connection))
    except Busy:
        settled = False
    with reading(engine) as connection:
        contacts = sorted(set(links.current(connection, rows).values()))
    return {"settled": settled, "contacts": contacts}


def told(found: Mapping[str, Any], sentence: str, *, as_json: bool) -> None:
    """Says what has been done."""
    if as_json:
        from sync.commands.json_lines import write_json

        write_json(found)
    elif found["settled"]:
        typer.echo(f"{sentence} Now: prm-sync run")
    else:
        typer.echo("Noted; another process is at work, and the next pass follows it.")
