"""A folder that the line runs on: configuration, segments, and the drop folder of one pass after the other."""

import shutil
from pathlib import Path

from bench.exports import Export, Format, write

_CONFIG = """\
version: 1
practice: {{name: Bench Practice, timezone: America/Chicago, phone_region: US}}
database: {{url: "{database}"}}
log_key: {{file: secrets/log.key}}
sites:
  lincoln: {{name: Lincoln, timezone: America/Chicago}}
  omaha: {{name: Omaha, timezone: America/Chicago}}
sources:
  emr: {source}
destinations:
  contacts: {{kind: contact-file, folder: out, inside: true, fields: {{First: given_name, Last: family_name, Email: email, Status: status, "Next visit": next_visit}}, segments: all}}
"""
_SOURCES = {
    "csv": """
    kind: tabular
    folder: drops
    site: {column: site, map: {"101": lincoln, "102": omaha}}
    patients: {files: "patients-*.csv", snapshot: full}
    appointments: {files: "appointments-*.csv", snapshot: full}
    payers: {workers_comp: [WCOMP], medicare: [Medicare]}
    consent:
      - {column: email_ok, "yes": ["yes"], "no": ["no"], channels: [email], purposes: [treatment, operations, marketing], dated_by: signed_on, evidence: Intake form}
""",
    "fhir": """
    kind: fhir-files
    folder: drops
    snapshot: full
    site: lincoln
    consent:
      - {always: Intake form, channels: [email], purposes: [treatment, operations, marketing]}
""",
}
_SEGMENTS = """\
segments:
  newsletter:
    {describe: Everybody who may hear from us, purpose: marketing, who: {status: [scheduled, active, discharged, dormant]}}
  win-back:
    {describe: Stopped coming, purpose: treatment, who: {status: [at_risk, dropped_out], last_visit: {over: 14 days ago}, next_visit: none}}
  missed-lately:
    {describe: Missed the last visit, purpose: treatment, who: {last_visit_status: noshow, last_visit: {within: 30 days ago}}}
"""


def lay_out(folder: Path, kind: Format, database: str) -> Path:
    """Makes an empty practice folder anew and returns its configuration's path."""
    shutil.rmtree(folder, ignore_errors=True)
    for name in ("drops", "operators", "secrets"):
        (folder / name).mkdir(parents=True, mode=0o700)
    key = folder / "secrets" / "log.key"
    key.touch(mode=0o600)
    key.write_text("0" * 64 + "\n", encoding="ascii")
    config = folder / "prm-sync.yaml"
    config.write_text(_CONFIG.format(database=database, source=_SOURCES[kind]), encoding="utf-8")
    (folder / "operators" / "segments.yaml").write_text(_SEGMENTS, encoding="utf-8")
    return config


def drop(folder: Path, kind: Format, export: Export) -> int:
    """Replaces what lies in the drop folder by an export; returns the bytes of it."""
    drops = folder / "drops"
    shutil.rmtree(drops)
    drops.mkdir()
    write(drops, kind, export)
    return sum(path.stat().st_size for path in drops.iterdir())
