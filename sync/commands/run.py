"""`run` and its stages `listen`, `pull`, `review`, `push`: one pass."""

import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated

import typer

from sync.commands.options import AsOfOption, ConfigOption, JsonOption, instant, open_service, stop

if TYPE_CHECKING:
    from sync.build import Service

SourceOption = Annotated[list[str] | None, typer.Option("--source", help="Only this source; may be repeated.")]
DestinationOption = Annotated[
    list[str] | None, typer.Option("--destination", help="Only this destination; may be repeated.")
]


SiteOption = Annotated[str | None, typer.Option("--site", help="Only sources that bring this site, only its wishes.")]


def register(app: typer.Typer) -> None:
    """Adds the commands."""
    app.command()(run)
    app.command()(listen)
    app.command()(pull)
    app.command()(review)
    app.command()(push)


def run(
    context: typer.Context,
    source: SourceOption = None,
    destination: DestinationOption = None,
    site: SiteOption = None,
    config: ConfigOption = None,
    as_of: AsOfOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make one full pass: listen, pull, review, push."""
    stages = ("listen", "pull", "review", "push")
    _pass(open_service(context, config), stages, (source, destination, site), as_of, as_json=as_json)


def listen(
    context: typer.Context,
    destination: DestinationOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Read unsubscribes and bounces back."""
    _pass(open_service(context, config), ("listen",), (None, destination, None), None, as_json=as_json)


def pull(
    context: typer.Context, source: SourceOption = None, config: ConfigOption = None, as_json: JsonOption = False
) -> None:
    """Land what sources offer."""
    _pass(open_service(context, config), ("pull",), (source, None, None), None, as_json=as_json)


def review(context: typer.Context, config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Decide status and segments of everyone who is stale or due."""
    _pass(open_service(context, config), ("review",), (None, None, None), None, as_json=as_json)


def push(
    context: typer.Context,
    destination: DestinationOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Send what is ready."""
    _pass(open_service(context, config), ("push",), (None, destination, None), None, as_json=as_json)


Named = tuple[list[str] | None, list[str] | None, str | None]


def _pass(service: "Service", stages: Iterable[str], named: Named, as_of: str | None, *, as_json: bool) -> None:
    from sync.commands.pass_view import Progress, show_pass
    from sync.owner import owning
    from sync.pipeline import Line, Scope

    if as_of is not None and not service.config.settings.practice.sandbox:
        raise stop("--as-of replaces the clock, so `run` takes it only with practice: {sandbox: true}")
    scope = Scope(
        sources=_known("source", named[0], service.sources),
        destinations=_known("destination", named[1], service.destinations),
        site=next(iter(_known("site", [named[2]], service.config.settings.sites) or ())) if named[2] else None,
        stages=frozenset(stages),
    )
    at = instant(service.config, as_of)
    with owning(service.engine, at), Progress(shown=sys.stderr.isatty() and not as_json) as progress:
        report = Line(service, at, progress.tell).run(scope)
    show_pass(report, as_json=as_json)
    raise typer.Exit(report.exit_code())


def _known(noun: str, names: list[str] | None, known: Iterable[str]) -> frozenset[str] | None:
    unknown = sorted(set(names or ()) - set(known))
    if unknown:
        raise stop(f"no {noun} is called {', '.join(unknown)}; there are: {', '.join(known) or 'none'}")
    return frozenset(names) if names else None
