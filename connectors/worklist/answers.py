"""What the front desk types in: what it means, and how long its row then rests. Pure."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Literal, get_args

AnswerWord = Literal["booked", "left_message", "not_interested", "do_not_call", "wrong_number"]
ANSWERS: Final[tuple[AnswerWord, ...]] = get_args(AnswerWord)

RESTS: Final[Mapping[str, timedelta | None]] = {
    "booked": timedelta(days=7),
    "left_message": timedelta(days=2),
    "not_interested": None,
    "do_not_call": None,
    "wrong_number": None,
}
"""How long a row stays away after an answer; None: until something changes, see `rests`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """An answer that was read: when, for which lists and telephone numbers, and whether its row has left the workbook."""

    answer: AnswerWord
    at: str
    lists: tuple[str, ...] = ()
    phone: str = ""
    gone: bool = False

    @classmethod
    def of(cls, stored: Mapping[str, Any]) -> "Taken":
        """Reads one as it is stored."""
        return cls(**{**stored, "lists": tuple(stored.get("lists", ()))})

    def stored(self) -> dict[str, Any]:
        """As JSON."""
        return asdict(self) | {"lists": list(self.lists)}


def word(text: str) -> AnswerWord | None:
    """The answer that a cell holds, in any case, with blanks or dashes for the underscore; None for any other text."""
    plain = "_".join(text.replace("-", " ").replace("_", " ").split()).casefold()
    return next((answer for answer in ANSWERS if answer == plain), None)


def unread(typed: Mapping[str, str], taken: Mapping[str, Taken]) -> dict[str, str]:
    """What was typed and not read before: of another word, or on a row that had been away since."""
    return {contact: text for contact, text in typed.items() if not _was_read(text, taken.get(contact))}


def _was_read(text: str, taken: Taken | None) -> bool:
    return taken is not None and not taken.gone and word(text) == taken.answer


def rests(taken: Taken, at: datetime, lists: tuple[str, ...], phone: str) -> bool:
    """True while a row stays away.

    A wrong number: until there is another. Not to be called: for good. Anything else: until the contact comes onto
    another list, after a message 2 days, after a booking 7 (the EMR should show it by then).
    """
    if taken.answer == "do_not_call":
        return True
    if taken.answer == "wrong_number":
        return taken.phone == phone
    if not set(lists) <= set(taken.lists):
        return False
    rest = RESTS.get(taken.answer)
    return rest is None or at < datetime.fromisoformat(taken.at) + rest
