"""`demo`: the main job on a synthetic practice, in a folder on which every command then works."""

import shutil
import sys
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from zoneinfo import ZoneInfo

import typer

from sync.commands.options import JsonOption, stop
from sync.exit_codes import NEWLY_STOPPED, OK

if TYPE_CHECKING:
    from sync.report import Report

ZONE = ZoneInfo("America/Chicago")


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command()(demo)


def demo(
    folder: Annotated[Path, typer.Option("--folder", help="Where the practice is made, and kept.")] = Path("prm-demo"),
    fresh: Annotated[bool, typer.Option("--fresh", help="Throw the folder away and make it anew.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Do the main job on a packaged synthetic practice: exports in, statuses and segments out."""
    from config.load import load
    from sync.build import build
    from sync.commands.demo_view import show_demo
    from sync.commands.pass_view import Progress
    from sync.log import set_up
    from sync.owner import owning
    from sync.pipeline import Line

    made = _make(folder, fresh=fresh)
    config = load(folder / "prm-sync.yaml")
    set_up(config)
    service = build(config)
    at = datetime.now(config.settings.practice.timezone)
    with owning(service.engine, at), Progress(shown=sys.stderr.isatty() and not as_json) as progress:
        report = Line(service, at, progress.tell).run()
    show_demo(service, report, folder, made=made, as_json=as_json)
    raise typer.Exit(_exit_code(report))


def _make(folder: Path, *, fresh: bool) -> bool:
    """Makes the practice where there is none; True if it was made."""
    from sync.demo import write_practice

    config = folder / "prm-sync.yaml"
    if fresh and config.exists():
        shutil.rmtree(folder)
    elif config.exists():
        return False
    elif folder.exists() and any(folder.iterdir()):
        raise stop(f"{folder} is there and holds something else; name another one: prm-sync demo --folder DIR")
    write_practice(folder, datetime.now(ZONE))
    return True


def _exit_code(report: "Report") -> int:
    """The demo's dirty rows are meant: quarantining them is what its data call for."""
    code = report.exit_code()
    return OK if code == NEWLY_STOPPED else code
