"""Decisions on being contacted that people at the practice record: one at a time, or a file of them."""

import csv
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple

from sqlalchemy import Connection, select

from mappings.addresses import read_email
from mappings.cells import read_day
from mappings.consent import PURPOSES
from mappings.records import Channel, Consent, Purpose
from mappings.words import read_answer, read_channel, read_purpose
from sync.contact_reference import UnknownContact, find_contact
from sync.store import consents
from sync.store import tables as t
from sync.store.contacts import mark_contacts
from sync.store.suppressions import contacts_at

COLUMNS: Final = ("contact", "email", "channel", "purpose", "decision", "decided_on", "evidence")
ALL: Final = "all"


class Unrecorded(Exception):
    """Something of what was to be recorded cannot be; nothing was. Each sentence names line and column, no value."""

    def __init__(self, sentences: Sequence[str]) -> None:
        super().__init__("\n".join(sentences))


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """A decision of a person, about e-mail unless another channel is named, for one or more purposes."""

    decision: Literal["yes", "no"]
    decided_on: date
    purposes: Sequence[Purpose] = PURPOSES
    channel: Channel = "email"
    evidence: str | None = None

    def consents(self) -> tuple[Consent, ...]:
        """A statement a purpose."""
        return tuple(
            Consent(
                channel=self.channel,
                purpose=purpose,
                decision=self.decision,
                decided_on=self.decided_on,
                evidence=self.evidence,
            )
            for purpose in self.purposes
        )


def record(connection: Connection, reference: str, said: Said, at: datetime) -> str:
    """Records a decision of a contact by the patient row that is named, else by the one that founded the contact.

    Returns the contact's id; raises UnknownContact.
    """
    contact = find_contact(connection, reference)
    source, external_id = _row_of(connection, reference, contact)
    stated = consents.Stated(external_id, False, consents.BY_HAND, said.consents())
    consents.add(connection, source, at, [stated])
    mark_contacts(connection, [contact])
    return contact


def _row_of(connection: Connection, reference: str, contact: str) -> tuple[str, str]:
    p, c = t.patient_record.c, t.contact.c
    source, _, external_id = reference.partition(":")
    named = select(p.source, p.external_id).where(p.source == source, p.external_id == external_id)
    founder = select(p.source, p.external_id).join(t.contact, c.founder == p.id).where(c.id == contact)
    row = connection.execute(named).first() or connection.execute(founder).one()
    return row[0], row[1]


def record_address(connection: Connection, address: str, said: Said, at: datetime) -> None:
    """Records a decision about an address, whoever has it."""
    stated = consents.Stated(address, True, consents.BY_HAND, said.consents())
    consents.add(connection, consents.BY_HAND, at, [stated])
    mark_contacts(connection, contacts_at(connection, [address]))


# ---------------------------------------------------------------- files


class Line(NamedTuple):
    """A line of a file: where it stands, of whom it speaks (a contact's reference or an address), what they said."""

    number: int
    contact: str
    email: str
    said: Said


def import_file(connection: Connection, path: Path, today: date, at: datetime) -> int:
    """Records a CSV file of decisions, all of them or none; returns how many lines. Raises Unrecorded."""
    lines, faults = _lines(path, today)
    for line in lines:
        try:
            if line.contact:
                record(connection, line.contact, line.said, at)
            else:
                record_address(connection, line.email, line.said, at)
        except UnknownContact:
            faults.append(
                f"{path.name}:{line.number}: contact: nobody goes by this; give a contact id or SOURCE:EXTERNAL_ID"
            )
    if faults:
        raise Unrecorded(faults)
    return len(lines)


def _lines(path: Path, today: date) -> tuple[list[Line], list[str]]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise Unrecorded([f"{path.name}: cannot be read ({reason})"]) from None
    rows = csv.DictReader(text.splitlines(), strict=True)
    try:
        named = [name.strip() for name in rows.fieldnames or ()]
        rows.fieldnames = named
        table = list(rows)
    except csv.Error:
        raise Unrecorded([f"{path.name}:{rows.line_num}: this line is no CSV; save the file again"]) from None
    unknown = [name for name in named if name not in COLUMNS]
    if unknown or "decision" not in named or not {"contact", "email"} & set(named):
        raise Unrecorded(
            [f"{path.name}:1: the columns are {', '.join(COLUMNS)}; decision and contact or email must be there"]
        )
    lines, faults = list[Line](), list[str]()
    for number, row in enumerate(table, start=2):
        faults += [f"{path.name}:{number}: {fault}" for fault in _read(number, row, today, lines)]
    return lines, faults


def _read(number: int, row: Mapping[Any, Any], today: date, into: list[Line]) -> Iterator[str]:
    """Reads a line into the list, or tells what is wrong with it."""
    if None in row or None in row.values():
        yield "the line has more or fewer cells than the header"
        return
    cells = {name: (row.get(name) or "").strip() for name in COLUMNS}
    found, faults = dict[str, Any](), list[str]()
    for name, (read, advice) in _READERS.items():
        try:
            found[name] = read(cells[name]) if cells[name] else None
        except ValueError:
            faults.append(f"{name}: {advice}")
    if bool(cells["contact"]) == bool(cells["email"]):
        faults.append("contact: give either a contact or an email")
    if not cells["decision"]:
        faults.append("decision: write yes or no")
    faults += [] if faults else _doubtful(found, cells["evidence"], today)
    if faults:
        yield from faults
        return
    said = Said(
        decision=found["decision"],
        decided_on=found["decided_on"] or today,
        purposes=found["purpose"] or PURPOSES,
        channel=found["channel"] or "email",
        evidence=cells["evidence"] or None,
    )
    into.append(Line(number, cells["contact"], found["email"] or "", said))


def _doubtful(found: Mapping[str, Any], evidence: str, today: date) -> Iterable[str]:
    if found["decision"] == "yes" and not (evidence and found["decided_on"]):
        yield "evidence: a yes needs its day and what shows it, such as: signed form of the intake"
    if found["decided_on"] is not None and found["decided_on"] > today:
        yield "decided_on: this day has not come yet"


def _purposes(text: str) -> tuple[Purpose, ...]:
    return PURPOSES if text.casefold() == ALL else (read_purpose(text),)


_READERS: Final[Mapping[str, tuple[Any, str]]] = {
    "email": (read_email, "is no e-mail address"),
    "channel": (read_channel, "write email, sms, phone or mail"),
    "purpose": (_purposes, "write treatment, operations, marketing or all"),
    "decision": (read_answer, "write yes or no"),
    "decided_on": (lambda text: read_day(text, ()), "write the day as 2026-03-31"),
}
