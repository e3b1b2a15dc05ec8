"""The outbox: one wish row a (destination, subscriber), claimed with a lease and settled on its own."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from heapq import merge
from operator import itemgetter
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, and_, delete, func, or_, select, true, update

from mappings.document import Document
from sync.store import tables as t
from sync.store.statements import chunks, upsert

_w, _s = t.wish.c, t.subscriber.c


UNKNOWN = "outcome_unknown"
"""The code of a wish of which a request went out and no answer came."""


class Claimed(NamedTuple):
    """A wish that is being sent, with what the destination holds."""

    key: str
    document: Document
    loud: Mapping[str, Mapping[str, Any]]
    parties: Sequence[Any]
    version: int
    attempts: int
    site: str | None
    primary_contact: str | None
    accepted: Document | None
    ref: str | None


def was_sent(wish: Any) -> bool:
    """True of a wish row that is being sent, or was sent without being accepted."""
    return bool(wish.state == "claimed" or wish.attempts or wish.last_code == UNKNOWN)


def to_json(document: Document) -> dict[str, Any]:
    """A document as it is stored; tags sorted, so that equal documents are equal JSON."""
    return {
        "address": document.address,
        "fields": dict(document.fields),
        "tags": sorted(document.tags),
        "standing": document.standing,
    }


def from_json(stored: Mapping[str, Any] | None) -> Document | None:
    """A stored document; None for none."""
    if stored is None:
        return None
    return Document(
        address=stored["address"],
        fields=stored["fields"],
        tags=frozenset(stored["tags"]),
        standing=stored["standing"],
    )


class Lease(NamedTuple):
    """What is claimed: wishes whose time has come at `at`, `limit` of them, until `until`; of one site, or of all.

    `leaving`: only what takes somebody out, or is taken away for consent.
    """

    at: datetime
    until: datetime
    limit: int
    site: str | None = None
    leaving: bool = False


def claim(connection: Connection, destination: str, lease: Lease) -> list[Claimed]:
    """Claims ready wishes whose time has come; other workers skip them until the lease ends."""
    ready = (
        select(_w.key)
        .where(
            _w.destination == destination, _ready(lease.site), or_(_w.not_before.is_(None), _w.not_before <= lease.at)
        )
        .order_by(_w.key)
        .limit(lease.limit)
        .with_for_update(skip_locked=True)
    )
    if lease.leaving:
        ready = ready.where(or_(_w.removal, _w.protected))
    keys = list(connection.execute(ready).scalars())
    for piece in chunks(keys):
        connection.execute(
            update(t.wish)
            .where(_w.destination == destination, _w.key.in_(piece))
            .values(state="claimed", lease_until=lease.until)
        )
    return _claimed(connection, destination, keys)


def _ready(site: str | None) -> ColumnElement[bool]:
    return _w.state == "ready" if site is None else and_(_w.state == "ready", _w.site == site)


def _claimed(connection: Connection, destination: str, keys: Sequence[str]) -> list[Claimed]:
    found: list[Claimed] = []
    for piece in chunks(keys):
        columns = (_w.key, _w.document, _w.loud, _w.parties, _w.version, _w.attempts, _w.site, _w.primary_contact)
        query = (
            select(*columns, _s.accepted, _s.ref)
            .outerjoin(t.subscriber, and_(_s.destination == _w.destination, _s.key == _w.key))
            .where(_w.destination == destination, _w.key.in_(piece))
            .order_by(_w.key)
        )
        for row in connection.execute(query):
            document = from_json(row[1])
            if document is not None:
                found.append(Claimed(row[0], document, *row[2:8], from_json(row[8]), row[9]))
    return found


def abandoned(connection: Connection, destination: str, at: datetime | None) -> list[Claimed]:
    """Claimed wishes of a process that is gone (`at` None), or whose lease has ended: what became of them is unknown."""
    where = true() if at is None else _w.lease_until < at
    keys = list(
        connection.execute(select(_w.key).where(_w.destination == destination, _w.state == "claimed", where)).scalars()
    )
    return _claimed(connection, destination, keys)


def give_back(connection: Connection, destination: str, keys: Iterable[str], **changes: Any) -> None:
    """Makes claimed wishes ready again."""
    for piece in chunks(keys):
        connection.execute(
            update(t.wish)
            .where(_w.destination == destination, _w.key.in_(piece), _w.state == "claimed")
            .values(state="ready", lease_until=None, **changes)
        )


def settle(connection: Connection, destination: str, claimed: Claimed) -> None:
    """Ends a claim: the wish is gone if it is still the version that was sent; a newer one stays as its review left it."""
    connection.execute(delete(t.wish).where(_sent(destination, claimed)))


def _sent(destination: str, claimed: Claimed) -> ColumnElement[bool]:
    """The wish while it is the one that was sent; a review that wrote a newer one has also ended the claim."""
    return and_(_w.destination == destination, _w.key == claimed.key, _w.version == claimed.version)


def settle_all(connection: Connection, destination: str, claimed: Sequence[Claimed]) -> None:
    """Ends many claims at once; only for wishes that nobody else can have changed meanwhile."""
    for piece in chunks(claimed):
        keys = [item.key for item in piece]
        connection.execute(delete(t.wish).where(_w.destination == destination, _w.key.in_(keys), _w.state == "claimed"))


def park(connection: Connection, destination: str, claimed: Claimed, code: str) -> None:
    """Keeps a wish that the destination will not take, until its document changes or a person retries it."""
    connection.execute(
        update(t.wish)
        .where(_sent(destination, claimed))
        .values(state="parked", last_code=code, attempts=claimed.attempts + 1, lease_until=None)
    )


def later(connection: Connection, destination: str, claimed: Claimed, not_before: datetime, code: str) -> None:
    """Puts a wish off; a newer one need not wait."""
    connection.execute(
        update(t.wish)
        .where(_sent(destination, claimed))
        .values(state="ready", lease_until=None, not_before=not_before, attempts=claimed.attempts + 1, last_code=code)
    )


def record_accepted(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Writes what the destination took."""
    upsert(connection, t.subscriber, rows, ("destination", "key"))


def record_reference(connection: Connection, destination: str, key: str, ref: str) -> None:
    """Keeps the provider's id of a subscriber of which nothing was accepted yet."""
    upsert(connection, t.subscriber, [{"destination": destination, "key": key, "ref": ref}], ("destination", "key"))


def rekey(connection: Connection, destination: str, old: str, new: str) -> None:
    """Moves what was accepted from one address to another; the document keeps the address that the destination knows."""
    connection.execute(update(t.subscriber).where(_s.destination == destination, _s.key == old).values(key=new))


def subscribers(connection: Connection, destination: str, keys: Iterable[str]) -> dict[str, Any]:
    """What a destination last took, by key."""
    found: dict[str, Any] = {}
    for piece in chunks(keys):
        query = select(t.subscriber).where(_s.destination == destination, _s.key.in_(piece))
        found.update((row.key, row) for row in connection.execute(query))
    return found


def wishes(connection: Connection, destination: str, keys: Iterable[str]) -> dict[str, Any]:
    """The wish rows of a destination, by key."""
    found: dict[str, Any] = {}
    for piece in chunks(keys):
        query = select(t.wish).where(_w.destination == destination, _w.key.in_(piece))
        found.update((row.key, row) for row in connection.execute(query))
    return found


def drop(connection: Connection, destination: str, keys: Iterable[str]) -> None:
    """Deletes wishes that came true by themselves."""
    for piece in chunks(keys):
        connection.execute(delete(t.wish).where(_w.destination == destination, _w.key.in_(piece)))


def count(connection: Connection, destination: str, state: str) -> int:
    """How many wishes of a destination are in a state."""
    query = select(func.count()).select_from(t.wish).where(_w.destination == destination, _w.state == state)
    return connection.execute(query).scalar_one()


def count_ready(connection: Connection, destination: str, site: str | None = None) -> int:
    """How many wishes of a destination are ready; of one site, or of all."""
    query = select(func.count()).select_from(t.wish).where(_w.destination == destination, _ready(site))
    return connection.execute(query).scalar_one()


def whole_audience(connection: Connection, destination: str, site: str | None = None) -> Iterator[tuple[str, Document]]:
    """Every subscriber as wished (of one site, or of all), or else as accepted, by key; without held wishes. Streams.

    Both tables are read in the order of their keys and merged here: a union in order would be sorted in memory.
    """
    wished = or_(_w.state == "claimed", _ready(site))
    taken = select(_s.key, _s.accepted).where(
        _s.destination == destination,
        _s.accepted.is_not(None),
        ~select(_w.key).where(_w.destination == destination, _w.key == _s.key, wished).exists(),
    )
    new = select(_w.key, _w.document).where(_w.destination == destination, wished)
    streams = [
        connection.execute(query.execution_options(yield_per=1000))
        for query in (taken.order_by(_s.key), new.order_by(_w.key))
    ]
    for key, stored in merge(*streams, key=itemgetter(0)):
        document = from_json(stored)
        if document is not None:
            yield key, document
