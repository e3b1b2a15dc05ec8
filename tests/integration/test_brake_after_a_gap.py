"""A snapshot is compared with what its source is known to hold, whatever the delivery before it brought."""

import json
import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import Engine, select

from connectors.fhir_files import FhirFilesSource
from connectors.settings import Surroundings
from sync.landing import Pulled, PullTerms
from sync.pull import pull
from sync.resolve import Resolver, ResolverSettings
from sync.store import tables as t
from sync.store.engine import connect, reading
from tests.fakes.lent import lent

AT = datetime(2026, 3, 2, 12, tzinfo=UTC)
ZONE = ZoneInfo("America/Chicago")
AROUND = Surroundings(zone=ZONE, phone_region="US", site_zones={"lincoln": ZONE})
GAP = {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": "timeout"}]}


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    engine = connect(database_url)
    yield engine
    engine.dispose()


def export(engine: Engine, folder: Path, day: int, *resources: object) -> Pulled:
    """An export takes the place of the one before and is pulled."""
    for old in folder.glob("*.ndjson"):
        old.unlink()
    at = AT + timedelta(days=day)
    path = folder / f"Patient-{at:%Y%m%d-%H%M}.ndjson"
    path.write_text("".join(json.dumps(resource) + "\n" for resource in resources), encoding="utf-8")
    os.utime(path, ((at - timedelta(hours=1)).timestamp(),) * 2)
    settings = {"kind": "fhir-files", "folder": folder, "site": "lincoln", "snapshot": "full"}
    source = FhirFilesSource("emr", FhirFilesSource.settings_model.model_validate(settings), AROUND, lent())
    identity = ResolverSettings(shared_address_limit=10, roles={"emr": "emr"})
    return pull(engine, source, PullTerms(at=at, resolver=partial(Resolver, identity, at), min_source_rows=0.5))


def patient(number: int) -> dict[str, object]:
    return {"resourceType": "Patient", "id": str(number), "name": [{"given": ["Ann"], "family": "Same"}]}


def present(engine: Engine) -> int:
    with reading(engine) as connection:
        return len(connection.execute(select(t.patient_record.c.external_id).where(t.patient_record.c.present)).all())


@pytest.mark.parametrize("left", [0, 1, 3])
def test_an_emptied_export_after_one_with_gaps_is_held(engine: Engine, tmp_path: Path, left: int) -> None:
    export(engine, tmp_path, 0, *map(patient, range(10)))
    with_gaps = export(engine, tmp_path, 1, patient(0), GAP)
    assert not with_gaps.held
    emptied = export(engine, tmp_path, 2, *map(patient, range(left)))
    assert [(hold.kind, hold.reasons["before"]) for hold in emptied.held] == [("source", 10)]
    assert present(engine) == 10


def test_an_export_that_lost_a_few_lands_after_one_with_gaps(engine: Engine, tmp_path: Path) -> None:
    export(engine, tmp_path, 0, *map(patient, range(10)))
    export(engine, tmp_path, 1, patient(0), GAP)
    assert not export(engine, tmp_path, 2, *map(patient, range(8))).held
    assert present(engine) == 8
