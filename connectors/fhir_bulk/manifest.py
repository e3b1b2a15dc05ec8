"""The manifest of an export: which files there are, and until when they speak.

https://hl7.org/fhir/uv/bulkdata/export.html#response---complete-status
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from connectors.base import Unavailable
from connectors.fhir.entry import UNREADABLE
from connectors.fhir.instants import moment
from connectors.fhir.outcome import issues_of, said

_EPOCH_MS: Final = 100_000_000_000
"""A number beyond this counts milliseconds: as seconds it would lie in the year 5138."""


class Item(msgspec.Struct, frozen=True):
    """A file: the type that it is said to hold, where it lies, and how many resources it is said to hold."""

    type: str
    url: str
    count: int | None = None


class Manifest(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """`time` is the server's when the export was made, None where that cannot be read; `token` whether files want one,
    None where the server does not say; `untold` counts errors that come without a file."""

    time: datetime | None = None
    token: bool | None = None
    output: tuple[Item, ...] = ()
    deleted: tuple[Item, ...] = ()
    errors: tuple[Item, ...] = ()
    untold: int = 0
    next: str | None = None


class _File(msgspec.Struct):
    type: Any = None
    url: Any = None
    count: Any = None


class _Link(msgspec.Struct):
    relation: str = ""
    url: str = ""


class _Raw(msgspec.Struct, rename="camel"):
    resource_type: Any = None
    transaction_time: Any = None
    requires_access_token: Any = None
    output: list[_File] | None = None
    deleted: list[_File] | None = None
    error: list[_File] | None = None
    link: list[_Link] | None = None


_read = msgspec.json.Decoder(_Raw).decode


def read_manifest(body: bytes, place: str) -> Manifest:
    """Reads a manifest; raises Unavailable for anything else: it is never an export without files."""
    try:
        raw = _read(body)
    except UNREADABLE:
        raise Unavailable(f"{place}: the answer is no manifest of an export") from None
    if raw.output is None or raw.resource_type is not None:
        raise Unavailable(f"{place}: the answer is no manifest of an export{said(issues_of(body))}")
    errors = _items(raw.error)
    output, deleted = _items(raw.output), _items(raw.deleted)
    if len(output) < len(raw.output) or len(deleted) < len(raw.deleted or ()):
        raise Unavailable(f"{place}: the manifest names a file without type or URL")
    return Manifest(
        time=_instant(raw.transaction_time),
        token=_flag(raw.requires_access_token),
        output=output,
        deleted=deleted,
        errors=errors,
        untold=len(raw.error or ()) - len(errors),
        next=next((link.url for link in raw.link or () if link.relation == "next" and link.url), None),
    )


def joined(parts: Sequence[Manifest]) -> Manifest:
    """The parts of a manifest as one; the time is the earliest, and unknown where one part's is."""
    times = [part.time for part in parts if part.time is not None]
    return Manifest(
        time=min(times) if len(times) == len(parts) else None,
        token=None if any(part.token is None for part in parts) else any(part.token for part in parts),
        output=tuple(item for part in parts for item in part.output),
        deleted=tuple(item for part in parts for item in part.deleted),
        errors=tuple(item for part in parts for item in part.errors),
        untold=sum(part.untold for part in parts),
    )


def _items(files: Sequence[_File] | None) -> tuple[Item, ...]:
    named = (file for file in files or () if isinstance(file.type, str) and file.type)
    return tuple(Item(file.type, file.url, _count(file.count)) for file in named if _is_url(file.url))


def _is_url(value: Any) -> bool:
    return isinstance(value, str) and bool(value)


def _count(value: Any) -> int | None:
    """Servers that write numbers as text are understood; what is no number says nothing."""
    if isinstance(value, str) and value.isascii() and value.isdigit():
        value = int(value[:18])
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def _flag(value: Any) -> bool | None:
    return {"true": True, "false": False}.get(str(value).strip().lower())


def _instant(value: Any) -> datetime | None:
    """The time as an instant; some servers write none of FHIR's (cumulus-etl, pull request 332)."""
    if isinstance(value, str):
        return moment(value.strip())
    if isinstance(value, int | float) and not isinstance(value, bool) and value > 0:
        try:
            return datetime.fromtimestamp(value / 1000 if value > _EPOCH_MS else value, UTC)
        except (ValueError, OverflowError, OSError):
            return None
    return None
