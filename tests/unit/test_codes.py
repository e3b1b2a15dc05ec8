"""The code book: opaque names, never changed or reused, that outlive the database."""

import random
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from mappings.policy import CODE
from sync.codes import LETTERS, CodeTaken, Wanted, code_book, ensure_codes, listed, write_file
from sync.store import tables as t
from sync.store.engine import connect, reading, writing

AT, LATER = datetime(2026, 3, 2, 12, tzinfo=UTC), datetime(2026, 4, 2, 12, tzinfo=UTC)
NEWS, RECALL, LINCOLN = Wanted("segment", "news"), Wanted("segment", "recall"), Wanted("site", "lincoln")


def _database() -> Engine:
    engine = connect("sqlite://")
    t.metadata.create_all(engine, tables=[t.code])
    return engine


@pytest.fixture
def engine() -> Iterator[Engine]:
    engine = _database()
    yield engine
    engine.dispose()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "var" / "prm-sync.codes.yaml"


def ensured(engine: Engine, file: Path, *wanted: Wanted, at: datetime = AT) -> dict[tuple[str, str], str]:
    with writing(engine) as connection:
        codes = ensure_codes(connection, wanted, file, at)
        write_file(listed(connection), file)
    return codes


def test_a_code_is_two_letters_and_two_digits_and_never_looks_like_a_number(engine: Engine, file: Path) -> None:
    wanted = [Wanted("segment", f"s{n}") for n in range(200)]
    codes = ensured(engine, file, *wanted)
    assert len(set(codes.values())) == 200
    assert all(CODE.fullmatch(code) for code in codes.values())
    assert not set("IOE") & set(LETTERS)


def test_codes_differ_between_installations(engine: Engine, tmp_path: Path) -> None:
    wanted = [Wanted("segment", f"s{n}") for n in range(20)]
    other = _database()
    assert ensured(engine, tmp_path / "a.yaml", *wanted) != ensured(other, tmp_path / "b.yaml", *wanted)
    other.dispose()


def test_a_code_is_never_changed_and_the_second_time_nothing_is_written(engine: Engine, file: Path) -> None:
    first = ensured(engine, file, NEWS, LINCOLN)
    before = file.stat()
    assert ensured(engine, file, NEWS, LINCOLN, at=LATER) == first
    assert file.stat().st_ino == before.st_ino
    more = ensured(engine, file, NEWS, LINCOLN, RECALL, at=LATER)
    assert more.items() > first.items()


def test_a_segment_and_a_site_of_one_name_have_codes_of_their_own(engine: Engine, file: Path) -> None:
    codes = ensured(engine, file, Wanted("segment", "lincoln"), LINCOLN, Wanted("status", "active"))
    assert len(set(codes.values())) == 3


def test_a_wanted_code_is_given(engine: Engine, file: Path) -> None:
    assert ensured(engine, file, Wanted("segment", "news", "KF27"), NEWS) == {("segment", "news"): "KF27"}


def test_the_dice_never_give_away_a_code_that_was_asked_for_in_the_same_breath(
    engine: Engine, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rolls = iter("AA" + "BB")
    monkeypatch.setattr(random.SystemRandom, "choice", lambda _self, _letters: next(rolls))
    monkeypatch.setattr(random.SystemRandom, "randrange", lambda _self, _stop: 1)
    codes = ensured(engine, file, NEWS, Wanted("segment", "recall", "AA01"))
    assert codes == {("segment", "news"): "BB01", ("segment", "recall"): "AA01"}


def test_a_code_that_stands_for_something_else_is_refused_and_nothing_is_written(engine: Engine, file: Path) -> None:
    ensured(engine, file, Wanted("segment", "news", "KF27"))
    with pytest.raises(CodeTaken, match=r"segments\.recall\.code: KF27 stands for the segment 'news'"):
        ensured(engine, file, Wanted("segment", "recall", "KF27"))
    with pytest.raises(CodeTaken, match=r"segments\.b\.code: KF28 stands for the segment 'a'"):
        ensured(engine, file, Wanted("segment", "a", "KF28"), Wanted("segment", "b", "KF28"))
    with reading(engine) as connection:
        assert code_book(connection) == {("segment", "news"): "KF27"}


def test_a_segment_that_has_a_code_gets_no_other(engine: Engine, file: Path) -> None:
    ensured(engine, file, Wanted("segment", "news", "KF27"))
    with pytest.raises(CodeTaken, match=r"segments\.news\.code: its code is KF27 already"):
        ensured(engine, file, Wanted("segment", "news", "KF28"))


def test_the_code_of_a_segment_that_is_gone_is_kept_and_not_reused(engine: Engine, file: Path) -> None:
    ensured(engine, file, Wanted("segment", "news", "KF27"))
    with pytest.raises(CodeTaken):
        ensured(engine, file, Wanted("segment", "recall", "KF27"))
    assert ensured(engine, file, RECALL)
    assert "KF27: {kind: segment, name: " in file.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ["101", "no", "on", "null", "1e5", "2026-01-05", "win-back"])
def test_a_new_database_takes_its_codes_from_the_file_first_whatever_the_names(
    engine: Engine, file: Path, name: str
) -> None:
    wanted = [Wanted("segment", name), Wanted("site", name)]
    before = ensured(engine, file, *wanted)
    new = _database()
    assert ensured(new, file, *wanted, at=LATER) == before
    new.dispose()


def test_a_new_database_keeps_codes_that_only_the_file_knows(engine: Engine, file: Path) -> None:
    before = ensured(engine, file, NEWS, RECALL)
    new = _database()
    ensured(new, file, RECALL)
    assert ensured(new, file, NEWS, RECALL) == before
    new.dispose()


def test_the_book_of_the_database_prevails_over_a_file_from_elsewhere(engine: Engine, file: Path) -> None:
    ensured(engine, file, Wanted("segment", "news", "KF27"))
    file.write_text("KF27: {kind: segment, name: recall}\nKF28: {kind: segment, name: news}\n", encoding="utf-8")
    codes = ensured(engine, file, NEWS, RECALL)
    assert codes[("segment", "news")] == "KF27"
    assert codes[("segment", "recall")] not in ("KF27", "KF28")


@pytest.mark.parametrize(
    "text",
    [
        "KF27: {kind: [",
        "- KF27",
        "KF27: recall",
        "KF27: {kind: segment}",
        "KF2: {kind: segment, name: a}",
        "KF27: {kind: segment, name: a}\nKF28: {kind: segment, name: a}",
        "KF27: {kind: segment, name: a}\nKF27: {kind: segment, name: b}",
    ],
)
def test_a_file_that_is_no_book_of_codes_is_refused_by_name_and_left_alone(
    engine: Engine, file: Path, text: str
) -> None:
    file.parent.mkdir()
    file.write_text(text, encoding="utf-8")
    with pytest.raises(CodeTaken, match=r"prm-sync\.codes\.yaml: .*put back"):
        ensured(engine, file, NEWS)
    assert file.read_text(encoding="utf-8") == text


def test_the_file_is_private_and_nothing_else_is_left_beside_it(engine: Engine, file: Path) -> None:
    ensured(engine, file, NEWS)
    ensured(engine, file, NEWS, RECALL)
    assert [path.name for path in file.parent.iterdir()] == [file.name]
    assert file.stat().st_mode & 0o777 == 0o600


def test_the_code_book_lists_kind_name_and_day(engine: Engine, file: Path) -> None:
    ensured(engine, file, Wanted("segment", "news", "KF27"))
    with reading(engine) as connection:
        found: dict[str, Any] = listed(connection)
    assert found == {"KF27": {"kind": "segment", "name": "news", "since": "2026-03-02T12:00:00+00:00"}}
