"""How a FHIR server takes a request and sends its answer, or what a fault makes of it."""

import gzip
import json
from collections.abc import Mapping
from contextlib import suppress
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import parse_qsl, urlsplit

from tests.fakes.fhir_faults import BROKEN, CANNED, Fault, Wire
from tests.fakes.fhir_requests import BASE, NDJSON, Answer, Asked, Call, Route, route_of
from tests.fakes.fhir_search_api import outcome

if TYPE_CHECKING:
    from tests.fakes.fhir_server import FakeFhir


def listen(owner: "FakeFhir", *, elsewhere: bool) -> ThreadingHTTPServer:
    handler = type("Handler", (_Handler,), {"owner": owner, "elsewhere": elsewhere})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    return server


class _Handler(BaseHTTPRequestHandler):
    owner: ClassVar["FakeFhir"]
    elsewhere: ClassVar[bool]
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def handle(self) -> None:
        with suppress(ConnectionError):  # of a client that died
            super().handle()

    def do_GET(self) -> None:
        self.owner.enter()
        try:
            with suppress(ConnectionError):
                self._serve()
        finally:
            self.owner.leave()

    do_POST = do_DELETE = do_PUT = do_PATCH = do_GET  # noqa: N815 - likewise

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name that http.server gives
        pass

    def date_time_string(self, timestamp: float | None = None) -> str:
        del timestamp  # the server's clock is the fake's own
        return format_datetime(self.owner.now, usegmt=True)

    def _serve(self) -> None:
        split = urlsplit(self.path)
        form = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        query = "&".join(filter(None, (split.query, form)))
        headers = {name.lower(): value for name, value in self.headers.items()}
        asked = Asked(self.command, parse_qsl(query, keep_blank_values=True), headers)
        path = split.path if self.elsewhere else split.path.removeprefix(BASE)
        route = route_of(path) if self.elsewhere or split.path.startswith(BASE) else Route("", {})
        fault = self.owner.take_fault(self.command, route.template, query)
        # Logged before a byte is sent: a test may look as soon as the client has its answer.
        wire, answer = Wire(self, self.owner.closing, self.owner.elsewhere), self._answer(route, asked, fault)
        status = answer.status if answer is not None else int(fault.kind) if fault and fault.kind.isdigit() else 0
        call = Call(self.command, route.template, asked.params, headers, status, self.elsewhere)
        self.owner.log(call)
        if answer is not None:
            self._send(wire, answer, headers, fault)
        elif fault is not None:
            _ = wire.status(fault) if fault.kind.isdigit() else wire.canned(fault)

    def _answer(self, route: Route, asked: Asked, fault: Fault | None) -> Answer | None:
        """None where the fault answers."""
        if fault is not None and (fault.kind.isdigit() or fault.kind in CANNED):
            return None
        if self.elsewhere and (route.template != "/signed/{id}" or "authorization" in asked.headers):
            return Answer(400, b"<Error>Only one auth mechanism allowed</Error>", "application/xml")
        public = self.elsewhere or route.template in ("/metadata", "/.well-known/smart-configuration")
        if not public and not self.owner.accepts(asked.headers.get("authorization", "")):
            return Answer(401, json.dumps(outcome("error", "login")).encode())
        return self.owner.answer(route, asked, fault.kind if fault is not None else "")

    def _send(self, wire: Wire, answer: Answer, headers: Mapping[str, str], fault: Fault | None) -> None:
        if fault is not None and fault.kind in BROKEN:
            wire.broken(fault.kind, answer.status, answer.body, answer.kind)
            return
        body, more = answer.body, dict(answer.headers)
        if answer.kind == NDJSON and "gzip" in headers.get("accept-encoding", ""):
            body, more["Content-Encoding"] = gzip.compress(body, 1), "gzip"
        wire.send(answer.status, body, answer.kind, more)
