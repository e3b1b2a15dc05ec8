"""An export that was begun at the server, as it is kept from run to run: whoever has its URL can go on with it."""

from datetime import datetime, timedelta
from typing import Final

import msgspec

from connectors.base import Json, Memo
from connectors.fhir_bulk.manifest import Manifest

KEY: Final = "export"
LONGEST: Final = timedelta(days=3)
"""An export that was begun longer ago is not gone on with."""
MOST_FAILURES: Final = 3
"""Runs in a row that an export may fail before it is given up."""


class Job(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """`name` is ours, since servers may use a URL again; `url` is where it is asked for, `asked` stands for the question, `types` are those that it was begun with,
    `begun` is when, by our clock.

    `as_of` is the data's time so far, `date` the server's Date at the beginning, None where it sends none; `since` the
    time from which it tells changes, None: it tells everything. `manifest` is there once the export is done: some
    servers tell it once only. `failed` counts runs; `over`: it is to be ended at the server and begun anew.
    """

    name: str
    url: str
    asked: str
    types: tuple[str, ...]
    begun: datetime
    as_of: datetime
    date: datetime | None = None
    since: datetime | None = None
    manifest: Manifest | None = None
    failed: int = 0
    over: bool = False


def stored(memo: Memo) -> Job | None:
    """The job that is under way; None for none."""
    held = memo.get(KEY)
    try:
        return msgspec.convert(held, Job) if held is not None else None
    except msgspec.ValidationError:
        return None


def store(memo: Memo, job: Job) -> Job:
    """Keeps the job."""
    found: Json = msgspec.to_builtins(job)
    memo.put(KEY, found)
    return job


def forget(memo: Memo) -> None:
    """Forgets the job."""
    memo.drop(KEY)


def failed(job: Job) -> Job:
    """The job after a run that could not use it."""
    return msgspec.structs.replace(job, failed=job.failed + 1, over=job.over or job.failed + 1 >= MOST_FAILURES)


def is_usable(job: Job, asked: str, wanted: datetime | None, at: datetime) -> bool:
    """True when going on with the job answers what is asked now: changes since `wanted`, None for everything."""
    if job.over or job.asked != asked or at - job.begun >= LONGEST:
        return False
    return job.since is None or (wanted is not None and job.since <= wanted)


def until(job: Job, manifest: Manifest, at: datetime) -> datetime | None:
    """Until when the export speaks for certain, by the server's clock; None when the server tells no time.

    Some servers write their time at the job's end (hapi-fhir#6841), so what changed while it ran would be lost: it
    counts no later than the job's beginning.
    """
    if job.date is not None:
        return min(job.date, manifest.time) if manifest.time is not None else job.date
    return min(manifest.time, at) if manifest.time is not None else None
