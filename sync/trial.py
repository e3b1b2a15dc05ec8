"""The live check: every step that a pass would take, tried without changing anything anywhere."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final, Literal, NamedTuple

from pydantic import BaseModel

from config.load import Config
from connectors.base import FieldMaking, Finding, Json, Misconfigured, Probing, Unavailable, failure
from connectors.settings import SecretRef, read_secret
from sync.build import make_unstored
from sync.database_trial import database_findings
from sync.exit_codes import BAD_CONFIG, OK, ORDER, REFUSED_CREDENTIALS, UNAVAILABLE

Kind = Literal["database", "secrets", "source", "destination"]

_CODES: Final = {"settings": BAD_CONFIG, "credentials": REFUSED_CREDENTIALS, "system": UNAVAILABLE}


class Step(NamedTuple):
    """What was found at one step; `code` is the exit code that it calls for."""

    kind: Kind
    name: str
    step: str
    ok: bool
    hint: str
    code: int

    def to_json(self) -> dict[str, Any]:
        """As `check --live --json` prints it."""
        return {name: getattr(self, name) for name in ("kind", "name", "step", "ok", "hint")}


class Scratch:
    """The `Memo` of a connector that is tried out: what it keeps is gone afterwards."""

    def __init__(self) -> None:
        self._values: dict[str, Json] = {}

    def get(self, key: str) -> Json | None:
        """Reads a value."""
        return self._values.get(key)

    def put(self, key: str, value: Json) -> None:
        """Keeps a value."""
        self._values[key] = value

    def drop(self, key: str) -> None:
        """Forgets a value."""
        self._values.pop(key, None)


def trial(config: Config, at: datetime) -> Iterator[Step]:
    """Yields a step at a time: secrets, database, sources that are not retired, destinations. Never raises for a trouble."""
    yield from _secrets(config)
    for finding in database_findings(config, at):
        yield _step("database", "", finding)
    for name in config.settings.sources:
        if not config.settings.is_retired(name, at):
            yield from _connector(config, "source", name, at)
    for name in config.settings.destinations:
        yield from _connector(config, "destination", name, at)


def create_fields(config: Config) -> Iterator[Step]:
    """Makes the fields that destinations lack, where that can be done; a step for each destination."""
    for name in config.settings.destinations:
        try:
            made = make_unstored(config, "destination", name, Scratch())
            if isinstance(made, FieldMaking):
                tags = made.create_fields()
                yield _step(
                    "destination", name, Finding("new fields", ok=True, hint=", ".join(tags) or "none is missing")
                )
        except (Unavailable, Misconfigured) as error:
            yield _step("destination", name, failure("new fields", error))


def exit_code(steps: list[Step]) -> int:
    """The first of the steps' codes in the order of exit codes."""
    codes = {step.code for step in steps} | {OK}
    return next(code for code in ORDER if code in codes)


def _step(kind: Kind, name: str, found: Finding) -> Step:
    return Step(kind, name, found.step, found.ok, found.hint, OK if found.ok else _CODES[found.cause])


def _connector(config: Config, kind: Literal["source", "destination"], name: str, at: datetime) -> Iterator[Step]:
    try:
        made = make_unstored(config, kind, name, Scratch())
        if isinstance(made, Probing):
            yield from (_step(kind, name, finding) for finding in made.probe(at))
        else:
            yield Step(kind, name, "settings", True, "it has nothing that can be tried without using it", OK)
    except Misconfigured as error:
        yield _step(kind, name, failure("settings", error))
    except Unavailable as error:
        yield _step(kind, name, failure("server", error))
    except OSError as error:
        hint = f"a file or folder cannot be read ({error.strerror or type(error).__name__})"
        yield Step(kind, name, "folder", False, hint, UNAVAILABLE)


def _secrets(config: Config) -> Iterator[Step]:
    """Every secret that the configuration refers to; that of the log key is told first where there is none."""
    if config.settings.log_key is None:
        hint = "there is none: persons in the log cannot be told from one start to the next; set log_key"
        yield Step("secrets", "log_key", "readable", True, hint, OK)
    for place, ref in _refs(config.settings, ""):
        try:
            read_secret(ref, place)
        except Misconfigured as error:
            yield Step("secrets", place, "readable", False, str(error), REFUSED_CREDENTIALS)
        except UnicodeDecodeError:
            yield Step("secrets", place, "readable", False, "the file is no text", REFUSED_CREDENTIALS)
        else:
            yield Step("secrets", place, "readable", True, "it can be read", OK)


def _refs(value: object, place: str) -> Iterator[tuple[str, SecretRef]]:
    if isinstance(value, SecretRef):
        yield place, value
    elif isinstance(value, BaseModel):
        for name in type(value).model_fields:
            yield from _refs(getattr(value, name), f"{place}.{name}" if place else name)
    elif isinstance(value, dict):
        for name, below in value.items():
            yield from _refs(below, f"{place}.{name}")
