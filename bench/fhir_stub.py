"""A FHIR server on loopback that answers searches for Patient, in a process of its own: `python -m bench.fhir_stub N`.

All pages are one that was made beforehand, with the number of the page written into the ids: a page costs the server
next to nothing, and a million patients cost it no memory.
"""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Final
from urllib.parse import parse_qs, urlsplit

import orjson

from bench.exports import fhir_patient
from bench.people import people

PAGE: Final = 500
"""Patients of a page, whatever is asked for."""
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
    pages: int
    base: str

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        if url.path == "/metadata":
            self._answer(orjson.dumps(_STATEMENT))
        else:
            self._answer(self._page(int(parse_qs(url.query).get("page", ["1"])[0])))

    def _page(self, number: int) -> bytes:
        links = [{"relation": "next", "url": f"{self.base}/Patient?page={number + 1}"}] if number < self.pages else []
        head = orjson.dumps(
            {"resourceType": "Bundle", "type": "searchset", "total": self.pages * PAGE, "link": links, "entry": []}
        )
        return head[:-2] + self.entries.replace(_NUMBER, b"%05d" % number) + b"]}"

    def _answer(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "application/fhir+json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_arguments: object) -> None:
        """Says nothing."""


def _entries() -> bytes:
    made = []
    for number, patient in enumerate(people(PAGE, date(2026, 3, 2))):
        resource = fhir_patient(patient) | {"id": f"{_NUMBER.decode()}-{number:03d}"}
        made.append(
            {
                "fullUrl": f"http://localhost/Patient/{resource['id']}",
                "resource": resource,
                "search": {"mode": "match"},
            }
        )
    return orjson.dumps(made)[1:-1]


def main(patients: int) -> None:
    """Serves until it is ended; prints where."""
    _Handler.entries, _Handler.pages = _entries(), patients // PAGE
    with ThreadingHTTPServer(("127.0.0.1", 0), _Handler) as server:
        _Handler.base = f"http://127.0.0.1:{server.server_port}"
        print(_Handler.base, flush=True)
        server.serve_forever()


if __name__ == "__main__":
    main(int(sys.argv[1]))
