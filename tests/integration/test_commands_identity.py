"""The commands by which a person says who is who: what they record, and what follows from it."""

import csv
import getpass
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import time_machine

from mappings.document import Document
from sync.disclosure import Recipient, Told, disclosure
from sync.owner import owning
from sync.store import tables as t
from sync.store.engine import writing
from sync.store.statements import insert
from tests.fakes.clinic import AT, Clinic, Row, patient
from tests.fakes.command_line import prm_sync

ANN = {"given_name": "Ann", "family_name": "Lee", "birth_date": "1980-05-17"}


@pytest.fixture(autouse=True)
def _clock() -> Iterator[None]:
    with time_machine.travel(AT, tick=False):
        yield


@pytest.fixture
def clinic(tmp_path: Path, sqlite_template: Path) -> Clinic:
    """Two rows that may be one person, and somebody else."""
    clinic = Clinic(tmp_path / "clinic").laid_out(sqlite_template)
    clinic.drop("patients", [_ann("1"), _ann("2"), patient("3")], "20260302-0600")
    clinic.run(AT)
    return clinic


def _ann(number: str, **cells: str) -> Row:
    return patient(number, **ANN | cells)


def _people(clinic: Clinic) -> set[frozenset[str]]:
    found = prm_sync(clinic, "contacts", "list", "--json").lines()
    return {frozenset(link["id"] for link in contact["links"]) for contact in found}


def _people_of(*persons: str) -> set[frozenset[str]]:
    return {frozenset(person.split()) for person in persons}


def _tell(clinic: Clinic, contact: str) -> None:
    """A destination has taken a document about the contact."""
    party = (contact, "consent", ("marketing",))
    told = Told("p1@example.com", None, Document(address="p1@example.com", tags=frozenset({"KF27"})), [party])
    recipient = Recipient("news", "News Inc", {"KF27": "segment:newsletter"})
    with clinic.service() as service, writing(service.engine) as connection:
        insert(connection, t.disclosure, [disclosure(recipient, told, AT, "r1", "accepted")])


def _pair(clinic: Clinic) -> str:
    [waiting] = prm_sync(clinic, "matches", "list", "--json").lines()
    return str(waiting["id"])


def test_a_pair_waits_with_its_score_and_reasons(clinic: Clinic) -> None:
    [waiting] = prm_sync(clinic, "matches", "list", "--json").lines()
    assert waiting == {
        "id": waiting["id"],
        "a": {"source": "emr", "id": "1"},
        "b": {"source": "emr", "id": "2"},
        "rule": "names-birth",
        "score": 0.7,
        "reasons": ["same first name", "same last name", "same birth date", "other e-mail"],
    }
    shown = prm_sync(clinic, "matches", "show", str(waiting["id"]), "--json").json()
    assert (shown["verdict"], shown["actor"], len(set(shown["contacts"]))) == ("maybe", "prm-sync", 2)
    assert [row["email"] for row in shown["rows"]] == ["p1@example.com", "p2@example.com"]
    assert "p2@example.com" in prm_sync(clinic, "matches", "show", str(waiting["id"])).out


def test_an_accepted_pair_is_one_contact_at_once_and_in_the_next_files(clinic: Clinic) -> None:
    done = prm_sync(clinic, "matches", "accept", _pair(clinic), "--json").json()
    assert (done["settled"], len(done["contacts"])) == (True, 1)
    assert _people(clinic) == _people_of("1 2", "3")
    assert prm_sync(clinic, "matches", "list", "--json").lines() == []
    clinic.run(AT + timedelta(minutes=5))
    assert len((clinic.folder / "out/contacts/contacts.csv").read_text().splitlines()) == 3
    assert clinic.ask("SELECT actor, verdict FROM match WHERE manual") == [(getpass.getuser(), "same")]
    assert clinic.ask("SELECT actor, action FROM decision") == [(getpass.getuser(), "matches accept")]


def test_a_rejected_pair_is_asked_for_no_more_and_a_later_word_beats_an_earlier_one(clinic: Clinic) -> None:
    pair = _pair(clinic)
    assert prm_sync(clinic, "matches", "accept", pair).code == 0
    assert prm_sync(clinic, "matches", "reject", pair).out.startswith("Two people: c")
    assert _people(clinic) == _people_of("1", "2", "3")
    assert prm_sync(clinic, "matches", "list").out == ""


def test_a_decision_beside_the_daemon_is_followed_by_its_next_pass(clinic: Clinic) -> None:
    pair = _pair(clinic)
    with clinic.service() as service, owning(service.engine, AT):
        assert "the next pass" in prm_sync(clinic, "matches", "accept", pair).out
    assert len(_people(clinic)) == 3
    clinic.run(AT + timedelta(minutes=5))
    assert _people(clinic) == _people_of("1 2", "3")


def test_an_unknown_pair_or_contact_is_a_wrong_call(clinic: Clinic) -> None:
    for command in (
        "matches accept 999",
        "matches show 999",
        "contacts merge emr:1 emr:99",
        "contacts merge emr:1 emr:1",
    ):
        assert prm_sync(clinic, *command.split()).code == 64
    assert prm_sync(clinic, "contacts", "split", "emr:1", "emr:1").code == 64
    assert prm_sync(clinic, "contacts", "split", "emr:1", "emr:3").code == 64


def test_contacts_are_merged_and_split_again_and_get_their_ids_back(clinic: Clinic) -> None:
    before = clinic.ask("SELECT row_id, contact FROM link WHERE until IS NULL ORDER BY row_id")
    assert prm_sync(clinic, "contacts", "merge", "emr:3", "emr:1").code == 0
    assert _people(clinic) == _people_of("1 3", "2")
    done = prm_sync(clinic, "contacts", "split", "emr:1", "emr:3", "--json").json()
    assert (len(done["contacts"]), done["told_of_both"]) == (2, [])
    assert clinic.ask("SELECT row_id, contact FROM link WHERE until IS NULL ORDER BY row_id") == before
    assert prm_sync(clinic, "contacts", "merge", "emr:1", "emr:3").code == 0
    assert _people(clinic) == _people_of("1 3", "2")


def test_both_sides_of_a_split_stay_whole(clinic: Clinic) -> None:
    clinic.drop("patients", [_ann(str(n), email="ann@example.com") for n in range(1, 5)], "20260302-0700")
    clinic.run(AT)
    assert prm_sync(clinic, "contacts", "split", "emr:1", "emr:2", "emr:3").code == 0
    assert _people(clinic) == _people_of("1 4", "2 3")


def test_after_a_split_whoever_was_told_of_both_is_listed_without_addresses(clinic: Clinic) -> None:
    prm_sync(clinic, "contacts", "merge", "emr:1", "emr:3")
    [(contact,)] = clinic.ask("SELECT contact FROM link WHERE until IS NULL GROUP BY contact HAVING count(*) > 1")
    _tell(clinic, contact)
    parted = prm_sync(clinic, "contacts", "split", "emr:1", "emr:3", "--json").json()
    [told] = parted["told_of_both"]
    assert (told["destination"], told["contacts"], told["segments"]) == ("news", [contact], ["segment:newsletter"])
    assert "@" not in str(told)


def test_rows_are_exported_for_other_tools_and_their_pairs_come_back_as_proposals(clinic: Clinic) -> None:
    file = clinic.folder / "rows.csv"
    assert prm_sync(clinic, "matches", "export", str(file)).out.startswith("3 rows")
    assert file.stat().st_mode & 0o777 == 0o600
    with file.open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert (rows[0]["unique_id"], rows[0]["given_name"], rows[0]["birth_date"]) == ("emr:1", "Ann", "1980-05-17")
    pairs = clinic.folder / "pairs.csv"
    pairs.write_text("match_probability,unique_id_l,unique_id_r\n0.93,emr:3,emr:1\n0.99,emr:1,emr:2\n0.2,emr:1,emr:3\n")
    assert prm_sync(clinic, "matches", "import", str(pairs), "--json").json() == {"proposed": 1, "known": 1}
    first, *_ = prm_sync(clinic, "matches", "list", "--json").lines()
    assert (first["rule"], first["score"], first["b"]["id"]) == ("proposed", 0.93, "3")
    clinic.run(AT + timedelta(minutes=5))
    assert len(_people(clinic)) == 3
    assert prm_sync(clinic, "matches", "reject", str(first["id"])).code == 0
    assert prm_sync(clinic, "matches", "import", str(pairs), "--json").json() == {"proposed": 0, "known": 2}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a,b\nemr:1,emr:2\n", ":1: there is no column score"),
        ("a,b,score\nemr:1,emr:2,high\n", ":2: column score"),
        ("a,b,score\nemr:1,emr:2,0.5\nemr:1,emr:77,0.5\n", ":3: two rows are needed"),
    ],
)
def test_a_file_of_pairs_is_taken_whole_or_refused_by_line_without_values(clinic: Clinic, text: str, said: str) -> None:
    pairs = clinic.folder / "pairs.csv"
    pairs.write_text(text)
    answer = prm_sync(clinic, "matches", "import", str(pairs))
    assert (answer.code, said in answer.err, "77" in answer.err) == (64, True, False)
    assert len(prm_sync(clinic, "matches", "list", "--json").lines()) == 1


def test_a_row_that_left_its_source_is_the_namesake_who_stayed_until_it_returns(clinic: Clinic) -> None:
    clinic.drop("patients", [_ann("1"), patient("3")], "20260302-0700")
    clinic.run(AT)
    assert _people(clinic) == _people_of("1 2", "3")
    clinic.drop("patients", [_ann("1"), _ann("2"), patient("3")], "20260302-0800")
    clinic.run(AT + timedelta(minutes=5))
    assert _people(clinic) == _people_of("1", "2", "3")
