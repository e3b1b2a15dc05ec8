"""Leaving out lines that were there last time ends in the same database as reading every line."""

import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import patch
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, select

from connectors import lines
from connectors.base import Source
from connectors.fhir.entry import Entry
from connectors.fhir.stream import entries_on
from connectors.fhir_files import FhirFilesSource
from connectors.lines import NOTHING, Block, Remembered, Trail, digest_of, unlabelled
from connectors.settings import Surroundings
from connectors.tabular import TabularSource
from sync.landing import Pulled, PullTerms
from sync.pull import pull
from sync.resolve import Resolver, ResolverSettings
from sync.store import files
from sync.store import tables as t
from sync.store.engine import connect, reading
from tests.fakes.lent import lent

AT = datetime(2026, 3, 2, 12, tzinfo=UTC)
ZONE = ZoneInfo("America/Chicago")
AROUND = Surroundings(zone=ZONE, phone_region="US", site_zones={"lincoln": ZONE})
HEADER = "external_id,given_name,family_name,site\n"
Make = Callable[[Path], Source]


def tabular(folder: Path) -> Source:
    stated: dict[str, Any] = {"site": {"column": "site", "map": {"101": "lincoln"}}, "encoding": "cp1252"}
    feed = {"files": "*.csv", "snapshot": "full"}
    model = TabularSource.settings_model.model_validate(
        {"kind": "tabular", "folder": folder, "patients": feed, **stated}
    )
    return TabularSource("emr", model, AROUND, lent())


def fhir(folder: Path) -> Source:
    model = FhirFilesSource.settings_model.model_validate(
        {"kind": "fhir-files", "folder": folder, "site": "lincoln", "snapshot": "full"}
    )
    return FhirFilesSource("emr", model, AROUND, lent())


@contextmanager
def databases(template: Path, number: int) -> Iterator[list[tuple[Engine, Path]]]:
    """Engines on fresh copies of an empty database, each with a folder for its drops."""
    root = Path(tempfile.mkdtemp(prefix="prm"))
    made = []
    for n in range(number):
        drops = root / f"drops{n}"
        drops.mkdir()
        made.append((connect(f"sqlite:///{shutil.copy(template, root / f'{n}.db')}"), drops))
    try:
        yield made
    finally:
        for engine, _ in made:
            engine.dispose()
        shutil.rmtree(root)


def deliver(
    engine: Engine, drops: Path, make: Make, content: bytes, day: int, suffix: str, *, keep: bool = False
) -> Pulled:
    """A new export takes the place of those before, or comes beside them, and is pulled."""
    for old in () if keep else drops.iterdir():
        old.unlink()
    at = AT + timedelta(days=day)
    path = drops / f"Patient-{at:%Y%m%d-%H%M}{suffix}"
    path.write_bytes(content)
    os.utime(path, ((at - timedelta(hours=1)).timestamp(),) * 2)
    terms = PullTerms(
        at=at,
        resolver=partial(Resolver, ResolverSettings(shared_address_limit=10, roles={"emr": "emr"}), at),
        min_source_rows=0.0,
    )
    return pull(engine, make(drops), terms)


def state(engine: Engine) -> list[Any]:
    """What the database holds of every row, and of everybody."""
    g, p, q = t.gate.c, t.patient_record.c, t.quarantine.c
    with reading(engine) as connection:
        gate = connection.execute(select(g.external_id, g.row_hash, g.state, g.present).order_by(g.external_id)).all()
        people = connection.execute(select(p.external_id, p.given_name, p.present).order_by(p.external_id)).all()
        parked = connection.execute(select(q.external_id, q.code).order_by(q.external_id)).all()
    return [gate, people, parked]


CELLS = st.sampled_from(["Ann", "Bo", "", 'C"y', '"Dee, E"', '"Two\nlines"', "Zoë", '"say ""so"""'])
ROWS = st.builds(
    lambda number, given, site, end: f"{number},{given},Same,{site}{end}",
    st.integers(1, 4),
    CELLS,
    st.sampled_from(["101", "101", "999", ""]),
    st.sampled_from(["\n", "\n", "\r\n", ",x\n", "\n\n"]),
)


@st.composite
def exports_of(draw: st.DrawFn, rows: st.SearchStrategy[str]) -> list[list[str]]:
    """A few exports made of the same few rows, so that rows come again, move, go, and quarrel over an id."""
    pool = st.sampled_from(draw(st.lists(rows, min_size=3, max_size=7)))
    return draw(st.lists(st.lists(pool, min_size=1, max_size=6, unique=draw(st.booleans())), min_size=3, max_size=5))


RESOURCES = st.builds(
    lambda number, given: (
        f'{{"resourceType":"Patient","id":"{number}","name":[{{"given":["{given}"],"family":"X"}}]}}\n'
    ),
    st.integers(1, 4),
    st.sampled_from(["Ann", "Bo", "Zoë"]),
)
ODD = st.sampled_from(['{"resourceType":"Patient"}\n', "[1]\n", '{"resourceType":"Location","id":"l"}\n', "\n"])
# Each example is some eight pulls: half as many of them as elsewhere.
MANY = settings(
    max_examples=max(1, settings().max_examples // 2),
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)


def prove_equal(template: Path, make: Make, exports: list[bytes], suffix: str) -> None:
    with databases(template, 2) as ((left_out, one), (read_whole, other)):
        for day, content in enumerate(exports):
            with patch.object(lines, "AHEAD", 2), patch.object(lines, "BEHIND", 1):
                found = deliver(left_out, one, make, content, day, suffix)
            with (
                patch.object(files.KnownFiles, "lines", lambda *_: NOTHING),
                patch.object(files.KnownFiles, "repeated", lambda *_: None),
            ):
                expected = deliver(read_whole, other, make, content, day, suffix)
            assert [refusal.code for refusal in found.refused] == [refusal.code for refusal in expected.refused]
            assert state(left_out) == state(read_whole)
            assert found.tally.read == expected.tally.read
            assert found.tally.absent == expected.tally.absent


@given(exports_of(ROWS))
@example([["1,Ann,Same,101\n", "2,Cy,Same,101\n"], ["1,Bo,Same,101\n", "1,Ann,Same,101\n", "2,Cy,Same,101\n"]])
@MANY
def test_a_table_ends_in_the_same_database_whether_known_lines_are_left_out_or_read(
    sqlite_template: Path, tables: list[list[str]]
) -> None:
    prove_equal(sqlite_template, tabular, [(HEADER + "".join(rows)).encode() for rows in tables], ".csv")


@given(exports_of(st.one_of(RESOURCES, RESOURCES, RESOURCES, ODD)))
@MANY
def test_ndjson_ends_in_the_same_database_whether_known_lines_are_left_out_or_read(
    sqlite_template: Path, exports: list[list[str]]
) -> None:
    prove_equal(sqlite_template, fhir, ["".join(rows).encode() for rows in exports], ".ndjson")


@pytest.mark.parametrize("make", [tabular, fhir])
def test_only_changed_lines_are_read_again(sqlite_template: Path, make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    mapped: list[str] = []
    for kind in (TabularSource, FhirFilesSource):
        monkeypatch.setattr(kind, "map", _noting(kind.map, mapped))
    with databases(sqlite_template, 1) as ((engine, drops),):
        rows = [_row(make, n, "Ann") for n in range(1, 51)]
        deliver(engine, drops, make, _export(make, rows), 0, _suffix(make))
        mapped.clear()
        rows[9], rows[30] = _row(make, 10, "Bo"), rows[31]
        del rows[31], rows[20]
        done = deliver(engine, drops, make, _export(make, [*rows[1:], rows[0], _row(make, 99, "Cy")]), 1, _suffix(make))
    assert sorted(mapped) == ["10", "99"]
    tally = done.tally
    assert (tally.read, tally.changed, tally.unchanged, tally.absent) == (49, 2, 47, 2)


def test_known_lines_of_an_export_in_several_files_are_not_read_again(
    sqlite_template: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with databases(sqlite_template, 1) as ((engine, drops),):
        rows = [_row(fhir, n, "Ann") for n in range(1, 31)]
        _part(drops, rows[:12], 0)
        deliver(engine, drops, fhir, "".join(rows[12:]).encode(), 0, ".ndjson", keep=True)
        rows[3], rows[20] = _row(fhir, 4, "Bo"), _row(fhir, 21, "Cy")
        read: list[int] = []
        monkeypatch.setattr("connectors.fhir_files.reading.entries_on", _counting(entries_on, read))
        _part(drops, rows[:12], 1)
        done = deliver(engine, drops, fhir, "".join(rows[12:]).encode(), 1, ".ndjson", keep=True)
    assert read == [4, 9]
    assert (done.tally.read, done.tally.changed, done.tally.absent) == (30, 2, 0)


@pytest.mark.parametrize("make", [tabular, fhir])
def test_the_same_bytes_exported_anew_are_not_even_read(
    sqlite_template: Path, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    with databases(sqlite_template, 1) as ((engine, drops),):
        content = _export(make, [_row(make, n, "Ann") for n in range(1, 9)])
        deliver(engine, drops, make, content, 0, _suffix(make))
        for module in ("connectors.tabular.delivery.Delivery", "connectors.fhir_files.delivery.Delivery"):
            monkeypatch.setattr(f"{module}.pages", lambda *_: pytest.fail("read"))
        done = deliver(engine, drops, make, content, 1, _suffix(make))
        with reading(engine) as connection:
            as_of = connection.execute(select(t.feed_state.c.data_as_of)).scalar_one()
    assert (done.tally.read, done.tally.unchanged, done.tally.changed, done.tally.absent) == (8, 8, 0, 0)
    assert as_of > AT + timedelta(hours=12)


@pytest.mark.parametrize("make", [tabular, fhir])
def test_bytes_that_come_again_after_others_of_the_same_run_count(sqlite_template: Path, make: Make) -> None:
    """Two exports wait: one that changed a row, and one that holds what the last landed one held."""
    with databases(sqlite_template, 1) as ((engine, drops),):
        was = _export(make, [_row(make, 1, "Ann"), _row(make, 2, "Cy")])
        deliver(engine, drops, make, was, 0, _suffix(make))
        waiting = drops / f"Patient-20260303-0600{_suffix(make)}"
        waiting.write_bytes(_export(make, [_row(make, 1, "Bo"), _row(make, 2, "Cy")]))
        os.utime(waiting, ((AT + timedelta(hours=18)).timestamp(),) * 2)
        deliver(engine, drops, make, was, 2, _suffix(make), keep=True)
        assert [given for _, given, _ in state(engine)[1]] == ["Ann", "Cy"]


def test_a_pass_that_broke_off_leaves_no_line_in_force(sqlite_template: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between two exports lies one that changed a row and broke off: the old line, come back, must count again."""
    with databases(sqlite_template, 1) as ((engine, drops),):
        old, new = _row(tabular, 1, "Ann"), _row(tabular, 1, "Bo")
        deliver(engine, drops, tabular, _export(tabular, [old, _row(tabular, 2, "Cy")]), 0, ".csv")
        with monkeypatch.context() as patched:
            patched.setattr("sync.landing.Landing._complete", _die)
            with pytest.raises(KeyboardInterrupt):
                deliver(engine, drops, tabular, _export(tabular, [new, _row(tabular, 2, "Cy")]), 1, ".csv")
        deliver(engine, drops, tabular, _export(tabular, [old, _row(tabular, 2, "Cy")]), 2, ".csv")
        assert [given for _, given, _ in state(engine)[1]] == ["Ann", "Cy"]


@given(st.lists(st.integers(0, 30), max_size=60), st.lists(st.integers(0, 30), max_size=60), st.integers(1, 8))
def test_what_a_trail_does_not_meet_it_tells_as_gone(before: list[int], after: list[int], block: int) -> None:
    old = list(dict.fromkeys(before))
    digests = [digest_of(b"%d" % n) for n in old]
    blocks = [unlabelled(b"".join(digests[at : at + block])) for at in range(0, len(digests), block)]
    with patch.object(lines, "AHEAD", 3), patch.object(lines, "BEHIND", 2):
        trail = Trail(Remembered(labels=("",), blocks=lambda: iter(blocks)))
        met, gone = [], b""
        for place, number in enumerate(dict.fromkeys(after)):
            trail.move(place)
            if trail.known.pop(digest_of(b"%d" % number), None) is not None:
                met.append(digest_of(b"%d" % number))
            gone += trail.gone()
        gone += b"".join(trail.rest())
    assert sorted(met) + sorted(_cut(gone)) == sorted(met) + sorted(set(digests) - set(met))
    assert len(Block(b"", unlabelled(gone).labels)) == len(old) - len(met)


def _cut(gone: bytes) -> list[bytes]:
    return [gone[at : at + lines.DIGEST] for at in range(0, len(gone), lines.DIGEST)]


def _noting(function: Any, mapped: list[str]) -> Any:
    def map_row(self: Source, row: Any) -> Any:
        mapped.append(row.external_id)
        return function(self, row)

    return map_row


def _die(*_: object) -> None:
    raise KeyboardInterrupt


def _row(make: Make, number: int, given: str) -> str:
    if make is tabular:
        return f"{number},{given},Same,101\n"
    return f'{{"resourceType":"Patient","id":"{number}","name":[{{"given":["{given}"],"family":"Same"}}]}}\n'


def _part(drops: Path, rows: list[str], day: int) -> None:
    """The first file of the export that is delivered on a day."""
    (drops / f"Patient-{AT + timedelta(days=day):%Y%m%d-%H%M}.0.ndjson").write_text("".join(rows))


def _counting(read: Callable[..., Iterable[Entry]], numbers: list[int]) -> Callable[..., Iterable[Entry]]:
    def counted(line: bytes, number: int, **how: Any) -> Iterable[Entry]:
        numbers.append(number)
        return read(line, number, **how)

    return counted


def _export(make: Make, rows: list[str]) -> bytes:
    return ((HEADER if make is tabular else "") + "".join(rows)).encode()


def _suffix(make: Make) -> str:
    return ".csv" if make is tabular else ".ndjson"
