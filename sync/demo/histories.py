"""Histories made on purpose: each builder leads to one known status.

Every offset keeps at least two days from the thresholds that it could cross (3, 7, 14, 21, 60, 90 and 365 days, and
those of the demo's segments), so that no status and no segment changes during the day after the folder is made.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from random import Random
from typing import NamedTuple

from mappings.records import Status
from sync.demo.care import DemoCase, DemoVisit, Happened, History

KINDS = ("Orthopedic", "Orthopedic", "Orthopedic", "Vestibular", "Hand", "Pelvic health")
DONE, LEFT, MOVED = "Goals met", "Patient stopped", "Moved care"


class Dice(NamedTuple):
    """Seeded chance, and how many days since the last visit mean at risk at this clinic (first, last)."""

    random: Random
    slipping: tuple[int, int]

    def between(self, first: int, last: int) -> int:
        return self.random.randint(first, last)

    def slipped(self) -> int:
        return self.random.randint(*self.slipping)


Builder = Callable[[Dice], History]


def _visit(dice: Dice, day: int, happened: Happened, note: str = "DN") -> DemoVisit:
    return DemoVisit(
        day=day, hour=dice.between(7, 17), minute=dice.random.choice((0, 30)), happened=happened, note=note
    )


def _attended(dice: Dice, ago: int, count: int, steps: Sequence[int] = (3, 4)) -> list[DemoVisit]:
    """Attended visits, the last one `ago` days ago; the first is the evaluation, every fifth a progress visit."""
    days = [-ago]
    while len(days) < count:
        days.append(days[-1] - dice.random.choice(steps))
    notes = ("IE" if n == 0 else "PN" if n % 5 == 4 else "DN" for n in range(count))
    return [_visit(dice, day, "attended", note) for day, note in zip(reversed(days), notes, strict=True)]


def _booked(dice: Dice, count: int) -> list[DemoVisit]:
    """Visits to come, all within what WebPT's window shows."""
    return [_visit(dice, day, "booked") for day in (3 + dice.between(0, 1), 7, 11)[:count]]


def _open(dice: Dice, visits: Iterable[DemoVisit]) -> DemoCase:
    """A running plan of care with more visits ordered than were made."""
    made = tuple(visits)
    attended = sum(visit.happened == "attended" for visit in made)
    return DemoCase(
        opened=min(*(visit.day for visit in made), -2),
        visits=made,
        kind=dice.random.choice(KINDS),
        prescribed=attended + dice.between(4, 8),
        authorized=attended + dice.random.choice((1, 2, 5, 8)) if dice.between(1, 3) == 1 else None,
    )


def _closed(dice: Dice, visits: Iterable[DemoVisit], after: int, reason: str) -> DemoCase:
    """A plan of care closed `after` days after its last visit."""
    case = _open(dice, visits)
    last = case.visits[-1]
    ended = (*case.visits[:-1], replace(last, note="DS")) if reason == DONE else case.visits
    return replace(case, visits=ended, closed=last.day + after, reason=reason, authorized=None)


def _history(name: str, status: Status, dice: Dice, *cases: DemoCase) -> History:
    first = min(case.opened for case in cases)
    return History(name=name, status=status, created=first - dice.between(1, 9), cases=cases)


def active_booked(dice: Dice) -> History:
    visits = _attended(dice, dice.between(3, 5), dice.between(2, 9)) + _booked(dice, dice.between(1, 3))
    return _history("active_booked", "active", dice, _open(dice, visits))


def active_unbooked(dice: Dice) -> History:
    return _history("active_unbooked", "active", dice, _open(dice, _attended(dice, dice.between(3, 5), 6)))


def monthly(dice: Dice) -> History:
    """Comes every four weeks: the next visit lies beyond what the EMR's window shows, which is no absence."""
    visits = _attended(dice, dice.between(10, 17), dice.between(3, 6), (28,))
    return _history("monthly", "active", dice, _open(dice, visits))


def slipping(dice: Dice) -> History:
    visits = _attended(dice, dice.slipped(), dice.between(3, 8))
    return _history("slipping", "at_risk", dice, _open(dice, visits))


def missed_twice(dice: Dice) -> History:
    """Two missed days lately, yet booked again."""
    missed = [_visit(dice, -9, "missed"), _visit(dice, -5, "missed")]
    visits = _attended(dice, dice.between(11, 12), 4) + missed + _booked(dice, 1)
    return _history("missed_twice", "at_risk", dice, _open(dice, visits))


def missed_once_unbooked(dice: Dice) -> History:
    """Missed the last visit and has nothing on the books: the front desk should call."""
    ago = dice.slipping[0]
    visits = [*_attended(dice, ago, dice.between(3, 7)), _visit(dice, -(ago - 4), "missed")]
    return _history("missed_once_unbooked", "at_risk", dice, _open(dice, visits))


def missed_once_recent(dice: Dice) -> History:
    visits = [*_attended(dice, 5, dice.between(3, 7)), _visit(dice, -3, "missed")]
    return _history("missed_once_recent", "active", dice, _open(dice, visits))


def dropped_out(dice: Dice) -> History:
    ago = dice.random.choice(
        (dice.between(26, 56), dice.between(66, 86), dice.between(95, 174), dice.between(190, 340))
    )
    return _history("dropped_out", "dropped_out", dice, _open(dice, _attended(dice, ago, dice.between(2, 7))))


def closed_by_the_office(dice: Dice) -> History:
    """The therapist tidied up long after the last visit and gave no reason: the patient had dropped out."""
    visits = _attended(dice, dice.between(80, 170), dice.between(2, 6))
    return _history("closed_by_the_office", "dropped_out", dice, _closed(dice, visits, dice.between(30, 60), ""))


def left_by_word(dice: Dice) -> History:
    visits = _attended(dice, dice.between(30, 170), dice.between(2, 6))
    return _history("left_by_word", "dropped_out", dice, _closed(dice, visits, dice.between(1, 9), LEFT))


def completed(dice: Dice) -> History:
    ago = dice.random.choice(
        (dice.between(25, 52), dice.between(68, 86), dice.between(95, 174), dice.between(190, 350))
    )
    visits = _attended(dice, ago, dice.between(4, 11))
    return _history("completed", "discharged", dice, _closed(dice, visits, dice.between(0, 3), DONE))


def transferred(dice: Dice) -> History:
    visits = _attended(dice, dice.between(30, 300), dice.between(2, 6))
    return _history("transferred", "discharged", dice, _closed(dice, visits, dice.between(2, 9), MOVED))


def completed_by_count(dice: Dice) -> History:
    """Came as often as was ordered; nobody has closed the case yet."""
    count = dice.between(6, 10)
    case = replace(_open(dice, _attended(dice, dice.between(25, 50), count)), prescribed=count)
    return _history("completed_by_count", "discharged", dice, case)


def dormant(dice: Dice) -> History:
    visits = _attended(dice, dice.between(375, 900), dice.between(2, 9))
    case = _closed(dice, visits, dice.between(0, 3), DONE) if dice.between(1, 2) == 1 else _open(dice, visits)
    return _history("dormant", "dormant", dice, case)


def before_the_move(dice: Dice) -> History:
    """Completed care, long ago enough to lie before whatever the person's other chart says."""
    visits = _attended(dice, dice.between(200, 350), dice.between(4, 11))
    return _history("before_the_move", "discharged", dice, _closed(dice, visits, 2, DONE))


def earlier_visits(dice: Dice) -> History:
    """What hangs on a chart that the EMR has merged into another one."""
    history = _history("earlier_visits", "dropped_out", dice, _open(dice, _attended(dice, dice.between(110, 160), 3)))
    return replace(history, by_case=False, active=False)


def returning(dice: Dice) -> History:
    """A second plan of care, a good while after the first was completed."""
    before = _closed(dice, _attended(dice, dice.between(200, 330), dice.between(4, 9)), 2, DONE)
    again = _open(dice, _attended(dice, dice.between(3, 5), dice.between(2, 5)) + _booked(dice, 2))
    return _history("returning", "active", dice, before, again)


def scheduled(dice: Dice) -> History:
    case = _open(dice, [_visit(dice, dice.between(3, 11), "booked", "IE")])
    return _history("scheduled", "scheduled", dice, replace(case, opened=-dice.between(3, 9), authorized=None))


def cancelled_first(dice: Dice) -> History:
    """Cancelled the first visit: somebody who asked, and has nothing booked."""
    case = _open(dice, [_visit(dice, -dice.between(4, 24), "cancelled", "IE")])
    return _history("cancelled_first", "lead", dice, case)


def cancelled_long_ago(dice: Dice) -> History:
    case = _open(dice, [_visit(dice, -dice.between(100, 300), "cancelled", "IE")])
    return _history("cancelled_long_ago", "lost_lead", dice, case)


def missed_first(dice: Dice) -> History:
    case = _open(dice, [_visit(dice, -dice.slipped(), "missed", "IE")])
    return _history("missed_first", "at_risk", dice, case)


def missed_first_long_ago(dice: Dice) -> History:
    case = _open(dice, [_visit(dice, -dice.between(30, 80), "missed", "IE")])
    return _history("missed_first_long_ago", "dropped_out", dice, case)


def without_a_case(dice: Dice) -> History:
    """A wellness client: the EMR keeps no plan of care for these visits."""
    visits = _attended(dice, dice.between(3, 5), dice.between(3, 8), (7,)) + _booked(dice, 1)
    return replace(_history("without_a_case", "active", dice, _open(dice, visits)), by_case=False)


def held_open(dice: Dice) -> History:
    """Looks dropped out, but a visit to come carries a code that nobody has mapped: see `dirt`."""
    return replace(dropped_out(dice), name="held_open", status="active")


def deceased(dice: Dice) -> History:
    return replace(completed(dice), name="deceased", status="inactive", deceased=True)


def inactive(dice: Dice) -> History:
    return replace(dormant(dice), name="inactive", status="inactive", active=False)


WEBPT_PLAN: tuple[tuple[Builder, int], ...] = (
    (active_booked, 330),
    (active_unbooked, 50),
    (monthly, 24),
    (slipping, 90),
    (missed_twice, 55),
    (missed_once_unbooked, 30),
    (missed_once_recent, 20),
    (dropped_out, 140),
    (closed_by_the_office, 70),
    (left_by_word, 25),
    (completed, 300),
    (transferred, 18),
    (completed_by_count, 45),
    (dormant, 130),
    (returning, 50),
    (scheduled, 60),
    (cancelled_first, 24),
    (cancelled_long_ago, 14),
    (missed_first, 10),
    (missed_first_long_ago, 14),
    (held_open, 1),
    (deceased, 12),
    (inactive, 18),
)
"""How many patients of the two WebPT clinics have which history."""

BOULDER_PLAN: tuple[tuple[Builder, int], ...] = (
    (active_booked, 95),
    (active_unbooked, 16),
    (slipping, 30),
    (missed_twice, 16),
    (missed_once_unbooked, 10),
    (dropped_out, 45),
    (closed_by_the_office, 25),
    (completed, 85),
    (dormant, 40),
    (returning, 16),
    (scheduled, 18),
    (without_a_case, 14),
    (deceased, 4),
    (inactive, 5),
)
"""The same for the clinic whose EMR speaks FHIR."""
