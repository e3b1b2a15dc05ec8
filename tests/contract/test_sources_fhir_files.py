"""What a folder of FHIR files promises: whole files only, every resource in its own pass, nothing read twice."""

import gzip
import json
import os
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from pydantic import ValidationError

from connectors.base import Page, RawRow, Refusal, Unavailable
from connectors.fhir import stream as stream_module
from connectors.fhir_files import FhirFilesSource
from connectors.fhir_files.delivery import Delivery
from connectors.settings import Surroundings
from mappings.records import Mapped, PatientRow, Rejected, VisitRow
from tests.fakes.known import MemoryKnown
from tests.fakes.lent import lent

AT = datetime(2026, 3, 2, 12, tzinfo=UTC)
ZONE = ZoneInfo("America/Chicago")
SURROUNDINGS = Surroundings(zone=ZONE, phone_region="US", site_zones={"lincoln": ZONE, "boulder": ZONE})


class Landed(MemoryKnown):
    """Remembers what was landed, as sync does."""

    def __init__(self) -> None:
        super().__init__()

    def take(self, passes: Iterable[Delivery]) -> list[Delivery]:
        taken = list(passes)
        for each in taken:
            if each.proof is not None:
                self.files.add((each.feed, each.proof.sha256))
                self.times[each.feed] = each.data_as_of
        return taken


def source(folder: Path, **settings: Any) -> FhirFilesSource:
    model = FhirFilesSource.settings_model.model_validate(
        {"kind": "fhir-files", "folder": folder, "site": "lincoln", **settings}
    )
    return FhirFilesSource("clinic", model, SURROUNDINGS, lent())


def passes(from_: FhirFilesSource, known: Landed | None = None) -> list[Delivery]:
    return list(from_.passes(known or Landed(), AT))


def rows(each: Delivery) -> list[RawRow]:
    return [row for page in each.pages() for row in page.rows]


def patient(id_: str, **elements: Any) -> dict[str, Any]:
    return {"resourceType": "Patient", "id": id_, **elements}


def encounter(id_: str, subject: str = "Patient/1", **elements: Any) -> dict[str, Any]:
    base = {
        "status": "finished",
        "class": {"code": "AMB"},
        "subject": {"reference": subject},
        "period": {"start": "2026-03-01T15:00:00Z"},
    }
    return {"resourceType": "Encounter", "id": id_, **base, **elements}


def ndjson(path: Path, *resources: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(resource) + "\n" for resource in resources))
    return path


def bundle(path: Path, kind: str, *entries: dict[str, Any]) -> Path:
    path.write_text(json.dumps({"resourceType": "Bundle", "type": kind, "entry": list(entries)}, indent=1))
    return path


# ---------------------------------------------------------------- files and passes


def test_every_resource_type_of_a_file_is_a_pass_of_its_own(tmp_path: Path) -> None:
    ndjson(tmp_path / "all.ndjson", patient("1"), encounter("2"), patient("3"))
    found = passes(source(tmp_path))
    assert [(each.feed, each.name, sorted(each.kinds)) for each in found] == [
        ("Patient", "all.ndjson", ["patients"]),
        ("Encounter", "all.ndjson", ["appointments"]),
    ]
    assert [(row.external_id, row.place) for row in rows(found[0])] == [("1", 1), ("3", 3)]
    assert [(row.external_id, row.place) for row in rows(found[1])] == [("Encounter/2", 2)]


def test_the_proof_counts_what_the_pages_hold(tmp_path: Path) -> None:
    ndjson(tmp_path / "Patient.ndjson", *(patient(str(n)) for n in range(2500)))
    (each,) = passes(source(tmp_path))
    assert each.proof is not None
    assert (each.proof.rows, each.proof.kinds) == (2500, {"patients": 2500})
    assert [len(page.rows) for page in each.pages()] == [1000, 1000, 500]


def test_bodies_are_the_bytes_that_were_delivered(tmp_path: Path) -> None:
    (tmp_path / "p.ndjson").write_bytes(b'{"resourceType" :  "Patient", "id":"1","hologram":1.50}\n')
    assert rows(passes(source(tmp_path))[0])[0].body == b'{"resourceType" :  "Patient", "id":"1","hologram":1.50}'


def test_plain_and_gz_files_bundles_and_single_resources_are_read_alike(tmp_path: Path) -> None:
    line = json.dumps(patient("1")).encode()
    (tmp_path / "a.ndjson").write_bytes(line + b"\n")
    (tmp_path / "b.ndjson.gz").write_bytes(gzip.compress(line + b"\n"))
    (tmp_path / "c.json").write_bytes(line)
    (tmp_path / "d.json.gz").write_bytes(gzip.compress(line))
    bundle(tmp_path / "e.json", "searchset", {"resource": patient("1")})
    (tmp_path / "f.json").write_bytes(line + b"\n" + line + b"\n")
    (tmp_path / "g.json").write_bytes(b"\xef\xbb\xbf" + line)
    found = {each.name: [row.external_id for row in rows(each)] for each in passes(source(tmp_path))}
    assert found == {
        **{name: ["1"] for name in ["a.ndjson", "b.ndjson.gz", "c.json", "d.json.gz", "e.json", "g.json"]},
        "f.json": ["1", "1"],
    }


def test_a_file_that_has_landed_is_not_offered_again_even_under_another_name(tmp_path: Path) -> None:
    first = ndjson(tmp_path / "a.ndjson", patient("1"), encounter("2"))
    known = Landed()
    from_ = source(tmp_path)
    assert len(known.take(from_.passes(known, AT))) == 2
    first.rename(tmp_path / "b.ndjson")
    assert passes(from_, known) == []


def test_a_pass_that_did_not_land_is_offered_again(tmp_path: Path) -> None:
    ndjson(tmp_path / "a.ndjson", patient("1"), encounter("2"))
    from_, known = source(tmp_path), Landed()
    known.take(each for each in from_.passes(known, AT) if each.feed == "Patient")
    assert [each.feed for each in passes(from_, known)] == ["Encounter"]


def test_files_go_in_the_order_of_their_export(tmp_path: Path) -> None:
    for name in ("p-20260301-0900", "p-20260228-0900", "p-2026-02-27"):
        ndjson(tmp_path / f"{name}.ndjson", patient(name))
    found = passes(source(tmp_path))
    assert [each.name for each in found] == ["p-2026-02-27.ndjson", "p-20260228-0900.ndjson", "p-20260301-0900.ndjson"]
    assert found[1].data_as_of == datetime(2026, 2, 28, 15, tzinfo=UTC)
    assert found[0].data_as_of == datetime(2026, 2, 28, 5, 59, 59, 999999, tzinfo=UTC)


def test_the_export_time_may_stand_in_the_folder_or_be_declared_else_the_file_tells(tmp_path: Path) -> None:
    ndjson(tmp_path / "2026-02-01T0800" / "Patient.ndjson", patient("1"))
    path = ndjson(tmp_path / "Patient.ndjson", patient("2"))
    os.utime(path, (1_770_000_000, 1_770_000_000))
    times = {each.name: each.data_as_of for each in passes(source(tmp_path))}
    assert times["2026-02-01T0800/Patient.ndjson"] == datetime(2026, 2, 1, 14, tzinfo=UTC)
    assert times["Patient.ndjson"] == datetime.fromtimestamp(1_770_000_000, UTC)
    path.rename(tmp_path / "x.03.02.26.ndjson")
    rule = {"name": r"x\.(.*)\.ndjson", "format": "%d.%m.%y"}
    times = {each.name: each.data_as_of for each in passes(source(tmp_path, exported_at=rule, files="*.ndjson"))}
    assert times == {"x.03.02.26.ndjson": datetime(2026, 2, 4, 5, 59, 59, 999999, tzinfo=UTC)}


def test_no_export_is_of_the_future(tmp_path: Path) -> None:
    ndjson(tmp_path / "p-2027-01-01.ndjson", patient("1"))
    assert passes(source(tmp_path))[0].data_as_of == AT


def test_a_folder_that_is_not_there_is_unavailable(tmp_path: Path) -> None:
    with pytest.raises(Unavailable):
        passes(source(tmp_path / "gone"))


def test_hidden_files_and_links_out_of_the_folder_are_none_of_the_source(tmp_path: Path) -> None:
    outside = ndjson(tmp_path / "outside.ndjson", patient("1"))
    folder = tmp_path / "in"
    ndjson(folder / ".upload.ndjson", patient("2"))
    (folder / "link.ndjson").symlink_to(outside)
    assert passes(source(folder)) == []


def test_types_that_are_not_used_are_counted_and_not_quarantined(tmp_path: Path) -> None:
    ndjson(tmp_path / "Slot.ndjson", {"resourceType": "Slot", "id": "1"}, {"resourceType": "Slot", "id": "2"})
    (each,) = passes(source(tmp_path))
    assert (each.feed, each.kinds, rows(each)) == ("other", frozenset(), [])
    assert each.notices == ("resources_ignored: 2 Slot, not used here",)


def test_an_empty_delta_says_that_nothing_changed(tmp_path: Path) -> None:
    (tmp_path / "Appointment.000.ndjson").touch()
    (each,) = passes(source(tmp_path))
    assert (each.feed, each.proof and each.proof.rows, rows(each)) == ("Appointment", 0, [])


# ---------------------------------------------------------------- full exports


def test_the_files_of_one_export_are_one_full_pass_for_each_type(tmp_path: Path) -> None:
    ndjson(tmp_path / "2026-03-01" / "Patient.000.ndjson", patient("1"))
    ndjson(tmp_path / "2026-03-01" / "Patient.001.ndjson", patient("2"))
    ndjson(tmp_path / "2026-03-01" / "Encounter.000.ndjson", encounter("3"))
    found = passes(source(tmp_path, snapshot="full"))
    assert [(each.feed, each.snapshot, each.proof and each.proof.rows) for each in found] == [
        ("Patient", "full", 2),
        ("Encounter", "full", 1),
    ]
    assert [row.external_id for row in rows(found[0])] == ["1", "2"]


def test_an_older_full_export_asks_not_to_land(tmp_path: Path) -> None:
    ndjson(tmp_path / "2026-02-01" / "Patient.ndjson", patient("1"))
    known = Landed()
    known.times["Patient"] = AT - timedelta(days=1)
    (each,) = passes(source(tmp_path, snapshot="full"), known)
    assert each.skipped == "older_snapshot"


def test_an_emptied_full_export_shows_its_emptiness(tmp_path: Path) -> None:
    (tmp_path / "Patient.000.ndjson").touch()
    (each,) = passes(source(tmp_path, snapshot="full"))
    assert (each.feed, each.snapshot, each.proof and each.proof.rows) == ("Patient", "full", 0)


def test_an_export_with_a_refused_file_or_an_error_makes_nobody_absent(tmp_path: Path) -> None:
    ndjson(tmp_path / "a" / "Patient.000.ndjson", patient("1"))
    (tmp_path / "a" / "Patient.001.ndjson").write_text('{"resourceType":"Patient","id":"2"}\n{"resourceTy')
    ndjson(tmp_path / "b" / "Patient.ndjson", patient("3"))
    failure = {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": "timeout"}]}
    ndjson(tmp_path / "b" / "error.ndjson", failure)
    found = [each for each in passes(source(tmp_path, snapshot="full")) if each.feed == "Patient"]
    assert sorted((each.snapshot, each.refusal is None) for each in found) == [
        ("delta", False),
        ("delta", True),
        ("delta", True),
    ]


# ---------------------------------------------------------------- files that must not land


def refusal(folder: Path) -> Refusal:
    (each,) = passes(source(folder))
    assert each.proof is None
    assert each.refusal is not None
    with pytest.raises(Refusal):
        list(each.pages())
    return each.refusal


@pytest.mark.parametrize(
    ("name", "contents", "code"),
    [
        ("Patient.ndjson", b'{"resourceType":"Patient","id":"1"}\n{"resourceType":"Pat', "cut_last_line"),
        ("Patient.ndjson", b'{"resourceType":"Patient","id":"1"}\n{"resourceType":"Pat\n', "cut_last_line"),
        ("Patient.ndjson", b'{"resourceType":"Patient","id":"1"}', "cut_last_line"),
        ("Patient.ndjson.gz", gzip.compress(b'{"resourceType":"Patient","id":"1"}\n', mtime=0)[:-12], "cut_last_line"),
        ("Patient.ndjson.gz", b"PK this is no gz", "unreadable"),
        ("Patient.json", b'{"resourceType":"Patient","id":', "unreadable"),
        ("Patient.ndjson", '{"resourceType":"Patient","id":"1"}\n'.encode("utf-16"), "wrong_encoding"),
        ("Patient.ndjson", '{"resourceType":"Patient","id":"é"}\n'.encode("latin-1"), "wrong_encoding"),
        ("Patient.json", '{"resourceType":"Patient","id":"é"}'.encode("latin-1"), "wrong_encoding"),
    ],
)
def test_a_file_that_is_not_whole_is_refused_and_left_in_place(
    tmp_path: Path, name: str, contents: bytes, code: str
) -> None:
    (tmp_path / name).write_bytes(contents)
    refused = refusal(tmp_path)
    assert (refused.code, refused.name) == (code, name)
    assert (tmp_path / name).read_bytes() == contents


def test_a_gz_that_inflates_beyond_measure_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream_module, "_FREE", 1000)
    blown = json.dumps(patient("1", text="a" * 1_000_000)).encode() + b"\n"
    (tmp_path / "p.ndjson.gz").write_bytes(gzip.compress(blown))
    assert refusal(tmp_path).code == "too_large"


def test_a_line_or_a_document_beyond_the_limit_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream_module, "LINE_LIMIT", 100)
    monkeypatch.setattr(stream_module, "DOCUMENT_LIMIT", 100)
    ndjson(tmp_path / "p.ndjson", patient("1", text="a" * 200))
    (tmp_path / "p.json").write_text(json.dumps(patient("1", text="a" * 200), indent=1))
    codes = [each.refusal.code for each in passes(source(tmp_path)) if each.refusal is not None]
    assert codes == ["too_large", "too_large"]


def test_a_file_that_changes_after_its_proof_does_not_land(tmp_path: Path) -> None:
    path = ndjson(tmp_path / "p.ndjson", patient("1"))
    (each,) = passes(source(tmp_path))
    ndjson(path, patient("1"), patient("2"))
    with pytest.raises(Unavailable):
        list(each.pages())


def test_no_refusal_repeats_what_stood_in_the_file(tmp_path: Path) -> None:
    (tmp_path / "p.ndjson").write_text('{"resourceType":"Patient","id":"1","name":"Zanzibar\n')
    assert "Zanzibar" not in str(refusal(tmp_path))


# ---------------------------------------------------------------- rows that cannot be used


def test_a_broken_line_is_quarantined_and_the_rest_goes_on(tmp_path: Path) -> None:
    (tmp_path / "p.ndjson").write_bytes(
        b'{"resourceType":"Patient","id":"1"}\n{"resourceType":"Patient","id":\n[]\n{"id":"4"}\n'
        b'{"resourceType":"Patient"}\n{"resourceType":"Patient","id":"6"}\n'
    )
    from_ = source(tmp_path)
    (each,) = passes(from_)
    mapped = {row.place: from_.map(row) for row in rows(each)}
    assert [place for place, outcome in mapped.items() if isinstance(outcome, Mapped)] == [1, 6]
    assert [outcome.code for outcome in mapped.values() if isinstance(outcome, Rejected)] == [
        "unreadable_resource",
        "unreadable_resource",
        "unreadable_resource",
        "missing_value",
    ]
    assert each.proof is not None
    assert each.proof.rows == 6


def test_a_line_of_endless_brackets_is_quarantined_and_the_rest_goes_on(tmp_path: Path) -> None:
    deep = b'{"resourceType":"Patient","id":"1","x":' + b"[" * 100_000 + b"]" * 100_000 + b"}"
    (tmp_path / "p.ndjson").write_bytes(deep + b'\n{"resourceType":"Patient","id":"2"}\n')
    from_ = source(tmp_path)
    (each,) = passes(from_)
    outcomes = [from_.map(row) for row in rows(each)]
    assert [type(outcome) for outcome in outcomes] == [Rejected, Mapped]


@pytest.mark.parametrize("wrong", [{"id": "1" * 251}, {"id": "a\0b"}, {"name": [{"family": "A\0B"}]}])
def test_what_a_database_cannot_hold_is_quarantined(tmp_path: Path, wrong: dict[str, Any]) -> None:
    ndjson(tmp_path / "p.ndjson", patient("1") | wrong, patient("2"))
    from_ = source(tmp_path)
    (each,) = passes(from_)
    landed = list(rows(each))
    assert [type(from_.map(row)) for row in landed] == [Rejected, Mapped]
    assert all(len(row.external_id) < 30 and "\0" not in row.external_id for row in landed)


@pytest.mark.parametrize("id_", ["x" * 65, "x" * 250])
def test_f20_an_id_longer_than_the_standard_allows_is_used(tmp_path: Path, id_: str) -> None:
    visit = encounter("1", f"Patient/{id_}")
    ndjson(tmp_path / "all.ndjson", patient(id_), visit)
    from_ = source(tmp_path)
    mapped = [from_.map(row) for each in passes(from_) for row in rows(each)]
    assert [getattr(each.record, "patient_id", id_) for each in mapped if isinstance(each, Mapped)] == [id_, id_]


@pytest.mark.parametrize("id_", ["a_b", "CV:1:2", "a b", "a/b", "é", "1" * 251])
def test_f20_an_id_that_no_reference_can_name_is_quarantined_by_its_path(tmp_path: Path, id_: str) -> None:
    ndjson(tmp_path / "Patient.ndjson", patient(id_))
    from_ = source(tmp_path)
    (each,) = passes(from_)
    assert [from_.map(row) for row in rows(each)] == [
        Rejected(code="unreadable_value", field="external_id", column="Patient.id")
    ]


@pytest.mark.parametrize("snapshot", ["delta", "full"])
def test_f20_a_line_that_is_no_location_is_quarantined_and_the_locations_are_known(
    tmp_path: Path, snapshot: str
) -> None:
    (tmp_path / "Location.ndjson").write_text('{"resourceType":"Location","id":"1"}\n{}\n[1]\n')
    from_ = source(tmp_path, snapshot=snapshot)
    (each,) = passes(from_)
    outcomes = [from_.map(row) for row in rows(each)]
    assert [getattr(outcome, "code", None) for outcome in outcomes] == [
        None,
        "unreadable_resource",
        "unreadable_resource",
    ]


def test_what_cannot_be_named_keeps_its_name_while_its_bytes_stay(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text('{"name": "package"}')
    (tmp_path / "b.json").write_text('{"name": "package"}')
    ids = {row.external_id for each in passes(source(tmp_path)) for row in rows(each)}
    assert len(ids) == 1


# ---------------------------------------------------------------- bundles


def test_names_of_a_bundle_become_references(tmp_path: Path) -> None:
    urn = "urn:uuid:0a0a0a0a-0000-4000-8000-000000000001"
    bundle(
        tmp_path / "t.json",
        "transaction",
        {"fullUrl": urn, "resource": {"resourceType": "Patient"}, "request": {"method": "POST", "url": "Patient"}},
        {"fullUrl": "urn:uuid:0b", "resource": patient("9")},
        {"fullUrl": "https://emr.example.com/fhir/Encounter/e1", "resource": _without_id(encounter("", subject=urn))},
        {"resource": encounter("e2", subject="urn:uuid:0b")},
    )
    from_ = source(tmp_path)
    found = {row.external_id: from_.map(row) for each in passes(from_) for row in rows(each)}
    assert set(found) == {urn[9:], "9", "Encounter/e1", "Encounter/e2"}
    assert _patient_of(found["Encounter/e1"]) == urn[9:]
    assert _patient_of(found["Encounter/e2"]) == "9"


def test_deleted_entries_are_removals_and_a_history_says_only_what_is_newest(tmp_path: Path) -> None:
    bundle(
        tmp_path / "h.json",
        "history",
        {"request": {"method": "DELETE", "url": "Patient/1"}},
        {"resource": patient("2", active=False), "request": {"method": "PUT", "url": "Patient/2"}},
        {"resource": patient("1"), "request": {"method": "PUT", "url": "Patient/1"}},
        {"resource": patient("2", active=True), "request": {"method": "PUT", "url": "Patient/2"}},
        {"request": {"method": "DELETE", "url": "Appointment/5"}},
    )
    from_ = source(tmp_path)
    found = {row.external_id: from_.map(row) for each in passes(from_) for row in rows(each)}
    gone = Mapped(record=None, removed=True)
    assert (found["1"], found["Appointment/5"]) == (gone, gone)
    assert isinstance(found["2"], Mapped)
    assert isinstance(found["2"].record, PatientRow)
    assert found["2"].record.active is False


def test_a_bundle_may_be_a_line(tmp_path: Path) -> None:
    deleted = {"request": {"method": "DELETE", "url": "Patient/7"}}
    ndjson(tmp_path / "deleted.ndjson", {"resourceType": "Bundle", "type": "transaction", "entry": [deleted]})
    (each,) = passes(source(tmp_path))
    assert [(row.external_id, row.place) for row in rows(each)] == [("7", 1)]


# ---------------------------------------------------------------- references into the folder

BY_LOCATION = {"by": "location", "map": {"urn:clinics|B": "boulder"}}


def test_locations_and_patients_are_found_by_identifier_in_any_file_of_the_folder(tmp_path: Path) -> None:
    house = {"resourceType": "Location", "id": "h", "identifier": [{"system": "urn:clinics", "value": "B"}]}
    room = {"resourceType": "Location", "id": "r", "partOf": {"reference": "Location/h"}}
    ndjson(tmp_path / "old" / "Location.ndjson", house, room)
    ndjson(tmp_path / "Patient.ndjson", patient("1", identifier=[{"system": "urn:mrn", "value": "0001"}]))
    ndjson(
        tmp_path / "Encounter.ndjson",
        encounter("e", subject="Patient?identifier=urn:mrn|0001", location=[{"location": {"reference": "Location/r"}}]),
    )
    from_ = source(tmp_path, site=BY_LOCATION)
    visits = [from_.map(row) for each in passes(from_) if each.feed == "Encounter" for row in rows(each)]
    assert isinstance(visits[0], Mapped)
    assert isinstance(visits[0].record, VisitRow)
    assert (visits[0].record.patient_id, visits[0].record.site) == ("1", "boulder")


def test_a_row_from_quarantine_is_mapped_without_a_pull_before(tmp_path: Path) -> None:
    house = {"resourceType": "Location", "id": "h", "identifier": [{"system": "urn:clinics", "value": "B"}]}
    ndjson(tmp_path / "Location.ndjson", house)
    body = json.dumps(encounter("e", location=[{"location": {"reference": "Location/h"}}])).encode()
    mapped = source(tmp_path, site=BY_LOCATION).map(RawRow("appointments", "Encounter/e", body, 1))
    assert isinstance(mapped, Mapped)


# ---------------------------------------------------------------- settings


@pytest.mark.parametrize(
    "wrong",
    [
        {"site": {"by": "folder", "map": {"a": "lincoln"}}},
        {"site": {"column": "clinic", "map": {"a": "lincoln"}}},
        {"files": "../*.ndjson"},
        {"fhir_version": "STU3"},
        {"payers": {"rich": ["x"]}},
        {"exported_at": {"name": "no group", "format": "%Y"}},
        {"consent": [{"column": "ok", "yes": ["Y"], "channels": ["email"], "purposes": ["marketing"]}]},
        {"consents": [{"category": "x", "channels": [], "purposes": ["marketing"]}]},
    ],
)
def test_settings_that_make_no_sense_are_refused(tmp_path: Path, wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        source(tmp_path, **wrong)


def test_the_fingerprint_changes_with_what_decides_the_mapping_and_with_nothing_else(tmp_path: Path) -> None:
    one = source(tmp_path)
    assert source(tmp_path, schedule={"every": "5m"}, files="*.ndjson").fingerprint == one.fingerprint
    others = [
        source(tmp_path, site="boulder"),
        source(tmp_path, fhir_version="R5"),
        source(tmp_path, payers={"auto": ["x"]}),
        source(tmp_path, outcomes={"completed": ["x"]}),
        source(tmp_path, identifiers=["urn:a"]),
    ]
    assert len({one.fingerprint, *(other.fingerprint for other in others)}) == 6


def test_pages_are_what_the_contract_says(tmp_path: Path) -> None:
    ndjson(tmp_path / "p.ndjson", patient("1"))
    (each,) = passes(source(tmp_path))
    pages: Sequence[Page] = list(each.pages())
    assert pages == [Page(rows=[RawRow("patients", "1", json.dumps(patient("1")).encode(), 1)])]
    assert each.window() is None


def _without_id(resource: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in resource.items() if key != "id"}


def _patient_of(mapped: Mapped | Rejected) -> str:
    assert isinstance(mapped, Mapped)
    assert isinstance(mapped.record, VisitRow)
    return mapped.record.patient_id
