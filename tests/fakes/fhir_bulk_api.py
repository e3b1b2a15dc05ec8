"""The bulk side of a FHIR server: kick-off, status, manifest, files (hl7.org/fhir/uv/bulkdata/export.html)."""

import json
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from email.utils import format_datetime
from typing import NamedTuple

from tests.fakes.fhir_profiles import TYPES, Profile
from tests.fakes.fhir_query import Asked, Problem, matches, references
from tests.fakes.fhir_store import FhirStore, Json, Version, instant

_COMPARTMENT = frozenset(TYPES) - {"Location", "Practitioner", "Group"}


class BulkAnswer(NamedTuple):
    """Status, headers and a JSON body."""

    status: int
    headers: dict[str, str]
    body: Json | None


@dataclass
class BulkFile:
    """One file: its lines as they were at kick-off, the count that the manifest tells, when its URL was handed out."""

    kind: str
    lines: list[bytes]
    count: int
    handed_out: datetime


@dataclass
class Job:
    """An export. `left` is how many more polls find it at work."""

    level: str
    request: str
    began: datetime
    left: int
    files: dict[str, list[BulkFile]] = field(default_factory=dict)
    partial: bool = False
    gone: bool = False
    polled: int = 0
    ended: datetime | None = None


@dataclass
class BulkApi:
    """`polls`: how often a new job is found at work. `file_lines` bounds a file, `file_seconds` the life of its URL.

    `retry_after` replaces the profile's (None: that; "": none). `partial`: files a page of a partial manifest, 0 for
    whole manifests. `errors` are the resources of the error file, `miscount` is added to each count, `no_counts`
    leaves the counts out. `odd_time` replaces the transactionTime. `fails`: jobs end with that status instead.
    """

    store: FhirStore
    profile: Profile
    base: str
    elsewhere: str
    raw: Callable[[Version], bytes]
    polls: int = 1
    file_lines: int = 500
    file_seconds: int = 3600
    retry_after: str | None = None
    partial: int = 0
    errors: Sequence[Json] = ()
    miscount: int = 0
    no_counts: bool = False
    odd_time: str | None = None
    fails: int = 0
    forgets: bool = False
    """A job is deleted by the server itself as soon as its files have been read."""
    jobs: dict[str, Job] = field(default_factory=dict)
    paths: dict[str, tuple[str, BulkFile]] = field(default_factory=dict)

    @property
    def running(self) -> list[Job]:
        """Jobs that have neither been deleted nor ended."""
        return [job for job in self.jobs.values() if not job.gone and job.ended is None]

    # ------------------------------------------------------------ kick-off

    def kick_off(self, level: str, group: str, params: Sequence[tuple[str, str]], now: datetime) -> BulkAnswer:
        """Starts an export of a level (system, group, patient); raises Problem."""
        if level not in self.profile.exports or (level == "group" and self.store.get("Group", group) is None):
            raise Problem(404, "not-found")
        if self.profile.one_export and any(not job.gone for job in self.jobs.values()):
            return BulkAnswer(429, {"Retry-After": "60"}, None)
        if self.profile.comma_types and sum(name == "_type" for name, _ in params) > 1:
            raise Problem(400, "invalid")
        values = dict(params)
        kinds = [one for name, value in params if name == "_type" for one in value.split(",")] or list(TYPES)
        if self.profile.unknown == "refuse" and set(kinds) - set(TYPES):
            raise Problem(400, "invalid")
        job = Job(level, "&".join(f"{name}={value}" for name, value in params), now, self.polls)
        since = _since(values.get("_since"))
        job.partial = bool(self.partial) and values.get("allowPartialManifests") == "true"
        for kind in kinds:
            found = [v for v in self._members(level, group, kind, since) if since is None or v.updated >= since]
            found = [v for v in found if _chosen(v, [value for name, value in params if name == "_typeFilter"])]
            job.files[kind] = self._cut(kind, [self.raw(version) for version in found], now)
        if self.profile.lists_deleted and since is not None:
            job.files["deleted"] = self._deleted(since, kinds, now)
        job.files["error"] = self._cut("error", [_line(each) for each in self.errors], now)
        name = secrets.token_hex(6)
        self.jobs[name] = job
        return BulkAnswer(202, {"Content-Location": f"{self.base}/jobs/{name}"}, None)

    def _members(self, level: str, group: str, kind: str, since: datetime | None) -> list[Version]:
        current = self.store.current(kind)
        if level == "system" or kind not in _COMPARTMENT:
            return current
        patients = {version.id for version in self.store.current("Patient")}
        if level == "group":
            patients &= {one.partition("/")[2] for one in references(self.store.get("Group", group))}
        if level == "group" and since is not None and self.profile.skips_unchanged:
            patients &= {version.id for version in self.store.current("Patient") if version.updated >= since}
        if kind == "Patient":
            return [version for version in current if version.id in patients]
        wanted = {f"Patient/{id_}" for id_ in patients}
        return [version for version in current if wanted & set(references(version.resource))]

    def _cut(self, kind: str, lines: list[bytes], now: datetime) -> list[BulkFile]:
        parts = [lines[start : start + self.file_lines] for start in range(0, len(lines), self.file_lines)]
        return [BulkFile(kind, part, len(part) + self.miscount, now) for part in parts]

    def _deleted(self, since: datetime, kinds: Sequence[str], now: datetime) -> list[BulkFile]:
        gone = [v for v in self.store.history() if v.resource is None and v.updated >= since and v.kind in kinds]
        gone = [v for v in gone if self.store.was_deleted(v.kind, v.id)]
        entries = [{"request": {"method": "DELETE", "url": f"{v.kind}/{v.id}"}} for v in gone]
        bundles = [
            {"resourceType": "Bundle", "type": "transaction", "entry": entries[n : n + 2]}
            for n in range(0, len(entries), 2)
        ]
        return self._cut("Bundle", [_line(each) for each in bundles], now)

    # ------------------------------------------------------------ status, manifest, end

    def status(self, name: str, page: int, now: datetime) -> BulkAnswer:
        """The answer to a poll: at work, the manifest, or a failure."""
        job = self.jobs.get(name)
        if job is None or job.gone:
            raise Problem(404, "not-found")
        job.polled += 1
        if job.left > 0:
            job.left -= 1
            wait = self.profile.poll_after if self.retry_after is None else self.retry_after
            headers = {"X-Progress": f"{job.polled * 10}% of the canary's export"} | (
                {"Retry-After": wait} if wait else {}
            )
            return BulkAnswer(202, headers, None)
        job.ended = job.ended or now
        if self.fails:
            return BulkAnswer(self.fails, {}, _failure())
        expires = format_datetime(now + timedelta(seconds=self.file_seconds), usegmt=True)
        return BulkAnswer(200, {"Expires": expires}, self._manifest(name, job, page, now))

    def _manifest(self, name: str, job: Job, page: int, now: datetime) -> Json:
        files = [each for kind, cut in job.files.items() if kind not in ("deleted", "error") for each in cut]
        more = None
        if job.partial:
            last = (page + 1) * self.partial
            more = f"{self.base}/jobs/{name}?page={page + 1}" if last < len(files) else None
            files = files[page * self.partial : last]
        stamp = self.odd_time or instant(job.ended if self.profile.ends_late and job.ended else job.began)
        manifest: Json = {
            "transactionTime": stamp,
            "request": f"{self.base}/$export?{job.request}",
            "requiresAccessToken": not self.profile.signed_files,
            "output": [self._item(name, each, now) for each in files],
            "error": [self._item(name, each, now) for each in job.files["error"]] if more is None else [],
        }
        if job.files.get("deleted") and more is None:
            manifest["deleted"] = [self._item(name, each, now) for each in job.files["deleted"]]
        return manifest | ({"link": [{"relation": "next", "url": more}]} if more else {})

    def _item(self, job: str, file: BulkFile, now: datetime) -> Json:
        file.handed_out = now
        name = secrets.token_hex(6)
        self.paths[name] = (job, file)
        host = f"{self.elsewhere}/signed" if self.profile.signed_files else f"{self.base}/files"
        sign = f"?X-Amz-Signature={secrets.token_hex(8)}" if self.profile.signed_files else ""
        kind = "OperationOutcome" if file.kind == "error" else file.kind
        item: Json = {"type": kind, "url": f"{host}/{name}.ndjson{sign}"}
        return item if self.no_counts else item | {"count": file.count}

    def delete(self, name: str) -> None:
        """Ends a job; raises Problem for one that is not there."""
        job = self.jobs.get(name)
        if job is None or job.gone:
            raise Problem(404, "not-found")
        job.gone = True

    # ------------------------------------------------------------ files

    def content(self, name: str, now: datetime) -> list[bytes]:
        """The lines of a file; raises Problem where its URL has run out, or its job is gone."""
        job, file = self.paths.get(name, ("", None))
        if file is None or self.jobs[job].gone:
            raise Problem(404, "not-found")
        if now - file.handed_out > timedelta(seconds=self.file_seconds):
            raise Problem(403 if self.profile.signed_files else 410, "expired")
        return file.lines


def _since(text: str | None) -> datetime | None:
    if text is None:
        return None
    if " " in text:
        raise Problem(400, "invalid")
    return datetime.fromisoformat(text)


def _chosen(version: Version, type_filters: Sequence[str]) -> bool:
    """True when no filter speaks of the type, or one of them fits; of a filter dates and tokens are heeded."""
    mine = [text.partition("?")[2] for text in type_filters if text.partition("?")[0] == version.kind]
    if not mine:
        return True
    return any(
        matches(version, [Asked(*part.split("=", 1)) for part in query.split("&") if "=" in part]) for query in mine
    )


def _line(resource: Json) -> bytes:
    return json.dumps(resource, separators=(",", ":")).encode()


def _failure() -> Json:
    return {"resourceType": "OperationOutcome", "issue": [{"severity": "fatal", "code": "exception"}]}
