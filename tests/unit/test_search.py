"""What is typed to find a person is read as rows are."""

from datetime import date

import pytest

from sync.search import Unreadable, sorted_out, wanted
from sync.store.contact_list import Wanted


@pytest.mark.parametrize(
    ("said", "found"),
    [
        ({"name": "Robin Reed"}, Wanted(first_key="robin", last_key="reed")),
        ({"name": "O'Reed, Robin Jr"}, Wanted(first_key="robin", last_key="oreed")),
        ({"name": " Reed "}, Wanted(any_key="reed")),
        ({"email": " Robin@Example.com"}, Wanted(email="robin@example.com")),
        ({"phone": "(402) 555-0134"}, Wanted(phone="+14025550134")),
        ({"birth date": "05/17/1980"}, Wanted(birth_date=date(1980, 5, 17))),
        ({"name": "", "birth date": "1980-05-17"}, Wanted(birth_date=date(1980, 5, 17))),
    ],
)
def test_what_is_said_is_normalised(said: dict[str, str], found: Wanted) -> None:
    assert wanted(said, "US") == found


@pytest.mark.parametrize("said", [{"email": "robin at example"}, {"phone": "12"}, {"birth date": "31/31/1980"}])
def test_what_cannot_be_read_is_named_by_its_field_and_not_repeated(said: dict[str, str]) -> None:
    with pytest.raises(Unreadable) as refused:
        wanted(said, "US")
    [(_, value)] = said.items()
    assert value not in str(refused.value)


def test_lines_are_told_apart_by_what_they_look_like() -> None:
    lines = ["robin@example.com\n", "402-555-0134\n", "1980-05-17\n", "\n", "Robin Reed\n"]
    assert sorted_out(lines, "US") == {
        "email": "robin@example.com", "phone": "402-555-0134", "birth date": "1980-05-17", "name": "Robin Reed",
    }  # fmt: skip


def test_a_named_line_says_what_it_is() -> None:
    lines = ["E-Mail: robin@example.com", "birth_date = 1980-05-17", "NAME: 1980"]
    assert sorted_out(lines, "US") == {"email": "robin@example.com", "birth date": "1980-05-17", "name": "1980"}
