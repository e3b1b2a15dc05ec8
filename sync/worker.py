"""The one worker of the line: does a job at a time, and says of itself whether it still moves."""

import threading
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from sync.build import Service
from sync.codes import CodeTaken
from sync.exit_codes import ERROR, UNAVAILABLE
from sync.jobs import REVIEW, Job
from sync.log import bound, place_of, say
from sync.owner import owns
from sync.pipeline import Line
from sync.store.contacts import due_batch
from sync.store.engine import reading
from sync.store.faults import fault_of
from sync.store.runs import note_job

SILENT_FOR: Final = timedelta(minutes=15)
"""A job that has not come to the end of a page or batch for so long counts as hung."""


class Drained(Exception):
    """The pass ended early, at the end of a page or batch, because the daemon is asked to stop."""


class Worker:
    """Runs jobs for the scheduler's only worker thread.

    `service` may be exchanged at any time; the job in flight ends with the one that it began with.
    `ruin` is an exit code once something came up that no later job can mend.
    """

    def __init__(self, service: Service, now: Callable[[], datetime]) -> None:
        self.service = service
        self.ruin: int | None = None
        self.due_anyway = threading.Event()
        self._now = now
        self._draining = threading.Event()
        self._sign: float | None = None

    def drain(self) -> None:
        """Lets the job in flight end at its next page or batch, and begins no other."""
        self._draining.set()

    @property
    def busy(self) -> bool:
        """True while a job is in flight."""
        return self._sign is not None

    def silence(self) -> timedelta:
        """How long the job in flight has given no sign; zero when there is none."""
        sign = self._sign
        return timedelta(seconds=time.monotonic() - sign) if sign is not None else timedelta()

    def work(self, job: Job) -> None:
        """Does a job; raises nothing: what went wrong is said, and noted for the next start."""
        if self._draining.is_set() or self.ruin is not None:
            return
        self._sign = time.monotonic()
        try:
            with bound(job=job.name):
                self._guarded(job, self._now())
        finally:
            self._sign = None

    def _guarded(self, job: Job, at: datetime) -> None:
        try:
            self._do(job, at)
        except Drained:
            return
        except Exception as error:
            self._failed(job, at, error)

    def _do(self, job: Job, at: datetime) -> None:
        service = self.service
        if not owns(service.engine):
            say("owner.lost", "error")
            self.ruin = UNAVAILABLE
            return
        if job.name == REVIEW and not self._anybody_due(service, at):
            return
        report = Line(service, at, checkpoint=self._checkpoint).run(job.scope)
        code = report.exit_code()
        note_job(service.engine, job.name, at, succeeded=not report.troubles, code=str(code))

    def _anybody_due(self, service: Service, at: datetime) -> bool:
        if self.due_anyway.is_set():
            self.due_anyway.clear()
            return True
        with reading(service.engine) as connection:
            return bool(due_batch(connection, at, 1))

    def _checkpoint(self) -> None:
        self._sign = time.monotonic()
        if self._draining.is_set():
            raise Drained

    def _failed(self, job: Job, at: datetime, error: Exception) -> None:
        fault = fault_of(error)
        if fault is not None and fault.kind == "damage":
            say("database.corrupt", "error")
            self.ruin = ERROR
            return
        advice = str(error) if isinstance(error, CodeTaken) else fault.sentence if fault is not None else None
        say("job.failed", "error", error=type(error).__name__, place=place_of(error), next=advice)
        try:
            note_job(self.service.engine, job.name, at, succeeded=False, code=type(error).__name__)
        except Exception as second:  # the database itself may be what failed
            say("job.failed", "error", error=type(second).__name__, place=place_of(second))
