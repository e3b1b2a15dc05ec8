"""How tolerantly resources are read, and that the quick rung accepts nothing that fhir.resources refuses."""

import copy
import json
import random
from typing import Any, get_args

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mappings.fhir import ladder
from mappings.fhir.ladder import Reading, Release, read_resource
from mappings.fhir.moment import Date, Instant, Moment
from mappings.fhir.shapes import SHAPES, Appointment, Patient, Shape
from mappings.records import Warned

GOOD: dict[type, list[Any]] = {
    str: ["a", "Patient/1", "final", "é", "male", "https://example.com/x"],
    int: [1, 7],
    bool: [True, False],
    Date: ["2020", "2020-02", "2020-02-29"],
    Instant: ["2020-01-01T10:00:00Z", "2020-01-01T10:00:00.123456789+02:00", "2020-12-31T23:59:59-10:00"],
    Moment: ["2020", "2020-01-01", "2020-01-01T10:00:00Z"],
}
DOUBTFUL: list[Any] = [
    *("", " ", "a b", "a  b", " a", "a\n", "\n", "2020-02-30", "2020-13", "02/03/1990", "2020-01-01T10:00:00"),
    *("2020-01-01T10:00Z", "2020-01-01 10:00:00Z", "2020-01-01T24:00:00Z", "2020-01-01t10:00:00z", "0000", "20200101"),
    *("2020-01-01T10:00:00+15:00", "2020-01-01T10:00:00+0200", "٢٠٢٠-٠١-٠١", "a_b", "true", "1"),
    *(0, -1, 1.0, 1.5, 2**31, 20000, True, False, None, [], {}, [None], [{}], ["a"], [[]], {"x": 1}),
]


def _valid(annotation: Any, dice: random.Random) -> Any:
    """A value that the annotation of a shape's element allows."""
    if isinstance(annotation, type) and issubclass(annotation, Shape):
        return _filled(annotation, dice)
    if annotation in GOOD:
        return dice.choice(GOOD[annotation])
    if isinstance(annotation, type) and issubclass(annotation, Moment):
        return dice.choice(GOOD[Moment])
    if hasattr(annotation, "__metadata__"):
        return dice.choice([value for value in GOOD[get_args(annotation)[0]] if _fits(annotation, value)])
    parts = [part for part in get_args(annotation) if part is not type(None)]
    if getattr(annotation, "__origin__", None) is list:
        return [_valid(parts[0], dice) for _ in range(dice.randint(0, 2))]
    return _valid(parts[0], dice)


def _fits(annotation: Any, value: object) -> bool:
    try:
        msgspec.convert(value, annotation)
    except msgspec.ValidationError:
        return False
    return True


def _filled(shape: type[Shape], dice: random.Random) -> dict[str, Any]:
    elements = [field for field in msgspec.structs.fields(shape) if field.encode_name not in ("extension", "contained")]
    return {field.encode_name: _valid(field.type, dice) for field in elements if dice.random() < 0.8}


def _spoil(node: Any, dice: random.Random) -> None:
    """Replaces one value somewhere below by a doubtful one."""
    keys = list(node) if isinstance(node, dict) else list(range(len(node)))
    if not keys:
        return
    key = dice.choice(keys)
    if isinstance(node[key], dict | list) and node[key] and dice.random() < 0.8:
        _spoil(node[key], dice)
    else:
        node[key] = copy.deepcopy(dice.choice(DOUBTFUL))


@pytest.mark.parametrize("release", ["R4B", "R5"])
@pytest.mark.parametrize("kind", list(SHAPES["R4B"]))
@settings(max_examples=40)
@given(dice=st.randoms(use_true_random=False), spoils=st.integers(0, 2))
def test_what_the_quick_rung_accepts_fhir_resources_accepts_too(
    release: Release, kind: str, dice: random.Random, spoils: int
) -> None:
    document = _filled(SHAPES[release][kind], dice)
    for _ in range(spoils):
        _spoil(document, dice)
    try:
        resource = ladder._decoder(release, kind).decode(json.dumps(document))
    except msgspec.ValidationError:
        return
    if resource.whole():
        mapped = ladder._project(document, ladder._tree(SHAPES[release][kind]))
        assert ladder._faults(release, kind, mapped) == ([], [])


@pytest.mark.parametrize("release", ["R4B", "R5"])
@pytest.mark.parametrize("kind", list(SHAPES["R4B"]))
@settings(max_examples=15)
@given(dice=st.randoms(use_true_random=False), spoils=st.integers(0, 6))
def test_no_spoilt_resource_costs_more_than_itself(
    release: Release, kind: str, dice: random.Random, spoils: int
) -> None:
    document = _filled(SHAPES[release][kind], dice)
    for _ in range(spoils):
        _spoil(document, dice)
    reading = read_resource(release, kind, json.dumps(document).encode())
    assert reading is None or isinstance(reading.resource, SHAPES[release][kind])


def _read(kind: str, **elements: Any) -> Reading:
    reading = read_resource("R4B", kind, json.dumps({"resourceType": kind, **elements}).encode())
    assert reading is not None
    return reading


@pytest.mark.parametrize("wrong", ["", "02/03/1990", "1990-02-30", "1990-01-01T10:00:00Z", "9999-12-31"])
def test_a_wrong_birth_date_is_cut_out_and_the_rest_stays(wrong: str) -> None:
    reading = _read("Patient", id="1", birthDate=wrong, gender="female")
    assert isinstance(reading.resource, Patient)
    assert (reading.resource.birth_date, reading.resource.gender) == (None, "female")
    assert reading.warnings == (Warned("birthDate", "unusable_element"),)


def test_one_broken_number_does_not_cost_the_next_one() -> None:
    telecom = [{"system": "phone", "value": ""}, {"system": "email", "value": "ann@example.com"}]
    resource = _read("Patient", id="1", telecom=telecom).resource
    assert isinstance(resource, Patient)
    assert [point.value for point in resource.telecom or ()] == [None, "ann@example.com"]


def test_unknown_elements_and_extensions_are_not_looked_at() -> None:
    reading = _read("Patient", id="1", hologram={"a": 1}, name=[{"family": "Doe", "aura": 3}])
    assert reading.warnings == ()


def test_a_telecom_that_is_no_list_is_cut_out() -> None:
    resource = _read("Patient", id="1", active=True, telecom={"system": "phone", "value": "x"}).resource
    assert resource == Patient(id="1", active=True)


def test_contained_resources_of_unknown_types_do_no_harm() -> None:
    reading = _read(
        "Appointment",
        status="booked",
        start="2026-03-02T10:00:00",
        contained=[{"resourceType": "Hologram", "id": "h"}],
        participant=[{"actor": {"reference": "Patient/1"}, "status": "accepted"}],
    )
    assert isinstance(reading.resource, Appointment)
    assert reading.resource.start is None
    assert reading.warnings == (Warned("start", "unusable_element"),)


def test_a_missing_required_element_that_is_not_mapped_is_only_reported() -> None:
    reading = _read("Encounter", status="finished", subject={"reference": "Patient/1"})
    assert reading.warnings == (Warned("class", "missing_element"),)


def test_of_two_deceased_elements_the_date_counts() -> None:
    resource = _read("Patient", id="1", deceasedBoolean=False, deceasedDateTime="2026-01-01").resource
    assert isinstance(resource, Patient)
    assert resource.deceased_date_time is not None


@pytest.mark.parametrize("body", [b"", b"[]", b"3", b'{"resourceType":"Patient"', b'{"id":"\xff"}', b"[" * 5000])
def test_what_is_no_json_object_cannot_be_read(body: bytes) -> None:
    assert read_resource("R4B", "Patient", body) is None


def test_warnings_never_hold_a_value() -> None:
    reading = _read("Patient", id="1", birthDate="Zanzibar", telecom=[{"system": "phone", "rank": "Zanzibar"}])
    assert reading.warnings
    assert "Zanzibar" not in str(reading.warnings)
