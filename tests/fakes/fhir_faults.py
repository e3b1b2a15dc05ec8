"""What can go wrong with an answer of a FHIR server, on the wire and in what it says."""

import gzip
import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from http.server import BaseHTTPRequestHandler
from typing import Final

from tests.fakes.fhir_search_api import outcome

CONTENT: Final = frozenset(
    {
        "filter_ignored", "loop", "foreign_next", "look_alike", "user_next", "file_next", "dead_next", "duplicate",
        "unstable", "empty_page", "no_self",
    }
)  # fmt: skip
"""Faults in what a search says; see `SearchApi`."""
ENTRIES: Final = {"error_entry": ("error", "exception"), "warning_entry": ("warning", "suppressed")}
"""Faults that add an OperationOutcome to a Bundle."""
BROKEN: Final = frozenset({"cut", "chunk_cut", "close_cut", "bad_line", "blank", "short"})
"""Faults of the body: Content-Length too long, a chunk cut, no length and cut, a broken line first, nothing, a line less."""
CANNED: Final = frozenset(
    {"html", "outcome", "refusal", "empty", "not_json", "redirect", "bomb", "drip", "hang", "reset"}
)
"""Answers that have nothing to do with the question."""
BOMB: Final = 96 * 2**20
"""Bytes that the bomb inflates to."""


@cache
def _bomb() -> bytes:
    return gzip.compress(b" " * BOMB, 1)


@dataclass
class Fault:
    """Something that goes wrong with the next `times` requests that match, after the first `after` of them.

    `kind` is a status ("503") or a name of this module. `part` matches when it is in the query or the form.
    """

    kind: str
    times: int = 1
    template: str | None = None
    method: str | None = None
    part: str = ""
    after: int = 0
    headers: Mapping[str, str] = field(default_factory=dict)

    def meets(self, method: str, template: str, query: str) -> bool:
        fits = self.method in (None, method) and self.template in (None, template) and self.part in query
        if fits and self.times > 0 and self.after > 0:
            self.after -= 1
            return False
        return fits and self.times > 0


class Wire:
    """Sends answers through a handler, whole or not."""

    def __init__(self, handler: BaseHTTPRequestHandler, closing: threading.Event, elsewhere: str) -> None:
        self._handler, self._closing, self._elsewhere = handler, closing, elsewhere

    def send(self, status: int, body: bytes, kind: str, headers: Mapping[str, str] = {}) -> None:
        """A whole answer."""
        self._head(status, {"Content-Type": kind, **headers, "Content-Length": str(len(body))})
        self._handler.wfile.write(body)

    def canned(self, fault: Fault) -> int:
        """An answer of its own; returns its status."""
        whole = {
            "html": (200, b"<html><body>Please log in to the Wi-Fi</body></html>", "text/html"),
            "outcome": (200, json.dumps(outcome("error", "exception")).encode(), "application/fhir+json"),
            "refusal": (200, json.dumps(outcome("fatal", "not-supported")).encode(), "application/fhir+json"),
            "empty": (200, b'{"resourceType":"Bundle","type":"searchset","total":0}', "application/fhir+json"),
            "not_json": (200, b'{"resourceType":"Bundle","entry":[{"resource":', "application/fhir+json"),
            "redirect": (302, b"", "text/plain"),
            "bomb": (200, _bomb() if fault.kind == "bomb" else b"", "application/fhir+json"),
        }
        if fault.kind in whole:
            status, body, kind = whole[fault.kind]
            more = {"redirect": {"Location": f"{self._elsewhere}/caught"}, "bomb": {"Content-Encoding": "gzip"}}
            self.send(status, body, kind, {**more.get(fault.kind, {}), **fault.headers})
            return status
        self._handler.close_connection = True
        if fault.kind == "hang":
            self._closing.wait(30)
        elif fault.kind == "drip":
            self._drip()
        return 0

    def status(self, fault: Fault) -> int:
        """A status with an OperationOutcome."""
        status = int(fault.kind)
        kind = fault.headers.get("Content-Type", "application/fhir+json")
        body = b"<html>error</html>" if "html" in kind else json.dumps(outcome("error", "exception")).encode()
        self.send(status, body, kind, {k: v for k, v in fault.headers.items() if k != "Content-Type"})
        return status

    def broken(self, fault: str, status: int, body: bytes, kind: str) -> None:
        """The answer, but not all of it."""
        self._handler.close_connection = fault not in ("bad_line", "blank", "short")
        half, head = body[: len(body) * 3 // 5], {"Content-Type": kind}
        if fault == "cut":
            self._head(status, head | {"Content-Length": str(len(body))})
            self._handler.wfile.write(half)
        elif fault == "chunk_cut":
            self._head(status, head | {"Transfer-Encoding": "chunked"})
            self._handler.wfile.write(b"%x\r\n" % len(body) + half)
        elif fault == "close_cut":
            self._head(status, head | {"Connection": "close"})
            self._handler.wfile.write(half)
        elif fault == "bad_line":
            self.send(status, b'{"resourceType":"Patient","id":"cut","name":[{"family":"Zanz\n' + body, kind)
        else:
            self.send(status, b"" if fault == "blank" else b"".join(body.splitlines(keepends=True)[:-1]), kind)

    def _drip(self) -> None:
        self._head(200, {"Content-Type": "application/fhir+json", "Content-Length": "1000000"})
        while not self._closing.wait(0.02):
            self._handler.wfile.write(b" ")
            self._handler.wfile.flush()

    def _head(self, status: int, headers: Mapping[str, str]) -> None:
        self._handler.send_response(status)
        for name, value in headers.items():
            self._handler.send_header(name, value)
        self._handler.end_headers()
