"""A server whose exports are scripted answer by answer, and a source at it; `responses` stands for the wire.

def stub() -> Iterator[Stub]:
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        yield Stub(mock)
"""

import json
import re
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest
import requests
import responses

from connectors.base import RawRow
from connectors.fhir.server import FhirServer
from connectors.fhir_bulk import FhirBulkSource
from connectors.fhir_bulk.settings import FhirBulkSettings
from connectors.http import Limits
from connectors.http.retry import Patience
from tests.fakes.known import MemoryKnown
from tests.fakes.lent import SURROUNDINGS, lent

AT = datetime(2026, 3, 2, 18, 0, tzinfo=UTC)
HOST = "http://127.0.0.1:9"
BASE = f"{HOST}/R4"
JOB = f"{BASE}/jobs/1"
TOKEN = "canary-token"
ONE_ATTEMPT = Limits(patience=Patience(attempts=1))
Answer = tuple[int, dict[str, str], bytes]
OUTCOME = {
    "resourceType": "OperationOutcome",
    "issue": [{"severity": "error", "code": "processing", "diagnostics": "Zanzibar"}],
}


def line(kind: str, id_: str, **more: Any) -> bytes:
    return json.dumps({"resourceType": kind, "id": id_, **more}).encode() + b"\n"


def at_work(**headers: str) -> Answer:
    return 202, {name.replace("_", "-"): value for name, value in headers.items()}, b""


class Stub:
    """A server: `polls` are the next answers to whoever asks how the job stands, then the manifest; `kicks` likewise."""

    def __init__(self, mock: responses.RequestsMock) -> None:
        self.calls: list[requests.PreparedRequest] = []
        self.now = AT
        self.location, self.statement = JOB, {"resourceType": "CapabilityStatement", "fhirVersion": "4.0.1"}
        self.kicks: list[Answer] = []
        self.polls: list[Answer] = []
        self.files: dict[str, bytes | int] = {}
        self.kinds: dict[str, str] = {}
        self.manifest: dict[str, Any] = {"requiresAccessToken": True, "output": [], "error": [], "deleted": []}
        self.ending: int = 202
        for method in ("GET", "DELETE"):
            mock.add_callback(method, re.compile(".*"), self._answer)

    def put(self, kind: str, body: bytes | int, part: str = "output", *, at: str = BASE, **more: Any) -> str:
        """A file of the export."""
        url = f"{at}/files/{len(self.files)}"
        self.files[url] = body
        told = {"count": body.count(b"\n")} if isinstance(body, bytes) else {}
        self.manifest[part].append({"type": kind, "url": url, **told, **more})
        return url

    def asked(self, part: str) -> list[requests.PreparedRequest]:
        return [call for call in self.calls if part in str(call.url)]

    def kinds_of_calls(self) -> list[str]:
        return [str(call.method) + " " + str(call.url).partition("?")[0].removeprefix(HOST) for call in self.calls]

    def _answer(self, call: requests.PreparedRequest) -> Answer:
        self.calls.append(call)
        status, headers, body = self._found(str(call.method), str(call.url))
        return status, {"Date": format_datetime(self.now, usegmt=True), **headers}, body

    def _found(self, method: str, url: str) -> Answer:
        if url.endswith("/metadata"):
            return 200, {}, json.dumps(self.statement).encode()
        if "$export" in url:
            return self.kicks.pop(0) if self.kicks else (202, {"Content-Location": self.location}, b"")
        if method == "DELETE":
            return self.ending, {}, b""
        if url in self.files:
            body = self.files[url]
            return (body, {}, b"") if isinstance(body, int) else (200, {}, body)
        if "/jobs/" in url or "/bulkstatus/" in url:
            return self.polls.pop(0) if self.polls else (200, {}, json.dumps(self.manifest).encode())
        return 404, {}, b"{}"


class Rig:
    """A source and what sync would keep of it."""

    def __init__(self, stub: Stub, folder: Path) -> None:
        self.stub, self.slept = stub, list[float]()
        self.known, self.lent = MemoryKnown(), lent()
        token = folder / "token"
        token.touch(0o600)
        token.write_text(TOKEN, encoding="ascii")
        self.keys: dict[str, Any] = {
            "kind": "fhir-bulk",
            "base_url": BASE,
            "auth": {"kind": "bearer", "token": {"file": token}},
            "resources": ["Patient"],
        }

    @property
    def job(self) -> dict[str, Any] | None:
        return self.lent.memo.get("export")

    def source(self) -> FhirBulkSource:
        settings = FhirBulkSettings.model_validate(self.keys)
        return FhirBulkSource("emr", settings, SURROUNDINGS, self.lent)

    def pull(self, pages: int = 1000) -> list[RawRow]:
        """Another process's run; it ends after so many pages."""
        self.notices: list[str] = []
        self.snapshots: dict[str, str] = {}
        rows: list[RawRow] = []
        for each in self.source().passes(self.known, self.stub.now):
            self.notices += each.notices
            self.snapshots[each.feed] = each.snapshot
            for page in each.pages():
                rows += page.rows
                self.known.cursors[each.feed] = page.cursor or {}
                pages -= 1
                if not pages:
                    return rows
            self.known.remember(each)
        return rows

    def install(self, monkeypatch: pytest.MonkeyPatch, folder: Path) -> "Rig":
        """From now on nothing waits, and temporary files lie in the folder."""
        told = {"sleep": self.slept.append, "clock": lambda: self.stub.now, "limits": ONE_ATTEMPT}
        monkeypatch.setattr(FhirServer.__init__, "__kwdefaults__", told)
        monkeypatch.setattr("tempfile.tempdir", str(folder))
        return self
