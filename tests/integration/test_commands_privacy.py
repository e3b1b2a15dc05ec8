"""What the privacy officer asks: what was told to whom, and what a code stands for."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import time_machine

from connectors.mailchimp.destination import Mailchimp
from tests.fakes.clinic import AT, Clinic, days, mailchimp, patient, visit
from tests.fakes.command_line import prm_sync
from tests.fakes.mailchimp import FakeMailchimp


@pytest.fixture(scope="module")
def clinic(tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path) -> Iterator[Clinic]:
    """Patient 1 drops out and comes back; patient 2 only is there; both are in the newsletter in between."""
    clinic = Clinic(tmp_path_factory.mktemp("privacy")).laid_out(sqlite_template)
    clinic.segments["win-back"]["describe"] = "Stopped coming <too early>"
    with FakeMailchimp() as fake, pytest.MonkeyPatch.context() as patched, time_machine.travel(AT, tick=False):
        patched.setattr(Mailchimp.__init__, "__kwdefaults__", {"sleep": lambda _seconds: None})
        clinic.config["destinations"]["newsletter"] = mailchimp(fake.url)
        clinic.drop("patients", [patient("1"), patient("2")], "20260302-0600")
        gone, back = visit("a1", "1", "2026-02-01"), visit("b1", "1", "2026-03-20", "booked")
        clinic.drop("appointments", [gone, visit("a2", "2", "2026-02-25")], "20260302-0600")
        clinic.run()
        clinic.drop("appointments", [gone, back, visit("a2", "2", "2026-02-25")], "20260303-0600")
        clinic.run(AT + days(1))
        yield clinic


def test_a_persons_disclosures_name_fields_and_codes_and_no_value(clinic: Clinic) -> None:
    told = prm_sync(clinic, "disclosures", "emr:1", "--json")
    first, second = told.lines()
    assert first["fields"] == ["FNAME", "LANG", "address"]
    assert sorted(first["added"].values()) == ["segment:win-back", "status:dropped_out"]
    assert list(second["added"].values()) == ["segment:newsletter"]
    assert (first["recipient"], first["outcome"]) == ("Intuit Mailchimp, Atlanta GA", "accepted")
    assert not any(word in told.out for word in ("example.com", "Givenb", "1980"))


def test_the_letter_reads_dates_recipients_what_and_what_for(clinic: Clinic) -> None:
    letter = prm_sync(clinic, "disclosures", "emr:1", "--format", "letter").out
    assert "Test Practice" in letter
    assert "1. March 2, 2026, to Intuit Mailchimp, Atlanta GA" in letter
    assert "the fields FNAME, LANG, address; that you belong to segment “win-back” (as the code" in letter
    assert "Purpose: the practice's operations and your treatment" in letter
    assert "consent of 2026-01-05 (Intake form)" in letter


def test_a_breach_is_asked_by_destination_segment_and_days(clinic: Clinic) -> None:
    def asked(*words: str) -> list[str]:
        return [
            told["at"][:10]
            for told in prm_sync(clinic, "disclosures", "--destination", "newsletter", "--json", *words).lines()
        ]

    assert len(asked()) == 3
    assert asked("--segment", "win-back") == ["2026-03-02", "2026-03-03"]
    assert asked("--segment", "win-back", "--to", "2026-03-02") == ["2026-03-02"]
    assert asked("--from", "2026-03-03", "--to", "2026-03-03") == ["2026-03-03"]
    assert "3 disclosures about 2 contacts" in prm_sync(clinic, "disclosures", "--destination", "newsletter").out
    for wrong in ([], ["emr:1", "--destination", "newsletter"], ["emr:1", "--from", "2026-03-01"], ["emr:nobody"]):
        assert prm_sync(clinic, "disclosures", *wrong).code == 64


def test_a_forgotten_persons_disclosures_are_still_found(clinic: Clinic, tmp_path: Path) -> None:
    copy = clinic.copy(tmp_path / "copy")
    copy.config["destinations"]["newsletter"]["base_url"] = "http://127.0.0.1:9/3.0"
    before = prm_sync(copy, "disclosures", "emr:1", "--json").lines()
    [contact] = {told["contacts"][0] for told in before}
    assert prm_sync(copy, "forget", "emr:1", "--yes").code == 75
    for name in ("emr:1", contact):
        assert prm_sync(copy, "disclosures", name, "--json").lines() == before


def test_the_code_book_is_a_page_by_itself(clinic: Clinic, tmp_path: Path) -> None:
    page = tmp_path / "codes.html"
    assert prm_sync(clinic, "codes", "--html", str(page)).code == 0
    text = page.read_text(encoding="utf-8")
    code = next(code for code, name in clinic.codes().items() if name == "segment:win-back")
    assert f"<td>{code}</td><td>win-back</td><td>Stopped coming &lt;too early&gt;</td><td>2026-03-02</td>" in text
    assert "http" not in text
    assert prm_sync(clinic, "codes", "--html", str(tmp_path / "no" / "where.html")).code == 64


def test_check_refuses_clinical_words_in_names_that_leave(tmp_path: Path) -> None:
    clinic = Clinic(tmp_path)
    clinic.segments["knee-club"] = {"purpose": "treatment", "who": {"status": "active"}}
    clinic.config["destinations"]["newsletter"] = mailchimp(
        "http://127.0.0.1:9/3.0", fields={"PAINLEVEL": "given_name"}, segments=["knee-club"]
    )
    refused = prm_sync(clinic, "check", "--offline")
    assert (refused.code, "'painlevel'" in refused.err, "'knee'" in refused.err) == (78, True, False)
    clinic.config["destinations"]["newsletter"] |= {"fields": {}, "baa": {"signed": "2026-01-01", "ref": "BAA 7"}}
    refused = prm_sync(clinic, "check", "--offline")
    assert (refused.code, "'knee'" in refused.err) == (78, True)
