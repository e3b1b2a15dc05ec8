"""Pulls all patients of a FHIR server in a process of its own: `python -m bench.puller WAY URL`; prints JSON.

WAY is one of `WAYS`. Whoever pulls counts the patients and keeps none. Those that begin with `export` or are fhir-bulk
read the server's export, the others search it.
"""

import gc
import json
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

import requests

from bench.fhir_stub import FILE
from bench.passes import AT
from bench.worker import measured
from connectors.base import Lent, RawRow, Source
from connectors.fhir_bulk import FhirBulkSource
from connectors.fhir_search import FhirSearchSource
from connectors.settings import Surroundings

_ENTRY: Final = b'"resourceType":"Patient"'
Pull = Callable[[str], int]


class _Memo:
    """Keeps notes for one process."""

    def __init__(self) -> None:
        self._held: dict[str, dict[str, Any]] = {}

    def get(self, key: str) -> dict[str, Any] | None:
        return self._held.get(key)

    def put(self, key: str, value: dict[str, Any]) -> None:
        self._held[key] = value

    def drop(self, key: str) -> None:
        self._held.pop(key, None)


class _Unbounded:
    @contextmanager
    def slot(self) -> Iterator[None]:
        yield


class _Nothing:
    """What is known before the first pull."""

    def landed(self, _feed: str, _sha256: str) -> bool:
        return False

    def newest(self, _feed: str) -> datetime | None:
        return None

    def cursor(self, _feed: str) -> None:
        return None


def _made(connector: Any, kind: str, url: str, **keys: Any) -> Source:
    """One of prm-sync's sources, as `sync.build` makes it."""
    settings = {"kind": kind, "base_url": url, "site": "lincoln", "resources": ["Patient"], **keys}
    zone = ZoneInfo("America/Chicago")
    around = Surroundings(zone=zone, phone_region="US", site_zones={"lincoln": zone})
    gc.set_threshold(50_000, 20, 20)
    source: Source = connector(
        "emr", connector.settings_model.model_validate(settings), around, Lent(_Memo(), _Unbounded())
    )
    return source


def _rows(source: Source) -> Iterator[RawRow]:
    """The rows as they would be handed over for landing."""
    return (row for each in source.passes(_Nothing(), AT) for page in each.pages() for row in page.rows)


def _search(url: str) -> int:
    source = _made(FhirSearchSource, "fhir-search", url, page_size=500)
    return sum(len(page.rows) for each in source.passes(_Nothing(), AT) for page in each.pages())


def _bulk(url: str) -> int:
    """prm-sync's source, each row mapped."""
    source = _made(FhirBulkSource, "fhir-bulk", url)
    return sum(source.map(row) is not None for row in _rows(source))


def _export_bytes(url: str) -> int:
    """requests alone; the lines of the file are counted and not read."""
    with requests.get(url + FILE, stream=True, timeout=60) as answer:
        return sum(chunk.count(b"\n") for chunk in answer.iter_content(2**16))


def _export_mapped(url: str) -> int:
    """requests, and each line mapped as prm-sync does."""
    source = _made(FhirBulkSource, "fhir-bulk", url)
    with requests.get(url + FILE, stream=True, timeout=60) as answer:
        rows = (RawRow("patients", f"{n}", line, n) for n, line in enumerate(answer.iter_lines(2**16)))
        return sum(source.map(row) is not None for row in rows)


def _bytes(url: str) -> int:
    """requests alone; not even the JSON is read, the link to the next page is cut out of it."""
    with requests.Session() as session:
        found, target = 0, f"{url}/Patient?_count=500"
        while target:
            body = session.get(target, timeout=60).content
            found += body.count(_ENTRY)
            _, marked, rest = body[:500].partition(b'"next","url":"')
            target = rest.partition(b'"')[0].decode() if marked else ""
    return found


def _json(url: str) -> int:
    """requests, and each page read by `json`."""
    with requests.Session() as session:
        found, target = 0, f"{url}/Patient?_count=500"
        while target:
            page = session.get(target, timeout=60).json()
            found += len(page["entry"])
            target = next((link["url"] for link in page["link"] if link["relation"] == "next"), "")
    return found


def _fhirpy(url: str) -> int:
    """fhirpy's search set, patient by patient."""
    from fhirpy import SyncFHIRClient  # noqa: PLC0415 - nobody else needs it

    return sum(1 for _ in SyncFHIRClient(url).resources("Patient").limit(500))


WAYS: Final[Mapping[str, Pull]] = {
    "bytes": _bytes,
    "json": _json,
    "fhir-search": _search,
    "fhirpy": _fhirpy,
    "export bytes": _export_bytes,
    "export mapped": _export_mapped,
    "fhir-bulk": _bulk,
}

if __name__ == "__main__":
    print(json.dumps(measured(lambda: {"records": WAYS[sys.argv[1]](sys.argv[2])})))
