"""A practice and its Mailchimp audience over weeks: what is late, what comes back, who moves, who must be able to go."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC
from pathlib import Path

import pytest

from connectors.mailchimp.destination import Mailchimp
from tests.fakes.clinic import AT, COLUMNS, Clinic, Row, days, mailchimp, patient, visit
from tests.fakes.mailchimp import FakeMailchimp

LIST = "/lists/{list_id}"
MEMBER = LIST + "/members/{id}"
FAMILY = "family@example.com"


@pytest.fixture
def fake() -> Iterator[FakeMailchimp]:
    with FakeMailchimp() as fake:
        yield fake


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Retries come at once."""
    monkeypatch.setitem(Mailchimp.__init__.__kwdefaults__, "sleep", lambda _seconds: None)


@pytest.fixture
def clinic(tmp_path: Path, fake: FakeMailchimp, sqlite_template: Path) -> Clinic:
    clinic = Clinic(tmp_path).laid_out(sqlite_template)
    clinic.config["destinations"] = {"newsletter": mailchimp(fake.url)}
    return clinic


Live = Callable[..., None]


@pytest.fixture
def live(clinic: Clinic, fake: FakeMailchimp) -> Live:
    """Lives to noon of a day of the simulation and makes a pass, after an export of that morning if rows are given."""

    def to(day: int, patients: list[Row] | None = None, visits: list[Row] | None = None) -> None:
        now = AT + days(day)
        fake.audience.now = now.astimezone(UTC)
        stamp = (now - days(0.25)).strftime("%Y%m%d-%H%M")
        if patients is not None:
            columns = [*COLUMNS["patients"], "replaced_by"]
            clinic.drop("patients", patients, stamp, columns=columns)
            clinic.drop("appointments", visits or [], stamp)
        clinic.run(now)

    return to


def on(day: int) -> str:
    return (AT + days(day)).date().isoformat()


def active(number: str) -> list[Row]:
    """A visit behind and one far ahead."""
    return [visit(f"a{number}", number, on(-5)), visit(f"b{number}", number, on(90), "booked")]


def tags(clinic: Clinic, fake: FakeMailchimp) -> dict[str, set[str]]:
    """The tags of every member by what they stand for; a state that is not subscribed stands before the address."""
    codes = clinic.codes()
    return {
        m.address if m.status == "subscribed" else f"{m.status} {m.address}": {
            codes[tag].partition(":")[2] for tag in m.tags.values()
        }
        for m in fake.audience.members.values()
    }


def started(clinic: Clinic, fake: FakeMailchimp) -> set[tuple[str, str]]:
    codes = clinic.codes()
    return {(address, codes[tag].partition(":")[2]) for address, tag in fake.audience.automations}


# ---------------------------------------------------------------- what is late is quiet


def test_a_dead_feed_that_comes_back_starts_nothing_whatever_else_was_changed_meanwhile(
    clinic: Clinic, fake: FakeMailchimp, live: Live
) -> None:
    visits = [visit("a1", "1", on(-14)), visit("a2", "2", on(-14))]
    live(0, [patient("1"), patient("2")], visits)
    clinic.segments["no-show-recovery"]["who"] = {"last_visit_status": "noshow"}  # everyone is reviewed for this
    live(14)
    assert clinic.status("1") == "at_risk"
    live(16, [patient("1"), patient("2", language="es")], visits)
    assert clinic.members()["win-back"] == {"1", "2"}
    assert started(clinic, fake) == set()


def test_what_fell_due_while_the_daemon_was_down_is_quiet_and_what_is_fresh_is_loud(
    clinic: Clinic, fake: FakeMailchimp, live: Live
) -> None:
    people = [patient("1"), patient("2"), patient("3")]
    visits = [visit(f"a{n}", n, on(-3)) for n in "123"]
    booked = [visit("b1", "1", on(1), "booked"), visit("b2", "2", on(11), "booked")]
    live(0, people, [*visits, *booked])
    missed = [visit("b1", "1", on(1), "noshow"), visit("b2", "2", on(11), "noshow")]
    live(12, [*people[:2], patient("3", language="es")], [*visits, *missed])
    assert clinic.members()["no-show-recovery"] == {"1", "2"}
    assert started(clinic, fake) == {("p2@example.com", "no-show-recovery")}


def test_a_new_destination_stays_quiet_when_its_first_push_has_failed(
    clinic: Clinic, fake: FakeMailchimp, live: Live
) -> None:
    newsletter = clinic.config["destinations"].pop("newsletter")
    attended = visit("a1", "1", on(-1))
    live(0, [patient("1")], [attended, visit("b1", "1", on(1), "booked")])
    missed = [attended, visit("b1", "1", on(1), "noshow")]
    live(1, [patient("1")], missed)
    clinic.config["destinations"]["newsletter"] = newsletter
    fake.fail("403_bare", 1000)
    live(2)
    fake.heal()
    live(3, [patient("1", given_name="Renamed")], missed)
    assert tags(clinic, fake) == {"p1@example.com": {"newsletter", "no-show-recovery"}}
    assert started(clinic, fake) == set()


# ---------------------------------------------------------------- persons and addresses


def test_on_the_18th_birthday_a_person_s_tags_leave_the_family_address(
    clinic: Clinic, fake: FakeMailchimp, live: Live
) -> None:
    mother = patient("1", email=FAMILY)
    child = patient("2", email=FAMILY, birth_date="2008-03-20")  # 18 on day 18
    visits = [visit("a1", "1", on(-30)), *active("2")]
    live(0, [mother, child], visits)
    both = {"newsletter", "win-back", "dropped_out"}
    assert tags(clinic, fake) == {FAMILY: both}
    live(17)
    assert tags(clinic, fake) == {FAMILY: both}
    live(18, [mother, child], visits)
    assert tags(clinic, fake) == {FAMILY: both - {"newsletter"}}
    live(19, [mother, child | {"email": "own@example.com"}], visits)
    assert tags(clinic, fake) == {FAMILY: both - {"newsletter"}, "own@example.com": {"newsletter"}}


def test_who_leaves_an_address_stands_in_the_ledger_and_answers_for_what_comes_back_from_it(
    clinic: Clinic, fake: FakeMailchimp, live: Live
) -> None:
    visits = [*active("1"), *active("2")]
    live(0, [patient("1", email="own@example.com"), patient("2", email=FAMILY)], visits)
    live(1, [patient("1", email=FAMILY), patient("2", email=FAMILY)], visits)
    assert tags(clinic, fake) == {"own@example.com": set(), FAMILY: {"newsletter"}}
    ((people,),) = clinic.ask("SELECT contacts FROM disclosure WHERE removed <> '{}'")
    ((mover,),) = clinic.ask(
        "SELECT l.contact FROM link l JOIN patient_record p ON p.id = l.row_id WHERE p.external_id = '1'"
    )
    assert json.loads(people) == [mover]
    fake.audience.act("own@example.com", "unsubscribed")
    live(2)
    assert (clinic.withheld("1"), clinic.withheld("2")) == ({"newsletter": "unsubscribed"}, {})


def test_a_merge_and_its_undoing_leave_no_double_member_no_tags_and_start_nothing(
    clinic: Clinic, fake: FakeMailchimp, live: Live
) -> None:
    visits = [*active("1"), *active("2")]
    live(0, [patient("1"), patient("2")], visits)
    live(1, [patient("1"), patient("2", replaced_by="1")], visits)
    assert tags(clinic, fake) == {"p1@example.com": {"newsletter"}, "p2@example.com": set()}
    live(2, [patient("1"), patient("2")], visits)
    assert tags(clinic, fake) == {"p1@example.com": {"newsletter"}, "p2@example.com": {"newsletter"}}
    assert started(clinic, fake) == set()


# ---------------------------------------------------------------- who goes must be gone


def test_who_may_have_been_created_unheard_is_in_the_ledger_and_can_still_opt_out(
    clinic: Clinic, fake: FakeMailchimp, live: Live
) -> None:
    fake.fail("cut_after_acting", 100, method="POST", template=LIST)
    fake.fail("500", 1000, method="GET", template=MEMBER)
    live(0, [patient("1")], active("1"))
    assert list(tags(clinic, fake)) == ["p1@example.com"]
    assert clinic.ask("SELECT outcome FROM disclosure") == [("unknown",)]
    fake.heal()
    live(1, [patient("1", ok="N", ok_news="N", signed=on(1))], active("1"))
    assert tags(clinic, fake) == {"unsubscribed p1@example.com": set()}


@pytest.mark.parametrize("on_leave", ["untag", "archive"])
def test_who_was_sent_by_a_process_that_died_can_still_leave(
    clinic: Clinic, fake: FakeMailchimp, live: Live, monkeypatch: pytest.MonkeyPatch, on_leave: str
) -> None:
    def die(*_: object) -> None:
        raise KeyboardInterrupt

    clinic.config["destinations"]["newsletter"]["on_leave"] = on_leave
    with monkeypatch.context() as patched:
        patched.setattr("sync.push._settle", die)
        with pytest.raises(KeyboardInterrupt):
            live(0, [patient("1")], active("1"))
    assert tags(clinic, fake) == {"p1@example.com": {"newsletter"}}
    live(1, [patient("1", active="no")], active("1"))
    left = {"untag": "p1@example.com", "archive": "archived p1@example.com"}
    assert tags(clinic, fake) == {left[on_leave]: set()}
    assert clinic.ask("SELECT outcome FROM disclosure") == [("unknown",)]


def test_who_was_archived_by_us_comes_back_unless_they_have_opted_out_meanwhile(
    clinic: Clinic, fake: FakeMailchimp, live: Live
) -> None:
    clinic.config["destinations"]["newsletter"]["on_leave"] = "archive"
    people, gone = [patient("1"), patient("2")], [patient("1", active="no"), patient("2")]
    visits = [*active("1"), *active("2")]
    live(0, people, visits)
    live(1, gone, visits)
    assert tags(clinic, fake) == {"archived p1@example.com": set(), "p2@example.com": {"newsletter"}}
    live(2, people, visits)
    assert tags(clinic, fake) == {"p1@example.com": {"newsletter"}, "p2@example.com": {"newsletter"}}
    live(3, gone, visits)
    fake.audience.act("p1@example.com", "unsubscribed")
    live(4, people, visits)
    assert tags(clinic, fake) == {"unsubscribed p1@example.com": set(), "p2@example.com": {"newsletter"}}
    assert fake.audience.raised == [("p1@example.com", "archived")]


def test_a_new_yes_after_our_own_opt_out_writes_no_status_and_says_why(
    clinic: Clinic, fake: FakeMailchimp, live: Live
) -> None:
    live(0, [patient("1")], active("1"))
    live(1, [patient("1", ok="N", ok_news="N", signed=on(1))], active("1"))
    live(2, [patient("1", signed=on(2))], active("1"))
    assert tags(clinic, fake) == {"unsubscribed p1@example.com": set()}
    assert clinic.withheld("1") == {"newsletter": "unsubscribed"}


@pytest.mark.parametrize("cells", [{"active": "no"}, {"email": ""}])
def test_a_clinic_that_goes_at_once_waits_for_a_person(
    clinic: Clinic, fake: FakeMailchimp, live: Live, cells: dict[str, str]
) -> None:
    people = [patient(str(n)) for n in range(1, 31)]
    visits = [row for n in range(1, 31) for row in active(str(n))]
    live(0, people, visits)
    live(1, [person | cells for person in people], visits)
    assert {state for _, _, state, _ in clinic.wishes()} == {"held"}
    assert all(tags(clinic, fake).values())
