"""Which address is whose: mailing addresses, what is wrong with one, and who shares it."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Final, NamedTuple

from mappings.addresses import is_placeholder
from sync.person import Person
from sync.standing import leading_rows, mailing_address

CLOSED: Final = ("complained", "unsubscribed", "bounced")


class Reach(NamedTuple):
    """How a contact can be reached: its mailing e-mail, the leading row's phone, and what is wrong if anything.

    `email_status` is ok, missing, invalid, unsubscribed, bounced or complained. `causes` are those that apply to
    the person or its address.
    """

    address: str | None
    phone: str | None
    email_status: str
    causes: frozenset[str]


class Closed(NamedTuple):
    """Addresses that are shared by too many, and suppressions by address and by contact."""

    shared: frozenset[str]
    by_address: Mapping[str, frozenset[str]]
    by_contact: Mapping[str, frozenset[str]]


def reach_of(person: Person, closed: Closed) -> Reach:
    """Finds a contact's mailing address: the leading row's usable e-mail, else the next row's."""
    usable: Callable[[str], bool] = partial(_usable, closed=closed)
    address = mailing_address(person, usable)
    own = closed.by_contact.get(person.contact, frozenset())
    causes = own | (closed.by_address.get(address, frozenset()) if address else frozenset())
    leading = leading_rows(person)
    phone = next((row.phone for row in leading if row.phone), None) if leading else None
    status = _status(person, address, causes, closed)
    causes |= {"bounced"} if status == "bounced" else frozenset()
    return Reach(address, None if phone in closed.shared else phone, status, causes)


def _usable(email: str, closed: Closed) -> bool:
    if is_placeholder(email) or email in closed.shared:
        return False
    return "bounced" not in closed.by_address.get(email, frozenset())


def _status(person: Person, address: str | None, causes: frozenset[str], closed: Closed) -> str:
    if address is not None:
        return next((cause for cause in CLOSED if cause in causes), "ok")
    emails = [row.email for row in person.rows if row.email]
    if any("bounced" in closed.by_address.get(email, frozenset()) for email in emails):
        return "bounced"
    return "invalid" if emails or any(row.email_invalid for row in person.rows) else "missing"


def household_sizes(
    reaches: Mapping[str, Reach], others: Iterable[tuple[str, str | None, str | None]]
) -> dict[str, int]:
    """1 + the other contacts whose mailing e-mail or phone equals one's own; inactive ones must be left out before."""
    holders: dict[str, set[str]] = defaultdict(set)
    known = [(contact, reach.address, reach.phone) for contact, reach in reaches.items()]
    for contact, address, phone in (*known, *others):
        for value in (address, phone):
            if value is not None:
                holders[value].add(contact)
    return {contact: max(1, len(_sharing(holders, (address, phone), contact))) for contact, address, phone in known}


def _sharing(holders: Mapping[str, set[str]], values: Sequence[str | None], contact: str) -> set[str]:
    shared = {contact}
    for value in values:
        if value is not None:
            shared |= holders[value]
    return shared
