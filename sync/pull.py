"""Pull: what a source offers, pass by pass; a pass that trips a brake is held whole, a page is a transaction."""

from datetime import datetime
from typing import Final, NamedTuple

from sqlalchemy import Connection, Engine, select

from connectors.base import Pass, Refusal, Source
from sync.brakes import FeedFacts, source_verdict
from sync.holds import Held, new_hold
from sync.land import Lander, mapping_mark
from sync.landing import Landing, Pulled, PullTerms, landing_record
from sync.store import files, gates
from sync.store import tables as t
from sync.store.contacts import mark_waiting
from sync.store.engine import reading, refresh_statistics, writing
from sync.store.first_pulls import FirstPulls, read_first_pulls, record_first_pulls
from sync.store.memos import OLD_MAPPING, drop_memo, read_memo, write_memo
from sync.store.statements import upsert

MANY: Final = 1000
"""Changed rows from which on the planner's statistics are worth refreshing."""


def pull(engine: Engine, source: Source, terms: PullTerms) -> Pulled:
    """Lands what is new; raises Unavailable or Misconfigured. Other passes go on when one is refused or held."""
    done = Pulled()
    known = files.KnownFiles(engine, source.name, source.fingerprint)
    with reading(engine) as connection:
        first = read_first_pulls(connection).get(source.name, FirstPulls())
    for pass_ in source.passes(known, terms.at):
        done.notices.extend((pass_.name, notice) for notice in pass_.notices)
        if pass_.refusal is not None:
            done.refused.append(pass_.refusal)
        elif pass_.skipped == "unsettled":
            done.unsettled.append(pass_.name)
        elif pass_.skipped is not None:
            _set_aside(engine, source, pass_, terms.at)
            done.older.append(pass_.name)
        else:
            _land_or_hold(engine, source, pass_, terms, done, first_pull=first.ended_for(pass_.feed) is None)
    _finish(engine, source, first, terms.at, complete=not (done.held or done.refused or done.unsettled))
    if done.tally.changed >= MANY:
        refresh_statistics(engine)
    return done


class _State(NamedTuple):
    data_as_of: datetime | None = None
    fingerprint: str | None = None


def _state(connection: Connection, source: str) -> _State:
    c = t.source_state.c
    query = select(c.data_as_of, c.fingerprint).where(c.source == source)
    row = connection.execute(query).first()
    return _State() if row is None else _State(*row)


def _set_aside(engine: Engine, source: Source, pass_: Pass, at: datetime) -> None:
    with writing(engine) as connection:
        files.record_landing(connection, landing_record(source, pass_, "older", at))


def _land_or_hold(
    engine: Engine, source: Source, pass_: Pass, terms: PullTerms, done: Pulled, *, first_pull: bool
) -> None:
    if pass_.stream is None:
        with writing(engine) as connection:
            hold = _brake(connection, source, pass_, terms)
        if hold is not None:
            done.held.append(hold)
            return
    landing = Landing(engine, Lander(source, pass_, terms.at, first_pull=first_pull), terms, done)
    try:
        landing.run()
    except Refusal as refusal:
        done.refused.append(refusal)


def _brake(connection: Connection, source: Source, pass_: Pass, terms: PullTerms) -> Held | None:
    proof = pass_.proof
    if proof is None:
        raise RuntimeError(f"{source.name}: a file has neither a proof nor a refusal")
    last = files.last_landing(connection, source.name, pass_.feed, proof.sha256)
    if last is not None and last[0] == "released":
        return None
    facts = _facts(connection, source.name, pass_)
    codes = [
        *source_verdict(facts, proof, terms.min_source_rows, snapshot=pass_.snapshot),
        *terms.usual(connection, source.name, pass_),
    ]
    if not codes:
        return None
    reasons = {"file": pass_.name, "codes": codes, "rows": proof.rows, "before": facts.rows if facts else 0}
    hold = new_hold(connection, "source", source.name, None, reasons, terms.at)
    files.record_landing(connection, landing_record(source, pass_, "held", terms.at, hold.id))
    return hold


def _facts(connection: Connection, source: str, pass_: Pass) -> FeedFacts | None:
    """What a delivery is compared with; None for a feed's first.

    A full one: every row that the source is known to hold. The delivery before it may have been a part only (an export
    with gaps lands as a delta), and must not lower what the next is measured by.
    """
    before = files.feed_states(connection, source).get(pass_.feed)
    if before is None:
        return None
    full = pass_.snapshot == "full"
    rows = gates.count_present(connection, gates.Feed(source, pass_.feed)) if full else before.n_rows
    return FeedFacts(rows=rows, header=before.header, sites=before.sites)


def _finish(engine: Engine, source: Source, first: FirstPulls, at: datetime, *, complete: bool) -> None:
    with writing(engine) as connection:
        before = _state(connection, source.name)
        data_as_of = files.oldest_feed(connection, source.name, source.feeds)
        upsert(
            connection,
            t.source_state,
            [
                {
                    "source": source.name,
                    "fingerprint": source.fingerprint,
                    "first_complete_at": first.ended or (at if complete and data_as_of else None),
                    "last_success": at,
                    "last_attempt": at,
                    "last_error": None,
                    "data_as_of": data_as_of,
                }
            ],
            ("source",),
        )
        record_first_pulls(connection, source.name, first, at, complete=complete)
        _count_old_mappings(connection, source, before)
        if data_as_of is not None and data_as_of != before.data_as_of:
            mark_waiting(connection, source.name, data_as_of)


def _count_old_mappings(connection: Connection, source: Source, before: _State) -> None:
    """A changed mapping reads again what is still there; rows whose file is gone keep the old one, and are counted."""
    told = read_memo(connection, OLD_MAPPING, source.name)
    if told is None and before.fingerprint in (None, source.fingerprint):
        return
    number = gates.read_otherwise(connection, source.name, mapping_mark(source.fingerprint))
    if number:
        write_memo(connection, OLD_MAPPING, source.name, {"rows": number})
    elif told is not None:
        drop_memo(connection, OLD_MAPPING, source.name)
