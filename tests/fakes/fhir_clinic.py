"""The invented practice of `tests.fakes.clinic` at a FHIR server, and one source of it without sync around it.

clinic = fhir_clinic(tmp_path, sqlite_template, fake, "fhir-search", profile="medplum")
rig = Rig("fhir-bulk", fake, tmp_path)
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from importlib import import_module
from itertools import islice
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from connectors.base import Known, Pass, RawRow, Source
from connectors.fhir.server import FhirServer
from connectors.http import Limits
from connectors.http.retry import Patience
from connectors.registry import SOURCES
from connectors.settings import Surroundings
from mappings.records import Mapped, Rejected
from tests.fakes.clinic import Clinic
from tests.fakes.fhir_people import SITE
from tests.fakes.fhir_server import FakeFhir
from tests.fakes.known import MemoryKnown
from tests.fakes.lent import lent

KINDS = tuple(kind for kind in ("fhir-search", "fhir-bulk") if kind in SOURCES)
"""The kinds that ask a server, as far as they are registered."""
KEYS: dict[str, dict[str, Any]] = {
    "fhir-search": {"page_size": 7, "resources": ["Location", "Patient", "Appointment"]},
    "fhir-bulk": {"resources": ["Location", "Patient", "Appointment"]},
}
"""Settings that make small pages of three types."""
DATA = {"fhir-search": "/Appointment", "fhir-bulk": "/files/{id}"}
"""Where the data come from."""
AROUND = Surroundings(
    zone=ZoneInfo("America/Chicago"),
    phone_region="US",
    site_zones={"lincoln": ZoneInfo("America/Chicago"), "boulder": ZoneInfo("America/Denver")},
)
PATIENCE = Limits(patience=Patience(attempts=3, window=1.0, seconds=3600.0))
"""Three attempts; the pauses between them are told to `Waits` and not made."""
CONSENT = [
    {"always": "Notice of 2025", "channels": ["email"], "purposes": ["treatment", "operations", "marketing"]},
]


class Waits:
    """Stands for `time.sleep` and the clock: what was slept is noted, and the server's clock moves on (`act`)."""

    def __init__(self, fake: FakeFhir) -> None:
        self.fake = fake
        self.slept: list[float] = []
        self.act: Callable[[float], None] = fake.tick

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.act(seconds)

    def clock(self) -> datetime:
        return self.fake.now

    def install(self, monkeypatch: pytest.MonkeyPatch, seconds: float = 5.0) -> "Waits":
        """From now on every `FhirServer` waits here; a request may take so many (real) seconds."""
        limits = replace(PATIENCE, read=seconds, total=seconds)
        told = {"sleep": self.sleep, "clock": self.clock, "limits": limits}
        monkeypatch.setattr(FhirServer.__init__, "__kwdefaults__", told)
        return self


def settings(kind: str, fake: FakeFhir, token_file: Path, **keys: Any) -> dict[str, Any]:
    """The settings of a source at the fake."""
    common = {"kind": kind, "base_url": fake.url, "site": SITE}
    auth = {"kind": "bearer", "token": {"file": str(token_file)}}
    return common | {"auth": auth} | keys


def token_file(folder: Path, token: str) -> Path:
    """A secret as the practice keeps it."""
    path = folder / "secrets" / "fhir.token"
    path.parent.mkdir(mode=0o700, exist_ok=True, parents=True)
    path.write_text(token, encoding="ascii")
    path.chmod(0o600)
    return path


def fhir_clinic(folder: Path, template: Path, fake: FakeFhir, kind: str, **keys: Any) -> Clinic:
    """A practice whose only source is the FHIR server."""
    clinic = Clinic(folder).laid_out(template)
    path = token_file(folder, fake.token)
    clinic.config["sources"] = {"emr": settings(kind, fake, path, consent=CONSENT, **keys)}
    return clinic


class Broken(Exception):
    """The process that read the pages is gone."""


class Rig:
    """One source with what sync would keep of it. A process may end after any page; `anew` begins the next one."""

    def __init__(self, kind: str, fake: FakeFhir, folder: Path, **keys: Any) -> None:
        self.kind, self.fake, self.folder, self.keys = kind, fake, folder, keys
        self.known, self.lent = MemoryKnown(), lent()
        self.shift = timedelta()
        """How far our clock is ahead of the server's."""
        self.source = self.made()

    def made(self) -> Source:
        module, _, attribute = SOURCES[self.kind].partition(":")
        connector = getattr(import_module(module), attribute)
        path = token_file(self.folder, self.fake.token)
        model = connector.settings_model.model_validate(settings(self.kind, self.fake, path, **self.keys))
        made: Source = connector("emr", model, AROUND, self.lent)
        return made

    def anew(self, **keys: Any) -> None:
        """Another process: nothing is left but what was stored. Keys change the settings for good."""
        self.keys |= keys
        self.source = self.made()

    def pull(self, pages: int | None = None) -> "Pull":
        """Reads all that there is, or breaks off after so many pages in all; raises what the source raises.

        What was read until then is in `last`.
        """
        found = self.last = Pull(self.source)
        known: Known = self.known
        left = pages
        for pass_ in self.source.passes(known, self.fake.now + self.shift):
            found.passes.append(pass_)
            if pass_.refusal is not None or pass_.skipped is not None:
                continue
            each = pass_.pages()
            for page in each if left is None else islice(each, left):
                found.rows.extend(page.rows)
                if page.cursor is not None:
                    self.known.cursors[pass_.feed] = page.cursor
                left = None if left is None else left - 1
                found.pages += 1
            if left == 0:
                return found
            found.complete.append(pass_)
            self.known.remember(pass_)
        return found

    def tick(self, **how: float) -> None:
        self.fake.tick(timedelta(**how).total_seconds())


class Pull:
    """What was read: passes begun, passes read to their end, rows, pages."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self.passes: list[Pass] = []
        self.complete: list[Pass] = []
        self.rows: list[RawRow] = []
        self.pages = 0

    def held(self) -> dict[str, set[str]]:
        """The external ids of the rows, by kind."""
        return held_by(self.rows)

    def ids(self, kind: str = "appointments") -> list[str]:
        return [row.external_id for row in self.rows if row.kind == kind]

    def mapped(self) -> Iterator[tuple[RawRow, Mapped | Rejected]]:
        return ((row, self._source.map(row)) for row in self.rows)

    def records(self) -> dict[str, Any]:
        """What the rows say, by external id; the last of each."""
        return {row.external_id: each.record for row, each in self.mapped() if isinstance(each, Mapped)}

    def rejected(self) -> dict[str, str]:
        """The code of every row that cannot be used."""
        return {row.external_id: each.code for row, each in self.mapped() if isinstance(each, Rejected)}

    def removed(self) -> set[str]:
        return {row.external_id for row, each in self.mapped() if isinstance(each, Mapped) and each.removed}


def held_by(rows: Sequence[RawRow]) -> dict[str, set[str]]:
    """The external ids of rows, by kind."""
    found: dict[str, set[str]] = {}
    for row in rows:
        found.setdefault(row.kind, set()).add(row.external_id)
    return found


def everything(fake: FakeFhir) -> dict[str, set[str]]:
    """The external ids of all patients, appointments and locations that the server holds, by kind of row."""
    ids = {name: {each.id for each in fake.store.current(name)} for name in ("Patient", "Appointment", "Location")}
    return {
        "patients": ids["Patient"],
        "appointments": {f"Appointment/{id_}" for id_ in ids["Appointment"]},
        "locations": ids["Location"],
    }


def landed(clinic: Clinic) -> dict[str, list[str]]:
    """What has come of the pulls, without what is random: rows, statuses, memberships, quarantine."""
    parts = {
        "patients": "SELECT external_id, given_name, family_name, email, site, active, present FROM patient_record",
        "visits": "SELECT external_id, patient_id, status, starts_at, site, present FROM visit_record",
        "statuses": "SELECT p.external_id, c.status, c.site FROM patient_record p"
        " JOIN link l ON l.row_id = p.id AND l.until IS NULL JOIN contact c ON c.id = l.contact",
        "memberships": "SELECT m.segment, p.external_id FROM membership m"
        " JOIN link l ON l.contact = m.contact AND l.until IS NULL JOIN patient_record p ON p.id = l.row_id",
        "quarantine": "SELECT kind, external_id, code FROM quarantine",
        "transitions": "SELECT old, new, rule FROM transition",
    }
    with clinic.reading():
        return {name: sorted(map(str, clinic.ask(query))) for name, query in parts.items()}


def differences(wanted: dict[str, list[str]], found: dict[str, list[str]], *parts: str) -> dict[str, Any]:
    """What only one of them has, by part."""
    return {
        part: ([w for w in wanted[part] if w not in found[part]], [f for f in found[part] if f not in wanted[part]])
        for part in parts or wanted
        if wanted[part] != found[part]
    }
