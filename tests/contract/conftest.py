"""A FHIR server with a small practice, and each of the two sources that ask one."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from tests.fakes.fhir_clinic import KEYS, KINDS, Rig, Waits
from tests.fakes.fhir_people import practice
from tests.fakes.fhir_server import AT, FakeFhir

PEOPLE = 12


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    """A test that asks for it, or for `rig`, is run with both sources."""
    return str(request.param)


@pytest.fixture
def emr(request: pytest.FixtureRequest) -> Iterator[FakeFhir]:
    """A server that filled up over the last day, a quarter of an hour apart, with files of a few lines; indirectly parametrized by a profile."""
    with FakeFhir(getattr(request, "param", "generic")) as fake:
        fake.bulk.file_lines = 9
        began = AT - timedelta(days=1)
        for number, resource in enumerate(practice(AT, PEOPLE)):
            fake.store.put(resource, stamped=began + timedelta(minutes=15 * number))
        yield fake


@pytest.fixture
def waits(emr: FakeFhir, monkeypatch: pytest.MonkeyPatch) -> Waits:
    """What was slept; the server's clock moves instead."""
    return Waits(emr).install(monkeypatch)


@pytest.fixture
def rig(kind: str, emr: FakeFhir, waits: Waits, tmp_path: Path) -> Rig:
    """The source, in small pages."""
    del waits
    return Rig(kind, emr, tmp_path, **KEYS[kind])


@pytest.fixture
def search(emr: FakeFhir, waits: Waits, tmp_path: Path) -> Rig:
    """The source that searches, in small pages."""
    del waits
    return Rig("fhir-search", emr, tmp_path, **KEYS["fhir-search"])


@pytest.fixture
def bulk(emr: FakeFhir, waits: Waits, tmp_path: Path) -> Rig:
    """The source that has files exported."""
    del waits
    if "fhir-bulk" not in KINDS:
        pytest.skip("fhir-bulk is not registered")
    return Rig("fhir-bulk", emr, tmp_path, **KEYS["fhir-bulk"])
