"""The review queue: pairs of rows that may be one person, with scores and reasons; and what a person says of them."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from itertools import islice
from typing import Any, Final, Literal

from sqlalchemy import Connection

from sync.components import Pair
from sync.contact_sheet import rows_of
from sync.identity import RULES
from sync.match_reasons import reasons
from sync.resolve import ResolverSettings
from sync.status import iso
from sync.store import candidates, crowds, links, matches, unresolved
from sync.store.decisions import actor, record_decision

PAGE: Final = 500


class UnknownMatch(Exception):
    """No verdict has this id."""

    def __init__(self) -> None:
        super().__init__("no pair has this id; run: prm-sync matches list")


def queue(connection: Connection, settings: ResolverSettings, at: datetime) -> Iterator[dict[str, Any]]:
    """Pairs that wait for a decision, the surest first, each {id, a, b, rule, score, reasons}."""
    waiting = matches.open_reviews(connection)
    while page := list(islice(waiting, PAGE)):
        rows = {row[end] for row in page for end in ("low", "high")}
        known = {f.id: f for f in candidates.facts(connection, rows, settings.roles, crowds.current(connection))}
        for found in page:
            low, high = found.pop("low"), found.pop("high")
            yield {**found, "reasons": reasons(known[low], known[high], at.date())}


def pair_sheet(connection: Connection, entry: int, settings: ResolverSettings, at: datetime) -> Mapping[str, Any]:
    """One pair with all that its rows say (values of a person); raises UnknownMatch."""
    pair = matches.pair_of(connection, entry)
    said = matches.in_force(connection, pair) if pair is not None else None
    if pair is None or said is None:
        raise UnknownMatch
    low, high = sorted(candidates.facts(connection, pair, settings.roles, crowds.current(connection)))
    contacts = links.current(connection, pair)
    return {
        "id": said.id,
        **{end: {"source": row.source, "id": row.external_id} for end, row in (("a", low), ("b", high))},
        "contacts": [contacts[row] for row in pair],
        "verdict": said.verdict,
        "rule": said.rule,
        "because": RULES.get(said.rule, said.rule),
        "score": said.score,
        "reasons": reasons(low, high, at.date()),
        "actor": said.actor,
        "at": iso(said.at),
        "rows": rows_of(connection, pair),
    }


def decide_pair(connection: Connection, entry: int, verdict: Literal["same", "not_same"], at: datetime) -> Pair:
    """Records what a person says of a pair and returns it; raises UnknownMatch. Links follow when it is resolved."""
    pair = matches.pair_of(connection, entry)
    if pair is None:
        raise UnknownMatch
    matches.record_by_hand(connection, [pair], matches.ByHand(verdict, actor(), at))
    unresolved.add(connection, pair)
    record_decision(connection, f"matches {'accept' if verdict == 'same' else 'reject'}", str(entry), at)
    return pair
