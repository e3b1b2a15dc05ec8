"""One page of a search: its entries as delivered, told apart by why they are in it, and its links.

`msgspec.Raw` leaves each resource as the bytes that came; only type, id and lastUpdated are read of it.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from itertools import count, repeat
from typing import NamedTuple

import msgspec

from connectors.base import Unavailable
from connectors.fhir.entry import UNREADABLE, BundleEntry, Entry, entry_of, head_of
from connectors.fhir.instants import moment
from connectors.fhir.outcome import Issue, issues_of, said
from connectors.json_text import members, parts
from mappings.cells import LONGEST_NAME


class SearchPage(NamedTuple):
    """A page. `matches` are what was asked for, `others` what came with it (search.mode include).

    `changed` says of each match when the server last changed it; None where it does not say.
    """

    matches: Sequence[Entry]
    changed: Sequence[datetime | None]
    others: Sequence[Entry]
    issues: Sequence[Issue]
    next: str | None
    self: str | None
    total: int | None


class _Meta(msgspec.Struct, rename="camel", gc=False):
    last_updated: str | None = None


class _Head(msgspec.Struct, rename="camel", gc=False):
    resource_type: str = ""
    id: str = ""
    meta: _Meta | None = None


class _Typed(msgspec.Struct, rename="camel", gc=False):
    resource_type: str = ""


class _Mode(msgspec.Struct, gc=False):
    mode: str | None = None


class _Entry(BundleEntry, rename="camel", gc=False):
    search: _Mode | None = None


class _Link(msgspec.Struct, gc=False):
    relation: str = ""
    url: str = ""


class _Bundle(msgspec.Struct, rename="camel", gc=False):
    resource_type: str = ""
    total: int | None = None
    link: list[_Link] | None = None
    entry: list[_Entry] | None = None


class _EntryHead(msgspec.Struct, gc=False):
    resource: _Head | None = None


class _Heads(msgspec.Struct, gc=False):
    entry: list[_EntryHead] | None = None


class _LooseBundle(msgspec.Struct, rename="camel", gc=False):
    resource_type: str = ""
    link: list[_Link] | None = None
    entry: list[msgspec.Raw] | None = None


_SHELL = (b'"resourceType"', b'"total"', b'"link"')
_read_bundle = msgspec.json.Decoder(_Bundle).decode
_read_heads = msgspec.json.Decoder(_Heads).decode
_read_loosely = msgspec.json.Decoder(_LooseBundle).decode
_read_entry = msgspec.json.Decoder(_Entry).decode
_read_head = msgspec.json.Decoder(_Head).decode
_read_type = msgspec.json.Decoder(_Typed).decode


def read_page(body: bytes, resource: str, place: str) -> SearchPage:
    """Reads an answer to a search of one type; raises Unavailable for whatever is no Bundle: it is never an empty one."""
    bundle = _bundle(body)
    if bundle is None or bundle.resource_type != "Bundle":
        issues = issues_of(body) if bundle is not None else ()
        if any(issue.severe for issue in issues):
            raise Unavailable(
                f"{place}: answered 200 with an error{said(issues)}; its log says what it holds against it"
            )
        raise Unavailable(f"{place}: the answer is no Bundle{said(issues)}")
    entries = bundle.entry or []
    heads = _heads(body, entries)
    sorted_ = _alike(entries, heads, resource) or _told_apart(entries, heads, resource)
    links = {link.relation: link.url for link in bundle.link or () if link.url}
    return SearchPage(*sorted_, links.get("next"), links.get("self"), bundle.total)


class _Sorted(NamedTuple):
    """The first elements of a SearchPage."""

    matches: Sequence[Entry]
    changed: Sequence[datetime | None]
    others: Sequence[Entry]
    issues: Sequence[Issue]


def _alike(entries: Sequence[_Entry], heads: Sequence[_Head | None], resource: str) -> _Sorted | None:
    """A page that holds nothing but well-named matches of the type, as most do; None for any other.

    Nothing here runs in Python entry by entry: half the time of a page went into that.
    """
    found = [head for head in heads if head is not None and head.resource_type == resource]
    modes = {item.search.mode if item.search is not None else None for item in entries if item.request is None}
    ids = [head.id for head in found]
    if len(found) != len(entries) or not modes <= {"match", None} or any(item.request for item in entries):
        return None
    if not all(ids) or "\0" in "".join(ids) or max(map(len, ids), default=0) > LONGEST_NAME:
        return None
    bodies = [bytes(item.resource) for item in entries]
    matches = list(map(_as_entry, zip(repeat(resource), ids, bodies, count(1))))
    return _Sorted(
        matches, _moments([head.meta.last_updated if head.meta is not None else None for head in found]), (), ()
    )


_as_entry: Callable[[tuple[str, str, bytes, int]], Entry] = partial(tuple.__new__, Entry)


def _told_apart(entries: Sequence[_Entry], heads: Sequence[_Head | None], resource: str) -> _Sorted:
    matches: list[Entry] = []
    changed: list[str | None] = []
    beside: list[Entry] = []
    for number, (item, head) in enumerate(zip(entries, heads, strict=True), start=1):
        mode = item.search.mode if item.search is not None else None
        if item.request is not None or head is None or not _is_name(head.id):
            entry = entry_of(item, number)
        else:
            entry = Entry(head.resource_type, head.id, bytes(item.resource), number)
        if entry is None:
            continue
        if mode != "match" and (mode is not None or entry.resource not in (resource, "")):
            beside.append(entry)
        else:
            matches.append(entry)
            changed.append(head.meta.last_updated if head is not None and head.meta is not None else None)
    others = [entry for entry in beside if entry.resource != "OperationOutcome"]
    issues = [issue for entry in beside if entry.resource == "OperationOutcome" for issue in issues_of(entry.body)]
    return _Sorted(matches, _moments(changed), others, issues)


def _heads(body: bytes, entries: Sequence[_Entry]) -> Sequence[_Head | None]:
    """Type, id and lastUpdated of each entry; None where they cannot be read."""
    try:
        found = [each.resource for each in _read_heads(body).entry or ()]
    except UNREADABLE:
        found = []
    return found if len(found) == len(entries) else [_head(item.resource) for item in entries]


def _head(body: msgspec.Raw) -> _Head | None:
    """A broken `meta` does not cost type and id."""
    try:
        return _read_head(body)
    except UNREADABLE:
        resource, resource_id = head_of(body)
        return _Head(resource_type=resource, id=resource_id) if resource else None


def _is_name(text: str) -> bool:
    return 0 < len(text) <= LONGEST_NAME and "\0" not in text


def _bundle(body: bytes) -> _Bundle | None:
    """Reads the Bundle; an entry that is none of the shape becomes one that holds nothing but its bytes."""
    try:
        return _read_bundle(body)
    except UNREADABLE:
        pass
    try:
        loose = _read_loosely(body)
    except UNREADABLE:
        return _cut(body) or _other(body)
    return _Bundle(resource_type=loose.resource_type, link=loose.link, entry=[_entry(raw) for raw in loose.entry or ()])


def _cut(body: bytes) -> _Bundle | None:
    """A Bundle in which something is no JSON, cut into its entries; None for anything else."""
    found = members(body)
    entries = parts(found.get(b'"entry"', b"[]")) if found is not None else None
    if found is None or entries is None:
        return None
    rest = b",".join(name + b":" + value for name, value in found.items() if name in _SHELL)
    try:
        shell = _read_bundle(b"{" + rest + b"}")
    except UNREADABLE:
        return None
    return msgspec.structs.replace(shell, entry=[_entry(msgspec.Raw(each)) for each in entries])


def _other(body: bytes) -> _Bundle | None:
    """A resource that is no Bundle; None for a Bundle that cannot be read, and for what is no resource."""
    try:
        found = _read_type(body).resource_type
    except UNREADABLE:
        return None
    return _Bundle(resource_type="Other") if found != "Bundle" else None


def _entry(raw: msgspec.Raw) -> _Entry:
    try:
        return _read_entry(raw)
    except UNREADABLE:
        resource = (members(bytes(raw)) or {}).get(b'"resource"')
        return _Entry(resource=raw if resource is None else msgspec.Raw(resource))


def _moments(texts: Sequence[str | None]) -> Sequence[datetime | None]:
    try:
        found = [datetime.fromisoformat(text) for text in texts if text is not None]
    except ValueError:
        found = []
    if len(found) == len(texts) and all(each.tzinfo for each in found):
        return found
    return [moment(text) for text in texts]
