"""Bulk exports against scripted answers: what is asked, in what order, and what is kept from run to run."""

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest
import requests
import responses
from pydantic import ValidationError

from connectors.base import Misconfigured, RawRow, Unavailable
from connectors.download import Downloaded
from connectors.fhir.server import FhirServer
from connectors.fhir_bulk import FhirBulkSource
from connectors.fhir_bulk.manifest import Item, read_manifest
from connectors.fhir_bulk.probe import levels
from connectors.fhir_bulk.scan import Unsound, read
from connectors.fhir_bulk.settings import FhirBulkSettings
from connectors.http import Limits
from connectors.retry import Patience
from tests.fakes.known import MemoryKnown
from tests.fakes.lent import SURROUNDINGS, lent

AT = datetime(2026, 3, 2, 18, 0, tzinfo=UTC)
HOST = "http://127.0.0.1:9"
BASE = f"{HOST}/R4"
JOB = f"{BASE}/jobs/1"
TOKEN = "canary-token"
Answer = tuple[int, dict[str, str], bytes]
OUTCOME = {
    "resourceType": "OperationOutcome",
    "issue": [{"severity": "error", "code": "processing", "diagnostics": "Zanzibar"}],
}


def line(kind: str, id_: str, **more: Any) -> bytes:
    return json.dumps({"resourceType": kind, "id": id_, **more}).encode() + b"\n"


def at_work(**headers: str) -> Answer:
    return 202, {name.replace("_", "-"): value for name, value in headers.items()}, b""


class Stub:
    """A server: `polls` are the next answers to whoever asks how the job stands, then the manifest; `kicks` likewise."""

    def __init__(self, mock: responses.RequestsMock) -> None:
        self.calls: list[requests.PreparedRequest] = []
        self.now = AT
        self.location, self.statement = JOB, {"resourceType": "CapabilityStatement", "fhirVersion": "4.0.1"}
        self.kicks: list[Answer] = []
        self.polls: list[Answer] = []
        self.files: dict[str, bytes | int] = {}
        self.kinds: dict[str, str] = {}
        self.manifest: dict[str, Any] = {"requiresAccessToken": True, "output": [], "error": [], "deleted": []}
        self.ending: int = 202
        for method in ("GET", "DELETE"):
            mock.add_callback(method, re.compile(".*"), self._answer)

    def put(self, kind: str, body: bytes | int, part: str = "output", *, at: str = BASE, **more: Any) -> str:
        """A file of the export."""
        url = f"{at}/files/{len(self.files)}"
        self.files[url] = body
        told = {"count": body.count(b"\n")} if isinstance(body, bytes) else {}
        self.manifest[part].append({"type": kind, "url": url, **told, **more})
        return url

    def asked(self, part: str) -> list[requests.PreparedRequest]:
        return [call for call in self.calls if part in str(call.url)]

    def kinds_of_calls(self) -> list[str]:
        return [str(call.method) + " " + str(call.url).partition("?")[0].removeprefix(HOST) for call in self.calls]

    def _answer(self, call: requests.PreparedRequest) -> Answer:
        self.calls.append(call)
        status, headers, body = self._found(str(call.method), str(call.url))
        return status, {"Date": format_datetime(self.now, usegmt=True), **headers}, body

    def _found(self, method: str, url: str) -> Answer:
        if url.endswith("/metadata"):
            return 200, {}, json.dumps(self.statement).encode()
        if "$export" in url:
            return self.kicks.pop(0) if self.kicks else (202, {"Content-Location": self.location}, b"")
        if method == "DELETE":
            return self.ending, {}, b""
        if url in self.files:
            body = self.files[url]
            return (body, {}, b"") if isinstance(body, int) else (200, {}, body)
        if "/jobs/" in url or "/bulkstatus/" in url:
            return self.polls.pop(0) if self.polls else (200, {}, json.dumps(self.manifest).encode())
        return 404, {}, b"{}"


class Rig:
    """A source and what sync would keep of it."""

    def __init__(self, stub: Stub, folder: Path) -> None:
        self.stub, self.slept = stub, list[float]()
        self.known, self.lent = MemoryKnown(), lent()
        token = folder / "token"
        token.touch(0o600)
        token.write_text(TOKEN, encoding="ascii")
        self.keys: dict[str, Any] = {
            "kind": "fhir-bulk",
            "base_url": BASE,
            "auth": {"kind": "bearer", "token": {"file": token}},
            "resources": ["Patient"],
        }

    @property
    def job(self) -> dict[str, Any] | None:
        return self.lent.memo.get("export")

    def source(self) -> FhirBulkSource:
        settings = FhirBulkSettings.model_validate(self.keys)
        return FhirBulkSource("emr", settings, SURROUNDINGS, self.lent)

    def pull(self, pages: int = 1000) -> list[RawRow]:
        """Another process's run; it ends after so many pages."""
        self.notices: list[str] = []
        self.snapshots: dict[str, str] = {}
        rows: list[RawRow] = []
        for each in self.source().passes(self.known, self.stub.now):
            self.notices += each.notices
            self.snapshots[each.feed] = each.snapshot
            for page in each.pages():
                rows += page.rows
                self.known.cursors[each.feed] = page.cursor or {}
                pages -= 1
                if not pages:
                    return rows
            self.known.remember(each)
        return rows


@pytest.fixture
def stub() -> Iterator[Stub]:
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        yield Stub(mock)


@pytest.fixture
def rig(stub: Stub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Rig:
    made = Rig(stub, tmp_path)
    told = {"sleep": made.slept.append, "clock": lambda: stub.now, "limits": Limits(patience=Patience(attempts=1))}
    monkeypatch.setattr(FhirServer.__init__, "__kwdefaults__", told)
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    return made


# ---------------------------------------------------------------- kick-off


def test_f17_a_job_is_begun_as_the_guide_says_and_kept_before_it_is_asked_for(rig: Rig, stub: Stub) -> None:
    rig.keys |= {"resources": ["Patient", "Appointment"], "export": "group", "group": "g1"}
    stub.polls = [(404, {}, b"{}")]
    with pytest.raises(Unavailable):
        rig.pull()
    (kick_off,) = stub.asked("$export")
    assert str(kick_off.url) == f"{BASE}/Group/g1/$export?_type=Patient%2CAppointment"
    assert kick_off.headers["Prefer"] == "respond-async"
    assert kick_off.headers["Accept"] == "application/fhir+json"
    assert rig.job is not None
    assert rig.job["url"] == JOB


def test_f17_a_filter_that_the_server_does_not_know_is_for_a_person_and_is_never_passed_over(
    rig: Rig, stub: Stub
) -> None:
    rig.keys |= {"type_filters": {"Patient": "active=true"}, "resources": None}
    stub.kicks = [(400, {}, json.dumps(OUTCOME).encode())] * 9
    with pytest.raises(Misconfigured, match=r"sources.emr.type_filters: .*400 \(processing\)") as caught:
        rig.pull()
    assert "Zanzibar" not in str(caught.value)
    assert all("_typeFilter=Patient%3Factive%3Dtrue" in str(call.url) for call in stub.asked("$export"))
    assert not any("lenient" in call.headers["Prefer"] for call in stub.calls if "Prefer" in call.headers)


def test_f17_with_a_filter_nobody_counts_as_absent(rig: Rig, stub: Stub) -> None:
    rig.keys["type_filters"] = {"Patient": ["active=true", "gender=female,male"]}
    stub.put("Patient", line("Patient", "1"))
    rig.pull()
    assert rig.snapshots == {"Patient": "delta"}
    assert "gender%3Dfemale%2Cmale" in str(stub.asked("$export")[0].url)


def test_types_that_the_server_lacks_are_left_out_where_nobody_named_them(rig: Rig, stub: Stub) -> None:
    rig.keys["resources"] = None
    stub.statement["rest"] = [{"mode": "server", "resource": [{"type": "Patient"}]}]  # type: ignore[assignment]
    stub.kicks = [(400, {}, b"{}")] * 2
    stub.put("Patient", line("Patient", "1"))
    assert [row.external_id for row in rig.pull()] == ["1"]
    assert rig.notices[0].startswith("not_offered: Appointment, ")
    stub.now += timedelta(hours=2)
    rig.pull()
    last = str(stub.asked("$export")[-1].url)
    assert len(stub.asked("$export")) == 4
    assert "_type=Patient&_since=2026-03-02T17%3A50%3A00.000Z" in last


def test_types_that_somebody_named_are_not_left_out(rig: Rig, stub: Stub) -> None:
    stub.kicks = [(422, {}, b"{}")]
    with pytest.raises(Misconfigured, match=r"sources\.emr\.resources"):
        rig.pull()


@pytest.mark.parametrize(("level", "key"), [({}, "export"), ({"export": "group", "group": "g"}, "group")])
def test_a_level_that_the_server_does_not_export_is_named(
    rig: Rig, stub: Stub, level: dict[str, str], key: str
) -> None:
    rig.keys |= level
    stub.kicks = [(404, {}, b"<html>")]
    with pytest.raises(Misconfigured, match=f"sources.emr.{key}: "):
        rig.pull()


def test_a_server_that_refuses_since_exports_everything(rig: Rig, stub: Stub) -> None:
    stub.put("Patient", line("Patient", "1"))
    rig.pull()
    stub.now += timedelta(hours=2)
    stub.kicks = [(400, {}, b"{}")]
    rig.pull()
    assert ["_since" in str(call.url) for call in stub.asked("$export")] == [False, True, False]
    assert rig.snapshots == {"Patient": "full"}
    assert rig.notices == ["filter_ignored: the server refuses _since; everything is exported each time"]


# ---------------------------------------------------------------- the job


def test_f13_f18_a_job_that_takes_longer_than_a_run_waits_is_gone_on_with(rig: Rig, stub: Stub) -> None:
    rig.keys["wait"] = "10s"
    stub.polls = [
        at_work(X_Progress="Zanzibar: 35.5% of 12 files", Retry_After="0"),
        at_work(),
        at_work(Retry_After="20"),
    ]
    with pytest.raises(Unavailable, match=r"still at the export; the next run") as caught:
        rig.pull()
    assert caught.value.retry_after == 20
    assert rig.slept == [1.0, 2.0]
    stub.polls = [at_work(X_Progress="Zanzibar: 35.5% of 12 files", Retry_After="18000")]
    with pytest.raises(Unavailable, match=r"still at the export \(35 %\)") as caught:
        rig.pull()
    assert "Zanzibar" not in str(caught.value)
    stub.put("Patient", line("Patient", "1"))
    assert len(rig.pull()) == 1
    assert len(stub.asked("$export")) == 1


def test_f18_a_job_that_the_server_has_forgotten_is_begun_again_in_the_same_run(rig: Rig, stub: Stub) -> None:
    stub.polls = [at_work(Retry_After="300"), at_work(Retry_After="300")]
    with pytest.raises(Unavailable):
        rig.pull()
    stub.polls = [(410, {}, b"{}")]
    stub.put("Patient", line("Patient", "1"))
    assert len(rig.pull()) == 1
    assert len(stub.asked("$export")) == 2
    assert rig.job is None


def test_a_job_that_fails_is_ended_before_another_is_begun(rig: Rig, stub: Stub) -> None:
    stub.polls = [(400, {}, json.dumps(OUTCOME).encode())]
    with pytest.raises(Unavailable, match=r"failed at the server \(400 \(processing\)\)"):
        rig.pull()
    rig.pull()
    told = [each for each in stub.kinds_of_calls() if "metadata" not in each]
    assert told == [
        "GET /R4/$export", "GET /R4/jobs/1", "DELETE /R4/jobs/1",
        "GET /R4/$export", "GET /R4/jobs/1", "DELETE /R4/jobs/1",
    ]  # fmt: skip


def test_f14_a_job_that_answers_nothing_but_errors_is_given_up_after_some_runs(rig: Rig, stub: Stub) -> None:
    stub.polls = [(500, {}, b"")] * 3
    for _ in range(3):
        with pytest.raises(Unavailable, match="answered 500"):
            rig.pull()
    stub.now += timedelta(hours=2)
    rig.pull()
    assert len(stub.asked("$export")) == 2


def test_settings_that_ask_otherwise_end_the_job_that_was_begun(rig: Rig, stub: Stub) -> None:
    stub.polls = [at_work(Retry_After="300"), at_work(Retry_After="300")]
    with pytest.raises(Unavailable):
        rig.pull()
    rig.keys["resources"] = ["Patient", "Coverage"]
    stub.polls = []
    rig.pull()
    assert [each.partition(" ")[0] for each in stub.kinds_of_calls()[-4:]] == ["DELETE", "GET", "GET", "DELETE"]


@pytest.mark.parametrize("status", [200, 204, 404, 405, 403])
def test_f18_the_job_is_ended_once_whatever_the_server_says(rig: Rig, stub: Stub, status: int) -> None:
    stub.ending = status
    rig.pull()
    assert rig.job is None
    assert stub.kinds_of_calls()[-1] == "DELETE /R4/jobs/1"


def test_f18_a_job_is_not_forgotten_before_the_server_was_told_and_costs_no_run(rig: Rig, stub: Stub) -> None:
    stub.ending = 503
    rig.pull()
    assert rig.job is not None
    stub.now += timedelta(hours=1)
    stub.put("Patient", line("Patient", "1"))
    assert len(rig.pull()) == 1
    assert [call.method for call in stub.calls if "/jobs/" in str(call.url)].count("DELETE") == 3


def test_a_server_that_gives_every_job_the_same_url_is_believed_each_time(rig: Rig, stub: Stub) -> None:
    rig.pull()
    stub.now += timedelta(hours=1)
    stub.put("Patient", line("Patient", "1"))
    assert len(rig.pull()) == 1


# ---------------------------------------------------------------- manifest and files


def test_f18_a_manifest_that_is_told_once_only_is_kept(rig: Rig, stub: Stub) -> None:
    for name in "abc":
        stub.put("Patient", line("Patient", name))
    rows = rig.pull(2)
    stub.polls = [(404, {}, b"{}")]
    rows += rig.pull()
    assert sorted(row.external_id for row in rows) == ["a", "b", "c"]
    assert len(stub.asked("/jobs/")) == 2


def test_f01_a_job_beside_the_base_url_gets_the_token_and_a_file_at_another_host_does_not(rig: Rig, stub: Stub) -> None:
    stub.location = f"{HOST}/bulkstatus/7"
    stub.put("Patient", line("Patient", "1"), at=f"{HOST}/eyJ/fhir")
    assert len(rig.pull()) == 1
    assert all(call.headers["Authorization"] == f"Bearer {TOKEN}" for call in stub.calls)
    stub.now += timedelta(hours=1)
    stub.put("Patient", line("Patient", "2"), at="https://127.0.0.1:9/R4")
    with pytest.raises(Unavailable, match="leads away"):
        rig.pull()
    assert not stub.asked("https://")


def test_f12_files_that_want_no_token_get_none_though_they_lie_at_the_server(rig: Rig, stub: Stub) -> None:
    stub.manifest["requiresAccessToken"] = False
    stub.put("Patient", line("Patient", "1"))
    assert len(rig.pull()) == 1
    (file,) = stub.asked("/files/")
    assert "Authorization" not in file.headers


def test_f12_an_export_whose_files_are_gone_is_made_anew_by_the_next_run(rig: Rig, stub: Stub) -> None:
    url = stub.put("Patient", 410)
    with pytest.raises(Unavailable, match="made anew"):
        rig.pull()
    assert len(stub.asked("/files/")) == 2
    stub.files[url] = line("Patient", "1")
    assert len(rig.pull()) == 1
    assert len(stub.asked("$export")) == 2


def test_f12_files_are_known_by_their_paths_when_a_manifest_is_asked_for_anew(rig: Rig, stub: Stub) -> None:
    stub.put("Patient", line("Patient", "a"))
    second = stub.put("Patient", 403)
    stub.put("Patient", line("Patient", "c"))

    def renewed(url: str) -> Answer:
        for item in stub.manifest["output"]:
            item["url"] += "?signature=2"
        stub.files |= {f"{name}?signature=2": body for name, body in stub.files.items()}
        stub.files[f"{second}?signature=2"] = line("Patient", "b")
        stub.manifest["output"].reverse()
        return 200, {}, json.dumps(stub.manifest).encode()

    found = stub._found
    asks = iter((found, lambda _method, url: renewed(url)))
    stub._found = lambda method, url: (  # type: ignore[method-assign]
        next(asks)(method, url) if "/jobs/" in url and method == "GET" else found(method, url)
    )
    assert sorted(row.external_id for row in rig.pull()) == ["a", "b", "c"]


def test_f18_parts_of_a_manifest_are_followed_at_the_server_only(rig: Rig, stub: Stub) -> None:
    stub.put("Patient", line("Patient", "1"))
    first = {**stub.manifest, "link": [{"relation": "next", "url": f"{JOB}?page=2"}]}
    stub.manifest["output"] = []
    stub.put("Patient", line("Patient", "2"))
    stub.polls = [(200, {}, json.dumps(first).encode()), at_work(Retry_After="1")]
    assert {row.external_id for row in rig.pull()} == {"1", "2"}
    assert rig.snapshots == {"Patient": "full"}
    for link, why in ((JOB, "do not end"), ("https://elsewhere.example/jobs/1", "leads away")):
        stub.now += timedelta(hours=1)
        stub.polls = [(200, {}, json.dumps(first | {"link": [{"relation": "next", "url": link}]}).encode())]
        with pytest.raises(Unavailable, match=why):
            rig.pull()


def test_f18_one_type_whose_file_is_cut_does_not_cost_the_others(rig: Rig, stub: Stub) -> None:
    rig.keys["resources"] = ["Patient", "Appointment"]
    cut = stub.put("Patient", line("Patient", "1") + line("Patient", "2")[:-9], count=2)
    stub.put("Appointment", line("Appointment", "a"))
    with pytest.raises(Unavailable, match=r"file 1 of 2 \(Patient\): the last line is cut off"):
        rig.pull()
    assert list(rig.known.times) == ["Appointment"]
    stub.files[cut] = line("Patient", "1") + line("Patient", "2")
    asked = len(stub.calls)
    assert {row.external_id for row in rig.pull()} == {"1", "2"}
    assert stub.kinds_of_calls()[asked:] == ["GET /R4/files/0", "DELETE /R4/jobs/1"]


def test_f15_errors_of_an_export_leave_nobody_absent_and_do_not_have_it_made_whole_at_once(
    rig: Rig, stub: Stub
) -> None:
    stub.put("Patient", line("Patient", "1"))
    stub.put("OperationOutcome", json.dumps(OUTCOME).encode() + b"\n", "error")
    stub.manifest["error"].append(OUTCOME)
    rig.pull()
    assert rig.snapshots == {"Patient": "delta"}
    assert rig.notices == ["export_has_gaps: the server reports 2 errors; nobody counts as absent"]
    stub.manifest["error"] = []
    for hours, whole in ((2, False), (23, True), (2, False)):
        stub.now += timedelta(hours=hours)
        rig.pull()
        assert ("_since" not in str(stub.asked("$export")[-1].url)) == whole
    assert "full" not in rig.snapshots.values()


def test_f15_a_line_that_is_no_resource_leaves_nobody_absent(rig: Rig, stub: Stub) -> None:
    stub.put("Patient", line("Patient", "1") + b"[1]\n" + line("Patient", "2"), count=2)
    assert len(rig.pull()) == 3
    assert rig.snapshots == {"Patient": "delta"}


def test_f09_deletions_are_heard_before_what_has_come_back_and_nothing_else_of_their_bundles_is(
    rig: Rig, stub: Stub
) -> None:
    rig.pull()
    stub.now += timedelta(hours=1)
    requests_ = [{"method": "DELETE", "url": url} for url in ("Patient/1", "Patient/2", "Spaceship/3", "nowhere")]
    entries: list[dict[str, Any]] = [{"request": each} for each in requests_]
    entries.append(
        {"request": {"method": "PUT", "url": "Patient/4"}, "resource": {"resourceType": "Patient", "id": "4"}}
    )
    bundle = {"resourceType": "Bundle", "type": "transaction", "entry": entries}
    stub.put("Bundle", json.dumps(bundle).encode() + b"\n", "deleted")
    stub.put("Patient", line("Patient", "2"))
    rows = rig.pull()
    assert [row.external_id for row in rows] == ["1", "2", "2"]
    assert [row.body.startswith(b'{"request"') for row in rows] == [True, True, False]  # type: ignore[arg-type]


def test_f07_f09_everything_is_exported_again_after_a_while(rig: Rig, stub: Stub) -> None:
    rig.pull()
    for days, whole in ((6, False), (1, True), (1, False)):
        stub.now += timedelta(days=days)
        rig.pull()
        assert rig.snapshots == {"Patient": "full" if whole else "delta"}
    rig.keys["full_every"] = "never"
    stub.now += timedelta(days=400)
    rig.pull()
    assert rig.snapshots == {"Patient": "delta"}


def test_f06_the_earlier_of_the_servers_two_times_counts_and_never_the_future(rig: Rig, stub: Stub) -> None:
    for told, since in (
        ("2026-03-02T17:00:00Z", "2026-03-02T16%3A50"),
        ("2999-01-01T00:00:00Z", "2026-03-02T18%3A50"),
        (1772470800000, "2026-03-02T16%3A50"),
    ):
        stub.manifest["transactionTime"] = told
        rig.pull()
        stub.now += timedelta(hours=1)
        rig.pull()
        assert f"_since={since}" in str(stub.asked("$export")[-1].url)


def test_files_lie_in_a_private_folder_that_is_gone_after_each_run_and_after_a_killed_one(
    rig: Rig, stub: Stub, tmp_path: Path
) -> None:
    stub.put("Patient", line("Patient", "1"))
    passes = rig.source().passes(rig.known, AT)
    first = next(passes)
    next(first.pages())
    (folder,) = tmp_path.glob("prm-sync-export-*")
    assert folder.stat().st_mode & 0o777 == 0o700
    held = rig.lent.memo.get("folder")
    passes.close()  # type: ignore[attr-defined]
    assert not folder.exists()
    folder.mkdir()
    (folder / "left.ndjson").touch()
    assert held == {"path": str(folder)}
    rig.pull()
    assert list(tmp_path.glob("prm-sync-export-*")) == []
    rig.lent.memo.put("folder", {"path": str(tmp_path)})
    rig.pull()
    assert tmp_path.exists()


# ---------------------------------------------------------------- reading


@pytest.mark.parametrize(
    "body",
    [b"[]", b"{}", b'{"output":{}}', b'{"output":[{"type":"Patient"}]}', b'{"output":[{"url":"x"}]}', b"{" * 9000],
)
def test_what_is_no_manifest_is_never_an_export_without_files(body: bytes) -> None:
    with pytest.raises(Unavailable, match="manifest"):
        read_manifest(body, "GET host/(export status)")


def test_f15_an_outcome_instead_of_a_manifest_is_told_by_its_codes() -> None:
    with pytest.raises(Unavailable, match=r"no manifest of an export \(processing\)") as caught:
        read_manifest(json.dumps(OUTCOME | {"output": []}).encode(), "")
    assert "Zanzibar" not in str(caught.value)


def test_a_manifest_is_read_as_servers_write_it() -> None:
    found = read_manifest(
        b'{"transactionTime":"2026-03-02 18:00:01","requiresAccessToken":"false","error":null,'
        b'"output":[{"type":"Patient","url":"u","count":"3"},{"type":"Patient","url":"v","count":-1}]}',
        "",
    )
    assert found.time == datetime(2026, 3, 2, 18, 0, 1, tzinfo=UTC)
    assert found.token is False
    assert found.output == (Item("Patient", "u", 3), Item("Patient", "v", None))


@pytest.mark.parametrize(
    ("text", "count", "fault"),
    [
        (line("Patient", "1"), 1, None),
        (line("Patient", "1"), None, None),
        (line("Patient", "1") + b"\n\n", 1, None),
        (line("Patient", "1").strip(), 1, None),
        (line("Patient", "1").strip(), None, "the last line has no end"),
        (line("Patient", "1")[:-5] + b"\n", 1, "cut off"),
        (line("Patient", "1"), 2, "holds 1 resources, and the manifest tells 2"),
        (line("Patient", "1") * 2, 1, "holds 2 resources, and the manifest tells 1"),
        (json.dumps(OUTCOME).encode() + b"\n", None, "an error instead of the file"),
        (b"\xff\xfe" + line("Patient", "1"), 1, "UTF-16"),
        (b"", 0, None),
        (b"", 5, "holds 0"),
    ],
)
def test_f18_a_file_is_whole_or_does_not_land(
    tmp_path: Path, text: bytes, count: int | None, fault: str | None
) -> None:
    path = tmp_path / "file.ndjson"
    path.write_bytes(text)
    got = Downloaded(status=200, headers={}, size=len(text), ended=text.endswith(b"\n") or not text)
    item = Item("Patient", "u", count)
    if fault is None:
        assert read(path, "the file", item, got).resources == ({"Patient": 1} if text else {})
        return
    with pytest.raises(Unsound, match=fault):
        read(path, "the file", item, got)


# ---------------------------------------------------------------- settings and live check


@pytest.mark.parametrize(
    "keys",
    [
        {"export": "group"},
        {"group": "g"},
        {"export": "group", "group": "Group/1"},
        {"type_filters": {"Coverage": "status=active"}},
        {"type_filters": {"Patient": "Patient?active=true"}},
        {"type_filters": {"Patient": []}},
        {"resources": ["Spaceship"]},
    ],
)
def test_settings_that_cannot_be_meant_are_refused(keys: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        FhirBulkSettings.model_validate({"kind": "fhir-bulk", "base_url": BASE, "resources": ["Patient"], **keys})


def test_a_live_check_says_which_exports_there_are_and_starts_none(rig: Rig, stub: Stub) -> None:
    operation = [{"name": "export", "definition": "x"}]
    stub.statement["rest"] = [{"mode": "server", "resource": [{"type": "Group", "operation": operation}]}]  # type: ignore[assignment]
    assert levels(json.dumps(stub.statement).encode()) == {"group"}
    found = {finding.step: finding for finding in rig.source().probe(AT)}
    assert not found["system export"].ok
    assert "group only" in found["system export"].hint
    rig.keys |= {"export": "group", "group": "g"}
    found = {finding.step: finding for finding in rig.source().probe(AT)}
    assert found["group export"].ok
    assert "no such group" in found["the group"].hint
    assert not stub.asked("$export")
