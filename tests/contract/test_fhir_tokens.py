"""Both sources with SMART Backend Services: a signed assertion for each token, and tokens that run out on the way."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from connectors.base import Misconfigured, Unavailable
from tests.fakes.fhir_clinic import DATA, Rig, everything
from tests.fakes.fhir_server import FakeFhir
from tests.fakes.token_server import TokenServer


@pytest.fixture
def tokens(emr: FakeFhir) -> Iterator[TokenServer]:
    with TokenServer(at=emr.now) as tokens:
        emr.token_url, emr.accepts = tokens.token_url, tokens.accepts
        yield tokens


@pytest.fixture
def signing(rig: Rig, tokens: TokenServer, tmp_path: Path) -> Rig:
    """The source with a key of its own."""
    path = tmp_path / "secrets" / "signing.jwk"
    path.write_text(tokens.register("prm", algorithm="ES384"), encoding="ascii")
    path.chmod(0o600)
    scopes = ["system/Patient.read", "system/Appointment.read", "system/Location.read"]
    auth = {"kind": "smart-backend", "client_id": "prm", "key": {"file": str(path)}, "scopes": scopes}
    rig.anew(auth=auth)
    return rig


def test_f11_one_token_serves_a_whole_pull(signing: Rig, tokens: TokenServer, emr: FakeFhir) -> None:
    assert signing.pull().held() == everything(emr)
    assert len(tokens.asked) == 1
    assert tokens.denied == []


def test_f11_fault_20_a_token_that_runs_out_midway_costs_no_page(
    signing: Rig, tokens: TokenServer, emr: FakeFhir
) -> None:
    emr.fail("401", template=DATA[signing.kind], after=1)
    emr.fail("401", template="/", after=1)
    pull = signing.pull()
    assert pull.held() == everything(emr)
    assert len(pull.rows) == sum(map(len, everything(emr).values()))
    assert 2 <= len(tokens.asked) <= 3
    jtis = [asked["client_assertion"] for asked in tokens.asked]
    assert len(set(jtis)) == len(jtis)


def test_fault_20_a_second_401_is_for_a_person(signing: Rig, tokens: TokenServer, emr: FakeFhir) -> None:
    emr.fail("401", times=100, template=DATA[signing.kind])
    with pytest.raises(Misconfigured) as caught:
        signing.pull()
    assert caught.value.credentials
    assert len(tokens.asked) <= 2


def test_fault_21_a_token_server_that_is_down_costs_this_run_only(
    signing: Rig, tokens: TokenServer, emr: FakeFhir
) -> None:
    tokens.answers += [(503, b"")] * 10
    with pytest.raises(Unavailable):
        signing.pull()
    tokens.answers.clear()
    signing.tick(hours=2)
    tokens.now = emr.now
    assert signing.pull().held() == everything(emr)
