"""The resources inside a line or a document, a Bundle's entries one by one; nothing of them is read but type and id.

`msgspec.Raw` leaves each resource as the bytes that were delivered: they are what the gate hashes.
"""

import re
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Annotated, Final, NamedTuple

import msgspec

from connectors.json_text import members
from mappings.cells import LONGEST_NAME
from mappings.fhir.mapping import REMOVAL

_URN = re.compile(rb'"(urn:uuid:[0-9A-Fa-f-]{1,64})"')
_BEGINNING = re.compile(rb'\{"resourceType":"([A-Z][A-Za-z]+)","id":"([A-Za-z0-9\-.]{1,250})"[,}]')
_TYPED_ID = re.compile(r"(?:\A|/)([A-Z][A-Za-z]+)/([A-Za-z0-9\-.]{1,250})(?:/_history/[A-Za-z0-9\-.]+)?\Z")


class Entry(NamedTuple):
    """One resource as delivered. `resource` is "" for what is no FHIR resource, `id` "" where there is none."""

    resource: str
    id: str
    body: bytes
    place: int


class _Head(msgspec.Struct, rename="camel", gc=False):
    resource_type: str = ""
    id: Annotated[str, msgspec.Meta(max_length=LONGEST_NAME, pattern=r"\A[^\0]*\Z")] = ""


class _Request(msgspec.Struct, gc=False):
    method: str = ""
    url: str = ""


class BundleEntry(msgspec.Struct, rename="camel", gc=False):
    """An entry of any Bundle; its resource is left as the bytes that came."""

    full_url: str | None = None
    resource: msgspec.Raw = msgspec.Raw()
    request: _Request | None = None


class _Bundle(msgspec.Struct, gc=False):
    type: str = ""
    entry: list[BundleEntry] | None = None


_NAME: Final = re.compile(rb'\A"[A-Za-z0-9\-.]{1,250}"\Z')
UNREADABLE: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What reading JSON raises; the last for brackets that nest without end."""

_read_head = msgspec.json.Decoder(_Head).decode
_NO_NAMES: Final[Mapping[bytes, bytes]] = MappingProxyType({})
_read_bundle = msgspec.json.Decoder(_Bundle).decode


def plain_entry(body: bytes, place: int, *, proved: bool) -> Entry | None:
    """The resource of a line that is no Bundle; None for any other line.

    What was `proved` is not parsed again where the line begins with type and id, as servers write it.
    """
    match = _BEGINNING.match(body) if proved else None
    if match is not None:
        resource, resource_id = match[1].decode(), match[2].decode()
    else:
        resource, resource_id = head_of(body)
    return Entry(resource, resource_id, body, place) if resource not in ("", "Bundle") else None


def entries_of(body: bytes, place: int, document: bool) -> Iterator[Entry]:
    """Yields the resource in `body`, or each of a Bundle's; places count a document's entries, else name the line."""
    resource, resource_id = head_of(body)
    if resource != "Bundle":
        yield Entry(resource, resource_id, body, place)
        return
    try:
        bundle = _read_bundle(body)
    except UNREADABLE:
        yield Entry("", "", body, place)
        return
    yield from _bundled(bundle, place, document)


def head_of(body: bytes | msgspec.Raw) -> tuple[str, str]:
    """The resource type and id; "" for what cannot be read. What is no JSON further on is known by its name still."""
    try:
        head = _read_head(body)
    except UNREADABLE:
        found = members(bytes(body)) or {}
        return _plain(found.get(b'"resourceType"')), _plain(found.get(b'"id"'))
    return head.resource_type, head.id


def _plain(text: bytes | None) -> str:
    return text[1:-1].decode() if text is not None and _NAME.match(text) else ""


def _bundled(bundle: _Bundle, place: int, document: bool) -> Iterator[Entry]:
    names = _names(bundle)
    seen: set[tuple[str, str]] = set()
    for number, item in enumerate(bundle.entry or (), start=1):
        entry = entry_of(item, number if document else place, names)
        if entry is None:
            continue
        key = (entry.resource, entry.id)
        # A history runs from the newest version back (hl7.org/fhir/R4/http.html#history); older ones say nothing new.
        if bundle.type == "history" and entry.id and key in seen:
            continue
        seen.add(key)
        yield entry


def _names(bundle: _Bundle) -> dict[bytes, bytes]:
    """`urn:uuid:…` -> `Type/id` for all entries that are named so."""
    names: dict[bytes, bytes] = {}
    for item in bundle.entry or ():
        if item.full_url is not None and item.full_url.startswith("urn:uuid:"):
            resource, resource_id = head_of(item.resource)
            if resource:
                names[item.full_url.encode()] = f"{resource}/{resource_id or item.full_url[9:]}".encode()
    return names


def entry_of(item: BundleEntry, place: int, names: Mapping[bytes, bytes] = _NO_NAMES) -> Entry | None:
    """What an entry holds: a resource, named by its fullUrl where it has no id, or a deletion; None for nothing.

    `names` are what `urn:uuid:` references of its Bundle stand for.
    """
    if item.request is not None and item.request.method == "DELETE":
        return removal_of(item.request.url, place)
    body = bytes(item.resource)
    if body in (b"", b"null"):
        return None
    resource, resource_id = head_of(body)
    if resource and not resource_id and item.full_url is not None:
        resource_id = _id_of(item.full_url)
    if names and b'"urn:uuid:' in body:
        body = _URN.sub(lambda match: b'"' + names.get(match[1], match[1]) + b'"', body)
    return Entry(resource, resource_id, body, place)


def removal_of(url: str, place: int) -> Entry | None:
    """What stands for a deleted resource, named by `Type/id`; None for a URL that names none."""
    match = _TYPED_ID.search(url)
    if match is None:
        return None
    body = REMOVAL + msgspec.json.encode({"method": "DELETE", "url": f"{match[1]}/{match[2]}"}) + b"}"
    return Entry(match[1], match[2], body, place)


def _id_of(full_url: str) -> str:
    """The id that a fullUrl gives to a resource without one (hl7.org/fhir/R4/bundle.html#bundle-unique)."""
    if full_url.startswith("urn:uuid:"):
        return full_url[9:] if len(full_url) <= LONGEST_NAME else ""
    match = _TYPED_ID.search(full_url)
    return match[2] if match is not None else ""
