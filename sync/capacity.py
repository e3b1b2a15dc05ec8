"""How many members an audience may hold (`max_members`): whoever would be one too many waits for room, or for a person."""

from datetime import datetime

from sqlalchemy import Connection, and_, func, or_, select, update

from config.settings import Settings
from sync.holds import Held, new_hold
from sync.store import tables as t
from sync.store.statements import chunks

PLAN_FULL = "plan_full"

_w, _s, _h = t.wish.c, t.subscriber.c, t.hold.c


def within_plans(connection: Connection, settings: Settings, at: datetime) -> list[Held]:
    """Does so for every destination that says how many members it may have."""
    found = settings.destinations.items()
    most = {name: n for name, each in found if (n := getattr(each, "max_members", None)) is not None}
    made = (keep_within(connection, name, n, at) for name, n in most.items())
    return [hold for hold in made if hold is not None]


def keep_within(connection: Connection, destination: str, most: int, at: datetime) -> Held | None:
    """Lets as many new members through as there is room for, those who have waited longest first.

    The rest stands under one hold, which ends by itself once there is room; returns it when it was made just now.
    """
    hold = _open_hold(connection, destination)
    joining = _joining(connection, destination, hold)
    room = max(0, most - _members(connection, destination))
    through, kept = joining[:room], joining[room:]
    _set(connection, destination, through, state="waiting", hold_id=None, last_code=None)
    if not kept:
        if hold is not None:
            connection.execute(update(t.hold).where(_h.id == hold).values(state="applied", decided_at=at))
        return None
    made = None
    if hold is None:
        made = new_hold(connection, "delivery", destination, None, {PLAN_FULL: {"count": len(kept), "of": most}}, at)
        hold = made.id
    else:
        reasons = {PLAN_FULL: {"count": len(kept), "of": most}}
        connection.execute(update(t.hold).where(_h.id == hold).values(reasons=reasons))
    _set(connection, destination, kept, state="held", hold_id=hold, last_code=PLAN_FULL)
    return made


def _open_hold(connection: Connection, destination: str) -> str | None:
    query = select(_h.id, _h.reasons).where(_h.state == "open", _h.kind == "delivery", _h.name == destination)
    return next((id_ for id_, reasons in connection.execute(query) if PLAN_FULL in reasons), None)


def _joining(connection: Connection, destination: str, hold: str | None) -> list[str]:
    """Wishes by which somebody becomes a member, of this review or kept from earlier ones, the oldest first."""
    there = and_(_s.accepted.is_not(None), _s.accepted["standing"].as_string() == "subscribed")
    query = (
        select(_w.key)
        .outerjoin(t.subscriber, and_(_s.destination == _w.destination, _s.key == _w.key))
        .where(
            _w.destination == destination,
            or_(_w.state == "waiting", and_(_w.state == "held", _w.hold_id == hold)),
            _w.document["standing"].as_string() == "subscribed",
            or_(_s.accepted.is_(None), ~there),
        )
        .order_by(_w.since, _w.key)
    )
    return list(connection.execute(query).scalars())


def _members(connection: Connection, destination: str) -> int:
    """Who is there, and who is on the way there."""
    subscribed = _s.accepted["standing"].as_string() == "subscribed"
    now = select(func.count()).select_from(t.subscriber).where(_s.destination == destination, subscribed)
    coming = (
        select(func.count())
        .select_from(t.wish)
        .outerjoin(t.subscriber, and_(_s.destination == _w.destination, _s.key == _w.key))
        .where(
            _w.destination == destination,
            _w.state.in_(("ready", "claimed")),
            _w.document["standing"].as_string() == "subscribed",
            or_(_s.accepted.is_(None), ~subscribed),
        )
    )
    return connection.execute(now).scalar_one() + connection.execute(coming).scalar_one()


def _set(connection: Connection, destination: str, keys: list[str], **values: str | None) -> None:
    for piece in chunks(keys):
        connection.execute(update(t.wish).where(_w.destination == destination, _w.key.in_(piece)).values(**values))
