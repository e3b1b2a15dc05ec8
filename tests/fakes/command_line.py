"""The command line, called in this process on a clinic's configuration."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from unittest.mock import patch

from sqlalchemy import Engine
from typer.testing import CliRunner

from sync import build
from sync.cli import app
from sync.store.engine import connect
from tests.fakes.clinic import Clinic


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a command printed and its exit code."""

    code: int
    out: str
    err: str

    def json(self) -> Any:
        return json.loads(self.out)

    def lines(self) -> list[Any]:
        return [json.loads(line) for line in self.out.splitlines()]


def prm_sync(clinic: Clinic, *arguments: str, typed: str = "") -> Answer:
    """Runs one command; `typed` is its stdin. An error that the command does not answer is raised."""
    clinic.write()
    with _closing():
        result = CliRunner().invoke(
            app, [*arguments, "--config", str(clinic.path)], input=typed, catch_exceptions=False
        )
    return Answer(code=result.exit_code, out=result.stdout, err=result.stderr)


@contextmanager
def _closing() -> Iterator[None]:
    """A command ends with its process and leaves its connections open; here they are closed after it."""
    made: list[Engine] = []

    def noted(url: str) -> Engine:
        made.append(connect(url))
        return made[-1]

    with patch.object(build, "connect", noted):
        yield
    for engine in made:
        engine.dispose()
