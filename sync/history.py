"""A contact's whole history: every record, and the plans of care that the records make up."""

from collections.abc import Sequence
from typing import NamedTuple

from sync.attendance import Record
from sync.clock import Clocks
from sync.course import Course, course_of
from sync.episodes import Draft, chain, gather
from sync.person import Person


class History(NamedTuple):
    """All records (cancelled ones too) and all courses (those that count as no episode too)."""

    records: Sequence[Record]
    courses: Sequence[Course]


def history_of(person: Person, clocks: Clocks) -> History:
    """Sorts a contact's visits into plans of care, each at its own clock."""
    gathered = gather(person, clocks)
    drafts = list(gathered.owned)
    courses = [course_of(draft, clocks) for draft in drafts]
    if gathered.free:
        closings = [course.closing for course in courses if course.closing is not None]
        derived = chain(gathered.free, closings, clocks.world)
        drafts += derived
        courses += [course_of(draft, clocks) for draft in derived]
    if gathered.adrift:
        _land(gathered.adrift, drafts, courses, clocks)
    return History(gathered.records, courses)


def _land(adrift: Sequence[Record], drafts: list[Draft], courses: list[Course], clocks: Clocks) -> None:
    """Quarantined visits without a readable day: today in the latest episode; without any they are one."""
    if not courses:
        courses += [course_of(draft, clocks) for draft in chain(adrift, (), clocks.world)]
        return
    place = min(range(len(courses)), key=lambda number: courses[number].order)
    drafts[place].records += adrift
    courses[place] = course_of(drafts[place], clocks)
