"""What the proof of a file met is given back when it lands, once, and only beside what was remembered then."""

from collections.abc import Iterator
from unittest.mock import patch

import pytest

from connectors import tape as tapes
from connectors.lines import NOTHING, Block, Remembered, digest_of, unlabelled
from connectors.tape import Stretch, Tape


def remembered(generation: int) -> Remembered:
    def blocks() -> Iterator[Block]:
        yield unlabelled(digest_of(b"old"))

    return Remembered(labels=("", "101"), blocks=blocks, generation=generation)


def stretch(*fresh: str, gone: bytes = b"") -> Stretch[str]:
    block = unlabelled(b"".join(digest_of(text.encode()) for text in ("known", *fresh)))
    return Stretch(fresh, 1 + len(fresh), block, gone)


@pytest.mark.parametrize("memory", [2**20, 1])
def test_what_was_noted_comes_back_in_order_whether_in_memory_or_in_a_file(memory: int) -> None:
    noted = [stretch("a", gone=digest_of(b"old")), stretch(), stretch("b", "c")]
    with patch.object(tapes, "IN_MEMORY", memory):
        tape = Tape[str](remembered(3))
    for each in noted:
        tape.note(each)
    assert tape.replays(remembered(3))
    assert list(tape.stretches()) == noted
    assert not tape.replays(remembered(3)), "a tape is replayed once"


def test_a_tape_is_worth_nothing_once_something_else_has_landed() -> None:
    tape = Tape[str](remembered(3))
    tape.note(stretch("a"))
    assert not tape.replays(remembered(4))
    assert not tape.replays(NOTHING)


def test_where_nothing_is_remembered_nothing_is_kept() -> None:
    tape = Tape[str](NOTHING)
    tape.note(stretch("a"))
    assert tape.is_first
    assert not tape.replays(NOTHING)


def test_too_many_unknown_lines_are_read_again_rather_than_held() -> None:
    with patch.object(tapes, "MOST_FRESH", 2):
        tape = Tape[str](remembered(3))
    tape.note(stretch("a", "b", "c"))
    tape.note(stretch())
    assert not tape.replays(remembered(3))
