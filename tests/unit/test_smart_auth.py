"""Tokens and their lives, against an authorization server that checks everything (F11, faults 20 and 21)."""

import json
import threading
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from pydantic import ValidationError

from connectors.auth import smart
from connectors.auth.allowance import MOST_REFUSED
from connectors.auth.discovery import Discovered, missing, scopes_for
from connectors.auth.signing_key import generate, read_key
from connectors.auth.smart import TokenCredentials
from connectors.base import Finding, Misconfigured, Unavailable
from connectors.fhir.probe import probe_server
from connectors.fhir.server import FhirServer, FhirServerSettings
from connectors.http import Limits
from connectors.http.retry import Patience
from tests.fakes.lent import lent
from tests.fakes.token_server import AT, TokenServer

QUICK = Limits(connect=1, read=2, total=2, patience=Patience(attempts=3))
SCOPES = ["system/Patient.rs", "system/Appointment.rs"]


class Practice:
    """A FHIR server's client, with its clocks in the test's hands."""

    def __init__(self, tokens: TokenServer, folder: Path) -> None:
        self.tokens, self.folder, self.lent = tokens, folder, lent()
        self.now, self.seconds = AT, 1000.0
        self.slept: list[float] = []

    def tick(self, seconds: float) -> None:
        """Both sides' clocks go on."""
        self.now += timedelta(seconds=seconds)
        self.seconds += seconds
        self.tokens.tick(seconds)

    def secret(self, text: str, name: str = "key.jwk") -> dict[str, str]:
        path = self.folder / name
        path.write_text(text, encoding="utf-8")
        path.chmod(0o600)
        return {"file": str(path)}

    def smart(self, key: str, **more: Any) -> dict[str, Any]:
        return {"kind": "smart-backend", "client_id": "prm", "key": self.secret(key), "scopes": SCOPES} | more

    def server(self, auth: dict[str, Any] | None, **more: Any) -> FhirServer:
        settings = FhirServerSettings.model_validate(
            {"kind": "fhir-search", "base_url": self.tokens.url, "auth": auth} | more
        )
        server = FhirServer(
            "hospital", settings, self.lent, sleep=self.slept.append, clock=lambda: self.now, limits=QUICK
        )
        if isinstance(server.door.credentials, TokenCredentials):
            server.door.credentials._monotonic = lambda: self.seconds
        return server


@pytest.fixture
def tokens() -> Iterator[TokenServer]:
    with TokenServer() as server:
        yield server


@pytest.fixture
def practice(tokens: TokenServer, tmp_path: Path) -> Practice:
    return Practice(tokens, tmp_path)


def read(server: FhirServer) -> int:
    return server.get("/Patient", "/Patient").status


@pytest.mark.parametrize("algorithm", ["ES384", "RS384"])
def test_f11_a_signed_assertion_is_granted_a_token(practice: Practice, algorithm: Any) -> None:
    server = practice.server(practice.smart(practice.tokens.register("prm", algorithm)))
    assert read(server) == 200
    assert practice.tokens.denied == []
    assert practice.tokens.asked[0]["scope"] == " ".join(SCOPES)
    server.close()


def test_f11_the_token_is_kept_and_renewed_before_it_expires(practice: Practice) -> None:
    practice.tokens.lifetime = 239
    server = practice.server(practice.smart(practice.tokens.register("prm")))
    for _ in range(40):
        assert read(server) == 200
        practice.tick(30)
    assert [header for header in practice.tokens.reads if header is None] == []
    assert 5 <= len(practice.tokens.asked) <= 7
    assert len({form["client_assertion"] for form in practice.tokens.asked}) == len(practice.tokens.asked)
    server.close()


@pytest.mark.parametrize(("lifetime", "good_for"), [(2, 1.4), ("239", 208), (None, 269)])
def test_f11_any_lifetime_is_lived_with(practice: Practice, lifetime: Any, good_for: float) -> None:
    practice.tokens.lifetime = lifetime
    server = practice.server(practice.smart(practice.tokens.register("prm")))
    read(server)
    practice.tick(good_for)
    read(server)
    assert len(practice.tokens.asked) == 1
    practice.tick(2)
    assert read(server) == 200
    assert len(practice.tokens.asked) == 2
    server.close()


def test_f11_two_registered_keys_are_told_apart_by_kid(practice: Practice) -> None:
    practice.tokens.register("prm", "RS384")
    server = practice.server(practice.smart(practice.tokens.register("prm")))
    assert read(server) == 200
    server.close()


def test_f11_a_replaced_key_file_is_used_without_a_restart(practice: Practice) -> None:
    server = practice.server(practice.smart(practice.tokens.register("prm")))
    read(server)
    practice.tokens.unregister("prm")
    practice.secret(practice.tokens.register("prm"))
    practice.tick(400)
    assert read(server) == 200
    server.close()


def test_f11_discovery_falls_back_to_the_capability_statement(practice: Practice) -> None:
    practice.tokens.advertise_of_old()
    server = practice.server(practice.smart(practice.tokens.register("prm")))
    assert read(server) == 200
    server.close()


def test_f11_a_web_page_in_place_of_smart_configuration_is_no_configuration(practice: Practice) -> None:
    practice.tokens.advertise_of_old()
    practice.tokens.documents["/.well-known/smart-configuration"] = b"<html>app</html>"
    server = practice.server(practice.smart(practice.tokens.register("prm")))
    assert read(server) == 200
    server.close()


def test_f11_a_configured_token_url_needs_no_discovery(practice: Practice) -> None:
    practice.tokens.documents.clear()
    key = practice.tokens.register("prm")
    server = practice.server(practice.smart(key, token_url=practice.tokens.token_url))
    assert read(server) == 200
    server.close()


@pytest.mark.parametrize(
    "url",
    [None, "http://fhir.example.com/token", "ftp://fhir.example.com/token", "https://fhir.example.com/t#x", "/token"],
)
def test_f11_nothing_is_signed_for_a_token_endpoint_that_is_not_https(practice: Practice, url: str | None) -> None:
    practice.tokens.advertise(token_endpoint=url)
    server = practice.server(practice.smart(practice.tokens.register("prm")))
    with pytest.raises(Misconfigured, match=r"sources\.hospital\.auth\.token_url"):
        read(server)
    assert practice.tokens.asked == []
    server.close()


@pytest.mark.parametrize(
    ("told", "asked"),
    [
        ({"capabilities": ["permission-v1"]}, "system/Patient.read system/Appointment.read"),
        ({"capabilities": ["permission-v2"]}, "system/Patient.rs system/Appointment.rs"),
        ({"capabilities": ["permission-v1", "permission-v2"]}, "system/Patient.rs system/Appointment.rs"),
        ({"scopes_supported": ["openid", "system/*.read"]}, "system/Patient.read system/Appointment.read"),
        ({"scopes_supported": ["openid"]}, "system/Patient.rs system/Appointment.rs"),
    ],
)
def test_f11_scopes_are_asked_for_in_the_servers_version(practice: Practice, told: Any, asked: str) -> None:
    practice.tokens.advertise(**told)
    server = practice.server(practice.smart(practice.tokens.register("prm")))
    read(server)
    assert practice.tokens.asked[0]["scope"] == asked
    server.close()


def test_f11_only_plain_read_scopes_are_translated() -> None:
    v1, v2 = (Discovered(capabilities=frozenset({f"permission-v{n}"})) for n in (1, 2))
    odd = ["system/Patient.rs?active=true", "launch", "system/Group.cruds", "patient/Patient.rs"]
    assert scopes_for([*odd, "system/*.s"], v1) == (*odd, "system/*.read")
    assert scopes_for(["system/*.read", "system/*.write"], v2) == ("system/*.rs", "system/*.write")


def test_f11_granted_scopes_are_compared_by_what_they_allow() -> None:
    assert missing(["system/Patient.rs"], "system/*.read") == ()
    assert missing(["system/Patient.rs"], "system/Patient.r system/Patient.s") == ()
    assert missing(["system/Patient.read", "launch"], "system/Patient.r") == ("system/Patient.read", "launch")
    assert missing(["system/Patient.rs"], "system/Appointment.cruds") == ("system/Patient.rs",)


def test_fault_20_a_401_in_the_middle_renews_once_and_is_no_retry(practice: Practice) -> None:
    server = practice.server(practice.smart(practice.tokens.register("prm")))
    read(server)
    practice.tokens.revoke()
    assert read(server) == 200
    assert (len(practice.tokens.asked), practice.slept) == (2, [])
    server.close()


def test_fault_20_a_second_401_is_for_a_person(practice: Practice) -> None:
    server = practice.server(practice.smart(practice.tokens.register("prm")))
    practice.tokens.accepts = lambda _header: False  # type: ignore[method-assign]  # a server that changed its mind
    with pytest.raises(Misconfigured, match=r"refuses these credentials \(401 for /Patient\)") as caught:
        read(server)
    assert caught.value.credentials
    assert (len(practice.tokens.reads), practice.slept) == (2, [])
    server.close()


def test_fault_20_threads_that_are_refused_together_share_one_new_token(practice: Practice) -> None:
    server = practice.server(practice.smart(practice.tokens.register("prm")))
    read(server)
    practice.tokens.revoke()
    threads = [threading.Thread(target=read, args=(server,)) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(practice.tokens.asked) == 2
    assert all(practice.tokens.accepts(str(header)) for header in practice.tokens.reads[-1:])
    server.close()


def test_fault_20_refused_credentials_are_not_tried_without_end(practice: Practice) -> None:
    practice.tokens.register("prm")
    stranger = generate("ES384")[0].decode()
    server = practice.server(practice.smart(stranger))
    for _ in range(MOST_REFUSED):
        with pytest.raises(Misconfigured, match="invalid_client") as caught:
            read(server)
        assert caught.value.credentials
    restarted = practice.server(practice.smart(stranger))
    for _ in range(5):
        with pytest.raises(Misconfigured, match="has refused prm-sync 6 times within an hour") as caught:
            read(restarted)
        assert caught.value.credentials
    assert len(practice.tokens.asked) == MOST_REFUSED
    mended = practice.server(practice.smart(practice.tokens.register("prm")))
    assert read(mended) == 200
    assert practice.lent.memo.get("token") is None
    for each in (server, restarted, mended):
        each.close()


def test_fault_20_an_hour_later_it_is_tried_again(practice: Practice) -> None:
    server = practice.server(practice.smart(generate("ES384")[0].decode()))
    practice.tokens.register("prm")
    for _ in range(MOST_REFUSED + 1):
        with pytest.raises(Misconfigured):
            read(server)
    practice.tick(3601)
    with pytest.raises(Misconfigured, match="invalid_client"):
        read(server)
    server.close()


def test_fault_20_a_token_that_dies_at_once_does_not_flood_the_endpoint(
    practice: Practice, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("connectors.auth.allowance.MOST_ASKED", 10)
    practice.tokens.lifetime = 0
    server = practice.server(practice.smart(practice.tokens.register("prm")))
    practice.tokens.accepts = lambda _header: True  # type: ignore[method-assign]  # only its lifetime is odd
    for _ in range(10):
        read(server)
        practice.tick(1)
    with pytest.raises(Unavailable, match="within an hour") as caught:
        read(server)
    assert caught.value.retry_after is not None
    assert 3500 < caught.value.retry_after <= 3600
    server.close()


def test_f11_a_bare_400_is_tried_once_more(practice: Practice) -> None:
    practice.tokens.answers.append((400, b""))
    server = practice.server(practice.smart(practice.tokens.register("prm")))
    assert read(server) == 200
    assert len(practice.tokens.asked) == 2
    server.close()


def test_f11_any_400_is_tried_once_more_for_whoever_had_a_token(practice: Practice) -> None:
    server = practice.server(practice.smart(practice.tokens.register("prm")))
    read(server)
    practice.tick(400)
    practice.tokens.answers.append((400, b'{"error": "invalid_request"}'))
    assert read(server) == 200
    assert len(practice.tokens.asked) == 3
    server.close()


def test_f11_a_first_400_with_a_reason_is_final(practice: Practice) -> None:
    practice.tokens.allowed = frozenset({"system/Practitioner.rs"})
    server = practice.server(practice.smart(practice.tokens.register("prm")))
    with pytest.raises(Misconfigured, match="invalid_scope"):
        read(server)
    assert len(practice.tokens.asked) == 1
    server.close()


@pytest.mark.parametrize("status", [429, 500, 503])
def test_fault_21_a_token_server_that_is_down_is_asked_again_with_a_new_jti(practice: Practice, status: int) -> None:
    practice.tokens.answers += [(status, b"")]
    server = practice.server(practice.smart(practice.tokens.register("prm")))
    assert read(server) == 200
    first, second = (form["client_assertion"] for form in practice.tokens.asked)
    assert first != second
    assert len(practice.slept) == 1
    server.close()


def test_fault_21_a_token_server_that_stays_down_is_unavailable(practice: Practice) -> None:
    practice.tokens.answers += [(503, b"")] * 9
    server = practice.server(practice.smart(practice.tokens.register("prm")))
    with pytest.raises(Unavailable, match=r"POST 127.0.0.1/oauth2/token: answered 503"):
        read(server)
    assert practice.lent.memo.get("token") is None
    server.close()


@pytest.mark.parametrize(("skew", "word"), [(-400, "ahead"), (400, "behind")])
def test_fault_21_a_wrong_clock_is_named_when_the_assertion_is_refused(
    practice: Practice, skew: int, word: str
) -> None:
    practice.tokens.tick(skew)
    server = practice.server(practice.smart(practice.tokens.register("prm")))
    with pytest.raises(Misconfigured, match=f"this machine's clock is 400 s {word}"):
        read(server)
    assert practice.tokens.denied == ["invalid_client: exp"]
    server.close()


@pytest.mark.parametrize("skew", [230, -55])
def test_fault_21_a_clock_that_is_a_little_off_does_no_harm(practice: Practice, skew: int) -> None:
    practice.tokens.tick(skew)
    server = practice.server(practice.smart(practice.tokens.register("prm")))
    assert read(server) == 200
    server.close()


@pytest.mark.parametrize(
    "body",
    [b"<html>", b"[]", b"{}", b'{"access_token": 5}', b'{"access_token": "a b"}', b'{"access_token": "a\\r\\nX: y"}',
     b'{"access_token": "a", "token_type": "mac"}', b'{"access_token": ""}'],
)  # fmt: skip
def test_f11_an_answer_without_a_bearer_token_is_none(practice: Practice, body: bytes) -> None:
    practice.tokens.answers.append((200, body))
    server = practice.server(practice.smart(practice.tokens.register("prm")))
    with pytest.raises(Unavailable, match="no bearer token"):
        read(server)
    assert practice.tokens.reads == []
    server.close()


def test_f11_a_client_secret_travels_encoded_in_the_header_only(practice: Practice) -> None:
    practice.tokens.secrets["prm:1"] = "s%cr+t&ü"
    auth = {"kind": "client-secret", "client_id": "prm:1", "secret": practice.secret("s%cr+t&ü\n"), "scopes": SCOPES}
    server = practice.server(auth)
    assert read(server) == 200
    assert sorted(practice.tokens.asked[0]) == ["grant_type", "scope"]
    server.close()


def test_f11_fixed_credentials_go_out_as_they_are_and_are_read_again_on_401(practice: Practice) -> None:
    seen = practice.tokens.reads
    practice.tokens.accepts = lambda header: header == "Bearer new"  # type: ignore[method-assign]  # one good token
    server = practice.server({"kind": "bearer", "token": practice.secret("old\n", "token")})
    with pytest.raises(Misconfigured, match="401"):
        read(server)
    assert seen == ["Bearer old"]
    practice.secret("new\n", "token")
    assert read(server) == 200
    assert seen == ["Bearer old", "Bearer old", "Bearer new"]
    basic = practice.server({"kind": "basic", "user": "emp$prm", "password": practice.secret("pä:ss", "pw")})
    with pytest.raises(Misconfigured):
        read(basic)
    assert seen[-1] == "Basic ZW1wJHBybTpww6Q6c3M="
    server.close()
    basic.close()


@pytest.mark.parametrize(
    "text",
    [
        "-----BEGIN PRIVATE KEY-----", "[]", "{}", '{"keys": []}', '{"kty": "oct", "k": "c2VjcmV0", "d": "x", "kid": "1"}',
        '{"kty": "EC", "crv": "P-256", "x": "a", "y": "b", "d": "c", "kid": "1"}',
        '{"kty": "EC", "crv": "P-384", "x": "!", "y": "b", "d": "SECRET", "kid": "1"}',
        '{"kty": "RSA", "n": "AQAB", "e": "AQAB", "d": "SECRET", "kid": "1"}',
    ],
)  # fmt: skip
def test_f11_a_key_that_cannot_sign_is_refused_without_a_word_of_it(text: str) -> None:
    with pytest.raises(Misconfigured, match=r"^sources\.hospital\.auth\.key: the key ") as caught:
        read_key(text, "sources.hospital.auth.key")
    assert caught.value.credentials
    assert "SECRET" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_f11_a_key_needs_its_kid_and_its_own_algorithm() -> None:
    whole = json.loads(generate("ES384")[0])
    with pytest.raises(Misconfigured, match="has no kid"):
        read_key(json.dumps({k: v for k, v in whole.items() if k != "kid"}), "k")
    with pytest.raises(Misconfigured, match="its alg says otherwise"):
        read_key(json.dumps(whole | {"alg": "RS384"}), "k")
    public = json.loads(generate("ES384")[1])
    with pytest.raises(Misconfigured, match="holds 0 private keys"):
        read_key(json.dumps(public), "k")
    assert read_key(json.dumps({"keys": [*public["keys"], whole]}), "k").kid == whole["kid"]


@pytest.mark.parametrize(("kind", "algorithm"), [(ec.SECP384R1(), "ES384"), (2048, "RS384")])
def test_f11_a_key_in_pem_signs_under_the_kid_that_is_written_beside_it(kind: Any, algorithm: str) -> None:
    made = rsa.generate_private_key(65537, kind) if isinstance(kind, int) else ec.generate_private_key(kind)
    form, no_password = serialization.PrivateFormat, serialization.NoEncryption()
    for shape in (form.PKCS8, form.TraditionalOpenSSL):
        text = made.private_bytes(serialization.Encoding.PEM, shape, no_password).decode()
        key = read_key(text, "k", "registered")
        assert (key.kid, key.algorithm) == ("registered", algorithm)
        assert key.signed({"iss": "prm"}).count(".") == 2
        with pytest.raises(Misconfigured, match="has no kid"):
            read_key(text, "k")
    public = made.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    with pytest.raises(Misconfigured, match="no private"):
        read_key(public.decode(), "k", "registered")
    locked = made.private_bytes(serialization.Encoding.PEM, form.PKCS8, serialization.BestAvailableEncryption(b"x"))
    with pytest.raises(Misconfigured, match="without a password"):
        read_key(locked.decode(), "k", "registered")


def test_no_secret_is_ever_in_the_configuration() -> None:
    for auth in ({"kind": "bearer", "token": "sesame"}, {"kind": "basic", "user": "me", "password": "sesame"}):
        with pytest.raises(ValidationError) as caught:
            FhirServerSettings.model_validate({"kind": "x", "base_url": "https://fhir.example.com", "auth": auth})
        assert "sesame" not in str(caught.value)
    with pytest.raises(ValidationError, match="kind is one of smart-backend"):
        FhirServerSettings.model_validate({"kind": "x", "base_url": "https://fhir.example.com", "auth": {"kind": "x"}})


def test_secrets_are_named_by_their_place(practice: Practice) -> None:
    server = practice.server(practice.smart(practice.tokens.register("prm")))
    assert [path for path, _ in server.settings.secrets()] == [("auth", "key")]
    server.close()


# ---------------------------------------------------------------- check --live


def probed(server: FhirServer, at: datetime) -> list[Finding]:
    found = list(probe_server(server, at))
    server.close()
    return found


def test_a_probe_says_each_step(practice: Practice) -> None:
    server = practice.server(practice.smart(practice.tokens.register("prm")))
    found = probed(server, practice.now)
    assert [each.step for each in found] == ["name", "clock", "discovery", "token", "scopes"]
    assert all(each.ok for each in found)


def test_fault_21_a_probe_names_the_skew_of_the_clock(practice: Practice) -> None:
    practice.tokens.tick(90)
    server = practice.server(practice.smart(practice.tokens.register("prm")))
    clock = next(each for each in probed(server, practice.now) if each.step == "clock")
    assert clock == Finding("clock", ok=False, hint=clock.hint, cause="system")
    assert clock.hint.startswith("this machine's clock is 90 s behind the server's")


def test_a_probe_names_scopes_that_were_not_granted(practice: Practice) -> None:
    practice.tokens.allowed = frozenset({SCOPES[0]})
    server = practice.server(practice.smart(practice.tokens.register("prm")))
    assert probed(server, practice.now)[-1] == Finding(
        "scopes",
        ok=False,
        hint="not granted: system/Appointment.rs; have the registration amended",
        cause="credentials",
    )


def test_a_probe_asks_though_the_endpoint_has_refused_too_often(practice: Practice) -> None:
    key = practice.tokens.register("prm")
    practice.tokens.answers += [(401, b"")] * MOST_REFUSED
    server = practice.server(practice.smart(key))
    for _ in range(MOST_REFUSED):
        with pytest.raises(Misconfigured):
            read(server)
    assert probed(server, practice.now)[-1].step == "scopes"


def test_a_probe_names_a_key_of_the_wrong_kind(practice: Practice) -> None:
    practice.tokens.advertise(token_endpoint_auth_signing_alg_values_supported=["RS384"])
    server = practice.server(practice.smart(practice.tokens.register("prm")))
    key = next(each for each in probed(server, practice.now) if each.step == "key")
    assert "lists RS384, the key signs with ES384" in key.hint


def test_a_probe_ends_at_an_unknown_name(practice: Practice) -> None:
    server = practice.server(None, base_url="https://fhir.invalid/R4")
    assert [(each.step, each.ok) for each in probed(server, practice.now)] == [("name", False)]


def test_a_probe_ends_where_no_token_endpoint_is_named(practice: Practice) -> None:
    practice.tokens.documents.clear()
    server = practice.server(practice.smart(practice.tokens.register("prm")))
    assert probed(server, practice.now)[-1] == Finding(
        "discovery", ok=False, hint="no token endpoint is named; write token_url", cause="system"
    )


def test_an_assertion_never_lasts_longer_than_five_minutes() -> None:
    assert smart.ASSERTION_SECONDS <= 300
