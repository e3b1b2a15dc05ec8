"""Writes the demo practice's folder: an ordinary configuration, its secrets, and what the EMRs dropped."""

import csv
import os
import secrets
from datetime import datetime
from importlib.resources import files
from pathlib import Path

from sync.demo import dirt, fhir, webpt
from sync.demo.clinics import BOULDER_FHIR, LEADS, WEBPT
from sync.demo.export import Export
from sync.demo.practice import Practice, invent
from sync.demo.truth import DemoTruth

CONFIG = "prm-sync.yaml"
_LEAD_COLUMNS = "external_id,given_name,family_name,email,phone,site,lead_source,lead_since,newsletter,submitted_on"


def write_practice(folder: Path, at: datetime, seed: int = 20) -> DemoTruth:
    """Writes the practice as it stands at the instant `at` (aware) and returns what must come of it.

    The same practice day and seed give the same files, but for the random key of the logs. Raises FileExistsError
    when `folder` holds a configuration already.
    """
    if (folder / CONFIG).exists():
        raise FileExistsError(f"{folder / CONFIG} exists already; nothing was written")
    export = Export.before(at)
    practice = invent(export.today, seed)
    _configuration(folder)
    _drops(folder / "drops", practice, export)
    return _truth(folder, practice, export)


def _configuration(folder: Path) -> None:
    example = files("config") / "examples" / "demo"
    for name in (CONFIG, "operators/segments.yaml"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(example.joinpath(name).read_text(encoding="utf-8"), encoding="utf-8")
    vault = folder / "secrets"
    vault.mkdir(mode=0o700, exist_ok=True)
    key = vault / "log.key"
    key.touch(mode=0o600)
    key.write_text(secrets.token_hex(32) + "\n", encoding="ascii")


def _drops(drops: Path, practice: Practice, export: Export) -> None:
    for name in ("webpt", "fhir", "leads"):
        (drops / name).mkdir(parents=True, exist_ok=True)
    webpt.write(drops / "webpt", practice, export)
    fhir.write(drops / "fhir", practice, export)
    _leads(drops / "leads", practice, export)
    for path in filter(Path.is_file, drops.rglob("*")):
        os.utime(path, (export.at.timestamp(),) * 2)


def _leads(folder: Path, practice: Practice, export: Export) -> None:
    with (folder / f"leads-{export.stamp}.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(_LEAD_COLUMNS.split(","))
        for lead in practice.leads:
            since = str(export.day(lead.since))
            who = lead.external_id, lead.given, lead.family, lead.email, lead.phone
            writer.writerow((*who, lead.site, lead.lead_source, since, lead.opt_in, since))
        writer.writerows(dirt.lead_rows(export))


def _truth(folder: Path, practice: Practice, export: Export) -> DemoTruth:
    clinic = practice.of(BOULDER_FHIR)
    return DemoTruth(
        folder=folder,
        config=folder / CONFIG,
        today=export.today,
        people=practice.people,
        patients={WEBPT: len(practice.of(WEBPT)), BOULDER_FHIR: len(clinic), LEADS: len(practice.leads)},
        quarantined={
            WEBPT: dirt.webpt_rows(practice.of(WEBPT), export).total,
            BOULDER_FHIR: sum(map(len, dirt.fhir_resources(clinic, export).values())),
            LEADS: len(dirt.lead_rows(export)),
        },
        review=tuple((first.key, second.key) for first, second in practice.review),
    )
