"""Subscribers who move with their contacts to a new address, instead of leaving and coming anew."""

from collections import Counter, defaultdict
from collections.abc import Mapping
from typing import NamedTuple

from sqlalchemy import Connection

from mappings.party import Party
from sync.person import Stored
from sync.store import suppressions, wishes


class Move(NamedTuple):
    """An address that all of its contacts have left for the same new one."""

    old: str
    new: str


def moves(connection: Connection, stored: Mapping[str, Stored], parties: Mapping[str, Party]) -> list[Move]:
    """The moves in a batch that holds everyone at its addresses; closed addresses keep what they have.

    Two addresses that become one are no move: one subscriber cannot be renamed into another.
    """
    former: dict[str, set[str | None]] = defaultdict(set)
    for contact, before in stored.items():
        party = parties.get(contact)
        if before.address is not None and party is not None:
            former[before.address].add(None if party.inactive else party.address)
    taken = {party.address for party in parties.values()}
    found = [Move(old, new) for old, news in former.items() if len(news) == 1 for new in news if new is not None]
    found = [move for move in found if move.old not in taken]
    targets = Counter(move.new for move in found)
    closed = suppressions.by_address(connection, [address for move in found for address in move])
    return [m for m in found if targets[m.new] == 1 and m.old not in closed and m.new not in closed]


def rename(connection: Connection, destination: str, found: list[Move]) -> None:
    """Gives subscribers their contacts' new address; the destination is told by the wish that follows."""
    addresses = [address for move in found for address in move]
    held = wishes.subscribers(connection, destination, addresses)
    wished = wishes.wishes(connection, destination, addresses)
    for move in found:
        there, pending = held.get(move.old), wished.get(move.old)
        subscribed = there is not None and there.accepted is not None and there.accepted["standing"] == "subscribed"
        stopped = pending is not None and pending.state == "held"
        if subscribed and not stopped and move.new not in held and move.new not in wished:
            wishes.drop(connection, destination, [move.old])
            wishes.rekey(connection, destination, move.old, move.new)
