"""Who has no plan of care is a lead; how long ago that began decides between lead and lost lead."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from typing import NamedTuple
from zoneinfo import ZoneInfo

from mappings.records import Status
from sync.attendance import Meaning, Record, latest, meaning_of
from sync.clock import Clock, local_day, midnight, zone_of
from sync.due import Due
from sync.episodes import thresholds_of
from sync.person import Person, Row, World


class Since(NamedTuple):
    """The day from which a lead counts, in whose zone, and the row or visit that says so."""

    day: date
    zone: ZoneInfo
    site: str | None
    ref: str


def lead_status(found: Sequence[Since], world: World, clock: Clock, due: Due) -> tuple[Status, str, tuple[str, ...]]:
    """`lead`, or `lost_lead` more than `lost_lead_after_days` after the later of the days; the rule and its inputs.

    Without any day (all known from a source's first complete pull alone) it is `lost_lead` from the start.
    """
    young = []
    for since in found:
        days = thresholds_of(world, since.site, None).lost_lead_after_days
        due.add(midnight(since.day, since.zone, days + 1), clock)
        if (local_day(clock.time, since.zone) - since.day).days <= days:
            young.append(since.ref)
    if young:
        return "lead", "lead.recent", tuple(sorted(set(young)))
    return "lost_lead", "lead.long_ago", tuple(sorted({since.ref for since in found}))


def lead_days(person: Person, records: Iterable[Record], world: World, clock: Clock) -> tuple[Since, ...]:
    """The newest day that the contact's rows give, and that of the last visit cancelled or come to nothing."""
    rows = list(_newest(_row_days(person, world)))
    record = latest(r for r in records if meaning_of(r, clock.time) in (Meaning.CANCELLED, Meaning.LAPSED))
    if record is not None:
        rows.append(Since(record.day, record.zone, record.site, record.ref))
    return tuple(rows)


def _row_days(person: Person, world: World) -> list[Since]:
    """Lead or referral dates; of none, the days of creation; of none, the days first seen outside a first pull."""
    stated = [_since(row, day, world) for row in person.rows for day in (row.lead_since, row.referral_received) if day]
    if stated:
        return stated
    created = [_created(row, world) for row in person.rows if row.created_at is not None]
    return [since for since in created if since] or [_seen(row, world) for row in person.rows if not row.first_pull]


def _created(row: Row, world: World) -> Since | None:
    zone = zone_of(row.site, world)
    return _since(row, local_day(row.created_at, zone), world) if row.created_at else None


def _seen(row: Row, world: World) -> Since:
    return _since(row, local_day(row.first_seen_at, zone_of(row.site, world)), world)


def _since(row: Row, day: date, world: World) -> Since:
    return Since(day, zone_of(row.site, world), row.site, f"{row.source}:{row.external_id}")


def _newest(found: list[Since]) -> Iterator[Since]:
    newest = max((since.day for since in found), default=None)
    return (since for since in found if since.day == newest)
