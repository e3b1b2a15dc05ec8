"""One pass on its way into the database: page by page, then the absences and what is remembered of it."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, Engine, func, select

from connectors.base import Json, LinePass, Page, Pass, Proof, RawRow, Refusal, Source
from connectors.lines import NOTHING, Remembered
from sync.brakes import FeedFacts, SourceCode, source_verdict
from sync.cycles import end_page
from sync.holds import Held, new_hold
from sync.land import Lander, Tally
from sync.resolve import Resolver
from sync.store import consents, files, gates, lines, rows
from sync.store import tables as t
from sync.store.contacts import mark_changed, mark_contacts
from sync.store.memos import CURSOR, write_memo
from sync.store.notices import record_notices
from sync.store.suppressions import contacts_at

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
    """What a pull needs to know: the instant, identity's settings, the source brake, who is told of progress.

    `usual` says why a whole delivery is not as usual and must be held.
    """

    at: datetime
    resolver: Callable[[], Resolver]
    min_source_rows: float
    progress: Callable[[str, str, int], None] = lambda _source, _file, _rows: None
    usual: Callable[[Connection, str, Pass], Sequence[SourceCode]] = lambda _connection, _source, _pass: ()


def landing_record(
    source: Source, pass_: Pass, state: str, at: datetime, hold_id: str | None = None
) -> dict[str, object]:
    """The record of what became of a delivery."""
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


class Landing:
    """Lands one pass and adds what it did to `done`.

    Lines that were there last time are left out by the source. That is right as long as every line of an export is
    a row of its own, which is proved each time; where it is not, the pass is read again with nothing left out.
    """

    def __init__(self, engine: Engine, lander: Lander, terms: PullTerms, done: Pulled) -> None:
        self._engine, self._lander, self._terms, self._done = engine, lander, terms, done
        self._pass, self._feed = lander.pass_, lander.feed
        self._cursor: Json | None = None
        self._absent: dict[str, list[str]] = {}

    def run(self) -> None:
        """Raises Refusal or Unavailable when the delivery turns out not to be whole."""
        with self._engine.connect().execution_options(write=True) as connection:
            landed = self._pages(connection)
            with connection.begin():
                self._complete(connection, landed)
        self._done.landed.append(self._pass.name)

    def _pages(self, connection: Connection) -> lines.Landed | None:
        """Lands the pages; returns what is to be remembered of them."""
        if isinstance(self._pass, LinePass):
            return self._repeat(connection) if self._pass.repeated else self._lines(connection, self._pass)
        with connection.begin():
            lines.begin(connection, self._feed)
            if self._pass.stream != "resumed":
                gates.forget_seen(connection, self._feed)
        self._land(connection, self._pass.pages(), None)
        if self._lander.whole and self._pass.stream is None:
            self._note_absent(connection)
        return None

    def _repeat(self, connection: Connection) -> lines.Landed | None:
        """What landed last came again: nothing has changed, and nobody is absent."""
        rows = self._pass.proof.rows if self._pass.proof is not None else 0
        self._done.tally.add(Tally(read=rows, unchanged=rows))
        with connection.begin():
            return lines.landed_last(connection, self._feed)

    def _lines(self, connection: Connection, pass_: LinePass) -> lines.Landed:
        remembered = NOTHING
        if pass_.context is not None:
            known = files.KnownFiles(self._engine, self._lander.source.name, self._lander.source.fingerprint)
            remembered = known.lines(pass_.feed, pass_.context)
        landed = self._attempt(connection, pass_, remembered)
        if landed is None:
            # What it read is read again, and counts once.
            self._done.tally.read -= self._lander.tally.read
            self._done.tally.unchanged -= self._lander.tally.unchanged
            landed = self._attempt(connection, pass_, NOTHING)
        return landed if landed is not None else self._landed(pass_)

    def _attempt(self, connection: Connection, pass_: LinePass, remembered: Remembered) -> lines.Landed | None:
        """Lands the pages; None when lines were left out that must not have been."""
        with connection.begin():
            scribe = lines.Scribe(self._feed, lines.begin(connection, self._feed), self._lander.mark)
            gates.forget_seen(connection, self._feed)
        self._lander.met = self._lander.taken = 0
        self._land(connection, pass_.pages(remembered), scribe if pass_.context is not None else None)
        with connection.begin():
            unique = pass_.context is not None and gates.count_seen(connection, self._feed) == self._lander.taken
            gone = lines.gone_rows(connection, self._feed) if remembered is not NOTHING else None
            missed = lines.count_gone(connection, self._feed)
        if gone is None:
            if self._lander.whole:
                self._note_absent(connection)
        elif not unique or missed != self._lander.met + len({hash_ for _, _, hash_ in gone}):
            return None
        else:
            self._absent = defaultdict(list)
            for kind, external_id, _ in gone:
                self._absent[kind].append(external_id)
        return self._landed(pass_, scribe.generation if unique else None)

    def _landed(self, pass_: LinePass, generation: int | None = None) -> lines.Landed:
        proof = pass_.proof or Proof(sha256="", rows=0)
        kept = {"rows": proof.rows, "header": proof.header, "sites": dict(proof.sites), "kinds": dict(proof.kinds)}
        return lines.Landed(
            sha256=proof.sha256,
            fingerprint=self._lander.source.fingerprint,
            proof=kept,
            context=pass_.context if generation is not None else None,
            generation=generation or 0,
            labels=list(pass_.labels),
        )

    def _note_absent(self, connection: Connection) -> None:
        with connection.begin():
            kinds = sorted(self._pass.kinds)
            self._absent = {kind: gates.absent_rows(connection, self._feed, kind) for kind in kinds}

    # ------------------------------------------------------------ pages

    def _land(self, connection: Connection, pages: Iterable[Page], scribe: lines.Scribe | None) -> None:
        """Lands pages one by one; what was done counts even where the pass breaks off."""
        lander, self._lander.tally = self._lander, Tally()
        together: list[RawRow] = []
        try:
            for page in pages:
                if lander.pass_.stream is not None:
                    self._land_page(connection, page)
                else:
                    self._take(page, together, scribe)
                    if len(together) >= BATCH or (scribe is not None and scribe.is_full):
                        self._sift(connection, together, scribe)
                self._terms.progress(lander.source.name, lander.pass_.name, lander.tally.read)
            self._sift(connection, together, scribe)
            self._land_waiting(connection)
        finally:
            self._done.tally.add(lander.tally)

    def _take(self, page: Page, together: list[RawRow], scribe: lines.Scribe | None) -> None:
        tally = self._lander.tally
        tally.read += page.unchanged
        tally.unchanged += page.unchanged
        together += page.rows
        self._cursor = page.cursor or self._cursor
        if scribe is not None:
            scribe.note(page.lines, page.gone)

    def _sift(self, connection: Connection, rows: list[RawRow], scribe: lines.Scribe | None) -> None:
        """One transaction for what has come together, however many pages it took; nothing for nothing."""
        if rows or (scribe is not None and scribe.waits):
            with connection.begin():
                if scribe is not None:
                    scribe.write(connection)
                self._lander.sift(connection, rows)
            rows.clear()
        if self._lander.waiting >= BATCH:
            self._land_waiting(connection)

    def _land_page(self, connection: Connection, page: Page) -> None:
        """A page of a stream lands with its cursor, so that it is never asked for again."""
        resolver = self._terms.resolver()
        with connection.begin():
            self._lander.land(connection, page.rows, resolver)
            self._keep_cursor(connection, page.cursor)
            if page.warned:
                self._lander.note_warned(page.warned)
                self._record_notices(connection)
        self._count(resolver)

    def _land_waiting(self, connection: Connection) -> None:
        if not self._lander.waiting:
            return
        resolver = self._terms.resolver()
        with connection.begin():
            self._lander.land_waiting(connection, resolver)
        self._count(resolver)

    def _count(self, resolver: Resolver) -> None:
        end_page()
        self._done.created += resolver.created
        self._done.merged += resolver.merged

    def _keep_cursor(self, connection: Connection, cursor: Json | None) -> None:
        if cursor is not None:
            held = {"cursor": cursor, "fingerprint": self._lander.source.fingerprint}
            write_memo(connection, CURSOR, "/".join(self._feed), held)

    # ------------------------------------------------------------ the end

    def _complete(self, connection: Connection, landed: lines.Landed | None) -> None:
        """Absences, the feed's state, the record of the delivery; one transaction."""
        pass_, source, at = self._pass, self._lander.source, self._terms.at
        hold = self._brake_on_absence(connection) if pass_.stream and self._lander.whole else None
        if hold is not None:
            self._done.held.append(hold)
        else:
            self._mark_absent(connection)
            if self._lander.whole:
                files.supersede(connection, source.name, pass_.feed, at)
            files.record_landing(connection, landing_record(source, pass_, "landed", at))
        gates.forget_seen(connection, self._feed)
        if landed is not None:
            lines.keep(connection, self._feed, landed)
        self._record_feed(connection)
        self._keep_cursor(connection, self._cursor)
        self._record_notices(connection)

    def _record_notices(self, connection: Connection) -> None:
        name, notices = self._lander.source.name, self._lander.tally.notices
        record_notices(connection, name, self._pass.name, notices, self._terms.at)

    def _record_feed(self, connection: Connection) -> None:
        proof = self._pass.proof or Proof(sha256="", rows=0)
        stated = {"data_as_of": self._pass.data_as_of, "name": self._pass.name, "n_rows": proof.rows}
        marks = {"header": proof.header, "sites": dict(proof.sites)}
        files.record_feed(connection, {"source": self._feed.source, "feed": self._feed.name, **stated, **marks})

    def _brake_on_absence(self, connection: Connection) -> Held | None:
        """A stream has landed what it holds; when that is far less than there was, nobody counts as absent.

        A released hold lets the next such pass through, whatever it holds by then.
        """
        source, pass_ = self._lander.source, self._pass
        if files.newest_hold(connection, source.name, pass_.feed) != "released":
            before = FeedFacts(rows=self._count_before(connection), header="", sites={})
            proof = pass_.proof or Proof(sha256="", rows=0)
            codes = source_verdict(before, proof, self._terms.min_source_rows, snapshot=pass_.snapshot)
            if codes:
                files.supersede(connection, source.name, pass_.feed, self._terms.at)
                reasons = {"file": pass_.name, "codes": list(codes), "rows": proof.rows, "before": before.rows}
                hold = new_hold(connection, "source", source.name, None, reasons, self._terms.at)
                files.record_landing(connection, landing_record(source, pass_, "held", self._terms.at, hold.id))
                return hold
        self._absent = {kind: gates.absent_rows(connection, self._feed, kind) for kind in sorted(pass_.kinds)}
        return None

    def _count_before(self, connection: Connection) -> int:
        """How many rows there were that the pass speaks of; of a window, the visits of its days."""
        window = self._pass.window() if self._pass.snapshot == "window" else None
        if window is None:
            return gates.count_present(connection, self._feed)
        c = t.visit_record.c
        query = select(func.count()).select_from(t.visit_record)
        held = query.where(c.source == self._feed.source, c.feed == self._feed.name, c.present)
        return connection.execute(held.where(c.day.between(window.first, window.last))).scalar_one()

    def _mark_absent(self, connection: Connection) -> None:
        source = self._feed.source
        for kind, absent in self._absent.items():
            gone = self._inside_window(connection, absent) if self._pass.snapshot == "window" else absent
            patients = rows.patients_of(connection, kind, source, gone)
            if kind == "consents":
                addresses = consents.holders_of(connection, source, gone, by_address=True)
                mark_contacts(connection, contacts_at(connection, addresses))
            rows.mark_present(connection, kind, source, gone, present=False)
            if kind == "patients":
                self._resolve(connection, list(rows.row_ids(connection, source, gone).values()))
            gates.mark_gate(connection, source, kind, gone, present=False)
            gates.release(connection, source, kind, gone)
            mark_changed(connection, source, patients, self._terms.at)
            self._done.tally.absent += len(gone)

    def _resolve(self, connection: Connection, row_ids: Sequence[int]) -> None:
        """Who left the source may be whoever stayed in it."""
        resolver = self._terms.resolver()
        resolver.resolve_stored(connection, row_ids)
        self._count(resolver)

    def _inside_window(self, connection: Connection, gone: Sequence[str]) -> list[str]:
        """Future visits inside the delivery's own first and last day; nothing else is absent in a window."""
        window = self._pass.window()
        if window is None:
            return []
        c = t.visit_record.c
        found: list[str] = []
        for start in range(0, len(gone), 500):
            query = select(c.external_id).where(
                c.source == self._feed.source,
                c.external_id.in_(gone[start : start + 500]),
                c.starts_at > self._terms.at,
                c.day >= window.first,
                c.day <= window.last,
            )
            found.extend(external_id for (external_id,) in connection.execute(query))
        return found
