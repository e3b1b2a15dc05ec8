"""Two patient rows: what says that they are one person, and what says that they cannot be."""

from collections.abc import Iterator
from datetime import date
from typing import Final, Literal, NamedTuple

from mappings.given_names import is_given_name
from sync.likeness import Likeness, first_likeness, last_likeness, spellings

IDENTIFIER: Final = "identifier"
EMR_MERGE: Final = "emr-merge"
EMR_LINK: Final = "emr-link"
NAMES_BIRTH_CONTACT: Final = "names-birth-contact"
NAMES_BIRTH: Final = "names-birth"
NEAR_NAMES: Final = "near-names"
GONE: Final = "gone"
OTHER_BIRTH: Final = "other-birth-date"
OTHER_LAST: Final = "other-last-name"
NAMES_ADDRESS: Final = "names-address"
LEAD: Final = "lead"
MINOR: Final = "minor"
MANUAL: Final = "manual"
PROPOSED: Final = "proposed"
NO_LONGER: Final = "no-longer"

RULES: Final = {
    IDENTIFIER: "they carry the same id of the same authority",
    EMR_MERGE: "the EMR itself merged one into the other",
    EMR_LINK: "the EMR itself says that they are one person",
    NAMES_BIRTH_CONTACT: "names and birth date agree, and an e-mail address, phone or postal code",
    NAMES_BIRTH: "names and birth date agree, and nothing else",
    NEAR_NAMES: "last name and birth date agree, and the first names nearly (twins?)",
    GONE: "names and birth date agree, and one has left the source in which the other has stayed",
    OTHER_BIRTH: "names, e-mail address and phone agree, the birth dates differ",
    OTHER_LAST: "first name, birth date and an address agree, the last names differ",
    NAMES_ADDRESS: "names and an address agree, and a birth date is missing",
    LEAD: "an inquiry whose names and address fit exactly one adult",
    MINOR: "names and birth date agree, but the person is under 18",
    MANUAL: "someone decided it",
    PROPOSED: "another tool proposed it",
    NO_LONGER: "nothing says so any longer",
}
"""Each rule as the end of the sentence "because …"."""

CERTAIN: Final = frozenset({IDENTIFIER, EMR_MERGE, EMR_LINK})
"""Rules that no veto stops, only someone's explicit "not the same" on that very pair."""


class Facts(NamedTuple):
    """What one patient row says of who it is.

    `first` and `last` are name keys ("" = none). `email` and `phone` are None where they are no evidence:
    placeholders, and those that too many people share. `lead` is True for a row of a source of leads, `present` False
    for one that its source no longer holds. `merged` and `linked`: external ids of the same source that the EMR merged
    into this row, or names as the same person.
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
    present: bool = True
    identifiers: frozenset[tuple[str, str]] = frozenset()
    merged: frozenset[str] = frozenset()
    linked: frozenset[str] = frozenset()


class Verdict(NamedTuple):
    """On a pair of rows: one person, or perhaps; the rule that says so, and how sure it is (0 to 1)."""

    verdict: Literal["same", "maybe"]
    rule: str
    score: float


class Agreement(NamedTuple):
    """What two rows have in common, and what not."""

    first: Likeness
    last: Likeness
    email: bool
    phone: bool
    postal: bool

    @property
    def slips(self) -> int:
        """How many of the names agree without being the same."""
        return (self.first is not Likeness.SAME) + (self.last is not Likeness.SAME)


def agreement(a: Facts, b: Facts) -> Agreement | None:
    """Compares two rows; None when a first name is missing, or when they are two people's."""
    if not a.first or not b.first:
        return None
    first = first_likeness(a.first, b.first, sexes_differ=_sexes_differ(a, b))
    if first is Likeness.OTHER:
        return None
    return Agreement(
        first=first,
        last=last_likeness(a.last, b.last) if a.last and b.last else Likeness.OTHER,
        email=a.email is not None and a.email == b.email,
        phone=a.phone is not None and a.phone == b.phone,
        postal=a.postal is not None and a.postal == b.postal,
    )


def decide(a: Facts, b: Facts, today: date) -> Verdict | None:
    """What the two rows say by themselves; None = nothing that points to one person.

    "maybe" is for the review queue. That an inquiry fits exactly one adult, or that a row has left its source for
    exactly one other, is more than two rows can tell: such pairs are "maybe" here, by NAMES_ADDRESS and NAMES_BIRTH.
    """
    certain = _certain(a, b)
    if certain is not None:
        return Verdict("same", certain, 1.0)
    found = agreement(a, b)
    if found is None:
        return None
    if a.birth is not None and a.birth == b.birth:
        return _of_one_birthday(found, is_minor(a.birth, today))
    if not (found.first.agrees and found.last.agrees):
        return None
    if a.birth is None or b.birth is None:
        return _maybe(NAMES_ADDRESS, 0.6 + 0.1 * (found.email and found.phone), found) if _at_one(found) else None
    return _maybe(OTHER_BIRTH, 0.5, found) if found.email and found.phone else None


def _certain(a: Facts, b: Facts) -> str | None:
    if a.identifiers and not a.identifiers.isdisjoint(b.identifiers):
        return IDENTIFIER
    if a.source != b.source:
        return None
    if _is_replaced(a, b) or b.external_id in a.merged or a.external_id in b.merged:
        return EMR_MERGE
    return EMR_LINK if b.external_id in a.linked or a.external_id in b.linked else None


def _is_replaced(a: Facts, b: Facts) -> bool:
    """One is merged into the other, or both into a third."""
    if a.replaced_by is b.replaced_by is None:
        return False
    return a.replaced_by == b.external_id or b.replaced_by in (a.external_id, a.replaced_by)


def _of_one_birthday(found: Agreement, minor: bool) -> Verdict | None:
    """First names that agree, at least nearly, and one birth date."""
    if not found.last.agrees:
        return (
            _maybe(OTHER_LAST, 0.6, found._replace(last=Likeness.SAME))
            if found.first.agrees and _at_one(found)
            else None
        )
    if not found.first.agrees:
        return _maybe(NEAR_NAMES, 0.3, found)
    agreeing = found.email + found.phone + found.postal
    if not agreeing:
        return _maybe(NAMES_BIRTH, 0.7, found)
    if minor:
        return _maybe(MINOR, 0.8, found)
    return Verdict("same", NAMES_BIRTH_CONTACT, round(0.94 + 0.02 * agreeing - SLIP * found.slips, 2))


SLIP: Final = 0.03
"""What a name that agrees without being the same costs of the score."""


def _maybe(rule: str, score: float, found: Agreement) -> Verdict:
    return Verdict("maybe", rule, round(score - SLIP * found.slips, 2))


def _at_one(found: Agreement) -> bool:
    return found.email or found.phone


def is_minor(birth: date | None, today: date) -> bool:
    """Under 18 on that day; an unknown age counts as adult."""
    if birth is None:
        return False
    return today.year - birth.year - ((today.month, today.day) < (birth.month, birth.day)) < 18


def is_vetoed(a: Facts, b: Facts) -> bool:
    """True when the two cannot be one person, whatever joins them short of the EMR itself.

    Birth dates that differ; the sexes differ and so do the first names (short for each other or one edit apart, they
    do not); twins: one birth date and, within one edit, one last name, but two first names that are usual names and
    not short for each other.
    """
    if a.birth is not None and b.birth is not None and a.birth != b.birth:
        return True
    if not a.first or not b.first or a.first == b.first:
        return False
    first = first_likeness(a.first, b.first, sexes_differ=_sexes_differ(a, b))
    if first is Likeness.OTHER and _sexes_differ(a, b):
        return True
    if first.agrees or a.birth is None or a.birth != b.birth:
        return False
    related = bool(a.last and b.last) and last_likeness(a.last, b.last).agrees
    return related and is_given_name(a.first) and is_given_name(b.first)


_SEXES: Final = frozenset({"female", "male", "other"})


def _sexes_differ(a: Facts, b: Facts) -> bool:
    return a.sex != b.sex and a.sex in _SEXES and b.sex in _SEXES


def may_agree(first: tuple[str, str], last: tuple[str, str], *, same_birth: bool) -> bool:
    """False where names, the keys of two rows', rule out that `decide` says anything: a quick look beforehand."""
    if first_likeness(*first) is Likeness.OTHER:
        return False
    return same_birth or last_likeness(*last).agrees


Key = tuple[str, ...]


def blocks(row: Facts) -> Iterator[Key]:
    """The keys of a row: two rows of which `decide` says anything have one in common."""
    for authority, value in row.identifiers:
        yield "id", authority, value
    yield "row", row.source, row.external_id
    for other in (row.replaced_by, *row.merged, *row.linked):
        if other is not None:
            yield "row", row.source, other
    if not row.first:
        return
    if row.last and row.birth is not None:
        yield "birth", row.birth.isoformat()
    if row.email is not None:
        yield "email", row.email
    if row.phone is not None:
        yield "phone", row.phone


def spelled(row: Facts) -> Iterator[Key]:
    """The keys that take a birth date's place where too many share it: last names within one edit have one in common."""
    return (("birth", spelling) for spelling in spellings(row.last))
