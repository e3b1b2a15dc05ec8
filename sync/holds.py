"""Brakes at work: waiting wishes become ready or held, files are held; a person applies or discards."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, and_, delete, func, select, update

from sync.brakes import Audience, Limits, Move, Trip, tripped
from sync.store import tables as t
from sync.store.files import settle_hold
from sync.store.statements import chunks

_w, _s, _h, _c = t.wish.c, t.subscriber.c, t.hold.c, t.contact.c


class UnknownHold(Exception):
    """No open hold has this id; the message says how to see them."""


class Held(NamedTuple):
    """A hold as it was made."""

    id: str
    kind: str
    name: str
    site: str | None
    reasons: Mapping[str, Any]


def settle_waiting(connection: Connection, destinations: Sequence[str], limits: Limits, at: datetime) -> list[Held]:
    """Counts what a review wished, per destination and site: what trips a brake is held, the rest is ready."""
    held: list[Held] = []
    for destination in destinations:
        trips = _trips(connection, destination, limits)
        for site in dict.fromkeys(trip.audience.site for trip in trips):
            reasons = _reasons(trip for trip in trips if trip.audience.site == site)
            hold = new_hold(connection, "delivery", destination, site, reasons, at)
            _hold_wishes(connection, hold)
            held.append(hold)
        connection.execute(
            update(t.wish).where(_w.destination == destination, _w.state == "waiting").values(state="ready")
        )
    return held


def _trips(connection: Connection, destination: str, limits: Limits) -> list[Trip]:
    """Members are counted only where a count is over its number: that reads every document."""
    moves = Counter(_moves(connection, destination))
    many = tripped(moves.elements(), {move.audience: 1 for move in moves}, limits)
    return tripped(moves.elements(), _members(connection, destination), limits) if many else []


def _moves(connection: Connection, destination: str) -> Iterable[Move]:
    query = (
        select(_w.site, _w.removal, _w.protected, _w.status_change, _w.loud, _s.accepted.is_(None))
        .outerjoin(t.subscriber, and_(_s.destination == _w.destination, _s.key == _w.key))
        .where(_w.destination == destination, _w.state == "waiting")
    )
    for site, removal, protected, status_change, loud, joins in connection.execute(
        query.execution_options(yield_per=1000)
    ):
        yield Move(
            audience=Audience(destination, site),
            removed=removal,
            ground="consent" if protected else "rule",
            status_changed=status_change and not protected,
            entries=len(loud),
            joins=joins,
        )


def _members(connection: Connection, destination: str) -> dict[Audience, int]:
    there = _s.accepted["standing"].as_string() == "subscribed"
    query = select(_s.site, func.count()).where(_s.destination == destination, there).group_by(_s.site)
    return {Audience(destination, site): n for site, n in connection.execute(query)}


def _reasons(trips: Iterable[Trip]) -> dict[str, Any]:
    return {trip.kind: {"count": trip.count, "of": trip.members} for trip in trips}


def _hold_wishes(connection: Connection, hold: Held) -> None:
    site = _w.site.is_(None) if hold.site is None else _w.site == hold.site
    connection.execute(
        update(t.wish)
        .where(_w.destination == hold.name, _w.state == "waiting", site, ~_w.protected)
        .values(state="held", hold_id=hold.id)
    )


def new_hold(
    connection: Connection, kind: str, name: str, site: str | None, reasons: Mapping[str, Any], at: datetime
) -> Held:
    """Writes an open hold; ids count up: H1, H2, …"""
    number = connection.execute(select(func.count()).select_from(t.hold)).scalar_one() + 1
    hold = Held(f"H{number}", kind, name, site, reasons)
    connection.execute(t.hold.insert().values(**hold._asdict(), at=at, state="open"))
    return hold


def open_holds(connection: Connection) -> list[dict[str, Any]]:
    """Every hold that waits for a person, oldest first."""
    query = select(t.hold).where(_h.state == "open").order_by(_h.at, _h.id)
    return [dict(row) for row in connection.execute(query).mappings()]


def apply_hold(connection: Connection, hold_id: str, at: datetime) -> dict[str, Any]:
    """Releases what is held: wishes become ready, a file lands at the next pull; raises UnknownHold."""
    hold = _take(connection, hold_id, "applied", at)
    if hold["kind"] == "source":
        settle_hold(connection, hold_id, "released")
    else:
        connection.execute(
            update(t.wish).where(_w.hold_id == hold_id, _w.state == "held").values(state="ready", hold_id=None)
        )
    return hold


def discard_hold(connection: Connection, hold_id: str, at: datetime) -> dict[str, Any]:
    """Drops what is held; the next review wishes again for what is then true; raises UnknownHold."""
    hold = _take(connection, hold_id, "discarded", at)
    if hold["kind"] == "source":
        settle_hold(connection, hold_id, "discarded")
    else:
        _review_again(connection, hold_id)
        connection.execute(delete(t.wish).where(_w.hold_id == hold_id, _w.state == "held"))
    return hold


def _review_again(connection: Connection, hold_id: str) -> None:
    """Makes everyone stale whom a held wish speaks of: what was dropped must not stay unsaid for good."""
    query = select(_w.primary_contact, _w.parties).where(_w.hold_id == hold_id, _w.state == "held")
    spoken: set[str] = set()
    for primary, parties in connection.execute(query):
        spoken |= {primary, *(party[0] for party in parties)} - {None}
    for piece in chunks(spoken):
        connection.execute(update(t.contact).where(_c.id.in_(piece)).values(stale=True))


def _take(connection: Connection, hold_id: str, state: str, at: datetime) -> dict[str, Any]:
    row = connection.execute(select(t.hold).where(_h.id == hold_id, _h.state == "open")).mappings().first()
    if row is None:
        raise UnknownHold("no open hold has this id; run: prm-sync status")
    connection.execute(update(t.hold).where(_h.id == hold_id).values(state=state, decided_at=at))
    return dict(row)
