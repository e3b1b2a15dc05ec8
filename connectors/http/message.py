"""What is asked of another system over HTTP, and what it answers."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final

import msgspec
import orjson

from connectors.base import Unavailable
from connectors.json_text import members

Params = Mapping[str, str | int | Sequence[str]]
"""Query parameters, or the fields of a form; a sequence repeats its name."""
NO_PARAMS: Final[Params] = MappingProxyType({})

KEPT_HEADERS: Final = (
    "date",
    "retry-after",
    "content-type",
    "content-location",
    "x-progress",
    "etag",
    "last-modified",
    "expires",
    "x-hubspot-ratelimit-remaining",
    "x-hubspot-ratelimit-interval-milliseconds",
    "x-hubspot-ratelimit-daily-remaining",
)


class Unsettled(Exception):
    """A write was sent and its answer did not arrive: it may have taken effect. Read again before repeating it."""

    def __init__(self, message: str, *, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What to ask. `path` starts at the base URL (or is a whole URL within it); `template` is what errors may name.

    The body is `json`, or `form`, which is called for each attempt. `idempotent` says that repeating it after an
    unknown outcome does no harm, `safe` that it changes nothing that anyone minds, whatever its method. `document`:
    a 200 that is no JSON object is no answer, and is asked for again. `seconds`: how long its answer may take, where
    that is not the client's own limit. `passing` says of the body of a 200 why it is none and may pass by itself, as
    a 5xx does; None for a real answer.
    """

    method: str
    path: str
    template: str
    params: Params = field(default_factory=dict)
    json: Any = None
    form: Callable[[], Params] | None = None
    accept: str = "application/json"
    prefer: str = ""
    idempotent: bool = True
    safe: bool = False
    document: bool = False
    seconds: float | None = None
    passing: Callable[[bytes], str | None] | None = None

    @property
    def writes(self) -> bool:
        return not self.safe and self.method not in {"GET", "HEAD"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """An answer, whole. `headers` holds the few that anyone asks for, by lower-case name."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    place: str
    writes: bool = False

    def json(self) -> Any:
        """Reads the body as JSON; raises Unavailable (after a write Unsettled) without any of its content."""
        value = parsed(self.body)
        if value is NO_JSON:
            raise (Unsettled if self.writes else Unavailable)(f"{self.place}: the answer is not JSON")
        return value

    def json_object(self) -> dict[str, Any] | None:
        """Reads the body as a JSON object; None when it is anything else."""
        value = parsed(self.body)
        return value if isinstance(value, dict) else None


NO_JSON: Final = object()
_skim = msgspec.json.Decoder(msgspec.Raw).decode


def parsed(body: bytes) -> Any:
    """The body as JSON; NO_JSON when it is none."""
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        return NO_JSON


def is_document(body: bytes) -> bool:
    """True for a whole JSON object; nothing is built of it, so this costs a fraction of reading it.

    One that came whole and has something in it that is no JSON is a document too: to be told apart by who reads it.
    """
    if body.lstrip()[:1] != b"{":
        return False
    try:
        _skim(body)
    except (msgspec.DecodeError, RecursionError):
        return members(body) is not None
    return True
