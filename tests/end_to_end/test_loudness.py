"""When an entry is heard: steps, groups, caps, hours of sending, repeats and releases, at a provider that counts."""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from connectors.mailchimp.destination import Mailchimp
from tests.fakes.clinic import AT, Clinic, Row, days, lead, mailchimp, patient, visit
from tests.fakes.mailchimp import FakeMailchimp

FOLLOW_UP: dict[str, Any] = {"purpose": "marketing", "who": {"status": "lead"}}
WEB: dict[str, Any] = {"purpose": "marketing", "who": {"status": "lead", "lead_source": "web"}}
COLUMNS = ["external_id", "email", "site", "lead_since", "lead_source", "ok_news", "signed"]


@pytest.fixture
def fake() -> Iterator[FakeMailchimp]:
    with FakeMailchimp() as fake:
        yield fake


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Retries come at once."""
    monkeypatch.setattr(Mailchimp.__init__, "__kwdefaults__", {"sleep": lambda _seconds: None})


@pytest.fixture
def clinic(tmp_path: Path, fake: FakeMailchimp, sqlite_template: Path) -> Clinic:
    """A practice whose first, quiet pass over an old lead and a patient in care is done."""
    clinic = Clinic(tmp_path).laid_out(sqlite_template)
    segments = ["lead-follow-up", "web-leads", "no-show-recovery"]
    clinic.config["destinations"] = {"newsletter": mailchimp(fake.url, segments=segments, statuses=[])}
    clinic.segments = {
        "lead-follow-up": FOLLOW_UP | {"steps": ["1 day", "3 days"]},
        "web-leads": WEB | {},
        "no-show-recovery": clinic.segments["no-show-recovery"],
    }
    clinic.drop("leads", [_lead("L1", "old")], "20260302-0600", columns=COLUMNS)
    _visits(clinic, [], "20260302-0600")
    return clinic


def _lead(number: str, source: str = "web", **cells: str) -> Row:
    kept = {name: cell for name, cell in lead(number, **cells).items() if name in COLUMNS}
    return kept | {"lead_source": source}


def _visits(clinic: Clinic, visits: list[Row], stamp: str) -> None:
    clinic.drop("patients", [patient("1")], stamp)
    clinic.drop(
        "appointments", [visit("a", "1", "2026-02-27"), visit("z", "1", "2026-04-20", "booked"), *visits], stamp
    )


def _arrives(clinic: Clinic, at: datetime, *numbers: str, **cells: str) -> None:
    clinic.drop("leads", [_lead(number, **cells) for number in numbers], f"{at:%Y%m%d-%H%M}", columns=COLUMNS)
    clinic.run(at)


def _heard(clinic: Clinic, fake: FakeMailchimp) -> list[tuple[str, str]]:
    codes = clinic.codes()
    return [(address.partition("@")[0], codes[tag]) for address, tag in fake.audience.automations]


def _there(clinic: Clinic, fake: FakeMailchimp, address: str) -> set[str]:
    codes = clinic.codes()
    return {codes[tag] for tag in fake.audience.get(address).tags.values()}


def test_steps_are_tags_that_come_when_due_give_way_to_the_next_and_end_on_leaving(
    clinic: Clinic, fake: FakeMailchimp
) -> None:
    clinic.segments["lead-follow-up"]["leave_when"] = {"lead_source": "done"}
    clinic.run()
    _arrives(clinic, AT + days(0.1), "L2", source="ad")
    assert _there(clinic, fake, "l2@example.com") == {"segment:lead-follow-up"}
    (due,) = clinic.ask(
        "SELECT MIN(next_review_at) FROM contact c JOIN membership m ON m.contact = c.id WHERE m.entered_by = 'event'"
    )
    assert str(due[0]).startswith("2026-03-03 06:00")
    for day, step in ((1, 1), (3, 2), (9, 2)):
        clinic.run(AT + days(day))
        assert _there(clinic, fake, "l2@example.com") == {"segment:lead-follow-up", f"step:lead-follow-up:{step}"}
    assert _heard(clinic, fake) == [
        ("l2", "segment:lead-follow-up"),
        ("l2", "step:lead-follow-up:1"),
        ("l2", "step:lead-follow-up:2"),
    ]
    _arrives(clinic, AT + days(9.1), "L2", source="done")
    assert fake.audience.get("l2@example.com").tags == {}


def test_of_a_group_the_higher_priority_speaks_and_the_other_waits_and_falls_quiet(
    clinic: Clinic, fake: FakeMailchimp
) -> None:
    clinic.segments["web-leads"] |= {"group": "leads", "priority": 5}
    clinic.segments["lead-follow-up"] |= {"group": "leads", "steps": []}
    clinic.run()
    _arrives(clinic, AT + days(0.1), "L2")
    assert _heard(clinic, fake) == [("l2", "segment:web-leads")]
    assert clinic.withheld("L2") == {"lead-follow-up": "lower_priority"}
    clinic.run(AT + days(3.2))
    assert _there(clinic, fake, "l2@example.com") == {"segment:web-leads", "segment:lead-follow-up"}
    assert _heard(clinic, fake) == [("l2", "segment:web-leads")]


def test_whoever_waits_is_heard_once_the_way_is_free(clinic: Clinic, fake: FakeMailchimp) -> None:
    clinic.segments["web-leads"] |= {"group": "leads", "priority": 5}
    clinic.segments["lead-follow-up"] |= {"group": "leads", "steps": []}
    clinic.run()
    _arrives(clinic, AT + days(0.1), "L2")
    _arrives(clinic, AT + days(0.2), "L2", source="ad")
    assert _heard(clinic, fake) == [("l2", "segment:web-leads"), ("l2", "segment:lead-follow-up")]


def test_an_address_has_its_share_of_nudges_over_all_destinations(clinic: Clinic, fake: FakeMailchimp) -> None:
    clinic.config["arbitration"] = {"cap": {"nudges": 1, "per": "2 days"}}
    clinic.segments["lead-follow-up"]["steps"] = []
    clinic.segments["web-leads"]["priority"] = 5
    with FakeMailchimp() as other:
        clinic.config["destinations"]["other"] = mailchimp(other.url, segments=["lead-follow-up"], statuses=[])
        clinic.run()
        _arrives(clinic, AT + days(0.1), "L2")
        assert (_heard(clinic, fake), _heard(clinic, other)) == ([("l2", "segment:web-leads")], [])
        assert clinic.withheld("L2", "other") == {"lead-follow-up": "capped"}
        clinic.run(AT + days(2.2))
        assert _heard(clinic, fake) == [("l2", "segment:web-leads"), ("l2", "segment:lead-follow-up")]
        assert _heard(clinic, other) == [("l2", "segment:lead-follow-up")]


def test_a_segment_that_does_not_count_goes_beside_the_cap(clinic: Clinic, fake: FakeMailchimp) -> None:
    clinic.config["arbitration"] = {"cap": {"nudges": 1, "per": "2 days"}}
    clinic.segments["web-leads"]["counts"] = False
    clinic.segments["lead-follow-up"]["steps"] = []
    clinic.run()
    _arrives(clinic, AT + days(0.1), "L2")
    assert set(_heard(clinic, fake)) == {("l2", "segment:web-leads"), ("l2", "segment:lead-follow-up")}


def test_loud_entries_wait_for_the_clinics_hours_and_are_checked_again_when_they_go(
    clinic: Clinic, fake: FakeMailchimp
) -> None:
    clinic.config["send_between"] = {"days": "mon-fri", "from": "09:00", "to": "18:00"}
    clinic.segments["web-leads"]["send_between"] = {"from": "06:00"}
    clinic.run()
    friday_night = AT + days(4.4)
    _arrives(clinic, friday_night, "L2", "L3", source="ad")
    assert _heard(clinic, fake) == []
    assert clinic.withheld("L2")["lead-follow-up"] == "send_window"
    _arrives(clinic, friday_night + days(0.6), "L3", source="ad", email="")
    clinic.run(AT + days(6.7))
    assert _heard(clinic, fake) == []
    monday = AT + days(6.9)
    clinic.run(monday)
    heard = _heard(clinic, fake)
    assert ("l2", "segment:lead-follow-up") in heard  # closed hours do not count: it fell due 60 hours ago
    assert all(who == "l2" for who, _ in heard)


def test_a_patient_is_nudged_once_in_an_episode_unless_the_segment_says_otherwise(
    clinic: Clinic, fake: FakeMailchimp
) -> None:
    clinic.run()
    for number, stamp in ((1, "20260303-0800"), (2, "20260306-0800")):
        at = AT + days(1 if number == 1 else 4)
        missed = [visit("m1", "1", "2026-03-03", "noshow")]
        missed += [visit("m2", "1", "2026-03-06", "noshow")] if number == 2 else []
        clinic.drop("appointments", [visit("a", "1", "2026-02-27"), *missed], stamp)
        clinic.run(at)
        again = f"{at + days(0.1):%Y%m%d-%H%M}"
        _visits(clinic, missed, again)  # booked anew: leaves
        clinic.run(at + days(0.1))
    assert _heard(clinic, fake) == [("p1", "segment:no-show-recovery")]


def test_a_release_makes_so_many_baseline_members_loud_a_day(clinic: Clinic, fake: FakeMailchimp) -> None:
    clinic.segments["lead-follow-up"]["steps"] = []
    leads = [_lead(f"L{number}", "old") for number in range(1, 6)]
    clinic.drop("leads", leads, "20260302-0700", columns=COLUMNS)
    clinic.run()
    assert _heard(clinic, fake) == []
    assert "segment:lead-follow-up" in _there(clinic, fake, "l1@example.com")
    _release(clinic, 2)
    counts = []
    for number in (0.1, 0.2, 1, 1.1, 2, 2.1):
        clinic.run(AT + days(number))
        counts.append(len(fake.audience.automations))
    assert counts == [0, 2, 2, 4, 4, 5]
    clinic.run(AT + days(2.2))
    assert clinic.ask("SELECT COUNT(*) FROM contact WHERE next_review_at < '2026-03-05'") == [(0,)]
    assert all("segment:lead-follow-up" in _there(clinic, fake, f"l{n}@example.com") for n in range(1, 6))
    assert clinic.ask("SELECT COUNT(*) FROM membership WHERE entered_by = 'release'") == [(5,)]


def _release(clinic: Clinic, per_day: int) -> None:
    from tests.fakes.command_line import prm_sync  # noqa: PLC0415  # only here, for what takes a moment to import

    assert prm_sync(clinic, "release", "lead-follow-up", "--per-day", str(per_day)).code == 0
