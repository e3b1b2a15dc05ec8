"""The log: one flat line an event to stderr, made only of events and keys that are known, so that nothing personal leaks."""

import hashlib
import hmac
import logging
import os
import re
import secrets
import sys
import traceback
from collections.abc import Callable, Mapping, MutableMapping
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import orjson
import structlog
from structlog.typing import EventDict, WrappedLogger

from config.load import Config
from connectors.settings import read_secret
from sync.events import EVENTS, Event, Level

STRICT: Final = "PRM_SYNC_STRICT_LOG"
"""Set to 1 (tests do) it makes an unknown event, key or value an error; else it is dropped and counted."""

_IDENTIFIER: Final = re.compile(r"[\w.:/+-]{1,80}")
_LONGEST: Final = 600
_OURS: Final = tuple(Path(__file__).parents[1] / package for package in ("sync", "config", "connectors", "mappings"))


class Unregistered(Exception):
    """The code logs an event, key or value that the registry does not know; names the key, never the value."""


def _identifier(value: object) -> bool:
    return isinstance(value, str) and _IDENTIFIER.fullmatch(value) is not None


def _line(value: object) -> bool:
    return isinstance(value, str) and len(value) <= _LONGEST and value.isprintable()


def _count(value: object) -> bool:
    return isinstance(value, int)


def _number(value: object) -> bool:
    return isinstance(value, int | float)


_IDENTIFIERS: Final = (
    "run_id",
    "job",
    "source",
    "destination",
    "site",
    "segment",
    "contact",
    "hold",
    "reason",
    "error",
    "place",
    "logger",
    "state",
)
_KEYS: Final[Mapping[str, Callable[[object], bool]]] = {
    **dict.fromkeys(_IDENTIFIERS, _identifier),
    # Sentences of ours, and the names of files as the export gave them.
    **dict.fromkeys(("next", "file"), _line),
    **dict.fromkeys(("exit_code", "line", "column"), _count),
    **dict.fromkeys(("seconds", "oldest_wish_seconds", "stalest_source_seconds"), _number),
}


def keys() -> list[str]:
    """Every key that a line may carry beside ts, level, event, code and urgency; `n_*` stands for all counts."""
    return sorted([*_KEYS, "n_*"])


def _allowed(key: str, value: object) -> bool:
    return _count(value) if key.startswith("n_") else key in _KEYS and _KEYS[key](value)


def say(event: str, level: Level = "info", **keys: Any) -> None:
    """Writes one line; keys that are None are left out.

    Only what the registry (`sync.events`) and the allow-list of keys know is written: anything else raises
    Unregistered when $PRM_SYNC_STRICT_LOG is 1, and is left out and counted as `n_dropped` otherwise.
    """
    structlog.get_logger().log(_NUMBERS[level], event, **keys)


_NUMBERS: Final[Mapping[str, int]] = {"info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}


def bound(**keys: Any) -> AbstractContextManager[None]:
    """Adds keys (run_id, job) to every line of this thread for as long as the block runs."""
    return structlog.contextvars.bound_contextvars(**keys)


def _registered(_logger: WrappedLogger, level: str, line: EventDict) -> EventDict:
    """Makes the line: the registry's keys first, then what the allow-list lets pass."""
    name = str(line.pop("event"))
    known = EVENTS.get(name)
    refused = [key for key, value in line.items() if value is not None and not _allowed(key, value)]
    if os.environ.get(STRICT) == "1":
        _insist(name, level, known, refused)
    made = _head(name, level, known or Event("error", "", code="PRM-100"))
    made |= {key: value for key, value in line.items() if value is not None and key not in refused}
    if refused:
        made["n_dropped"] = len(refused)
    if known is not None and known.command and "next" not in made and level != "info":
        made["next"] = known.command
    return made


def _insist(name: str, level: str, known: Event | None, refused: list[str]) -> None:
    if known is None:
        raise Unregistered(f"the event {name!r} is not in sync/events.py")
    if known.level != level:
        raise Unregistered(f"{name} is a {known.level}, not a {level}")
    if refused:
        raise Unregistered(f"{name}: no line may carry {', '.join(refused)}, or not such a value")


def _head(name: str, level: str, event: Event) -> dict[str, Any]:
    now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    head: dict[str, Any] = {"ts": now, "level": level, "event": name if _identifier(name) else "event.unknown"}
    if level != "info":
        head["code"] = event.code or "PRM-100"
    return head | {"urgency": event.urgency}


def _as_json(_logger: WrappedLogger, _level: str, line: MutableMapping[str, Any]) -> str:
    return orjson.dumps(line).decode()


class _Stderr:
    """Writes to what stderr is at the moment; a log that cannot be written must not stop the line."""

    def msg(self, text: str) -> None:
        try:
            sys.stderr.write(text + "\n")
            sys.stderr.flush()
        except (OSError, ValueError):
            return

    info = warning = error = msg


def _configure(*, console: bool) -> None:
    shown = structlog.dev.ConsoleRenderer(
        timestamp_key="ts", exception_formatter=structlog.dev.plain_traceback, pad_event_to=22
    )
    structlog.configure(
        processors=[structlog.contextvars.merge_contextvars, _registered, shown if console else _as_json],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=lambda *_: _Stderr(),
        cache_logger_on_first_use=False,
    )


_LIBRARY_LEVELS: Final[Mapping[str, int]] = {
    "urllib3": logging.WARNING,
    "requests": logging.WARNING,
    # It warns of every run that is merged with one that still waits, as it is told to.
    "apscheduler": logging.ERROR,
}


class _Libraries(logging.Handler):
    """Turns what libraries log into a line without their text: they repeat values, addresses and URLs."""

    def emit(self, record: logging.LogRecord) -> None:
        failure = record.exc_info[0] if record.exc_info else None
        say(
            "library.said",
            "warning",
            logger=record.name,
            place=f"{record.filename}:{record.lineno}",
            error=failure.__name__ if failure is not None else None,
        )


def _hear_libraries() -> None:
    root = logging.getLogger()
    for handler in [handler for handler in root.handlers if isinstance(handler, _Libraries)]:
        root.removeHandler(handler)
    root.addHandler(_Libraries(logging.WARNING))
    for name, level in _LIBRARY_LEVELS.items():
        logging.getLogger(name).setLevel(level)


def place_of(error: BaseException) -> str:
    """Where an error came up in our own code, as file:line; never with which values: messages of libraries repeat them."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if any(Path(frame.filename).is_relative_to(folder) for folder in _OURS)]
    return f"{Path(ours[-1].filename).name}:{ours[-1].lineno}" if ours else "library"


class _Hashing:
    """The key of person hashes; one of the process's own until a configured one is set."""

    def __init__(self) -> None:
        self.key = secrets.token_bytes(32)
        self.warned = True

    def of(self, contact_id: str) -> str:
        if not self.warned:
            self.warned = True
            say("log.unkeyed", "warning")
        return hmac.new(self.key, contact_id.encode(), hashlib.sha256).hexdigest()[:12]


_hashing = _Hashing()


def set_up(config: Config) -> None:
    """Makes the log ready: JSON lines unless stderr is a terminal; raises Misconfigured when log_key cannot be read."""
    _configure(console=sys.stderr.isatty())
    _hear_libraries()
    reference = config.settings.log_key
    _hashing.warned = reference is not None
    if reference is not None:
        _hashing.key = read_secret(reference, "log_key").encode()


def person_hash(contact_id: str) -> str:
    """The 12 hexadecimal digits that stand for a contact in logs: HMAC-SHA256 with log_key.

    Without a log_key the key is the process's own, and a warning says so once.
    """
    return _hashing.of(contact_id)


_configure(console=False)
