"""Contacts as lists show them: status, segments and links; a page at a time, so that memory stays flat."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, and_, or_, select

from sync.store import tables as t
from sync.store.statements import chunks

PAGE: Final = 1000

_c, _l, _p, _m = t.contact.c, t.link.c, t.patient_record.c, t.membership.c


def every_contact(connection: Connection) -> Iterator[dict[str, Any]]:
    """Every contact that has rows, inactive ones too, in the order of ids; as `contacts list --json` prints it."""
    last = ""
    while ids := _page_after(connection, last):
        yield from contacts(connection, ids)
        last = ids[-1]


def _page_after(connection: Connection, last: str) -> Sequence[str]:
    query = select(_c.id).where(_c.id > last, _c.state == "active").order_by(_c.id).limit(PAGE)
    return connection.execute(query).scalars().all()


def contacts(connection: Connection, ids: Iterable[str]) -> Iterator[dict[str, Any]]:
    """The named contacts, each {contact, status, returning, site, segments, links, household_size}."""
    for piece in chunks(sorted(ids)):
        links, segments = _links(connection, piece), _segments(connection, piece)
        query = select(_c.id, _c.status, _c.came_back, _c.site, _c.household_size).where(_c.id.in_(piece))
        for id_, status, came_back, site, household_size in connection.execute(query.order_by(_c.id)):
            yield {
                "contact": id_,
                "status": status,
                "returning": came_back,
                "site": site,
                "segments": segments[id_],
                "links": links[id_],
                "household_size": household_size,
            }


def _links(connection: Connection, ids: Sequence[str]) -> dict[str, list[dict[str, str]]]:
    found: dict[str, list[dict[str, str]]] = defaultdict(list)
    query = (
        select(_l.contact, _p.source, _p.external_id)
        .join(t.patient_record, _p.id == _l.row_id)
        .where(_l.contact.in_(ids), _l.until.is_(None))
        .order_by(_p.source, _p.external_id)
    )
    for contact, source, external_id in connection.execute(query):
        found[contact].append({"source": source, "id": external_id})
    return found


def _segments(connection: Connection, ids: Sequence[str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = defaultdict(list)
    query = select(_m.contact, _m.segment).where(_m.contact.in_(ids)).order_by(_m.segment)
    for contact, segment in connection.execute(query):
        found[contact].append(segment)
    return found


class Wanted(NamedTuple):
    """Whom somebody looks for, normalised as rows are; None: not said. One name is a first or a last one."""

    first_key: str | None = None
    last_key: str | None = None
    any_key: str | None = None
    email: str | None = None
    phone: str | None = None
    birth_date: date | None = None


def find(connection: Connection, wanted: Wanted) -> list[str]:
    """Contacts one of whose rows agrees with all that is said, in the order of ids."""
    agreeing = [
        _p[name] == value for name, value in wanted._asdict().items() if value is not None and name != "any_key"
    ]
    if wanted.any_key is not None:
        agreeing.append(or_(_p.first_key == wanted.any_key, _p.last_key == wanted.any_key))
    if not agreeing:
        return []
    query = (
        select(_l.contact)
        .join(t.patient_record, and_(_p.id == _l.row_id, _l.until.is_(None)))
        .where(*agreeing)
        .distinct()
        .order_by(_l.contact)
    )
    return list(connection.execute(query).scalars())
