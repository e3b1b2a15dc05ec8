"""The calls on a FHIR server: whose links are followed, what is an answer, and what lies in a file afterwards."""

import gzip
import ssl
import stat
import threading
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from pydantic import ValidationError

from connectors.base import Misconfigured, Unavailable
from connectors.fhir.links import Links
from connectors.fhir.probe import probe_server
from connectors.fhir.server import FhirServer, FhirServerSettings
from connectors.http import Account, HttpClient, Limits, Request
from connectors.http.circuit import utc_now
from connectors.http.download import Downloaded
from connectors.http.origin import is_inside, is_public
from connectors.http.retry import Patience
from tests.fakes.faults import Act, FaultServer, answer, cut, drip, raw
from tests.fakes.lent import CountingBudget, lent

BASE = "https://fhir.example.com/R4"
BUNDLE = b'{"resourceType":"Bundle","type":"searchset"}'
QUICK = Limits(connect=1, read=1, total=1, max_bytes=200_000, patience=Patience(attempts=2))
CANARY = "canary@example.com"


def server_at(url: str, *, limits: Limits = QUICK, sleep: Any = None, **more: Any) -> FhirServer:
    settings = FhirServerSettings.model_validate({"kind": "fhir-search", "base_url": url} | more)
    return FhirServer("hospital", settings, lent(), sleep=sleep or (lambda _seconds: None), limits=limits)


@contextmanager
def talk(*acts: Act, **more: Any) -> Iterator[tuple[FaultServer, FhirServer]]:
    with FaultServer(acts) as faults:
        server = server_at(faults.url + "/R4", **more)
        yield faults, server
        server.close()


@pytest.fixture
def token(tmp_path: Path) -> dict[str, Any]:
    path = tmp_path / "token"
    path.write_text("sesame", encoding="utf-8")
    path.chmod(0o600)
    return {"kind": "bearer", "token": {"file": str(path)}}


# ---------------------------------------------------------------- links


@pytest.mark.parametrize(
    ("link", "url"),
    [
        (f"{BASE}/Patient?page=2", f"{BASE}/Patient?page=2"),
        (f"{BASE}?_getpages=1", f"{BASE}?_getpages=1"),
        ("https://FHIR.example.com:443/R4/Patient", f"{BASE}/Patient"),
        ("Patient?page=2", f"{BASE}/Patient?page=2"),
        ("/R4/Patient?page=2", f"{BASE}/Patient?page=2"),
        ("?page=2", f"{BASE}/?page=2"),
        ("http://internal:8080/fhir/Patient?page=2", f"{BASE}/Patient?page=2"),
        ("http://internal:8080/fhir", BASE),
        ("//fhir.example.com/R4/Patient", f"{BASE}/Patient"),
    ],
)
def test_f1_links_of_the_server_and_its_aliases_are_followed_at_the_base_url(link: str, url: str) -> None:
    assert Links(BASE, ["http://internal:8080/fhir"]).near(link) == url


@pytest.mark.parametrize(
    "link",
    [
        "https://evil.example.com/R4/Patient",
        f"https://evil.example.com/?x={BASE}",
        f"https://evil.example.com/{BASE}/Patient",
        "https://fhir.example.com.evil.example.com/R4/Patient",
        "https://fhir.example.com@evil.example.com/R4/Patient",
        "https://fhir.example.com:8443/R4/Patient",
        "http://fhir.example.com/R4/Patient",
        "https://fhir.example.com/R4evil/Patient",
        "https://fhir.example.com/R4/../admin",
        "https://fhir.example.com/R4\\..\\admin",
        "/other/Patient",
        "../Patient",
        "//evil.example.com/R4/Patient",
        "http://internal:8081/fhir/Patient",
        "http://internal:8080/fhirx/Patient",
        "file:///etc/passwd",
        "https://fhir.example.com:port/R4/Patient",
        "https://[/R4",
    ],
)
def test_f1_links_that_only_look_like_the_server_are_not_followed(link: str) -> None:
    assert Links(BASE, ["http://internal:8080/fhir"]).near(link) is None


def test_f1_a_foreign_link_is_refused_before_anything_is_sent(token: dict[str, Any]) -> None:
    with FaultServer([answer(200, BUNDLE)]) as evil, talk(answer(200, BUNDLE), auth=token) as (faults, server):
        for link in (f"{evil.url}/R4/Patient?{CANARY}", f"{evil.url}/?x={faults.url}/R4/{CANARY}"):
            with pytest.raises(Unavailable, match=r"leads away.*also_called") as caught:
                server.get(link, "/Patient")
            assert CANARY not in str(caught.value)
            with pytest.raises(Unavailable, match="leads away"):
                server.rewritten(link)
        assert (evil.requests, faults.requests) == ([], [])


def test_f1_a_link_at_an_alias_is_asked_for_at_the_base_url(token: dict[str, Any]) -> None:
    with FaultServer([answer(200, BUNDLE)]) as inner:
        alias = inner.url + "/internal"
        with talk(answer(200, BUNDLE), auth=token, also_called=[alias]) as (faults, server):
            server.get(f"{alias}/Patient?page=2", "/Patient")
        assert faults.requests[0].startswith(b"GET /R4/Patient?page=2 ")
        assert inner.requests == []


def test_f1_what_a_server_is_called_may_be_plain_http_but_its_base_url_may_not() -> None:
    FhirServerSettings(kind="x", base_url=BASE, also_called=("http://fhir.example.com/R4",))
    with pytest.raises(ValidationError, match="plain http"):
        FhirServerSettings(kind="x", base_url="http://fhir.example.com/R4")
    with pytest.raises(ValidationError, match="write a URL"):
        FhirServerSettings(kind="x", base_url=BASE, also_called=("internal:8080",))


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_fault_24_a_redirect_takes_no_credentials_along(token: dict[str, Any], status: int) -> None:
    with FaultServer([answer(200, BUNDLE)]) as evil:
        act = answer(status, Location=evil.url + "/R4/Patient")
        with talk(act, auth=token) as (_faults, server), pytest.raises(Unavailable, match="redirect"):
            server.get("/Patient", "/Patient")
        assert evil.requests == []


def test_f16_the_plus_of_an_offset_is_encoded_and_no_other() -> None:
    near = Links(BASE, []).near
    assert near("Patient?_lastUpdated=ge2026-03-02T10:00:00+00:00") == (
        f"{BASE}/Patient?_lastUpdated=ge2026-03-02T10:00:00%2B00:00"
    )
    assert near("Patient?t=2026-03-02T10%3A00%3A00.123+0530&n=a+b") == (
        f"{BASE}/Patient?t=2026-03-02T10%3A00%3A00.123%2B0530&n=a+b"
    )


def test_f16_parameters_are_encoded_and_repeated() -> None:
    with talk(answer(200, BUNDLE)) as (faults, server):
        server.get("/Appointment", "/Appointment", {"date": ["ge2026-03-02T10:00:00+00:00", "lt2026-03-09"]})
    assert b"?date=ge2026-03-02T10%3A00%3A00%2B00%3A00&date=lt2026-03-09 " in faults.requests[0]


# ---------------------------------------------------------------- what is an answer


def test_a_read_asks_for_fhir_and_says_how(token: dict[str, Any]) -> None:
    with talk(answer(200, BUNDLE), auth=token, epic_client_id="abc") as (faults, server):
        server.get("/Patient", "/Patient", {"_count": 5}, prefer="handling=strict")
    request = faults.requests[0].lower()
    for line in (b"accept: application/fhir+json\r\n", b"prefer: handling=strict\r\n", b"epic-client-id: abc\r\n"):
        assert line in request
    assert b"authorization: bearer sesame\r\n" in request


def test_a_search_by_post_is_a_read_with_its_parameters_in_the_body() -> None:
    with talk(cut(), answer(200, BUNDLE)) as (faults, server):
        server.post_form("/Patient/_search", "/Patient/_search", {"_id": ["a+b", "c"], "name": CANARY})
    assert len(faults.requests) == 2
    head, _, body = faults.requests[1].partition(b"\r\n\r\n")
    assert body == b"_id=a%2Bb&_id=c&name=canary%40example.com"
    assert b"Content-Type: application/x-www-form-urlencoded" in head
    assert CANARY.encode() not in head


@pytest.mark.parametrize(
    "body",
    [b"<html>Please log in</html>", b"", b"[]", b'"ok"', b"null", BUNDLE[:-1], BUNDLE + b"x", b"{" * 5000],
)
def test_fault_17_a_200_that_is_no_json_object_is_asked_for_again_and_is_never_an_answer(body: bytes) -> None:
    with talk(answer(200, body, Content_Type="text/html"), answer(200, BUNDLE)) as (_faults, server):
        assert server.get("/Patient", "/Patient").body == BUNDLE
    with talk(answer(200, body)) as (_faults, server), pytest.raises(Unavailable, match="not JSON"):
        server.get("/Patient", "/Patient")
    with talk(answer(200, body)) as (_faults, server), pytest.raises(Unavailable, match="not JSON"):
        server.job("/job/1", "/job/{id}")


@pytest.mark.parametrize("body", [b"{}", b'{"error": "session expired"}', b'{"resourceType": ""}'])
def test_fault_17_a_200_that_is_no_resource_is_no_answer(body: bytes) -> None:
    with talk(answer(200, body)) as (_faults, server):
        with pytest.raises(Unavailable, match=r"GET 127.0.0.1/Patient: the answer is no FHIR resource"):
            server.get("/Patient", "/Patient")
        assert server.job("/job/1", "/job/{id}").body == body


def test_a_202_may_be_empty_and_keeps_the_headers_of_a_job() -> None:
    act = answer(202, b"", Content_Location="https://x/job", X_Progress="50%", Retry_After="1")
    with talk(act) as (_faults, server):
        found = server.get("/$export", "/$export", prefer="respond-async")
    assert (found.status, found.headers["content-location"], found.headers["x-progress"]) == (
        202,
        "https://x/job",
        "50%",
    )


@pytest.mark.parametrize("status", [400, 404, 410, 422])
def test_other_statuses_are_the_callers_to_judge(status: int) -> None:
    with talk(answer(status, b"<html>")) as (_faults, server):
        assert server.get("/Patient", "/Patient").status == status
        assert server.delete("/job/1", "/job/{id}").status == status


@pytest.mark.parametrize("status", [401, 403])
def test_refused_credentials_are_for_a_person(status: int) -> None:
    with talk(answer(status)) as (faults, server):
        with pytest.raises(Misconfigured, match=rf"sources\.hospital\.auth: .*{status} for /Patient") as caught:
            server.get(f"/Patient/{CANARY}", "/Patient")
        assert caught.value.credentials
        assert CANARY not in str(caught.value)
    assert len(faults.requests) == 1


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
def test_f14_and_fault_12_what_may_pass_is_tried_a_bounded_number_of_times(status: int) -> None:
    with talk(answer(status), answer(200, BUNDLE)) as (_faults, server):
        assert server.get("/Patient", "/Patient").status == 200
    with talk(answer(status)) as (faults, server), pytest.raises(Unavailable):
        server.get("/Patient", "/Patient")
    assert len(faults.requests) == 2


@pytest.mark.parametrize(
    ("header", "seconds"),
    [("1767225600000", 300), ("1767225600", 300), ("18000", 300), ("0", 1), ("Mon, 02 Mar 2026 18:00:20 GMT", 20)],
)
def test_f13_absurd_waits_are_brought_within_bounds(header: str, seconds: int) -> None:
    slept: list[float] = []
    limits = replace(QUICK, patience=Patience(attempts=2, seconds=600))
    act = answer(503, Retry_After=header, Date="Mon, 02 Mar 2026 18:00:00 GMT")
    with talk(act, answer(200, BUNDLE), limits=limits, sleep=slept.append) as (_faults, server):
        server.get("/Patient", "/Patient")
    assert slept == [seconds]


@pytest.mark.parametrize(
    "act",
    [cut(), raw(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{}"),
     raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n5\r\nhe"),
     raw(b"HTTP/1.1 200 OK\r\n\r\n" + BUNDLE[:20])],
)  # fmt: skip
def test_fault_15_and_16_a_body_that_was_cut_is_asked_for_again(act: Act) -> None:
    with talk(act, answer(200, BUNDLE)) as (faults, server):
        assert server.get("/Patient", "/Patient").body == BUNDLE
    assert len(faults.requests) == 2


@pytest.mark.parametrize("first", [b"HTTP/1.1 200 OK\r\n\r\n{", b"HTTP/1.1 200 OK\r\nX-Slow: "])
def test_fault_13_and_14_a_dripping_server_is_left_at_the_deadline(first: bytes, tmp_path: Path) -> None:
    limits = replace(QUICK, read=0.2, total=0.2, patience=Patience(attempts=1))
    with talk(drip(first), limits=limits) as (_faults, server):
        with pytest.raises(Unavailable, match="took too long"):
            server.get("/Patient", "/Patient")
        with pytest.raises(Unavailable, match="took too long"):
            fetched(server, tmp_path / "f")
    assert list(tmp_path.iterdir()) == []


def test_fault_28_a_page_that_inflates_is_refused() -> None:
    bomb = gzip.compress(b'{"resourceType":"' + b"B" * 50_000_000 + b'"}')
    with (
        talk(answer(200, bomb, Content_Encoding="gzip")) as (faults, server),
        pytest.raises(Unavailable, match="larger than"),
    ):
        server.get("/Patient", "/Patient")
    assert len(faults.requests) == 1


def test_f25_a_call_holds_one_slot_of_the_budget() -> None:
    with FaultServer([answer(200, BUNDLE)]) as faults:
        borrowed = lent()
        settings = FhirServerSettings(kind="x", base_url=faults.url)
        server = FhirServer("x", settings, borrowed, limits=QUICK)
        threads = [threading.Thread(target=server.get, args=("/Patient", "/Patient")) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        server.close()
    assert isinstance(borrowed.budget, CountingBudget)
    assert 1 <= borrowed.budget.peak <= 4
    assert borrowed.budget.open == 0
    assert server.traffic.reads == 4


# ---------------------------------------------------------------- files

NDJSON = b'{"resourceType":"Patient","id":"1"}\n' * 3000


def fetched(server: FhirServer, to: Path, *, bearer: bool = True, url: str = "/f/1") -> Downloaded:
    target = url if "://" in url else server.settings.base_url + url
    return server.download(target, "/f/{id}", to, bearer=bearer)


def test_a_file_is_written_whole_and_for_its_owner_only(tmp_path: Path) -> None:
    to = tmp_path / "patients.ndjson"
    with talk(answer(200, NDJSON, ETag='"7"', Content_Type="application/fhir+ndjson")) as (_faults, server):
        found = fetched(server, to)
    assert to.read_bytes() == NDJSON
    assert stat.S_IMODE(to.stat().st_mode) == 0o600
    assert (found.status, found.size, found.received, found.lines, found.ended) == (
        200,
        len(NDJSON),
        len(NDJSON),
        3000,
        True,
    )
    assert found.headers["etag"] == '"7"'
    assert list(tmp_path.iterdir()) == [to]


@pytest.mark.parametrize("headers", [{"Content_Encoding": "gzip"}, {"Content_Type": "application/gzip"}])
def test_f18_gzip_is_inflated_whether_a_header_says_so_or_not(tmp_path: Path, headers: dict[str, str]) -> None:
    body = gzip.compress(NDJSON[:60_000]) + gzip.compress(NDJSON[60_000:])
    with talk(answer(200, body, **headers)) as (_faults, server):
        found = fetched(server, tmp_path / "f")
    assert (tmp_path / "f").read_bytes() == NDJSON
    assert (found.size, found.received, found.lines) == (len(NDJSON), len(body), 3000)


def test_fault_16_a_file_whose_last_line_is_cut_says_so(tmp_path: Path) -> None:
    with talk(raw(b"HTTP/1.1 200 OK\r\n\r\n" + NDJSON[:-5])) as (_faults, server):
        found = fetched(server, tmp_path / "f")
    assert (found.ended, found.lines) == (False, 2999)


def test_an_empty_file_is_a_file(tmp_path: Path) -> None:
    with talk(answer(200, b"")) as (_faults, server):
        assert (fetched(server, tmp_path / "f").size, (tmp_path / "f").read_bytes()) == (0, b"")


CUT_GZIP = gzip.compress(NDJSON)[:-9]


@pytest.mark.parametrize(
    "act",
    [cut(), answer(503), answer(200, b" <html>log in</html>"), answer(200, CUT_GZIP),
     answer(200, gzip.compress(b" <html>log in</html>"), Content_Encoding="gzip"),
     answer(200, CUT_GZIP, Content_Encoding="gzip"), answer(200, b"\x1f\x8bnonsense"),
     raw(b"HTTP/1.1 200 OK\r\nContent-Length: 999999\r\n\r\n" + NDJSON)],
)  # fmt: skip
def test_fault_15_to_17_a_broken_file_is_fetched_again_and_leaves_nothing(tmp_path: Path, act: Act) -> None:
    with talk(act, answer(200, NDJSON)) as (_faults, server):
        assert fetched(server, tmp_path / "f").lines == 3000
    (tmp_path / "f").unlink()
    with talk(act) as (_faults, server), pytest.raises(Unavailable, match=r"GET 127.0.0.1/f/\{id\}: "):
        fetched(server, tmp_path / "f")
    assert list(tmp_path.iterdir()) == []


def test_a_file_in_an_encoding_that_was_not_asked_for_is_refused(tmp_path: Path) -> None:
    with (
        talk(answer(200, zlib.compress(NDJSON), Content_Encoding="deflate")) as (faults, server),
        pytest.raises(Unavailable, match="encoding that was not asked for"),
    ):
        fetched(server, tmp_path / "f")
    assert (len(faults.requests), list(tmp_path.iterdir())) == (1, [])


@pytest.mark.parametrize("headers", [{"Content_Encoding": "gzip"}, {}])
def test_fault_28_a_file_that_inflates_is_refused(tmp_path: Path, headers: dict[str, str]) -> None:
    bomb = gzip.compress(b"0" * 60_000_000)
    with talk(answer(200, bomb, **headers)) as (faults, server), pytest.raises(Unavailable, match="inflates beyond"):
        fetched(server, tmp_path / "f")
    assert (len(faults.requests), list(tmp_path.iterdir())) == (1, [])


def test_fault_28_a_file_without_end_is_refused(tmp_path: Path) -> None:
    limits = replace(QUICK, file_bytes=50_000)
    with talk(answer(200, NDJSON), limits=limits) as (_faults, server), pytest.raises(Unavailable, match="beyond"):
        fetched(server, tmp_path / "f")


@pytest.mark.parametrize("status", [403, 404, 410])
def test_f12_an_expired_url_is_the_callers_to_judge_and_keeps_what_was_there(tmp_path: Path, status: int) -> None:
    (tmp_path / "f").write_bytes(b"old")
    with talk(answer(status, b"<html>expired</html>")) as (_faults, server):
        found = fetched(server, tmp_path / "f")
    assert (found.status, found.size) == (status, 0)
    assert (tmp_path / "f").read_bytes() == b"old"


def test_a_disk_that_takes_no_file_is_no_fault_of_the_server(tmp_path: Path) -> None:
    with talk(answer(200, NDJSON)) as (faults, server), pytest.raises(Unavailable, match="cannot be written"):
        fetched(server, tmp_path / "missing" / "f")
    assert len(faults.requests) == 1


def test_f12_a_signed_url_at_another_origin_gets_nothing_that_identifies_us(
    tmp_path: Path, token: dict[str, Any]
) -> None:
    with FaultServer([answer(200, NDJSON)]) as store:
        with talk(answer(200, NDJSON), auth=token, epic_client_id="abc") as (faults, server):
            url = f"{store.url}/bucket/f?X-Signature=a%2Bb"
            assert fetched(server, tmp_path / "f", bearer=False, url=url).status == 200
            with pytest.raises(Unavailable, match="leads away"):
                fetched(server, tmp_path / "g", bearer=True, url=url)
            assert fetched(server, tmp_path / "h", bearer=False).status == 200
        for request in (*store.requests, *faults.requests):
            assert b"authorization" not in request.lower()
        assert b"epic-client-id" not in store.requests[0].lower()
        assert store.requests[0].startswith(b"GET /bucket/f?X-Signature=a%2Bb ")
        assert len(store.requests) == 1


def test_f12_a_file_that_needs_the_token_gets_it(tmp_path: Path, token: dict[str, Any]) -> None:
    with talk(answer(200, NDJSON), auth=token) as (faults, server):
        fetched(server, tmp_path / "f", bearer=True)
    assert b"Authorization: Bearer sesame" in faults.requests[0]


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_fault_24_a_public_servers_file_never_lies_at_an_inner_address(tmp_path: Path, host: str) -> None:
    with FaultServer([answer(200, NDJSON)]) as inner:
        server = server_at("https://8.8.8.8/R4")
        with pytest.raises(Unavailable, match="not on the public internet"):
            fetched(server, tmp_path / "f", bearer=False, url=f"http://{host}:{inner.port}/f")
        server.close()
        assert inner.requests == []
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "url", ["http://files.example.com/f", "ftp://files.example.com/f", "https://u@files.example.com/"]
)
def test_f12_a_file_elsewhere_comes_over_https_only(tmp_path: Path, url: str) -> None:
    server = server_at("http://127.0.0.1:9/R4")
    with pytest.raises(Unavailable, match="not https"):
        fetched(server, tmp_path / "f", bearer=False, url=url)
    server.close()


@pytest.mark.parametrize(
    ("address", "public"),
    [("8.8.8.8", True), ("2606:4700::1111", True), ("10.1.2.3", False), ("192.168.0.1", False), ("172.16.0.1", False),
     ("169.254.169.254", False), ("127.0.0.1", False), ("0.0.0.0", False), ("100.64.0.1", False), ("::1", False),
     ("fe80::1%eth0", False), ("fd00::1", False), ("::ffff:10.0.0.1", False), ("2002:0a00:0001::", False),
     ("224.0.0.1", False), ("no address", False)],
)  # fmt: skip
def test_fault_24_which_addresses_are_public(address: str, public: bool) -> None:
    assert is_public(address) is public


def test_fault_24_a_name_is_inside_by_what_it_resolves_to() -> None:
    assert is_inside("localhost")
    assert is_inside("10.0.0.1")
    assert not is_inside("8.8.8.8")
    assert not is_inside("no-such-name.invalid")


# ---------------------------------------------------------------- certificates


class TlsServer(FaultServer):
    """The fault server behind TLS, with a certificate of its own making."""

    def __init__(self, acts: Sequence[Act], folder: Path, days: int = 30) -> None:
        super().__init__(acts)
        self.ca_file = _certificate(folder, days)
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(self.ca_file, folder / "key.pem")

    def __enter__(self) -> "TlsServer":
        super().__enter__()
        self.url = f"https://127.0.0.1:{self.port}"
        return self

    def _serve(self, connection: Any) -> None:
        try:
            secured = self._context.wrap_socket(connection, server_side=True)
        except OSError:
            connection.close()
            return
        super()._serve(secured)


def _certificate(folder: Path, days: int) -> Path:
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "fake")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=days, hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    plain, pem = serialization.NoEncryption(), serialization.Encoding.PEM
    (folder / "key.pem").write_bytes(key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain))
    (folder / "cert.pem").write_bytes(made.public_bytes(pem))
    return folder / "cert.pem"


def test_a_certificate_of_an_unknown_authority_is_refused_at_once(tmp_path: Path) -> None:
    with TlsServer([answer(200, BUNDLE)], tmp_path) as tls:
        server = server_at(tls.url)
        with pytest.raises(Unavailable, match="certificate is not accepted"):
            server.get("/Patient", "/Patient")
        server.close()
        assert tls.requests == []


def test_no_variable_of_the_environment_changes_what_is_trusted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with TlsServer([answer(200, BUNDLE)], tmp_path) as tls:
        for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"):
            monkeypatch.setenv(name, str(tls.ca_file))
        monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path))
        monkeypatch.setenv("PYTHONHTTPSVERIFY", "0")
        for server in (server_at(tls.url), server_at(tls.url, ca_file=str(_certificate(_folder(tmp_path), 5)))):
            with pytest.raises(Unavailable, match="certificate is not accepted"):
                server.get("/Patient", "/Patient")
            server.close()
        assert tls.requests == []


def _folder(tmp_path: Path) -> Path:
    (tmp_path / "other").mkdir()
    return tmp_path / "other"


def test_no_variable_of_the_environment_adds_credentials(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login me password sesame\n", encoding="utf-8")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    with talk(answer(200, BUNDLE)) as (faults, server):
        server.get("/Patient", "/Patient")
    assert b"authorization" not in faults.requests[0].lower()


def test_a_named_authority_is_trusted(tmp_path: Path) -> None:
    with TlsServer([answer(200, BUNDLE)], tmp_path) as tls:
        server = server_at(tls.url, ca_file=str(tls.ca_file))
        assert server.get("/Patient", "/Patient").status == 200
        server.close()


@pytest.mark.parametrize("key", ["verify", "verify_tls", "insecure", "ssl_verify", "verify_ssl", "tls"])
def test_no_setting_switches_verification_off(key: str) -> None:
    for value in (False, True, "no"):
        with pytest.raises(ValidationError, match="Extra inputs"):
            FhirServerSettings.model_validate({"kind": "x", "base_url": BASE, key: value})


@pytest.mark.parametrize(("content", "why"), [(None, "cannot be read"), ("no certificate", "must be PEM")])
def test_an_authority_that_cannot_be_read_is_refused_at_start(tmp_path: Path, content: str | None, why: str) -> None:
    if content is not None:
        (tmp_path / "ca.pem").write_text(content, encoding="utf-8")
    with pytest.raises(Misconfigured, match=rf"sources\.hospital\.ca_file: .*{why}"):
        server_at(BASE, ca_file=str(tmp_path / "ca.pem"))


def test_a_probe_counts_the_days_of_a_certificate(tmp_path: Path) -> None:
    with TlsServer([answer(404, b"")], tmp_path, days=5) as tls:
        server = server_at(tls.url, ca_file=str(tls.ca_file))
        found = {each.step: each for each in probe_server(server, utc_now())}
        server.close()
    assert found["TLS"].ok
    assert found["TLS"].hint == "the certificate is good for 5 more days; have it renewed"


def test_a_probe_ends_at_a_certificate_that_is_not_accepted(tmp_path: Path) -> None:
    with TlsServer([answer(200, BUNDLE)], tmp_path) as tls:
        server = server_at(tls.url)
        found = list(probe_server(server, utc_now()))
        server.close()
    assert [(each.step, each.ok) for each in found] == [("name", True), ("TLS", False)]
    assert "ca_file" in found[-1].hint


def test_credentials_are_renewed_once_a_request_and_not_for_whoever_has_no_others() -> None:
    renewed: list[str] = []

    def renew(refused: str) -> bool:
        renewed.append(refused)
        return len(renewed) < 2

    with FaultServer([answer(401), answer(503), answer(401), answer(401)]) as faults:
        account = Account(
            setting="x", base_url=faults.url, authorize=lambda r: r, renew=renew, slot=CountingBudget().slot
        )
        client = HttpClient(account, QUICK, lambda _seconds: None)
        assert client.send(Request(method="GET", path="/", template="/")).status == 401
        assert (len(faults.requests), renewed) == (3, [""])
        assert client.send(Request(method="GET", path="/", template="/")).status == 401
        assert (len(faults.requests), renewed) == (4, ["", ""])
        client.close()
