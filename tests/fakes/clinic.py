"""A small invented practice in a folder: its configuration, what its EMR drops, and passes over it at any instant.

clinic = Clinic(tmp_path)
clinic.drop("patients", [patient("1"), patient("2")], "20260302-0600")
report = clinic.run(AT)
"""

import csv
import json
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, text

from config.load import load
from sync.build import Service, build
from sync.pipeline import Line, Scope
from sync.report import Report
from sync.store.engine import reading

ZONE = ZoneInfo("America/Chicago")
AT = datetime(2026, 3, 2, 12, 0, tzinfo=ZONE)
"""A Monday noon; exports are of that morning unless a test says otherwise."""

COLUMNS = {
    "patients": [
        "external_id",
        "given_name",
        "family_name",
        "birth_date",
        "sex",
        "email",
        "phone",
        "postal_code",
        "language",
        "clinic_id",
        "active",
        "created_at",
        "ok",
        "ok_news",
        "signed",
    ],
    "appointments": ["external_id", "patient_id", "episode_id", "starts_at", "status", "kind", "clinic_id"],
    "episodes": ["external_id", "patient_id", "kind", "started_on", "discharged_on", "discharge_reason", "clinic_id"],
    "leads": ["external_id", "given_name", "family_name", "email", "phone", "site", "lead_since", "ok_news", "signed"],
}
SITE = {"column": "clinic_id", "map": {"101": "lincoln", "102": "boulder"}}
EMR: dict[str, Any] = {
    "kind": "tabular",
    "folder": "drops/emr",
    "site": SITE,
    "patients": {"files": "patients-*.csv", "snapshot": "full"},
    "appointments": {"files": "appointments-*.csv", "snapshot": "full"},
    "episodes": {"files": "episodes-*.csv", "snapshot": "full"},
    "outcomes": {"completed": ["Goals met"], "self_discharged": ["Stopped coming"]},
    "consent": [
        {
            "column": "ok", "yes": ["Y"], "no": ["N"], "channels": ["email"], "purposes": ["treatment", "operations"],
            "dated_by": "signed", "evidence": "Intake form",
        },
        {
            "column": "ok_news", "yes": ["Y"], "no": ["N"], "channels": ["email"], "purposes": ["marketing"],
            "dated_by": "signed", "evidence": "Intake form",
        },
    ],
}  # fmt: skip
LEADS: dict[str, Any] = {
    "kind": "tabular",
    "role": "leads",
    "folder": "drops/leads",
    "patients": {"files": "leads-*.csv"},
    "consent": [
        {
            "column": "ok_news", "yes": ["Y"], "no": ["N"], "channels": ["email"], "purposes": ["marketing"],
            "dated_by": "signed", "evidence": "Web form",
        }
    ],
}  # fmt: skip
CONTACTS: dict[str, Any] = {
    "kind": "contact-file",
    "folder": "out/contacts",
    "inside": True,
    "fields": {"Given": "given_name", "Family": "family_name", "Email": "email", "Status": "status"},
    "segments": "all",
}
SEGMENTS: dict[str, Any] = {
    "newsletter": {"purpose": "marketing", "who": {"status": ["lead", "scheduled", "active", "discharged"]}},
    "win-back": {"purpose": "treatment", "who": {"status": "dropped_out"}},
    "no-show-recovery": {"purpose": "treatment", "who": {"last_visit_status": "noshow", "next_visit": "none"}},
    "lead-follow-up": {"purpose": "marketing", "who": {"status": "lead"}},
}
CONFIG: dict[str, Any] = {
    "version": 1,
    "practice": {"name": "Test Practice", "timezone": "America/Chicago", "phone_region": "US", "sandbox": True},
    "database": {"url": "sqlite:///var/prm.db"},
    "log_key": {"file": "secrets/log.key"},
    "sites": {"lincoln": {"timezone": "America/Chicago"}, "boulder": {"timezone": "America/Denver"}},
    "sources": {"emr": EMR, "leads": LEADS},
    "destinations": {"contacts": CONTACTS},
}
"""JSON is YAML: tests change plain data."""


def mailchimp(url: str, **keys: Any) -> dict[str, Any]:
    """The settings of an audience at the fake."""
    return {
        "kind": "mailchimp",
        "api_key": {"file": "secrets/mailchimp.key"},
        "audience": "a1b2c3d4e5",
        "base_url": url,
        "recipient": "Intuit Mailchimp, Atlanta GA",
        "fields": {"FNAME": "given_name", "LANG": "language"},
        "segments": ["newsletter", "win-back", "no-show-recovery", "lead-follow-up"],
        "statuses": ["at_risk", "dropped_out"],
    } | keys


Row = dict[str, str]
_SERVICES: dict[tuple[Path, str], Service] = {}


def patient(number: str, **cells: str) -> Row:
    """An active adult of Lincoln with an address of their own and a dated yes to everything."""
    return {
        "external_id": number,
        "given_name": f"Given{'abcdefghij'[int(number) % 10]}",
        "family_name": f"Family{_letters(number)}",
        "birth_date": "1980-05-17",
        "email": f"p{number}@example.com",
        "language": "en",
        "clinic_id": "101",
        "created_at": "2026-01-05",
        "ok": "Y",
        "ok_news": "Y",
        "signed": "2026-01-05",
    } | cells


def _letters(number: str) -> str:
    """Twice a letter a digit: the names of two numbers are further apart than a slip of the pen."""
    return "".join("qrstuvwxyz"[int(digit)] * 2 for digit in number.zfill(4))


def lead(number: str, **cells: str) -> Row:
    """A web inquiry with an opt-in."""
    return {
        "external_id": number,
        "given_name": f"Lead{_letters(number[1:])}",
        "family_name": f"Inquirer{_letters(number[1:])}",
        "email": f"{number.lower()}@example.com",
        "site": "lincoln",
        "lead_since": "2026-02-20",
        "ok_news": "Y",
        "signed": "2026-02-20",
    } | cells


def visit(number: str, patient_id: str, day: str, status: str = "fulfilled", **cells: str) -> Row:
    """A visit at Lincoln, 9:00."""
    return {
        "external_id": number, "patient_id": patient_id, "starts_at": f"{day} 09:00", "status": status,
        "clinic_id": "101",
    } | cells  # fmt: skip


def episode(number: str, patient_id: str, started_on: str, **cells: str) -> Row:
    """A plan of care at Lincoln."""
    return {"external_id": number, "patient_id": patient_id, "started_on": started_on, "clinic_id": "101"} | cells


@dataclass
class Clinic:
    """A practice folder; `config` and `segments` are written before every pass, where they have changed."""

    folder: Path
    config: dict[str, Any] = field(default_factory=lambda: json.loads(json.dumps(CONFIG)))
    segments: dict[str, Any] = field(default_factory=lambda: json.loads(json.dumps(SEGMENTS)))
    _looking: Connection | None = field(default=None, init=False, repr=False)

    def __post_init__(self) -> None:
        for name in ("drops/emr", "drops/leads", "operators", "var"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        self.secret("log.key", "0" * 64)
        self.secret("mailchimp.key", "0123456789abcdef0123456789abcdef-us6")

    @property
    def path(self) -> Path:
        """The main configuration file."""
        return self.folder / "prm-sync.yaml"

    def secret(self, name: str, value: str) -> None:
        vault = self.folder / "secrets"
        vault.mkdir(mode=0o700, exist_ok=True)
        (vault / name).write_text(value, encoding="ascii")
        (vault / name).chmod(0o600)

    def drop(self, feed: str, rows: Iterable[Mapping[str, str]], stamp: str, **how: Any) -> Path:
        """Writes one export; `stamp` is its time in the name, `columns` replaces the usual header."""
        columns: Sequence[str] = how.get("columns") or COLUMNS[feed]
        path = self.folder / "drops" / ("leads" if feed == "leads" else "emr") / f"{feed}-{stamp}.csv"
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, columns, restval="", extrasaction="raise")
            writer.writeheader()
            writer.writerows(rows)
        return path

    def write(self) -> str:
        """Writes the configuration and returns it."""
        main, operators = (json.dumps(part, indent=1) for part in (self.config, {"segments": self.segments}))
        for path, content in ((self.path, main), (self.folder / "operators" / "segments.yaml", operators)):
            if not path.exists() or path.read_text(encoding="utf-8") != content:
                path.write_text(content, encoding="utf-8")
        return main + operators

    def laid_out(self, template: Path) -> "Clinic":
        """Starts from a copy of an SQLite file that has all tables."""
        shutil.copy(template, self.folder / "var" / "prm.db")
        return self

    def copy(self, folder: Path) -> "Clinic":
        """The same practice, with its database and files, somewhere else."""
        shutil.copytree(self.folder, folder)
        return Clinic(folder, self.config, self.segments)

    @contextmanager
    def service(self) -> Iterator[Service]:
        """The service of the configuration, made once; no connection stays open between passes."""
        written = (self.path, self.write())
        service = _SERVICES.get(written) or _SERVICES.setdefault(written, build(load(self.path)))
        try:
            yield service
        finally:
            service.engine.dispose()

    def run(self, at: datetime = AT, **scope: Any) -> Report:
        """One pass at an instant; `scope` as in `sync.pipeline.Scope`."""
        with self.service() as service:
            return Line(service, at).run(Scope(**{name: frozenset(value) for name, value in scope.items()}))

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A look at the database; further looks within it see the same."""
        if self._looking is not None:
            yield self._looking
            return
        with self.service() as service, reading(service.engine) as connection:
            self._looking = connection
            try:
                yield connection
            finally:
                self._looking = None

    def ask(self, query: str, **values: Any) -> list[tuple[Any, ...]]:
        """Rows of a plain SQL query."""
        with self.reading() as connection:
            return [tuple(row) for row in connection.execute(text(query), values)]

    # ------------------------------------------------------------ what came of it

    def statuses(self) -> dict[tuple[str, str], str]:
        """The status of the contact of every patient row, by source and external id."""
        rows = self.ask(
            "SELECT p.source, p.external_id, c.status FROM patient_record p"
            " JOIN link l ON l.row_id = p.id AND l.until IS NULL JOIN contact c ON c.id = l.contact"
        )
        return {(source, key): status for source, key, status in rows}

    def status(self, external_id: str, source: str = "emr") -> str:
        return self.statuses()[(source, external_id)]

    def members(self) -> dict[str, set[str]]:
        """External ids of the patient rows in each segment."""
        rows = self.ask(
            "SELECT m.segment, p.external_id FROM membership m"
            " JOIN link l ON l.contact = m.contact AND l.until IS NULL JOIN patient_record p ON p.id = l.row_id"
        )
        found: dict[str, set[str]] = {}
        for segment, key in rows:
            found.setdefault(segment, set()).add(key)
        return found

    def codes(self) -> dict[str, str]:
        """What every code stands for, as segment:NAME or status:NAME."""
        return {code: f"{kind}:{name}" for code, kind, name in self.ask("SELECT code, kind, name FROM code")}

    def quarantined(self) -> dict[tuple[str, str], str]:
        """The reason of every row in quarantine, by kind and external id."""
        rows = self.ask("SELECT kind, external_id, code FROM quarantine")
        return {(kind, key): code for kind, key, code in rows}

    def withheld(self, external_id: str, destination: str = "newsletter") -> dict[str, str]:
        """What is withheld of a patient's contact at a destination, and why."""
        rows = self.ask(
            "SELECT s.withheld FROM standing s JOIN link l ON l.contact = s.contact AND l.until IS NULL"
            " JOIN patient_record p ON p.id = l.row_id WHERE p.external_id = :key AND s.destination = :name",
            key=external_id,
            name=destination,
        )
        value = rows[0][0] if rows else {}
        found: dict[str, str] = json.loads(value) if isinstance(value, str) else value
        return found

    def transitions(self) -> list[tuple[Any, ...]]:
        return self.ask("SELECT old, new, rule, at FROM transition ORDER BY id")

    def wishes(self) -> list[tuple[Any, ...]]:
        return self.ask("SELECT destination, key, state, last_code FROM wish ORDER BY destination, key")


def days(number: float) -> timedelta:
    return timedelta(days=number)
