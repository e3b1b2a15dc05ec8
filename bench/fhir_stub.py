"""A FHIR server on loopback that is searched for Patient, or exports them: `python -m bench.fhir_stub N`.

All pages are one that was made beforehand, with the number of the page written into the ids: a page costs the server
next to nothing, and a million patients cost it no memory. It is a process of its own, ended by whoever started it.
"""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

import orjson

from bench.exports import fhir_patient
from bench.people import people

PAGE: Final = 500
"""Patients of a page, whatever is asked for."""
FILE: Final = "/files/Patient.ndjson"
_NUMBER: Final = b"@@@@@"
_STATEMENT: Final = {
    "resourceType": "CapabilityStatement",
    "fhirVersion": "4.0.1",
    "rest": [
        {
            "mode": "server",
            "resource": [
                {
                    "type": "Patient",
                    "interaction": [{"code": "search-type"}],
                    "searchParam": [{"name": "_lastUpdated", "type": "date"}],
                }
            ],
        }
    ],
}


@contextmanager
def fhir_stub(patients: int) -> Iterator[str]:
    """Starts a server that holds so many patients; yields its base URL."""
    command = [sys.executable, "-m", "bench.fhir_stub", str(patients)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[1]) as process:
        try:
            assert process.stdout is not None  # noqa: S101 - it is a pipe
            yield process.stdout.readline().strip()
        finally:
            process.terminate()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1
    entries: bytes
    lines: bytes
    pages: int
    base: str

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        if url.path == "/metadata":
            self._answer(orjson.dumps(_STATEMENT))
        elif url.path == "/Patient":
            self._answer(self._page(int(parse_qs(url.query).get("page", ["1"])[0])))
        elif url.path == "/$export":
            self._begin(202, 0, ("Content-Location", f"{self.base}/job"))
        elif url.path == "/job":
            self._answer(orjson.dumps(self._manifest()), "application/json")
        else:
            self._send_file()

    def do_DELETE(self) -> None:
        self._begin(202, 0)

    def _page(self, number: int) -> bytes:
        links = [{"relation": "next", "url": f"{self.base}/Patient?page={number + 1}"}] if number < self.pages else []
        head = orjson.dumps(
            {"resourceType": "Bundle", "type": "searchset", "total": self.pages * PAGE, "link": links, "entry": []}
        )
        return head[:-2] + self.entries.replace(_NUMBER, b"%05d" % number) + b"]}"

    def _manifest(self) -> dict[str, Any]:
        return {
            "transactionTime": "2026-03-02T17:00:00Z",
            "request": f"{self.base}/$export",
            "requiresAccessToken": False,
            "output": [{"type": "Patient", "url": f"{self.base}{FILE}", "count": self.pages * PAGE}],
            "error": [],
        }

    def _send_file(self) -> None:
        # The number of a page is as long as what it takes the place of.
        self._begin(200, len(self.lines) * self.pages, ("Content-Type", "application/fhir+ndjson"))
        for number in range(1, self.pages + 1):
            self.wfile.write(self.lines.replace(_NUMBER, b"%05d" % number))

    def _answer(self, body: bytes, kind: str = "application/fhir+json") -> None:
        self._begin(200, len(body), ("Content-Type", kind))
        self.wfile.write(body)

    def _begin(self, status: int, length: int, *headers: tuple[str, str]) -> None:
        self.send_response(status)
        for name, value in (("Content-Length", str(length)), *headers):
            self.send_header(name, value)
        self.end_headers()

    def log_message(self, *_arguments: object) -> None:
        """Says nothing."""


def _resources() -> Iterator[dict[str, Any]]:
    for number, patient in enumerate(people(PAGE, date(2026, 3, 2))):
        yield fhir_patient(patient) | {"id": f"{_NUMBER.decode()}-{number:03d}"}


def _entry(resource: dict[str, Any]) -> dict[str, Any]:
    url = f"http://localhost/Patient/{resource['id']}"
    return {"fullUrl": url, "resource": resource, "search": {"mode": "match"}}


def main(patients: int) -> None:
    """Serves until it is ended; prints where."""
    resources = list(_resources())
    _Handler.pages = patients // PAGE
    _Handler.entries = orjson.dumps(list(map(_entry, resources)))[1:-1]
    _Handler.lines = b"".join(orjson.dumps(each, option=orjson.OPT_APPEND_NEWLINE) for each in resources)
    with ThreadingHTTPServer(("127.0.0.1", 0), _Handler) as server:
        _Handler.base = f"http://127.0.0.1:{server.server_port}"
        print(_Handler.base, flush=True)
        server.serve_forever()


if __name__ == "__main__":
    main(int(sys.argv[1]))
