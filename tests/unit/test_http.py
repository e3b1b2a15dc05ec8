"""The HTTP client against a server that misbehaves on purpose."""

import gzip
import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st
from requests.auth import HTTPBasicAuth

from connectors.base import Misconfigured, Unavailable
from connectors.http import Account, HttpClient, Limits, Request, Response, Unsettled, checked_base_url
from connectors.http.retry import Patience, retry_after
from tests.fakes.faults import Act, FaultServer, answer, cut, drip, hang, raw

CANARY = "canary@example.com"
QUICK = Limits(connect=0.5, read=0.3, total=0.3, max_bytes=100_000)


@dataclass
class Talk:
    server: FaultServer
    client: HttpClient
    slept: list[float] = field(default_factory=list)

    def get(self, path: str = "/members/7", **more: object) -> Response:
        return self.client.send(Request(method="GET", path=path, template="/members/{id}", **more))  # type: ignore[arg-type]  # keywords of Request

    def post(self, *, idempotent: bool) -> Response:
        body = {"email": CANARY}
        return self.client.send(
            Request(method="POST", path="/members/7", template="/members/{id}", json=body, idempotent=idempotent)
        )


@contextmanager
def talk(*acts: Act, limits: Limits = QUICK, bare_403: bool = False) -> Iterator[Talk]:
    with FaultServer(acts) as server:
        account = Account(
            setting="destinations.newsletter",
            base_url=server.url + "/3.0",
            authorize=HTTPBasicAuth("any", "sesame"),
            slot=nullcontext,
            bare_403_is_busy=bare_403,
        )
        slept: list[float] = []
        client = HttpClient(account, limits, sleep=slept.append)
        yield Talk(server, client, slept)
        client.close()


def test_an_answer_comes_back_whole() -> None:
    with talk(answer(200, b'{"a": 1}', Date="Tue, 03 Mar 2026 12:00:00 GMT", X_Secret="no")) as t:
        got = t.get(params={"count": 3})
    assert (got.status, got.json(), dict(got.headers)) == (200, {"a": 1}, {"date": "Tue, 03 Mar 2026 12:00:00 GMT"})
    assert t.server.requests[0].startswith(b"GET /3.0/members/7?count=3 HTTP/1.1\r\n")
    assert b"Authorization: Basic YW55OnNlc2FtZQ==" in t.server.requests[0]


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 422])
def test_a_refusal_is_an_answer_and_is_not_repeated(status: int) -> None:
    with talk(answer(status)) as t:
        assert t.get().status == status
    assert len(t.server.requests) == 1


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
def test_a_passing_failure_is_repeated(status: int) -> None:
    with talk(answer(status), answer(status), answer(200)) as t:
        assert t.get().status == 200
    assert len(t.server.requests) == 3
    assert len(t.slept) == 2


def test_failures_without_end_are_given_up() -> None:
    with talk(answer(503)) as t, pytest.raises(Unavailable, match="answered 503"):
        t.get()
    assert len(t.server.requests) == Patience().attempts


def test_a_bare_403_means_busy_where_the_account_says_so() -> None:
    with talk(answer(403, b"<html>"), answer(200), bare_403=True) as t:
        assert t.get().status == 200
    with talk(answer(403, b'{"title": "Forbidden"}'), bare_403=True) as t:
        assert t.get().status == 403
    with talk(answer(403, b"<html>")) as t:
        assert t.get().status == 403


def test_retry_after_is_waited_for() -> None:
    with talk(answer(429, Retry_After="7"), answer(200)) as t:
        t.get()
    assert t.slept == [7.0]


def test_a_wait_beyond_the_patience_is_told_and_not_waited_for() -> None:
    with talk(answer(429, Retry_After="86400")) as t, pytest.raises(Unavailable) as caught:
        t.get()
    assert (caught.value.retry_after, t.slept) == (300.0, [])


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("5", 5.0),
        ("0", 1.0),
        ("999999999999", 300.0),
        ("Tue, 03 Mar 2026 12:00:30 GMT", 30.0),
        ("Tue, 03 Mar 2020 12:00:00 GMT", 1.0),
        ("Fri, 01 Jan 2999 00:00:00 GMT", 300.0),
        ("soon", None),
        ("-3", None),
        ("", None),
        ("١", None),
        (None, None),
    ],
)
def test_retry_after_is_read_and_kept_within_bounds(header: str | None, seconds: float | None) -> None:
    assert retry_after(header, "Tue, 03 Mar 2026 12:00:00 GMT") == seconds


@given(st.text(max_size=40), st.text(max_size=40))
def test_no_retry_after_header_can_do_harm(header: str, now: str) -> None:
    found = retry_after(header, now)
    assert found is None or 1.0 <= found <= 300.0


SHORT = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{}"
CHUNK_CUT = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n5\r\nhe"
BAD_GZIP = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\nContent-Encoding: gzip\r\n\r\nnope"


@pytest.mark.parametrize("act", [cut(), raw(SHORT), raw(CHUNK_CUT), raw(BAD_GZIP), raw(b"nonsense\r\n\r\n")])
def test_a_broken_answer_to_a_read_is_asked_for_again(act: Act) -> None:
    with talk(act, answer(200)) as t:
        assert t.get().status == 200


@pytest.mark.parametrize("act", [cut(), raw(SHORT), answer(500), hang()])
def test_a_write_of_unknown_outcome_is_not_repeated_unless_idempotent(act: Act) -> None:
    with talk(act, answer(200)) as t, pytest.raises(Unsettled):
        t.post(idempotent=False)
    assert len(t.server.requests) == 1
    with talk(act, answer(200)) as t:
        assert t.post(idempotent=True).status == 200


def test_a_write_that_was_turned_away_is_repeated_though_not_idempotent() -> None:
    with talk(answer(429), answer(200)) as t:
        assert t.post(idempotent=False).status == 200


def test_a_write_stays_unsettled_when_only_its_repetition_was_turned_away() -> None:
    with talk(cut(), answer(429)) as t, pytest.raises(Unsettled):
        t.post(idempotent=True)


def test_nobody_listening_is_unavailable_even_for_a_write() -> None:
    with talk(answer(200)) as t:
        pass
    with pytest.raises(Unavailable, match="no connection"):
        t.post(idempotent=False)


DRIPS = [
    b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n",
    b"HTTP/1.1 200 OK\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nX-Slow: ",
    b"HTTP",
]


@pytest.mark.parametrize("first", DRIPS)
def test_a_dripping_server_is_left_at_the_deadline(first: bytes) -> None:
    limits = Limits(connect=0.5, read=0.2, total=0.2, patience=Patience(attempts=1))
    begun = time.monotonic()
    with talk(drip(first), limits=limits) as t, pytest.raises(Unavailable, match="took too long"):
        t.get()
    assert time.monotonic() - begun < 2


def test_an_inflating_answer_is_refused() -> None:
    bomb = gzip.compress(b"0" * 10_000_000)
    assert len(bomb) < QUICK.max_bytes
    with talk(answer(200, bomb, Content_Encoding="gzip")) as t, pytest.raises(Unavailable, match="larger than"):
        t.get()
    assert len(t.server.requests) == 1


def test_an_endless_answer_is_refused() -> None:
    with talk(answer(200, b"0" * 200_000)) as t, pytest.raises(Unavailable, match="larger than"):
        t.get()


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(status: int) -> None:
    with talk(answer(200)) as elsewhere, talk(answer(status, Location=elsewhere.server.url + "/x?" + CANARY)) as t:
        with pytest.raises(Unavailable, match=f"GET 127.0.0.1/members/{{id}}: answered {status}, a redirect") as caught:
            t.get()
        assert CANARY not in str(caught.value)
        assert elsewhere.server.requests == []


@pytest.mark.parametrize(
    "link",
    [
        "http://127.0.0.1:1/3.0/members/7",
        "https://example.com/3.0/members/7",
        "http://user@127.0.0.1:{port}/3.0/members/7",
        "http://127.0.0.1:{port}/4.0/members/7",
        "http://127.0.0.1:{port}/3.0/../4.0/x",
        "http://127.0.0.1:{port}/3.0/%2e%2e/4.0/x",
        "http://127.0.0.1:{port}/3.00/x",
        "ftp://127.0.0.1:{port}/3.0/x",
        "/../4.0/members",
    ],
)
def test_credentials_stay_at_their_origin(link: str) -> None:
    with talk(answer(200)) as t, pytest.raises(Unavailable, match="leads away"):
        t.get(link.format(port=t.server.port))
    assert t.server.requests == []


def test_a_link_within_the_origin_is_followed() -> None:
    with talk(answer(200)) as t:
        assert t.get(f"{t.server.url}/3.0/members/7?page=2").status == 200


def test_cookies_are_not_kept() -> None:
    with talk(answer(200, Set_Cookie="a=b")) as t:
        t.get()
        t.get()
    assert b"cookie" not in t.server.requests[1].lower()


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/3.0",
        "http://10.0.0.1/3.0",
        "http://127.0.0.1.example.com",
        "ftp://localhost",
        "https://me:secret@example.com/",
        "https://example.com/?a=b",
        "https://example.com:port",
        "example.com",
        "",
    ],
)
def test_a_base_url_that_would_expose_the_key_is_refused(url: str) -> None:
    account = Account(setting="destinations.newsletter", base_url=url, authorize=lambda r: r, slot=nullcontext)
    with pytest.raises(Misconfigured, match=r"destinations\.newsletter\.base_url") as caught:
        HttpClient(account)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    "url", ["https://us6.api.mailchimp.com/3.0/", "http://localhost:8000", "http://[::1]:8000/3.0"]
)
def test_https_and_loopback_base_urls_are_taken(url: str) -> None:
    assert checked_base_url(url) == url.rstrip("/")


@pytest.mark.parametrize("act", [answer(200, CANARY.encode()), answer(503, CANARY.encode()), cut(), raw(CHUNK_CUT)])
def test_errors_and_logs_name_the_template_and_no_value(act: Act, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    with talk(act) as t, pytest.raises(Unavailable) as caught:
        t.get(f"/members/{CANARY}", params={"q": CANARY}).json()
    error: BaseException | None = caught.value
    assert str(error).startswith("GET 127.0.0.1/members/{id}: ")
    while error is not None:
        assert CANARY not in repr(error) + repr(vars(error))
        assert "sesame" not in repr(error)
        error = error.__cause__ or error.__context__
    assert CANARY not in caplog.text


def test_a_page_of_html_after_a_write_leaves_its_outcome_open() -> None:
    with talk(answer(200, b"<html>log in</html>")) as t, pytest.raises(Unsettled, match="not JSON"):
        t.post(idempotent=False).json()


def test_a_slot_is_held_during_calls_and_not_while_waiting() -> None:
    held = threading.Semaphore(1)
    free_while_waiting: list[bool] = []

    @contextmanager
    def slot() -> Iterator[None]:
        with held:
            yield

    def sleep(_seconds: float) -> None:
        free_while_waiting.append(held.acquire(blocking=False))
        held.release()

    with FaultServer([answer(503), answer(200)]) as server:
        account = Account(setting="x", base_url=server.url, authorize=lambda r: r, slot=slot)
        client = HttpClient(account, QUICK, sleep)
        client.send(Request(method="GET", path="/", template="/"))
        client.close()
    assert free_while_waiting == [True]
