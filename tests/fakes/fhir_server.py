"""A FHIR server with state, over real HTTP on loopback.

with FakeFhir("generic") as fake:
    fake.store.put({"resourceType": "Patient", "id": "1"})
    settings = {"base_url": fake.url, "auth": {"kind": "bearer", "token": …fake.token…}}
    fake.fail("503", times=2, template="/Patient", headers={"Retry-After": "1"})
    fake.tick(3600)  # the server's clock; its Date header follows
    assert fake.templates() == ["GET /metadata", "GET /Patient"]
"""

import json
import threading
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Any, Self

from tests.fakes.fhir_bulk_api import BulkApi
from tests.fakes.fhir_faults import BROKEN, CANNED, CONTENT, ENTRIES, Fault
from tests.fakes.fhir_handler import listen
from tests.fakes.fhir_profiles import PROFILES, Profile, statement
from tests.fakes.fhir_query import Problem
from tests.fakes.fhir_requests import BASE, FHIR_JSON, NDJSON, Answer, Asked, Call, Route
from tests.fakes.fhir_search_api import Search, SearchApi, outcome
from tests.fakes.fhir_store import FhirStore, Json, Version

__all__ = ["AT", "Call", "FakeFhir"]

AT = datetime(2026, 3, 2, 18, 0, tzinfo=UTC)
"""The server's time until it is set; a Monday noon in Chicago."""


class FakeFhir:
    """One server of a profile (a name of `fhir_profiles.PROFILES`, or a Profile of its own).

    `store` is its state, `search` and `bulk` its two sides (made when it starts), `now` its clock, `calls` the log.
    `accepts` decides on an Authorization header; `token_url` is advertised where it is set. `elsewhere` is another
    origin on this machine, where signed files lie and nothing else should ever be asked for.
    """

    def __init__(self, profile: str | Profile = "generic", *, at: datetime = AT, fhir_version: str = "4.0.1") -> None:
        self.profile = PROFILES[profile] if isinstance(profile, str) else profile
        self._now, self.fhir_version = at.astimezone(UTC), fhir_version
        self.store = FhirStore(lambda: self.now, self.profile.version_ids, stamps=self.profile.stamps)
        self.token = "static-token-of-the-fake"
        self.accepts: Callable[[str], bool] = lambda header: header == f"Bearer {self.token}"
        self.token_url: str | None = None
        self.smart: Json = {}
        self.calls: list[Call] = []
        self.peak = 0
        self._raw: dict[tuple[str, str], bytes] = {}
        self._faults: list[Fault] = []
        self._closing, self._lock, self._open = threading.Event(), threading.RLock(), 0

    def __enter__(self) -> Self:
        self._servers = [listen(self, elsewhere=elsewhere) for elsewhere in (False, True)]
        home, other = (f"http://127.0.0.1:{server.server_address[1]}" for server in self._servers)
        self.url, self.elsewhere = home + BASE, other
        self.search = SearchApi(self.store, self.profile, self.url, self.elsewhere)
        self.bulk = BulkApi(self.store, self.profile, self.url, self.elsewhere, self.line)
        self._threads = [
            threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
            for server in self._servers
        ]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing.set()
        for server, thread in zip(self._servers, self._threads, strict=True):
            server.shutdown()
            server.server_close()
            thread.join()

    # ------------------------------------------------------------ for tests

    @property
    def now(self) -> datetime:
        """The server's time, UTC; may be set to any aware instant."""
        return self._now

    @now.setter
    def now(self, at: datetime) -> None:
        self._now = at.astimezone(UTC)

    def fail(self, kind: str, times: int = 1, **where: Any) -> None:
        """Plans a fault; `where` as in `fhir_faults.Fault` (template, method, part, after, headers)."""
        if not (kind.isdigit() or kind in BROKEN | CANNED | CONTENT | ENTRIES.keys()):
            raise ValueError(kind)
        self._faults.append(Fault(kind, times, **where))

    def heal(self) -> None:
        """Forgets all planned faults."""
        self._faults.clear()

    def tick(self, seconds: float) -> None:
        """Moves the server's clock."""
        self.now += timedelta(seconds=seconds)

    def spoil(self, kind: str, id_: str, body: bytes) -> None:
        """From now on a resource goes out as these bytes, whatever they are."""
        if self.store.get(kind, id_) is None:
            self.store.put({"resourceType": kind, "id": id_})
        self._raw[kind, id_] = body

    def templates(self, since: int = 0) -> list[str]:
        """Method and template of each request so far, as `GET /Patient`."""
        return [f"{call.method} {call.template}" for call in self.calls[since:]]

    def strays(self) -> list[Call]:
        """Requests to the other origin that were not for a signed file."""
        return [call for call in self.calls if call.elsewhere and call.template != "/signed/{id}"]

    def line(self, version: Version) -> bytes:
        """A resource as it goes out in a file."""
        raw = self._raw.get((version.kind, version.id))
        return raw if raw is not None else json.dumps(version.resource, separators=(",", ":")).encode()

    # ------------------------------------------------------------ one request

    def enter(self) -> None:
        with self._lock:
            self._open += 1
            self.peak = max(self.peak, self._open)

    def leave(self) -> None:
        with self._lock:
            self._open -= 1

    @property
    def closing(self) -> threading.Event:
        return self._closing

    def take_fault(self, method: str, template: str, query: str) -> Fault | None:
        with self._lock:
            fault = next((each for each in self._faults if each.meets(method, template, query)), None)
            if fault is not None:
                fault.times -= 1
            return fault

    def log(self, call: Call) -> None:
        with self._lock:
            self.calls.append(call)

    def answer(self, route: Route, asked: Asked, fault: str) -> Answer:
        """Acts; one request at a time."""
        with self._lock:
            try:
                return self._acted(route, asked, fault)
            except Problem as problem:
                return Answer(problem.status, json.dumps(outcome("error", problem.code)).encode())

    def _acted(self, route: Route, asked: Asked, fault: str) -> Answer:
        template, ids, method = route.template, route.ids, asked.method
        if method == "DELETE":
            if template != "/jobs/{id}":
                raise Problem(405, "not-supported")
            self.bulk.delete(ids["id"])
            return Answer(202)
        if template == "/metadata":
            return self._json(statement(self.profile, self.fhir_version, token_url=self.token_url))
        if template == "/.well-known/smart-configuration" and self.token_url:
            return self._json({"token_endpoint": self.token_url, **self.smart})
        if template.endswith("$export"):
            return self._kick_off(route, asked)
        if template == "/jobs/{id}":
            found = self.bulk.status(ids["id"], int(dict(asked.params).get("page", "0")), self.now)
            return self._json(found.body, found.status, found.headers)
        if template in ("/files/{id}", "/signed/{id}"):
            lines = self.bulk.content(ids["id"].removesuffix(".ndjson"), self.now)
            return Answer(200, b"".join(line + b"\n" for line in lines), NDJSON)
        return self._found(route, asked, fault)

    def _found(self, route: Route, asked: Asked, fault: str) -> Answer:
        kind, id_ = route.ids.get("kind"), route.ids.get("id")
        if id_ is not None and kind is not None:
            resource = self.store.get(kind, id_)
            if resource is None:
                raise Problem(410 if self.store.was_deleted(kind, id_) else 404, "not-found")
            return Answer(200, self.line(self.store.history(kind, id_)[0]))
        if route.template.endswith("/_history"):
            return self._json(self.search.history(str(kind), asked.params))
        if not kind and "_getpages" not in dict(asked.params):
            raise Problem(404, "not-found")
        strict = "handling=strict" in asked.headers.get("prefer", "")
        bundle = self.search.search(Search(kind, asked.params, strict, fault), self.now)
        if fault in ENTRIES:
            bundle.setdefault("entry", []).append({"resource": outcome(*ENTRIES[fault]), "search": {"mode": "outcome"}})
        return self._json(bundle)

    def _kick_off(self, route: Route, asked: Asked) -> Answer:
        prefer, accept = asked.headers.get("prefer", ""), asked.headers.get("accept", "")
        if "respond-async" not in prefer or FHIR_JSON not in accept:
            raise Problem(400, "required")
        level = "group" if "id" in route.ids else "patient" if route.template.startswith("/Patient") else "system"
        found = self.bulk.kick_off(level, route.ids.get("id", ""), asked.params, self.now)
        return self._json(found.body, found.status, found.headers)

    def _json(self, body: Json | None, status: int = 200, headers: Mapping[str, str] = {}) -> Answer:
        """Resources that are spoiled go out as their bytes."""
        if body is None:
            return Answer(status, b"", FHIR_JSON, headers)
        spoiled: dict[str, bytes] = {}
        for entry in body.get("entry", ()) if self._raw else ():
            resource = entry.get("resource") or {}
            raw = self._raw.get((resource.get("resourceType", ""), resource.get("id", "")))
            if raw is not None:
                mark = f"@@{len(spoiled)}@@"
                spoiled[json.dumps(mark)], entry["resource"] = raw, mark
        text = json.dumps(body, separators=(",", ":")).encode()
        for mark, raw in spoiled.items():
            text = text.replace(mark.encode(), raw, 1)
        return Answer(status, text, FHIR_JSON, headers)
