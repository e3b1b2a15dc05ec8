"""The daemon's small web server: health, metrics, a status page, and what providers report by webhook."""

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar, Final, NamedTuple
from urllib.parse import urlsplit

import orjson
from sqlalchemy.exc import SQLAlchemyError

from config.web import WebSettings
from connectors.base import Forged, Hooked, Misconfigured
from sync.build import Service
from sync.listen import hear
from sync.log import say
from sync.metrics import metrics
from sync.status import status_of
from sync.status_page import status_page

MOST_BYTES: Final = 64 * 1024
"""Of a webhook's body; Mailchimp's are a few kilobytes."""
MOST_AT_ONCE: Final = 16
_DEADLINE_S: Final = 8.0  # Mailchimp waits ten seconds
_KEPT_FOR_S: Final = 10.0
_HOOKS: Final = "/webhooks/"


@dataclass(frozen=True, slots=True, kw_only=True)
class Behind:
    """What the server asks: the service in force, the clock, whether the daemon is well; and whom it tells of news."""

    service: Callable[[], Service]
    now: Callable[[], datetime]
    well: Callable[[], bool]
    heard: Callable[[], None]


class _Reply(NamedTuple):
    status: int
    kind: str = "text/plain; charset=utf-8"
    body: bytes = b""


_ABSENT: Final = _Reply(404)


class Web:
    """Serves until it is closed; raises Misconfigured when the address is taken."""

    def __init__(self, settings: WebSettings, behind: Behind) -> None:
        self._behind = behind
        self._status: tuple[float, dict[str, Any]] | None = None
        self._lock, self._room = threading.Lock(), threading.BoundedSemaphore(MOST_AT_ONCE)
        web = self

        class Handler(_Handler):
            owner = web

        try:
            self._server = ThreadingHTTPServer((settings.host, settings.port), Handler)
        except OSError as error:
            raise Misconfigured("web.listen", f"nothing can listen there ({error.strerror})") from None
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.2,), name="web", daemon=True)

    @property
    def port(self) -> int:
        """Where it listens; of use where the configured port is 0."""
        return int(self._server.server_address[1])

    def start(self) -> None:
        """Begins to serve, in a thread of its own."""
        self._thread.start()

    def close(self) -> None:
        """Ends serving."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    # ------------------------------------------------------------ answers

    def get(self, path: str) -> _Reply:
        """What stands at a path."""
        if path.startswith(_HOOKS):
            return _Reply(200) if self._hook(path) is not None else _ABSENT
        pages: dict[str, Callable[[], _Reply]] = {"/healthz": self._health, "/metrics": self._metrics, "/": self._page}
        return pages[path]() if path in pages else _ABSENT

    def post(self, path: str, body: bytes, headers: Any) -> _Reply:
        """Takes a webhook's call; 200 only once what it says is stored, so that the provider repeats it otherwise."""
        hook = self._hook(path)
        if hook is None:
            return _ABSENT
        service, now = self._behind.service(), self._behind.now()
        try:
            items = hook.hear(body, headers, now)
            closed = hear(service.engine, hook.name, items, now)
        except Forged as error:
            say("webhook.refused", "warning", destination=hook.name, reason=error.code)
            return _Reply(403)
        except SQLAlchemyError:
            return _Reply(503)
        if closed:
            say("feedback.suppressed", destination=hook.name, n_suppressed=closed)
            self._behind.heard()
        return _Reply(200)

    def _hook(self, path: str) -> Hooked | None:
        """The destination of a path `/webhooks/NAME/SECRET`; None, too, for a wrong secret."""
        name, _, secret = path.removeprefix(_HOOKS).partition("/")
        destination = self._behind.service().destinations.get(name) if path.startswith(_HOOKS) else None
        return destination if isinstance(destination, Hooked) and destination.admits(secret) else None

    def _health(self) -> _Reply:
        well = self._behind.well()
        return _Reply(200 if well else 503, "application/json", orjson.dumps({"status": "ok" if well else "failing"}))

    def _metrics(self) -> _Reply:
        text = metrics(self._looked(), self._behind.now())
        return _Reply(200, "text/plain; version=0.0.4; charset=utf-8", text.encode())

    def _page(self) -> _Reply:
        return _Reply(200, "text/html; charset=utf-8", status_page(self._looked()).encode())

    def _looked(self) -> dict[str, Any]:
        """The status, looked at anew every ten seconds at most: it counts what waits."""
        with self._lock:
            now = time.monotonic()
            if self._status is None or now - self._status[0] > _KEPT_FOR_S:
                self._status = now, status_of(self._behind.service(), self._behind.now())
            return self._status[1]

    def room(self) -> bool:
        """True if another request may be served now; it must be given back."""
        return self._room.acquire(blocking=False)

    def leave(self) -> None:
        """Gives back a place."""
        self._room.release()


class _Handler(BaseHTTPRequestHandler):
    owner: ClassVar[Web]
    timeout = _DEADLINE_S
    server_version, sys_version = "prm-sync", ""

    def do_GET(self) -> None:
        self._serve(self.owner.get)

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_POST(self) -> None:
        self._serve(self._posted)

    def _posted(self, path: str) -> _Reply:
        length = self.headers.get("Content-Length", "")
        if not length.isdigit():
            return _Reply(411)
        if int(length) > MOST_BYTES:
            return _Reply(413)
        body = self.rfile.read(int(length))
        return self.owner.post(path, body, self.headers) if len(body) == int(length) else _Reply(400)

    def _serve(self, answer: Callable[[str], _Reply]) -> None:
        self.close_connection = True
        if not self.owner.room():
            self._send(_Reply(503))
            return
        try:
            self._send(self._answered(answer))
        finally:
            self.owner.leave()

    def _answered(self, answer: Callable[[str], _Reply]) -> _Reply:
        try:
            return answer(urlsplit(self.path).path)
        except TimeoutError:
            return _Reply(408)
        except (SQLAlchemyError, Misconfigured):
            return _Reply(503)

    def _send(self, reply: _Reply) -> None:
        with suppress(ConnectionError, TimeoutError):
            self.send_response(reply.status)
            for name, value in {
                "Content-Type": reply.kind,
                "Content-Length": str(len(reply.body)),
                "Cache-Control": "no-store",
                "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'",
                "X-Content-Type-Options": "nosniff",
                "Connection": "close",
            }.items():
                self.send_header(name, value)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(reply.body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  the name that http.server gives
        """Says nothing: a path holds the secret."""
