"""Keyed hashes of what a forgotten person was known by, so that no delivery brings them back."""

import hashlib
import hmac
import secrets
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Final, Literal, NamedTuple

from sqlalchemy import Connection, select

from sync.store import tables as t
from sync.store.memos import read_memo, write_memo
from sync.store.statements import chunks, upsert

_t = t.tombstone.c
_OWNER: Final = "privacy"
_KEY: Final = "tombstones"

Kind = Literal["row", "identifier", "address"]


class Name(NamedTuple):
    """What somebody is known by: a patient row (source, external id), an identifier (authority, value), an address."""

    kind: Kind
    first: str
    second: str = ""


class Stone(NamedTuple):
    """Who was forgotten, and when."""

    contact: str
    at: datetime


def hide(connection: Connection, names: Iterable[Name], contact: str, at: datetime) -> dict[Name, str]:
    """Lays a stone for each of the names; returns their hashes."""
    key = _key(connection) or _new_key(connection)
    digests = {name: _digest(key, name) for name in names}
    rows = [{"kind": name.kind, "digest": d, "contact": contact, "at": at} for name, d in digests.items()]
    upsert(connection, t.tombstone, rows, ("kind", "digest"))
    return digests


def found(connection: Connection, names: Iterable[Name]) -> Mapping[Name, Stone]:
    """Those of the names that a forgotten person was known by. Without anybody forgotten it costs one look."""
    key = _key(connection)
    if key is None:
        return {}
    by_digest = {(name.kind, _digest(key, name)): name for name in names}
    stones: dict[Name, Stone] = {}
    for piece in chunks(sorted({digest for _, digest in by_digest})):
        query = select(_t.kind, _t.digest, _t.contact, _t.at).where(_t.digest.in_(piece))
        for kind, digest, contact, at in connection.execute(query):
            name = by_digest.get((kind, digest))
            if name is not None:
                stones[name] = Stone(contact, at)
    return stones


def _digest(key: bytes, name: Name) -> str:
    return hmac.new(key, "\x1f".join(name).encode(), hashlib.sha256).hexdigest()[:32]


def _key(connection: Connection) -> bytes | None:
    memo = read_memo(connection, _OWNER, _KEY)
    return None if memo is None else bytes.fromhex(memo["key"])


def _new_key(connection: Connection) -> bytes:
    """A key of the database's own: one in the configuration could be exchanged, and everybody would come back."""
    key = secrets.token_bytes(32)
    write_memo(connection, _OWNER, _KEY, {"key": key.hex()})
    return key
