"""One run's export: the one that was left under way, else a new one; what it brings, type by type; its end."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from msgspec.structs import replace

from connectors.base import Known, Memo, RawRow, Unavailable
from connectors.fhir.directory import ServerDirectory
from connectors.fhir.server import FhirServer
from connectors.fhir_bulk.cursor import Cursor, Running, is_full_due, question, read_cursor, settled
from connectors.fhir_bulk.delivery import Delivery, Held
from connectors.fhir_bulk.exporter import Exporter, Gone, StillRunning, Wish
from connectors.fhir_bulk.files import Files, Lost
from connectors.fhir_bulk.folder import Folder
from connectors.fhir_bulk.holdings import ExportHoldings
from connectors.fhir_bulk.job import MOST_FAILURES, Job, failed, forget, is_usable, store, stored, until
from connectors.fhir_bulk.manifest import Manifest
from connectors.fhir_bulk.scan import Unsound
from connectors.fhir_bulk.settings import FhirBulkSettings
from mappings.fhir.terms import Terms

_RETRIED: Final = timedelta(days=1)
"""How long after a whole export that had gaps the next one is made, where `full_every` is not shorter."""
_OFFERED: Final = "offered"


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """Whatever a run needs. `types` are those that are wanted, in the order of landing; `listed` are those of them that
    the server's statement lists."""

    settings: FhirBulkSettings
    server: FhirServer
    exporter: Exporter
    holdings: ExportHoldings
    directory: ServerDirectory
    memo: Memo
    types: tuple[str, ...]
    listed: tuple[str, ...]
    terms: Terms
    at: datetime


class Export:
    """What there is to land now."""

    def __init__(self, desk: Desk, known: Known) -> None:
        self._desk, self._known = desk, known
        self._refused_since = False
        settings = desk.settings
        self._level = (settings.base_url, settings.export, settings.group)
        self._filters: dict[str, list[str]] = {name: list(each) for name, each in settings.type_filters.items()}
        self._asked = question(self._level, self._filters, sorted(desk.types))

    def deliveries(self) -> Iterator[Delivery]:
        """Yields a pass for each type; raises Unavailable or Misconfigured."""
        folder = Folder(self._desk.memo)
        job = self._job()
        if job is None:
            return
        files = Files(self._desk.server, self._desk.exporter, self._desk.memo, job, folder)
        self._desk.holdings.open(files)
        try:
            yield from self._landing(files)
        finally:
            self._desk.holdings.open(None)
            folder.remove()
        if self._has_landed(files.job):
            self._finish(files.job)

    # ------------------------------------------------------------ which export

    def _job(self) -> Job | None:
        """The export to land, with its manifest; None when all of the last one has landed, and it had only to be ended."""
        desk = self._desk
        job, since = stored(desk.memo), self._since()
        if job is not None and self._has_landed(job) and not job.over:
            self._finish(job)
            return None
        if job is not None and not is_usable(job, self._asked, since, desk.at):
            self._give_up(job)
            job = None
        if job is not None and job.manifest is None:
            job = self._waited(job, resumed=True)
        return job if job is not None else self._waited(self._begun(since), resumed=False)

    def _begun(self, since: datetime | None) -> Job:
        """A new export, remembered before anybody asks how it stands."""
        desk, settings = self._desk, self._desk.settings
        types = self._offered() if since is not None else desk.types
        wish = Wish(types=types, since=since, named=settings.resources is not None, listed=desk.listed)
        job = store(desk.memo, desk.exporter.begin(wish, self._asked, desk.at))
        self._refused_since = since is not None and job.since is None
        if since is None and job.types != self._offered():
            desk.memo.put(_OFFERED, {"asked": self._asked, "types": list(job.types)})
        return job

    def _offered(self) -> tuple[str, ...]:
        """The types that the server was found to export when everything was asked for last."""
        held = self._desk.memo.get(_OFFERED)
        if held is None or held.get("asked") != self._asked:
            return self._desk.types
        return tuple(name for name in self._desk.types if name in held["types"])

    def _waited(self, job: Job, *, resumed: bool) -> Job | None:
        """The job when it is done; None for one of an earlier run that the server does not have any more."""
        server, memo = self._desk.server, self._desk.memo
        asked = server.traffic.reads
        try:
            manifest = self._desk.exporter.manifest(job)
        except StillRunning:
            raise
        except Unavailable:
            if server.traffic.reads > asked:
                store(memo, failed(job))
            raise
        except Gone as gone:
            if resumed:
                self._give_up(job)
                return None
            store(memo, replace(job, over=True))
            raise Unavailable(f"the export failed at the server ({gone.why}); the next run begins another") from None
        return store(memo, replace(job, manifest=manifest, failed=0))

    def _since(self) -> datetime | None:
        """From when to ask for changes; None for everything."""
        every = self._desk.settings.full_every
        cursors = [(name, self._cursor(name)) for name in self._offered()]
        times = [cursor.until for _, cursor in cursors if cursor.until is not None]
        if len(times) < len(cursors):
            return None
        due = any(
            is_full_due(cursor, every if every != "never" else None, _RETRIED, self._desk.at) for _, cursor in cursors
        )
        return None if due or any(self._is_released(*each) for each in cursors) else min(times)

    def _is_released(self, resource: str, cursor: Cursor) -> bool:
        """A whole pass that a brake held, and a person has released since, is to be made again."""
        return bool(cursor.full_proof) and not self._known.landed(resource, cursor.full_proof)

    def _cursor(self, resource: str) -> Cursor:
        asked = question(self._level, resource, self._filters.get(resource, []))
        return settled(read_cursor(self._known.cursor(resource), asked), self._known.newest(resource))

    # ------------------------------------------------------------ its end

    def _has_landed(self, job: Job) -> bool:
        return all(self._cursor(resource).job == job.name for resource in job.types)

    def _finish(self, job: Job) -> None:
        """Ends what has landed; a server that cannot be told now is told once more."""
        if self._desk.exporter.end(job):
            forget(self._desk.memo)
        else:
            store(self._desk.memo, replace(job, over=True, failed=2 * MOST_FAILURES))

    def _give_up(self, job: Job) -> None:
        """Ends what is not wanted any more: some servers make no other export before that."""
        if self._desk.exporter.end(job) or job.failed >= 2 * MOST_FAILURES:
            forget(self._desk.memo)
            return
        store(self._desk.memo, replace(job, over=True, failed=job.failed + 1))
        raise Unavailable("the server cannot be told that the export before is not wanted any more")

    # ------------------------------------------------------------ what it brings

    def _landing(self, files: Files) -> Iterator[Delivery]:
        """Yields the types one by one. One whose files are not whole does not cost the others; it is told at the end."""
        with self._counting(files):
            errors = files.errors()
        notices = tuple(self._notices(files, errors))
        trouble: Unsound | None = None
        for resource in sorted(files.job.types, key=self._desk.types.index):
            if self._cursor(resource).job == files.job.name:
                continue
            try:
                with self._counting(files):
                    delivery = self._delivery(files, resource, errors)
            except Unsound as unsound:
                trouble = trouble or unsound
                continue
            delivery.notices, notices = (*notices, *delivery.notices), ()
            yield delivery
            if resource != "Patient":
                files.release(resource)
        if trouble is not None:
            store(self._desk.memo, failed(files.job))
            raise trouble

    @contextmanager
    def _counting(self, files: Files) -> Iterator[None]:
        """Notes of the export what went wrong with its files."""
        asked = self._desk.server.traffic.reads
        try:
            yield
        except Unsound:
            raise
        except Lost:
            store(self._desk.memo, replace(files.job, over=True))
            raise
        except Unavailable:
            if self._desk.server.traffic.reads > asked:
                store(self._desk.memo, failed(files.job))
            raise

    def _delivery(self, files: Files, resource: str, errors: int) -> Delivery:
        cursor, job = self._cursor(resource), files.job
        before = cursor.running if cursor.running is not None and cursor.running.job == job.name else None
        if before is not None and before.done:
            return self._made(resource, cursor, before, Held())
        gone = [file for file in files.deletions() if resource in file.scan.gone]
        held = Held(gone, files.holding(resource))
        gaps = sum(file.scan.gaps(resource) for file in held.files)
        running = self._running(job, files.manifest, whole=not gaps and not errors)
        running = replace(running, files=held.contents)
        if before is not None and before.files == running.files:
            running = replace(before, whole=before.whole and running.whole)
        made = self._made(resource, cursor, running, held)
        if gaps:
            made.notices = (f"export_has_gaps: {gaps} lines are no {resource}; nobody counts as absent",)
        return made

    def _running(self, job: Job, manifest: Manifest, *, whole: bool) -> Running:
        told = until(job, manifest, self._desk.at)
        every = job.since is None
        return Running(
            job=job.name,
            whole=whole and every and not self._desk.settings.type_filters,
            every=every,
            as_of=min(job.as_of, told) if told is not None else job.as_of,
            until=told - self._desk.settings.overlap if told is not None else None,
        )

    def _made(self, resource: str, cursor: Cursor, running: Running, held: Held) -> Delivery:
        return Delivery(
            feed=resource,
            cursor=cursor,
            running=running,
            held=held,
            terms=self._desk.terms,
            prepare=self._prepare,
            stream="anew" if running.file == running.line == 0 and not running.done else "resumed",
        )

    def _prepare(self, rows: Sequence[RawRow]) -> None:
        self._desk.directory.learn(rows)
        self._desk.directory.prepare(rows, self._desk.terms)

    def _notices(self, files: Files, errors: int) -> Iterator[str]:
        lacking = [name for name in self._desk.types if name not in files.job.types]
        if lacking:
            yield f"not_offered: {', '.join(lacking)} cannot be exported there"
        if self._refused_since:
            yield "filter_ignored: the server refuses _since; everything is exported each time"
        if errors:
            yield f"export_has_gaps: the server reports {errors} errors; nobody counts as absent"
        strangers = files.strangers(files.job.types)
        if strangers:
            yield f"resources_ignored: {strangers} files of types that were not asked for"
