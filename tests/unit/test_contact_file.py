"""Contact files: what stands in them, when they change, and who may read them."""

import csv
import stat
from pathlib import Path
from typing import Any

import pytest

from connectors.base import FileDestination, FileEntry, Lent, Unavailable
from connectors.contact_file import ContactFile, ContactFileSettings
from connectors.private_files import safe_cells
from tests.fakes.lent import SURROUNDINGS, lent

ANN = FileEntry("c1", ("Ann", "active"), frozenset({"win-back", "news"}))
BEA = FileEntry("c2", ("Bea", "lead"), frozenset({"news"}))


def destination(folder: Path, lent_: Lent | None = None, **keys: Any) -> ContactFile:
    written = {
        "kind": "contact-file",
        "folder": folder,
        "inside": True,
        "fields": {"First": "given_name", "Status": "status"},
    }
    return ContactFile("contacts", ContactFileSettings.model_validate(written | keys), SURROUNDINGS, lent_ or lent())


def read(path: Path) -> list[list[str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file, strict=True))


def test_it_is_a_destination_of_whole_files(tmp_path: Path) -> None:
    contacts = destination(tmp_path)
    assert isinstance(contacts, FileDestination)
    assert (contacts.capabilities.unit, contacts.capabilities.whole_files) == ("contact", True)


def test_everyone_is_the_audience_unless_said_otherwise(tmp_path: Path) -> None:
    settings = ContactFileSettings.model_validate({"kind": "contact-file", "folder": tmp_path, "inside": True})
    assert settings.audience_of == "everyone"


def test_contacts_stand_with_their_id_first_and_the_fields_in_order(tmp_path: Path) -> None:
    destination(tmp_path).write([ANN, BEA], ["news", "win-back"])
    header = ["Contact", "First", "Status"]
    assert read(tmp_path / "contacts.csv") == [header, ["c1", "Ann", "active"], ["c2", "Bea", "lead"]]
    assert read(tmp_path / "segments/news.csv") == [header, ["c1", "Ann", "active"], ["c2", "Bea", "lead"]]
    assert read(tmp_path / "segments/win-back.csv") == [header, ["c1", "Ann", "active"]]


def test_an_empty_segment_has_a_file_with_the_header_alone(tmp_path: Path) -> None:
    destination(tmp_path).write([], ["news"])
    assert read(tmp_path / "segments/news.csv") == [["Contact", "First", "Status"]]


def test_a_segment_that_is_not_listed_gets_no_file(tmp_path: Path) -> None:
    destination(tmp_path).write([ANN], ["news"])
    assert [path.name for path in (tmp_path / "segments").iterdir()] == ["news.csv"]


def test_writing_the_same_again_touches_nothing(tmp_path: Path) -> None:
    contacts = destination(tmp_path)
    assert contacts.write([ANN, BEA], ["news"]) == 2
    before = [(path, path.stat().st_ino) for path in sorted(tmp_path.rglob("*.csv"))]
    assert contacts.write([ANN, BEA], ["news"]) == 0
    assert [(path, path.stat().st_ino) for path in sorted(tmp_path.rglob("*")) if path.is_file()] == before


def test_only_the_file_that_changed_is_replaced(tmp_path: Path) -> None:
    contacts = destination(tmp_path)
    contacts.write([ANN, BEA], ["news", "win-back"])
    assert contacts.write([ANN, BEA._replace(segments=frozenset())], ["news", "win-back"]) == 1


def test_a_segment_that_is_gone_loses_its_file_and_foreign_files_stay(tmp_path: Path) -> None:
    contacts = destination(tmp_path)
    contacts.write([ANN], ["news", "win-back"])
    foreign = tmp_path / "segments/theirs.csv"
    foreign.write_text("x\n")
    assert contacts.write([ANN], ["news"]) == 1
    assert not (tmp_path / "segments/win-back.csv").exists()
    assert foreign.exists()


def test_it_is_intact_while_every_file_is_as_it_was_written(tmp_path: Path) -> None:
    contacts = destination(tmp_path)
    assert not contacts.intact()
    contacts.write([ANN], ["news"])
    assert contacts.intact()
    (tmp_path / "segments/news.csv").unlink()
    assert not contacts.intact()
    assert contacts.write([ANN], ["news"]) == 1
    (tmp_path / "contacts.csv").write_text("changed by hand\n")
    assert not contacts.intact()


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@x", "\tx", "\rx", "\nx", "\0x"])
def test_no_cell_begins_like_a_formula(text: str, tmp_path: Path) -> None:
    assert safe_cells([text]) == ["'" + text]
    destination(tmp_path).write([FileEntry("c1", (text, ""), frozenset())], [])
    assert read(tmp_path / "contacts.csv")[1][1].startswith("'")


def test_ordinary_text_stays_as_it_is() -> None:
    assert safe_cells(("Ann", "", "a=b", "1-2")) == ["Ann", "", "a=b", "1-2"]


def test_quotes_and_newlines_survive(tmp_path: Path) -> None:
    destination(tmp_path).write([FileEntry("c1", ('A "B", C\nD', "é"), frozenset())], [])
    assert read(tmp_path / "contacts.csv")[1] == ["c1", 'A "B", C\nD', "é"]


def test_files_and_folders_are_their_owners_alone(tmp_path: Path) -> None:
    folder = tmp_path / "out/contacts"
    destination(folder).write([ANN], ["news"])
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (folder, *folder.rglob("*"))}
    assert modes == {"contacts": 0o700, "contacts.csv": 0o600, "segments": 0o700, "news.csv": 0o600}


def test_a_folder_that_cannot_be_made_is_unavailable_and_preflight_says_so(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("a file in the way")
    contacts = destination(tmp_path / "out")
    with pytest.raises(Unavailable, match="cannot be written"):
        contacts.write([ANN], [])
    assert len(contacts.preflight()) == 1


def test_a_failure_on_the_way_leaves_the_old_files_and_no_drafts(tmp_path: Path) -> None:
    contacts = destination(tmp_path)
    contacts.write([ANN], ["news"])
    before = {path: path.read_bytes() for path in tmp_path.rglob("*.csv")}

    def broken() -> Any:
        yield BEA
        raise RuntimeError

    with pytest.raises(RuntimeError):
        contacts.write(broken(), ["news"])
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_a_new_database_finds_its_files_unchanged(tmp_path: Path) -> None:
    destination(tmp_path, lent()).write([ANN], ["news"])
    assert destination(tmp_path, lent()).write([ANN], ["news"]) == 0


def test_drafts_that_a_killed_writer_left_are_removed(tmp_path: Path) -> None:
    contacts = destination(tmp_path)
    contacts.write([ANN], ["news"])
    dead = [tmp_path / ".contacts.csv.abcd1234.draft", tmp_path / "segments/.gone.csv.abcd1234.draft"]
    for path in dead:
        path.write_text("Ann", encoding="utf-8")
    assert not contacts.intact()
    assert contacts.write([ANN], ["news"]) == 0
    assert not any(path.exists() for path in dead)
    assert contacts.intact()
