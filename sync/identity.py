"""Two patient rows: what says that they are one person, and what says that they cannot be."""

from collections.abc import Iterator
from datetime import date
from functools import lru_cache
from typing import Final, Literal, NamedTuple

IDENTIFIER: Final = "identifier"
EMR_MERGE: Final = "emr-merge"
NAMES_BIRTH_CONTACT: Final = "names-birth-contact"
NAMES_BIRTH: Final = "names-birth"
OTHER_BIRTH: Final = "other-birth-date"
OTHER_LAST: Final = "other-last-name"
NAMES_ADDRESS: Final = "names-address"
LEAD: Final = "lead"
MINOR: Final = "minor"
MANUAL: Final = "manual"
NO_LONGER: Final = "no-longer"

RULES: Final = {
    IDENTIFIER: "they carry the same id of the same authority",
    EMR_MERGE: "the EMR itself merged one into the other",
    NAMES_BIRTH_CONTACT: "names and birth date agree, and an e-mail address, phone or postal code",
    NAMES_BIRTH: "names and birth date agree, and nothing else",
    OTHER_BIRTH: "names, e-mail address and phone agree, the birth dates differ",
    OTHER_LAST: "first name, birth date and an address agree, the last names differ",
    NAMES_ADDRESS: "names and an address agree, and a birth date is missing",
    LEAD: "an inquiry whose names and address fit exactly one adult",
    MINOR: "names and birth date agree, but the person is under 18",
    MANUAL: "someone decided it",
    NO_LONGER: "nothing says so any longer",
}
"""Each rule as the end of the sentence "because …"."""

CERTAIN: Final = frozenset({IDENTIFIER, EMR_MERGE})
"""Rules that no veto stops, only someone's explicit "not the same" on that very pair."""


class Facts(NamedTuple):
    """What one patient row says of who it is.

    `first` and `last` are name keys ("" = none). `email` and `phone` are None where they are no evidence:
    placeholders, and those that too many people share. `lead` is True for a row of a source of leads.
    """

    id: int
    source: str
    external_id: str
    first: str = ""
    last: str = ""
    birth: date | None = None
    sex: str | None = None
    email: str | None = None
    phone: str | None = None
    postal: str | None = None
    replaced_by: str | None = None
    lead: bool = False
    identifiers: frozenset[tuple[str, str]] = frozenset()


class Verdict(NamedTuple):
    """On a pair of rows: one person, or perhaps; the rule that says so, and how sure it is (0 to 1)."""

    verdict: Literal["same", "maybe"]
    rule: str
    score: float


def decide(a: Facts, b: Facts, today: date) -> Verdict | None:
    """What the two rows say by themselves; None = nothing that points to one person.

    "maybe" is for the review queue. That an inquiry fits exactly one adult is more than two rows can tell: such a
    pair is "maybe" here, by NAMES_ADDRESS.
    """
    certain = _certain(a, b)
    if certain is not None:
        return Verdict("same", certain, 1.0)
    if not a.first or a.first != b.first:
        return None
    email = a.email is not None and a.email == b.email
    phone = a.phone is not None and a.phone == b.phone
    if not a.last or a.last != b.last:
        renamed = a.birth is not None and a.birth == b.birth and (email or phone)
        return Verdict("maybe", OTHER_LAST, 0.6) if renamed else None
    if a.birth is None or b.birth is None:
        return Verdict("maybe", NAMES_ADDRESS, 0.6 + 0.1 * (email and phone)) if email or phone else None
    if a.birth != b.birth:
        return Verdict("maybe", OTHER_BIRTH, 0.5) if email and phone else None
    return _namesakes(a, b, email + phone, today)


def _certain(a: Facts, b: Facts) -> str | None:
    if a.identifiers and not a.identifiers.isdisjoint(b.identifiers):
        return IDENTIFIER
    if a.source != b.source or a.replaced_by is b.replaced_by is None:
        return None
    merged = a.replaced_by == b.external_id or b.replaced_by in (a.external_id, a.replaced_by)
    return EMR_MERGE if merged else None


def _namesakes(a: Facts, b: Facts, addresses: int, today: date) -> Verdict:
    """Same names, same birth date."""
    agreeing = addresses + (a.postal is not None and a.postal == b.postal)
    if not agreeing:
        return Verdict("maybe", NAMES_BIRTH, 0.7)
    if is_minor(a.birth, today):
        return Verdict("maybe", MINOR, 0.8)
    return Verdict("same", NAMES_BIRTH_CONTACT, round(0.94 + 0.02 * agreeing, 2))


def is_minor(birth: date | None, today: date) -> bool:
    """Under 18 on that day; an unknown age counts as adult."""
    if birth is None:
        return False
    return today.year - birth.year - ((today.month, today.day) < (birth.month, birth.day)) < 18


def is_vetoed(a: Facts, b: Facts) -> bool:
    """True when the two cannot be one person, whatever joins them short of the EMR itself.

    Birth dates that differ; the sexes differ and so do the first names; twins: one birth date and last name, two
    first names. Last names are compared by their keys; a first name that begins the other or is one edit away from
    it is no other name.
    """
    if a.birth is not None and b.birth is not None and a.birth != b.birth:
        return True
    if not a.first or not b.first or _alike(a.first, b.first):
        return False
    if a.sex in _SEXES and b.sex in _SEXES and a.sex != b.sex:
        return True
    return a.birth is not None and a.birth == b.birth and a.last != "" and a.last == b.last


_SEXES: Final = frozenset({"female", "male", "other"})


@lru_cache(maxsize=4096)
def _alike(a: str, b: str) -> bool:
    """Equal, the beginning of the other, or one edit away: a letter more, less, other, or two neighbours swapped."""
    if a.startswith(b) or b.startswith(a):
        return True
    if len(a) > len(b):
        a, b = b, a
    if len(b) - len(a) > 1:
        return False
    at = next(i for i in range(len(a)) if a[i] != b[i])
    if len(a) < len(b):
        return a[at:] == b[at + 1 :]
    swapped = a[at : at + 2] == b[at : at + 2][::-1] and a[at + 2 :] == b[at + 2 :]
    return swapped or a[at + 1 :] == b[at + 1 :]


Key = tuple[str, ...]


def blocks(row: Facts) -> Iterator[Key]:
    """The keys of a row: two rows of which `decide` says anything have one in common."""
    for authority, value in row.identifiers:
        yield "id", authority, value
    yield "row", row.source, row.external_id
    if row.replaced_by is not None:
        yield "row", row.source, row.replaced_by
    if row.first:
        if row.last and row.birth is not None:
            yield "birth", row.first, row.last, row.birth.isoformat()
        if row.email is not None:
            yield "email", row.first, row.email
        if row.phone is not None:
            yield "phone", row.first, row.phone
