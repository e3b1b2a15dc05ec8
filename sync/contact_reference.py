"""How a command names a contact: by its id, the hash from a log line, or SOURCE:EXTERNAL_ID; never by name or address."""

import re
from typing import Final

from sqlalchemy import Connection, and_, select

from sync.log import person_hash
from sync.store import tables as t

_HASH: Final = re.compile(r"[0-9a-f]{12}")
_c, _l, _p = t.contact.c, t.link.c, t.patient_record.c


class UnknownContact(Exception):
    """Nobody goes by this reference; the message does not repeat it."""

    def __init__(self) -> None:
        super().__init__(
            "no contact goes by this; give a contact id, the hash from a log line, or SOURCE:EXTERNAL_ID"
            " (prm-sync contacts find looks people up by name or address)"
        )


def find_contact(connection: Connection, reference: str) -> str:
    """The id of the living contact that is meant; raises UnknownContact.

    An id that a merge absorbed leads to the contact that holds its founder row now.
    """
    found = _by_id(connection, reference) or _by_row(connection, reference) or _by_hash(connection, reference)
    if found is None:
        raise UnknownContact
    return found


def _by_id(connection: Connection, reference: str) -> str | None:
    query = (
        select(_l.contact).join(t.contact, and_(_c.founder == _l.row_id, _l.until.is_(None))).where(_c.id == reference)
    )
    return connection.execute(query).scalar()


def _by_row(connection: Connection, reference: str) -> str | None:
    source, _, external_id = reference.partition(":")
    query = (
        select(_l.contact)
        .join(t.patient_record, and_(_p.id == _l.row_id, _l.until.is_(None)))
        .where(_p.source == source, _p.external_id == external_id)
    )
    return connection.execute(query).scalar()


def _by_hash(connection: Connection, reference: str) -> str | None:
    """Hashes are keyed, so that finding one takes a walk over all contacts."""
    if not _HASH.fullmatch(reference):
        return None
    ids = connection.execute(select(_c.id)).scalars().all()
    contact = next((id_ for id_ in ids if person_hash(id_) == reference), None)
    return _by_id(connection, contact) if contact is not None else None
