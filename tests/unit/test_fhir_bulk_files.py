"""What a bulk export brings: its manifest, its files, and how they are proved."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import responses

from connectors.base import Unavailable
from connectors.fhir_bulk.manifest import Item, read_manifest
from connectors.fhir_bulk.scan import Unsound, read
from connectors.http.download import Downloaded
from tests.fakes.fhir_bulk_stub import AT, HOST, JOB, OUTCOME, TOKEN, Answer, Rig, Stub, at_work, line


@pytest.fixture
def stub() -> Iterator[Stub]:
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        yield Stub(mock)


@pytest.fixture
def rig(stub: Stub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Rig:
    return Rig(stub, tmp_path).install(monkeypatch, tmp_path)


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
