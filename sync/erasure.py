"""Erasing forgotten persons at destinations, each with a look whether they are gone; the ledger says so."""

from datetime import datetime

from sqlalchemy import Connection, Engine

from connectors.base import Destination, Erasing, Unerasable
from mappings.document import Document
from sync.disclosure import Told, disclosure
from sync.log import say
from sync.push import Delivery
from sync.store import erasures, wishes
from sync.store import tables as t
from sync.store.engine import reading, writing
from sync.store.erasures import Asked
from sync.store.statements import insert


def erase_at(engine: Engine, destination: Destination, delivery: Delivery) -> int:
    """Erases whoever waits for it; returns how many are settled. Raises Unavailable or Misconfigured; the rest waits on."""
    with reading(engine) as connection:
        asked = erasures.waiting(connection, destination.name)
    for number, each in asked:
        if not isinstance(destination, Erasing):
            _settle(engine, delivery, number, each, ("refused", "cannot_erase"))
            continue
        try:
            outcome: tuple[str, str | None] = (destination.erase(each.key, each.ref), None)
        except Unerasable as error:
            outcome = ("refused", error.code)
        _settle(engine, delivery, number, each, outcome)
    return len(asked)


def erase_files(engine: Engine, destination: str, at: datetime) -> int:
    """Takes forgotten persons out of what a file destination holds; the files must then be written anew."""
    with writing(engine) as connection:
        asked = erasures.waiting(connection, destination)
        for number, each in asked:
            erasures.settle(connection, number, each, "erased", at)
    return len(asked)


def _settle(engine: Engine, delivery: Delivery, number: int, asked: Asked, outcome: tuple[str, str | None]) -> None:
    state, code = outcome
    with writing(engine) as connection:
        accepted = erasures.settle(connection, number, asked, state, delivery.at, code)
        if state == "erased" and delivery.discloses:
            _record(connection, delivery, asked, wishes.from_json(accepted))
    if state == "refused":
        say("erasure.refused", "warning", destination=delivery.name, reason=code)


def _record(connection: Connection, delivery: Delivery, asked: Asked, accepted: Document | None) -> None:
    gone = Document(address=accepted.address if accepted is not None else "", standing="left")
    told = Told(asked.key, accepted, gone, [[asked.contact, "request of the person", ("erasure",)]])
    insert(connection, t.disclosure, [disclosure(delivery.recipient, told, delivery.at, delivery.run_id, "accepted")])
