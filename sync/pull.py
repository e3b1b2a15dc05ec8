"""Pull: what a source offers, pass by pass; a pass that trips a brake is held whole, a page is a transaction."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, NamedTuple

from sqlalchemy import Connection, Engine, select

from connectors.base import Json, Page, Pass, Proof, Refusal, Source
from sync.brakes import FeedFacts, source_verdict
from sync.holds import Held, new_hold
from sync.land import Lander, Tally, mapping_mark
from sync.resolve import Resolver
from sync.store import files, gates, rows
from sync.store import tables as t
from sync.store.contacts import mark_changed, mark_waiting
from sync.store.engine import reading, refresh_statistics, writing
from sync.store.memos import CURSOR, OLD_MAPPING, drop_memo, read_memo, write_memo
from sync.store.notices import record_notices
from sync.store.statements import upsert

MANY: Final = 1000
"""Changed rows from which on the planner's statistics are worth refreshing."""

BATCH: Final = 1000
"""Changed rows that are landed together, at least; what is left at the end of a pass too."""


@dataclass(slots=True)
class Pulled:
    """What a pull did: rows, files landed, refused, set aside and still being written, holds, contacts created and merged."""

    tally: Tally = field(default_factory=Tally)
    landed: list[str] = field(default_factory=list)
    refused: list[Refusal] = field(default_factory=list)
    older: list[str] = field(default_factory=list)
    unsettled: list[str] = field(default_factory=list)
    held: list[Held] = field(default_factory=list)
    notices: list[tuple[str, str]] = field(default_factory=list)
    created: int = 0
    merged: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class PullTerms:
    """What a pull needs to know: the instant, identity's settings, the source brake, who is told of progress."""

    at: datetime
    resolver: Callable[[], Resolver]
    min_source_rows: float
    progress: Callable[[str, str, int], None] = lambda _source, _file, _rows: None


def pull(engine: Engine, source: Source, terms: PullTerms) -> Pulled:
    """Lands what is new; raises Unavailable or Misconfigured. Other passes go on when one is refused or held."""
    done = Pulled()
    known = files.KnownFiles(engine, source.name, source.fingerprint)
    with reading(engine) as connection:
        first_pull = _state(connection, source.name).first_complete_at is None
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
            _land_or_hold(engine, source, pass_, terms, done, first_pull=first_pull)
    _finish(engine, source, terms.at, complete=not (done.held or done.refused or done.unsettled))
    if done.tally.changed >= MANY:
        refresh_statistics(engine)
    return done


class _State(NamedTuple):
    first_complete_at: datetime | None = None
    data_as_of: datetime | None = None
    fingerprint: str | None = None


def _state(connection: Connection, source: str) -> _State:
    c = t.source_state.c
    query = select(c.first_complete_at, c.data_as_of, c.fingerprint).where(c.source == source)
    row = connection.execute(query).first()
    return _State() if row is None else _State(*row)


def _landing(source: Source, pass_: Pass, state: str, at: datetime, hold_id: str | None = None) -> dict[str, object]:
    proof = pass_.proof or Proof(sha256="", rows=0)
    return {
        "source": source.name,
        "feed": pass_.feed,
        "name": pass_.name,
        "sha256": proof.sha256,
        "fingerprint": source.fingerprint,
        "state": state,
        "n_rows": proof.rows,
        "data_as_of": pass_.data_as_of,
        "at": at,
        "hold_id": hold_id,
    }


def _set_aside(engine: Engine, source: Source, pass_: Pass, at: datetime) -> None:
    with writing(engine) as connection:
        files.record_landing(connection, _landing(source, pass_, "older", at))


def _land_or_hold(
    engine: Engine, source: Source, pass_: Pass, terms: PullTerms, done: Pulled, *, first_pull: bool
) -> None:
    if pass_.stream is None:
        with writing(engine) as connection:
            hold = _brake(connection, source, pass_, terms)
        if hold is not None:
            done.held.append(hold)
            return
    try:
        _land(engine, source, pass_, terms, done, first_pull=first_pull)
    except Refusal as refusal:
        done.refused.append(refusal)


def _brake(connection: Connection, source: Source, pass_: Pass, terms: PullTerms) -> Held | None:
    proof = pass_.proof
    if proof is None:
        raise RuntimeError(f"{source.name}: a file has neither a proof nor a refusal")
    last = files.last_landing(connection, source.name, pass_.feed, proof.sha256)
    if last is not None and last[0] == "released":
        return None
    before = files.feed_states(connection, source.name).get(pass_.feed)
    facts = FeedFacts(rows=before.n_rows, header=before.header, sites=before.sites) if before is not None else None
    codes = source_verdict(facts, proof, terms.min_source_rows, snapshot=pass_.snapshot)
    if not codes:
        return None
    reasons = {"file": pass_.name, "codes": list(codes), "rows": proof.rows, "before": facts.rows if facts else 0}
    hold = new_hold(connection, "source", source.name, None, reasons, terms.at)
    files.record_landing(connection, _landing(source, pass_, "held", terms.at, hold.id))
    return hold


def _land(engine: Engine, source: Source, pass_: Pass, terms: PullTerms, done: Pulled, *, first_pull: bool) -> None:
    lander = Lander(source, pass_, terms.at, first_pull=first_pull)
    with engine.connect().execution_options(write=True) as connection:
        if pass_.stream != "resumed":
            with connection.begin():
                gates.forget_seen(connection, lander.feed)
        try:
            cursor = None
            for page in pass_.pages():
                cursor = page.cursor or cursor
                _land_page(connection, lander, page, terms, done)
                terms.progress(source.name, pass_.name, lander.tally.read)
            _land_waiting(connection, lander, terms, done)
            with connection.begin():
                _complete(connection, lander, terms, done)
                _keep_cursor(connection, lander, cursor)
        finally:
            done.tally.add(lander.tally)
    done.landed.append(pass_.name)


def _land_page(connection: Connection, lander: Lander, page: Page, terms: PullTerms, done: Pulled) -> None:
    """A page of a stream lands with its cursor, so that it is never asked for again; a file begins anew anyway."""
    if lander.pass_.stream is None:
        with connection.begin():
            lander.sift(connection, page.rows)
        if lander.waiting >= BATCH:
            _land_waiting(connection, lander, terms, done)
        return
    resolver = terms.resolver()
    with connection.begin():
        lander.land(connection, page.rows, resolver)
        _keep_cursor(connection, lander, page.cursor)
    done.created += resolver.created
    done.merged += resolver.merged


def _keep_cursor(connection: Connection, lander: Lander, cursor: Json | None) -> None:
    if cursor is not None:
        held = {"cursor": cursor, "fingerprint": lander.source.fingerprint}
        write_memo(connection, CURSOR, "/".join(lander.feed), held)


def _land_waiting(connection: Connection, lander: Lander, terms: PullTerms, done: Pulled) -> None:
    if not lander.waiting:
        return
    resolver = terms.resolver()
    with connection.begin():
        lander.land_waiting(connection, resolver)
    done.created += resolver.created
    done.merged += resolver.merged


def _complete(connection: Connection, lander: Lander, terms: PullTerms, done: Pulled) -> None:
    """The end of a whole pass: absences, the feed's state, the file's record."""
    source, pass_ = lander.source, lander.pass_
    hold = _brake_on_absence(connection, lander, terms) if pass_.stream and lander.whole else None
    if hold is not None:
        done.held.append(hold)
    elif lander.whole:
        for kind in sorted(pass_.kinds):
            _mark_absent(connection, lander, kind)
    gates.forget_seen(connection, lander.feed)
    proof = pass_.proof or Proof(sha256="", rows=0)
    files.record_feed(
        connection,
        {
            "source": source.name,
            "feed": pass_.feed,
            "data_as_of": pass_.data_as_of,
            "name": pass_.name,
            "n_rows": proof.rows,
            "header": proof.header,
            "sites": dict(proof.sites),
        },
    )
    if hold is None:
        if lander.whole:
            files.supersede(connection, source.name, pass_.feed, terms.at)
        files.record_landing(connection, _landing(source, pass_, "landed", terms.at))
    record_notices(connection, source.name, pass_.name, lander.tally.notices, terms.at)


def _brake_on_absence(connection: Connection, lander: Lander, terms: PullTerms) -> Held | None:
    """A stream has landed what it holds; when that is far less than there was, nobody counts as absent.

    A released hold lets the next such pass through, whatever it holds by then.
    """
    source, pass_ = lander.source, lander.pass_
    before = FeedFacts(rows=gates.count_present(connection, lander.feed), header="", sites={})
    proof = pass_.proof or Proof(sha256="", rows=0)
    if files.newest_state(connection, source.name, pass_.feed) == "released":
        return None
    codes = source_verdict(before, proof, terms.min_source_rows, snapshot=pass_.snapshot)
    if not codes:
        return None
    files.supersede(connection, source.name, pass_.feed, terms.at)
    reasons = {"file": pass_.name, "codes": list(codes), "rows": proof.rows, "before": before.rows}
    hold = new_hold(connection, "source", source.name, None, reasons, terms.at)
    files.record_landing(connection, _landing(source, pass_, "held", terms.at, hold.id))
    return hold


def _mark_absent(connection: Connection, lander: Lander, kind: str) -> None:
    source, pass_ = lander.source.name, lander.pass_
    gone = gates.absent_rows(connection, lander.feed, kind)
    if pass_.snapshot == "window":
        gone = _inside_window(connection, source, pass_, gone, lander.at)
    patients = rows.patients_of(connection, kind, source, gone)
    rows.mark_present(connection, kind, source, gone, present=False)
    gates.mark_gate(connection, source, kind, gone, present=False)
    gates.release(connection, source, kind, gone)
    mark_changed(connection, source, patients, lander.at)
    lander.tally.absent += len(gone)


def _inside_window(connection: Connection, source: str, pass_: Pass, gone: Sequence[str], at: datetime) -> list[str]:
    """Future visits inside the file's own first and last day; nothing else is absent in a window."""
    window = pass_.window()
    if window is None:
        return []
    c = t.visit_record.c
    found: list[str] = []
    for start in range(0, len(gone), 500):
        query = select(c.external_id).where(
            c.source == source,
            c.external_id.in_(gone[start : start + 500]),
            c.starts_at > at,
            c.day >= window.first,
            c.day <= window.last,
        )
        found.extend(external_id for (external_id,) in connection.execute(query))
    return found


def _finish(engine: Engine, source: Source, at: datetime, *, complete: bool) -> None:
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
                    "first_complete_at": before.first_complete_at or (at if complete and data_as_of else None),
                    "last_success": at,
                    "last_attempt": at,
                    "last_error": None,
                    "data_as_of": data_as_of,
                }
            ],
            ("source",),
        )
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
