"""The web server: what monitors read, and what a provider reports, which may only close."""

import hashlib
import hmac
import socket
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlencode

import pytest
import requests

from config.web import WebSettings
from connectors.mailchimp.destination import Mailchimp
from sync.web import MOST_BYTES, Behind, Web
from tests.fakes.clinic import AT, Clinic, days, mailchimp, patient, visit
from tests.fakes.mailchimp import FakeMailchimp

SECRET, SIGNING = "s3cret-of-the-url", "whsec"


@dataclass
class Served:
    """A server on a free port, and how often it has told of news."""

    clinic: Clinic
    fake: FakeMailchimp
    web: Web
    told: list[int] = field(default_factory=list)

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.web.port}{path}"

    def call(self, secret: str = SECRET, headers: dict[str, str] | None = None, **data: str) -> int:
        said = {"type": "unsubscribe", "fired_at": "2026-03-02 20:00:00", "data[list_id]": "a1b2c3d4e5"}
        body = urlencode(
            said | {"data[email]": "P1@example.com"} | {f"data[{k}]" if k != "type" else k: v for k, v in data.items()}
        )
        url = self.url(f"/webhooks/newsletter/{secret}")
        form = {"Content-Type": "application/x-www-form-urlencoded"}
        return requests.post(url, data=body, headers=form | (headers or {}), timeout=5).status_code

    def causes(self) -> list[tuple[str, ...]]:
        return self.clinic.ask("SELECT address, cause, destination FROM suppression ORDER BY id")


@pytest.fixture
def served(tmp_path: Path, sqlite_template: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    """A practice whose patients 1 and 2 are subscribed."""
    monkeypatch.setattr(Mailchimp.__init__, "__kwdefaults__", {"sleep": lambda _seconds: None})
    clinic = Clinic(tmp_path).laid_out(sqlite_template)
    clinic.secret("hook", SECRET)
    told: list[int] = []
    with FakeMailchimp() as fake:
        clinic.config["destinations"]["newsletter"] = mailchimp(fake.url, webhook={"secret": {"file": "secrets/hook"}})
        clinic.drop("patients", [patient("1"), patient("2")], "20260302-0600")
        clinic.drop("appointments", [visit("a1", "1", "2026-02-25"), visit("a2", "2", "2026-02-25")], "20260302-0600")
        clinic.run()
        with clinic.service() as service:
            behind = Behind(
                service=lambda: service, now=lambda: AT, well=lambda: len(told) < 5, heard=lambda: told.append(1)
            )
            web = Web(WebSettings(listen="127.0.0.1:0"), behind)
            web.start()
            yield Served(clinic, fake, web, told)
            web.close()


def test_r15_an_unsubscribe_by_webhook_closes_at_once_and_the_next_push_sends_nothing(served: Served) -> None:
    assert served.call() == 200
    assert served.causes() == [("p1@example.com", "unsubscribed", "newsletter")]
    assert served.told == [1]
    assert served.call() == 200
    assert (len(served.causes()), served.told) == (1, [1])
    before = len(served.fake.writes)
    served.clinic.drop("patients", [patient("1", given_name="Renamed"), patient("2")], "20260303-0600")
    served.clinic.run(AT + days(0.9))
    assert served.clinic.withheld("1") == {"newsletter": "unsubscribed"}
    assert not [call for call in served.fake.writes[before:] if "Renamed" in str(call.json)]


@pytest.mark.parametrize(
    ("data", "cause"),
    [
        ({"type": "cleaned", "reason": "hard"}, "bounced"), ({"reason": "abuse"}, "complained"),
        ({"action": "delete"}, "archived_by_human"), ({"type": "subscribe"}, None), ({"type": "profile"}, None),
        ({"email": "stranger@example.com"}, None),
    ],
)  # fmt: skip
def test_r15_a_webhook_only_closes_and_only_whom_we_know(
    served: Served, data: dict[str, str], cause: str | None
) -> None:
    assert served.call(**data) == 200
    assert [row[1] for row in served.causes()] == ([cause] if cause else [])


def test_r15_our_own_opt_out_coming_back_changes_nothing(served: Served) -> None:
    withdrawn = patient("1", ok="N", ok_news="N", signed="2026-03-02")
    served.clinic.drop("patients", [withdrawn, patient("2")], "20260302-0900")
    served.clinic.run(AT + days(0.1))
    assert served.fake.audience.get("p1@example.com").status == "unsubscribed"
    assert served.call() == 200
    assert served.causes() == []


def test_calls_that_are_not_the_providers_are_not_taken(served: Served) -> None:
    assert served.call("wrong") == 404
    assert served.call("") == 404
    assert served.call(list_id="another") == 403
    url = served.url(f"/webhooks/newsletter/{SECRET}")
    assert requests.post(url, data=b"\xff\xfe", timeout=5).status_code == 403
    assert requests.post(url, data=b"x" * (MOST_BYTES + 1), timeout=5).status_code == 413
    with socket.create_connection(("127.0.0.1", served.web.port), timeout=5) as raw:
        raw.sendall(f"POST /webhooks/newsletter/{SECRET} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        assert b" 411 " in raw.recv(64)
    assert served.causes() == []


def test_a_signature_must_fit_the_body_and_the_time_where_one_is_configured(served: Served) -> None:
    served.clinic.secret("signing", SIGNING)
    destination = served.clinic.config["destinations"]["newsletter"]
    destination["webhook"]["signing_secret"] = {"file": "secrets/signing"}
    with served.clinic.service() as service:
        served.web._behind = Behind(service=lambda: service, now=lambda: AT, well=lambda: True, heard=lambda: None)
        body = urlencode({"type": "unsubscribe", "data[list_id]": "a1b2c3d4e5", "data[email]": "p1@example.com"})

        def send(stamp: int, key: str) -> int:
            mark = hmac.new(key.encode(), f"{stamp}.{body}".encode(), hashlib.sha256).hexdigest()
            url, headers = (
                served.url(f"/webhooks/newsletter/{SECRET}"),
                {"X-Mailchimp-Signature": f"t={stamp},v1={mark}"},
            )
            return requests.post(url, data=body, headers=headers, timeout=5).status_code

        now = int(AT.timestamp())
        assert [send(now, "other"), send(now - 301, SIGNING), served.call()] == [403, 403, 403]
        assert served.causes() == []
        assert send(now - 100, SIGNING) == 200
        assert len(served.causes()) == 1


def test_monitors_read_health_metrics_and_a_page_without_anything_of_a_person(served: Served) -> None:
    assert requests.get(served.url("/healthz"), timeout=5).json() == {"status": "ok"}
    metrics = requests.get(served.url("/metrics"), timeout=5)
    assert metrics.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    assert 'prm_sync_contacts{status="active"} 2\n' in metrics.text
    assert 'prm_sync_wishes_pending{destination="newsletter"} 0\n' in metrics.text
    page = requests.get(served.url("/"), timeout=5).text
    assert "Nothing needs a person." in page
    assert not any(word in metrics.text + page for word in ("example.com", "Givenb", "Familyq"))
    assert requests.get(served.url(f"/webhooks/newsletter/{SECRET}"), timeout=5).status_code == 200
    for path in ("/webhooks/newsletter/wrong", "/webhooks/contacts/", "/webhooks/", "/secrets"):
        assert requests.get(served.url(path), timeout=5).status_code == 404
    served.told.extend([1] * 5)
    assert requests.get(served.url("/healthz"), timeout=5).status_code == 503


def test_an_address_that_is_taken_is_said(served: Served) -> None:
    behind = served.web._behind
    with pytest.raises(Exception, match=r"web\.listen"):
        Web(WebSettings(listen=f"127.0.0.1:{served.web.port}"), behind)
