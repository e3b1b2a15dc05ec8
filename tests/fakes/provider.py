"""A provider over real HTTP on loopback: routes, a log of calls, and faults on demand. The fakes of providers are made of it.

class FakeX(Provider):
    routes = {("GET", "/v1/things/{id}"): "thing"}          # template -> method of the fake
    def thing(self, call: Asked) -> Answer: ...             # one call at a time
"""

import json
import re
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, ClassVar, Literal, NamedTuple, Self
from urllib.parse import parse_qs, unquote, urlsplit

Json = dict[str, Any]
Kind = Literal["429", "401", "403", "500", "500_after_acting", "cut", "cut_after_acting", "html"]


class Asked(NamedTuple):
    """One request as a route sees it; ids come from the path, params from the query."""

    ids: Mapping[str, str]
    params: Mapping[str, str]
    json: Any
    headers: Mapping[str, str]


class Call(NamedTuple):
    """One request that arrived, and the status that it was answered with."""

    method: str
    template: str
    params: Mapping[str, str]
    json: Any
    status: int


class Answer(NamedTuple):
    """Status, body (JSON, or bytes as they are) and headers."""

    status: int
    body: Any = None
    headers: Mapping[str, str] = {}


class Problem(Exception):
    """A refusal out of a route."""

    def __init__(self, status: int, body: Any) -> None:
        super().__init__(str(status))
        self.answer = Answer(status, body)


@dataclass
class Fault:
    """Something that goes wrong with the next `times` calls that match."""

    kind: Kind
    times: int = 1
    method: str | None = None
    template: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)

    def meets(self, method: str, template: str) -> bool:
        return self.times > 0 and self.method in (None, method) and self.template in (None, template)


class Provider:
    """One account. `calls` is the log, `fail()` plans faults, `now` is its clock: each tick moves it a second."""

    routes: ClassVar[Mapping[tuple[str, str], str]] = {}
    base: ClassVar[str] = ""

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.now = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
        self.peak = self._open = 0
        self._faults: list[Fault] = []
        self._lock = threading.RLock()
        self._paths = [
            (method, re.compile(re.escape(self.base) + re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", template)), template)
            for method, template in self.routes
        ]

    def authorized(self, headers: Mapping[str, str]) -> bool:
        raise NotImplementedError

    def problem(self, status: int) -> Any:
        """How this provider words a refusal of a whole call."""
        raise NotImplementedError

    def stamped(self) -> Mapping[str, str]:
        """Headers of every answer."""
        return {}

    def tick(self) -> datetime:
        self.now += timedelta(seconds=1)
        return self.now

    def __enter__(self) -> Self:
        fake = self

        class Handler(_Handler):
            owner = fake

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}{self.base}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def fail(self, kind: Kind, times: int = 1, **where: Any) -> None:
        """Plans a fault: `where` may name method, template and headers."""
        self._faults.append(Fault(kind, times, **where))

    def heal(self) -> None:
        """Forgets all planned faults."""
        self._faults.clear()

    def templates(self) -> list[tuple[str, str]]:
        """Method and template of each call so far."""
        return [(call.method, call.template) for call in self.calls]

    def sent(self, template: str, method: str = "POST") -> list[Any]:
        """The bodies that arrived at a template."""
        return [call.json for call in self.calls if (call.method, call.template) == (method, template)]

    def serve(self, method: str, path: str, asked: Asked) -> tuple[Answer, bool]:
        """Answers one request; True: the connection is cut instead."""
        split = urlsplit(path)
        template, ids = self._route(method, split.path)
        params = {name: values[-1] for name, values in parse_qs(split.query).items()}
        asked = asked._replace(ids=ids, params=params)
        with self._lock:
            fault = next((each for each in self._faults if each.meets(method, template)), None)
            if fault is not None:
                fault.times -= 1
            answer = self._answer(method, template, asked, fault)
            self.calls.append(Call(method, template, params, asked.json, answer.status))
        answer = answer._replace(headers={**self.stamped(), **answer.headers, **(fault.headers if fault else {})})
        return answer, fault is not None and fault.kind.startswith("cut")

    def _route(self, method: str, path: str) -> tuple[str, Mapping[str, str]]:
        for known, pattern, template in self._paths:
            found = pattern.fullmatch(path.rstrip("/"))
            if found is not None and known == method:
                return template, {name: unquote(value) for name, value in found.groupdict().items()}
        return "", {}

    def _answer(self, method: str, template: str, asked: Asked, fault: Fault | None) -> Answer:
        kind = fault.kind if fault else ""
        if kind in ("429", "401", "403"):
            return Answer(int(kind), self.problem(int(kind)))
        if kind in ("500", "html", "cut"):
            return Answer(200 if kind == "html" else 500, b"<html>oops</html>")
        if not self.authorized(asked.headers):
            return Answer(401, self.problem(401))
        if not template:
            return Answer(404, self.problem(404))
        try:
            answer: Answer = getattr(self, self.routes[method, template])(asked)
        except Problem as problem:
            answer = problem.answer
        return Answer(500, b"oops") if kind == "500_after_acting" else answer

    def enter(self, step: int) -> None:
        with self._lock:
            self._open += step
            self.peak = max(self.peak, self._open)


class _Handler(BaseHTTPRequestHandler):
    owner: Provider
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def handle(self) -> None:
        with suppress(ConnectionError):  # of a client that died
            super().handle()

    def do_GET(self) -> None:
        self.owner.enter(1)
        try:
            with suppress(ConnectionError):
                self._serve()
        finally:
            self.owner.enter(-1)

    do_POST = do_PUT = do_PATCH = do_DELETE = do_GET  # noqa: N815 - the names that http.server looks for

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name that http.server gives
        pass

    def date_time_string(self, timestamp: float | None = None) -> str:
        del timestamp  # the provider's clock is the fake's own
        return format_datetime(self.owner.now, usegmt=True)

    def _serve(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        body = json.loads(self.rfile.read(length)) if length else None
        headers = {name.lower(): value for name, value in self.headers.items()}
        answer, cut = self.owner.serve(self.command, self.path, Asked({}, {}, body, headers))
        if cut:
            self.close_connection = True
            return
        plain = isinstance(answer.body, bytes)
        data = answer.body if plain else b"" if answer.body is None else json.dumps(answer.body).encode()
        self.send_response(answer.status)
        self.send_header("Content-Type", "text/html" if plain else "application/json; charset=utf-8")
        for name, value in answer.headers.items():
            self.send_header(name, value)
        if answer.status != 204:
            self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if answer.status != 204:
            self.wfile.write(data)
