"""The daemon: the line by its schedule, until a signal asks it to stop."""

import os
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any, Final
from zoneinfo import ZoneInfo

from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.jobstores.base import JobLookupError
from apscheduler.schedulers.background import BackgroundScheduler

from config.load import Config
from sync.build import Service, build
from sync.clock_watch import ClockWatch
from sync.exit_codes import ERROR, INTERRUPTED, OK
from sync.file_watch import ConfigWatch, DatabaseWatch
from sync.jobs import REVIEW, Job, first_run, jobs_of, trigger
from sync.log import say
from sync.notify import notify
from sync.owner import owning
from sync.reload import Rejected, Reloading
from sync.store.runs import last_successes
from sync.vigil import Vigil
from sync.web import Behind, Web
from sync.worker import SILENT_FOR, Worker

_STOP: Final = frozenset({signal.SIGTERM, signal.SIGINT})
_PULSE: Final = "pulse"
_PULSE_EVERY_S: Final = 15
_PULSE_LATE_S: Final = 90.0

Signals = SimpleQueue[int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """How the daemon goes about it; the defaults are those of a practice.

    `look_every` is the rhythm in which it looks for signals, changed files and its own health.
    """

    jobs: Callable[[Config], Sequence[Job]] = lambda config: jobs_of(config.settings)
    look_every: timedelta = timedelta(seconds=1)
    drain_for: timedelta = timedelta(seconds=30)
    silent_for: timedelta = SILENT_FOR
    abort: Callable[[int], Any] = field(default=os._exit)


@contextmanager
def hearing() -> Iterator[Signals]:
    """Puts SIGTERM, SIGINT and SIGHUP into a queue for as long as the block runs."""
    heard: Signals = SimpleQueue()
    kinds = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
    # A SimpleQueue may be put to while the same thread waits in its get; an Event would lock itself out.
    before = {kind: signal.signal(kind, lambda number, _frame: heard.put(number)) for kind in kinds}
    try:
        yield heard
    finally:
        for kind, handler in before.items():
            signal.signal(kind, handler)


class Daemon:
    """Owns the line for its whole life; a second one is refused (Busy)."""

    def __init__(self, config: Config, signals: Signals, terms: Terms | None = None) -> None:
        self.terms = terms or Terms()
        self._signals = signals
        self._service = build(config)
        self._worker = Worker(self._service, self._now)
        self._vigil = Vigil(self._now)
        self._refused: frozenset[Path] = frozenset()
        self._files = ConfigWatch(self._config_files)
        self._database = DatabaseWatch(_database_path(self._service))
        self._reloading = Reloading(self._service)
        self._jobs: dict[str, Job] = {}
        self._scheduler = self._new_scheduler()
        self._pulse = time.monotonic()
        self._told_overdue = False

    def serve(self) -> int:
        """Works until a signal or a ruined database ends it; returns the exit code. Raises Busy or Misconfigured."""
        with owning(self._service.engine, self._now()):
            self._start()
            watch = ClockWatch(self._clock_jumped)
            watch.start()
            web = self._open_web()
            notify("READY=1")
            try:
                code = self._attend()
            finally:
                if web is not None:
                    web.close()
                watch.end()
                self._begin_to_end()
            code = self._drained(code)
        self._service.engine.dispose()
        say("daemon.stopped", exit_code=code)
        return code

    def _open_web(self) -> Web | None:
        """The web server, where one is configured; it keeps its address until a restart."""
        settings = self._service.config.settings.web
        if settings is None:
            return None
        behind = Behind(
            service=lambda: self._service, now=self._now, well=self._is_well, heard=lambda: self._run_now([REVIEW])
        )
        web = Web(settings, behind)
        web.start()
        return web

    def _is_well(self) -> bool:
        fresh = time.monotonic() - self._pulse < _PULSE_LATE_S
        return fresh and self._worker.ruin is None and self._worker.silence() <= self.terms.silent_for

    @property
    def _zone(self) -> ZoneInfo:
        return self._service.config.settings.practice.timezone

    def _now(self) -> datetime:
        return datetime.now(self._zone)

    def _config_files(self) -> set[Path]:
        """Files that were read, those that were refused since, and what lies in the operators' folder now."""
        config = self._service.config
        return {*config.files, *self._refused, *(config.folder / "operators").glob("*.y*ml")}

    # ------------------------------------------------------------ the schedule

    def _new_scheduler(self) -> Any:
        return BackgroundScheduler(
            timezone=self._zone,
            executors={"default": ThreadPoolExecutor(1), _PULSE: ThreadPoolExecutor(1)},
            job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
        )

    def _start(self) -> None:
        missed = self._schedule()
        self._scheduler.add_job(self._beat, "interval", seconds=_PULSE_EVERY_S, id=_PULSE, executor=_PULSE)
        self._scheduler.start()
        say("daemon.started", n_jobs=len(self._jobs), n_missed=missed)

    def _beat(self) -> None:
        self._pulse = time.monotonic()

    def _schedule(self) -> int:
        """Brings the scheduler's jobs in step with the configuration; returns how many are due at once."""
        now, last = self._now(), last_successes(self._service.engine)
        wanted = {job.name: job for job in self.terms.jobs(self._service.config)}
        for name in self._jobs.keys() - wanted.keys():
            self._scheduler.remove_job(name)
        missed = 0
        for order, (name, job) in enumerate(wanted.items()):
            if self._jobs.get(name) == job:
                continue
            first = first_run(job.schedule, self._zone, last.get(name), now)
            missed += first <= now
            # What is due at once runs in the order of the list: due jobs are taken by their time.
            self._add(job, max(first, now + timedelta(microseconds=order)))
        self._jobs = wanted
        return missed

    def _add(self, job: Job, first: datetime) -> None:
        self._scheduler.add_job(
            self._worker.work,
            trigger(job.schedule, self._zone),
            args=[job],
            id=job.name,
            next_run_time=first,
            replace_existing=True,
        )

    def _run_now(self, names: Sequence[str]) -> None:
        now = self._now()
        for order, name in enumerate(names):
            # A reload may have dropped the job in the meantime.
            with suppress(JobLookupError):
                self._scheduler.modify_job(name, next_run_time=now + timedelta(microseconds=order))

    def _clock_jumped(self, seconds: float) -> None:
        say("clock.jumped", "warning", seconds=round(seconds))
        self._run_now([*self._jobs, _PULSE])

    # ------------------------------------------------------------ attending

    def _attend(self) -> int:
        """Looks after everything but the line itself, until there is a reason to stop; returns the exit code."""
        while True:
            heard = self._heard(self.terms.look_every)
            if heard in _STOP:
                return OK
            if self._worker.ruin is not None:
                return self._worker.ruin
            if self._database.replaced():
                say("database.replaced", "error")
                return ERROR
            if heard == signal.SIGHUP or self._files.changed():
                self._reload()
            self._vigil.look(self._service)
            self._feed_watchdog()

    def _heard(self, within: timedelta) -> int | None:
        try:
            return self._signals.get(timeout=within.total_seconds())
        except Empty:
            return None

    def _feed_watchdog(self) -> None:
        """systemd restarts what feeds it no more: a scheduler that stands, or a job that hangs."""
        overdue = self._worker.silence() > self.terms.silent_for
        if overdue and not self._told_overdue:
            say("job.overdue", "error", seconds=round(self._worker.silence().total_seconds()))
        self._told_overdue = overdue
        if not overdue and time.monotonic() - self._pulse < _PULSE_LATE_S:
            notify("WATCHDOG=1")

    def _reload(self) -> None:
        self._files.settle()
        try:
            service = self._reloading.renewed(self._service)
        except Rejected as rejected:
            self._refused = rejected.files
            self._files.settle()
            say("config.reload_rejected", "warning", **rejected.keys)
            return
        before, self._service, self._worker.service = self._service, service, service
        self._refused = frozenset()
        # What is in use is closed when it is given back.
        before.engine.dispose()
        self._files.settle()
        self._schedule()
        say("config.reloaded", n_jobs=len(self._jobs))
        self._worker.due_anyway.set()
        if REVIEW in self._jobs:
            self._run_now([REVIEW])

    # ------------------------------------------------------------ the end

    def _begin_to_end(self) -> None:
        say("daemon.draining")
        notify("STOPPING=1")
        self._worker.drain()
        self._scheduler.shutdown(wait=False)

    def _drained(self, code: int) -> int:
        """Lets the page or batch in flight end; a second signal, or the end of patience, ends at once."""
        end = time.monotonic() + self.terms.drain_for.total_seconds()
        while self._worker.busy:
            heard = self._heard(timedelta(milliseconds=50))
            if heard in _STOP or time.monotonic() > end:
                say("daemon.cut", "warning")
                self.terms.abort(INTERRUPTED if heard in _STOP else ERROR)
                return ERROR
        return code


def _database_path(service: Service) -> Path | None:
    url = service.engine.url
    return Path(url.database) if url.get_backend_name() == "sqlite" and url.database else None
