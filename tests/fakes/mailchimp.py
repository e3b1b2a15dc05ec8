"""A Mailchimp with state, over real HTTP on loopback.

with FakeMailchimp() as fake:
    settings = {"base_url": fake.url, "audience": fake.audience_id, "api_key": …fake.api_key…}
"""

import base64
import json
import re
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Literal, NamedTuple, Self
from urllib.parse import parse_qsl, urlsplit

from tests.fakes.mailchimp_audience import FakeAudience, FakeMember, Json, Problem, member_id

__all__ = ["Call", "FakeMailchimp", "FakeMember", "member_id"]

Kind = Literal["429", "403_bare", "403", "401", "500", "500_after_acting", "cut", "cut_after_acting", "html", "hang"]


class Call(NamedTuple):
    """One request that arrived: method, path template, query, JSON body, and the status that it was answered with."""

    method: str
    template: str
    params: Mapping[str, str]
    json: Any
    status: int


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


Answer = tuple[int, Json | bytes | None]
Route = tuple[str, re.Pattern[str], str]

LIST = "/lists/{list_id}"
MEMBER = LIST + "/members/{id}"
TAGS = MEMBER + "/tags"
EVENTS = MEMBER + "/events"
_TEMPLATES = (
    LIST,
    LIST + "/merge-fields",
    LIST + "/members",
    MEMBER,
    TAGS,
    EVENTS,
    MEMBER + "/actions/delete-permanent",
)
_PATHS = tuple((re.compile("/3\\.0" + re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", t)), t) for t in _TEMPLATES)


class FakeMailchimp:
    """One account with one audience. `calls` is the log; `audience` the state; `fail()` plans faults.

    More than ten simultaneous calls are turned away with 429, as documented; `peak` is the most there were.
    """

    def __init__(self, api_key: str = "0123456789abcdef0123456789abcdef-us6", audience_id: str = "a1b2c3d4e5") -> None:
        self.api_key, self.audience_id = api_key, audience_id
        self.audience = FakeAudience()
        self.calls: list[Call] = []
        self.peak = 0
        self._open = 0
        self._faults: list[Fault] = []
        self._closing = threading.Event()
        self._lock = threading.RLock()

    def __enter__(self) -> Self:
        fake = self

        class Handler(_Handler):
            owner = fake

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/3.0"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def fail(self, kind: Kind, times: int = 1, **where: Any) -> None:
        """Plans a fault: `where` may name method, template and headers."""
        self._faults.append(Fault(kind, times, **where))

    def heal(self) -> None:
        """Forgets all planned faults."""
        self._faults.clear()

    @property
    def writes(self) -> list[Call]:
        """The calls that were not reads."""
        return [call for call in self.calls if call.method != "GET"]

    def templates(self) -> list[tuple[str, str]]:
        """Method and template of each call so far."""
        return [(call.method, call.template) for call in self.calls]

    # ------------------------------------------------------------ one request

    def enter(self) -> bool:
        with self._lock:
            self._open += 1
            self.peak = max(self.peak, self._open)
            return self._open <= 10

    def leave(self) -> None:
        with self._lock:
            self._open -= 1

    def take_fault(self, method: str, template: str) -> Fault | None:
        with self._lock:
            fault = next((each for each in self._faults if each.meets(method, template)), None)
            if fault is not None:
                fault.times -= 1
            return fault

    def wait_for_the_end(self) -> None:
        self._closing.wait(30)

    def log(self, call: Call) -> None:
        with self._lock:
            self.calls.append(call)

    def answer(
        self, method: str, template: str, ids: Mapping[str, str], params: Mapping[str, str], body: Any
    ) -> Answer:
        """Acts on the audience; one call at a time."""
        with self._lock:
            try:
                if ids["list_id"] != self.audience_id:
                    raise Problem(404, "Resource Not Found", "The requested resource could not be found.")
                return self._acted(method, template, ids.get("id", ""), params, body)
            except Problem as problem:
                return problem.status, problem.body()

    def _acted(self, method: str, template: str, ref: str, params: Mapping[str, str], body: Any) -> Answer:
        audience, lenient = self.audience, params.get("skip_merge_validation") == "true"
        acts: dict[tuple[str, str], Callable[[], Answer]] = {
            ("GET", LIST): lambda: (200, {"id": self.audience_id, "name": "Newsletter"}),
            ("POST", LIST): lambda: (200, audience.batch(body, lenient=lenient)),
            ("GET", LIST + "/merge-fields"): lambda: (200, {"merge_fields": list(audience.merge_fields.values())}),
            ("POST", LIST + "/merge-fields"): lambda: (200, audience.add_field(body)),
            ("GET", LIST + "/members"): lambda: (200, audience.page(params)),
            ("POST", LIST + "/members"): lambda: (200, audience.add(body, lenient=lenient).body()),
            ("GET", MEMBER): lambda: (200, audience.find(ref).body()),
            ("PATCH", MEMBER): lambda: (200, audience.patch(ref, body, lenient=lenient).body()),
            ("DELETE", MEMBER): lambda: (204, audience.archive(ref)),  # type: ignore[func-returns-value]  # no body
            ("POST", MEMBER + "/actions/delete-permanent"): lambda: (204, audience.erase(ref)),  # type: ignore[func-returns-value]  # no body
            ("POST", EVENTS): lambda: (204, audience.happen(ref, body)),  # type: ignore[func-returns-value]  # no body
            ("POST", TAGS): lambda: (204, audience.tag(ref, body)),  # type: ignore[func-returns-value]  # no body
        }
        if (method, template) not in acts:
            raise Problem(405, "Method Not Allowed", "The requested method and resource are not compatible.")
        return acts[method, template]()


class _Handler(BaseHTTPRequestHandler):
    owner: FakeMailchimp
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def handle(self) -> None:
        with suppress(ConnectionError):  # of a client that died
            super().handle()

    def do_GET(self) -> None:
        with suppress(ConnectionError):
            room = self.owner.enter()
            try:
                self._serve(room)
            finally:
                self.owner.leave()

    do_POST = do_PUT = do_PATCH = do_DELETE = do_GET  # noqa: N815 - likewise

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name that http.server gives
        pass

    def date_time_string(self, timestamp: float | None = None) -> str:
        del timestamp  # the provider's clock is the fake's own
        return format_datetime(self.owner.audience.now, usegmt=True)

    def _serve(self, room: bool) -> None:
        split = urlsplit(self.path)
        params, body = dict(parse_qsl(split.query)), self._body()
        template, ids = next(
            ((t, found.groupdict()) for pattern, t in _PATHS if (found := pattern.fullmatch(split.path))), ("", {})
        )
        fault = self.owner.take_fault(self.command, template)
        status, answer = self._answer(template, ids, params, body, fault, room)
        self.owner.log(Call(self.command, template, params, body, status))
        if fault is not None and fault.kind.startswith("cut"):
            self.close_connection = True
        else:
            self._send(status, answer, fault.headers if fault else {})

    def _answer(
        self,
        template: str,
        ids: Json,
        params: Json,
        body: Any,
        fault: Fault | None,
        room: bool,
    ) -> Answer:
        kind = fault.kind if fault else ""
        if kind == "hang":
            self.owner.wait_for_the_end()
        early: dict[str, Answer] = {
            "429": (429, _problem(429, "Too Many Requests")),
            "403_bare": (403, b"<html>Access Denied</html>"),
            "403": (403, _problem(403, "Forbidden")),
            "401": (401, _problem(401, "API Key Invalid")),
            "500": (500, b"oops"),
            "html": (200, b"<html>Please log in to the Wi-Fi</html>"),
            "cut": (0, None),
            "hang": (0, None),
        }
        if kind in early:
            return early[kind]
        if not room:
            return early["429"]
        if not self._authorized():
            return early["401"]
        if not template:
            return 404, _problem(404, "Resource Not Found")
        answer = self.owner.answer(self.command, template, ids, params, body)
        return (500, b"oops") if kind == "500_after_acting" else answer

    def _authorized(self) -> bool:
        scheme, _, credentials = self.headers.get("Authorization", "").partition(" ")
        return scheme == "Basic" and base64.b64decode(credentials).decode().partition(":")[2] == self.owner.api_key

    def _body(self) -> Any:
        length = int(self.headers.get("Content-Length") or 0)
        return json.loads(self.rfile.read(length)) if length else None

    def _send(self, status: int, answer: Json | bytes | None, headers: Mapping[str, str]) -> None:
        data = answer if isinstance(answer, bytes) else b"" if answer is None else json.dumps(answer).encode()
        kind = "text/html" if isinstance(answer, bytes) else "application/json; charset=utf-8"
        self.send_response(status or 500)
        for name, value in {"Content-Type": kind, **headers}.items():
            self.send_header(name, value)
        if status != 204:
            self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


def _problem(status: int, title: str) -> Json:
    return Problem(status, title, "See the glossary of errors.").body()
