"""Tabular rows -> rows, by a declared column map compiled once a feed."""

from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import NamedTuple

from mappings.body import FIRST_CELL, is_broken
from mappings.cells import LONGEST_NAME, Placeholder, is_scientific
from mappings.consent_column import ReadConsents, consent_reader
from mappings.garbled import garbled_names
from mappings.plan import Plan, Practice
from mappings.record_builder import Build, Values, record_builder
from mappings.records import Mapped, PatientRow, Rejected, VisitStatus, Warned
from mappings.site_column import SiteOf, site_reader
from mappings.slots import (
    Body,
    Fault,
    MomentSlot,
    SignedSlot,
    Slot,
    Unlisted,
    miss_code,
    moment_slots,
    plain_slots,
    positions,
    signed_slots,
)

VERSION = 3
"""Part of every fingerprint: raise it when the same cells come to mean something else."""

_NOBODY = frozenset({"", "0", "NULL", "null", "\\N"})
"""How a dumped table writes that a row has no patient."""

Mapper = Callable[[str, Body], Mapped | Rejected]
"""(external id, body) -> what the row says. The id is checked here; the body is laid out as `Plan.layout`."""


class Feed(NamedTuple):
    """A plan, compiled."""

    plan: Plan
    slots: tuple[Slot, ...]
    signed: tuple[SignedSlot, ...]
    moments: tuple[MomentSlot, ...]
    site_of: SiteOf
    consents: ReadConsents | None
    build: Build
    practice: Practice
    id_index: tuple[int, ...]
    flag_index: int | None
    only_index: int | None
    once: tuple[int, VisitStatus] | None


def compile_plan(plan: Plan, practice: Practice) -> Mapper:
    """Compiles a plan into a mapper; the mapper is pure and never raises on a row's contents."""
    feed = _compile(plan, practice)

    def map_row(external_id: str, body: Body) -> Mapped | Rejected:
        if is_broken(body):
            return Rejected(code="cell_count", site=plan.site.fixed)
        try:
            return _map(feed, external_id, body)
        except Fault as fault:
            return _reject(feed, fault, body)

    return map_row


def _compile(plan: Plan, practice: Practice) -> Feed:
    places = positions(plan)
    ids = plan.identity.columns if plan.identity else (plan.columns["external_id"].column,)
    return Feed(
        plan,
        plain_slots(plan, practice),
        signed_slots(plan, practice),
        moment_slots(plan),
        site_reader(plan, practice),
        consent_reader(plan.consents, places) if plan.consents and plan.kind == "patients" else None,
        record_builder(plan, practice),
        practice,
        tuple(places[name] for name in ids),
        places[plan.flag.column] if plan.flag else None,
        places[plan.only_with] if plan.only_with is not None else None,
        _once(plan, places),
    )


def _once(plan: Plan, places: Mapping[str, int]) -> tuple[int, VisitStatus] | None:
    status = plan.columns.get("status")
    if status is None or status.once is None:
        return None
    return places[status.once.column], status.once.status


def _map(feed: Feed, external_id: str, body: Body) -> Mapped:
    if feed.only_index is not None and body[feed.only_index].strip() in _NOBODY:
        return Mapped(record=None, ignored="no_patient")
    _check_id(feed, body)
    if feed.flag_index is not None and _removed(feed, body[feed.flag_index]):
        return Mapped(record=None, removed=True)
    warnings: list[Warned] = []
    site = feed.site_of(body)
    values: Values = {"site": site} if site is not None else {}
    _read_plain(feed, body, values, warnings)
    if feed.signed:
        _read_signed(feed, body, values, warnings)
    _read_moments(feed, body, values, warnings)
    if feed.once is not None and values["status"] == "booked" and body[feed.once[0]].strip():
        values["status"] = feed.once[1]
    if feed.consents is not None:
        values["consents"] = tuple(feed.consents(body, warnings))
    record = feed.build(external_id, values)
    if isinstance(record, PatientRow):
        warnings.extend(garbled_names(record))
    return Mapped(record=record, warnings=tuple(warnings))


def _check_id(feed: Feed, body: Body) -> None:
    """An id is there, has an end, and is none that a spreadsheet has cut down to its leading digits."""
    filled = False
    for index in feed.id_index:
        cell = body[index]
        if len(cell) > LONGEST_NAME or is_scientific(cell):
            raise Fault("unreadable_value", "external_id", feed.plan.layout()[index - FIRST_CELL])
        filled = filled or bool(cell.strip())
    if not filled:
        raise Fault("missing_value", "external_id", feed.plan.layout()[feed.id_index[0] - FIRST_CELL])


def _removed(feed: Feed, cell: str) -> bool:
    return feed.plan.flag is not None and cell.strip() in feed.plan.flag.removed


def _read_plain(feed: Feed, body: Body, values: Values, warnings: list[Warned]) -> None:
    for at, name, column, read, required, default in feed.slots:
        text = body[at].strip() or default
        if text:
            try:
                values[name] = read(text)
            except ValueError as error:
                _unreadable(error, Trouble(name, column, required), values, warnings)
        elif required:
            raise Fault("missing_value", name, column)


def _read_signed(feed: Feed, body: Body, values: Values, warnings: list[Warned]) -> None:
    for signed in feed.signed:
        slot, text = signed.slot, signed.text(body)
        if text:
            try:
                values[slot.name] = slot.read(text)
            except ValueError as error:
                _unreadable(error, Trouble(slot.name, slot.column, slot.required), values, warnings)
        elif slot.required:
            raise Fault("missing_value", slot.name, slot.column)


def _read_moments(feed: Feed, body: Body, values: Values, warnings: list[Warned]) -> None:
    zone = feed.practice.zone_of(values.get("site"))
    for slot in feed.moments:
        _, name, column, read, required, default, _ = slot
        text = slot.text(body) or default
        if text:
            try:
                instant, day = read(text, zone)
            except ValueError as error:
                _unreadable(error, Trouble(name, column, required), values, warnings)
                continue
            values[name] = instant
            if name == "starts_at":
                values["day"] = day
        elif required:
            raise Fault("missing_value", name, column)


class Trouble(NamedTuple):
    """Where a value could not be read."""

    name: str
    column: str
    required: bool


def _unreadable(error: ValueError, trouble: Trouble, values: Values, warnings: list[Warned]) -> None:
    if isinstance(error, Unlisted):
        raise Fault(miss_code(trouble.name), trouble.name, trouble.column)
    if trouble.required:
        raise Fault("unreadable_value", trouble.name, trouble.column)
    if trouble.name == "email":
        values["email_invalid"] = True
    code = "placeholder_value" if isinstance(error, Placeholder) else "unreadable_value"
    warnings.append(Warned(trouble.name, code))


# ---------------------------------------------------------------- rejections


def _reject(feed: Feed, fault: Fault, body: Body) -> Rejected:
    """Keeps what could still be read, so that a patient is not taken for absent."""
    site = _salvaged_site(feed, body)
    if feed.plan.kind not in ("appointments", "episodes"):
        return Rejected(code=fault.code, field=fault.name, column=fault.column, site=site)
    return Rejected(
        code=fault.code,
        field=fault.name,
        column=fault.column,
        patient_id=_salvaged_text(feed, "patient_id", body),
        episode_id=_salvaged_text(feed, "episode_id", body),
        day=_salvaged_day(feed, body, site),
        site=site,
    )


def _salvaged_site(feed: Feed, body: Body) -> str | None:
    try:
        return feed.site_of(body)
    except Fault:
        return None


def _salvaged_text(feed: Feed, name: str, body: Body) -> str | None:
    text = next((body[slot.at].strip() for slot in feed.slots if slot.name == name), "")
    return text if 0 < len(text) <= LONGEST_NAME else None


def _salvaged_day(feed: Feed, body: Body, site: str | None) -> date | None:
    for slot in feed.moments:
        if slot.name == "starts_at" and slot.text(body):
            try:
                return start_day(slot, body, feed.practice, site)
            except ValueError:
                return None
    return None


def start_day(slot: MomentSlot, body: Body, practice: Practice, site: str | None) -> date:
    """The local day of a visit's start; raises ValueError."""
    moment: tuple[datetime, date] = slot.read(slot.text(body), practice.zone_of(site))
    return moment[1]


def day_reader(plan: Plan, practice: Practice) -> Callable[[Body], date | None]:
    """A reader of a visit's local day alone, for the window that a file speaks of; None where it cannot be read."""
    feed = _compile(plan, practice)
    return lambda body: None if is_broken(body) else _salvaged_day(feed, body, _salvaged_site(feed, body))
