"""Names as exports write them: whitespace, Unicode form, and one cell for the whole name."""

import unicodedata
from typing import NamedTuple

_SUFFIXES = frozenset({"jr", "sr", "ii", "iii", "iv", "md", "phd"})
_PARTICLES = frozenset(
    {"van", "von", "der", "den", "de", "del", "della", "la", "le", "da", "dos", "di", "st", "bin", "al"}
)


class FullName(NamedTuple):
    """A name taken apart; either part may be missing."""

    given: str | None
    family: str | None


def clean(text: str) -> str:
    """Composes accents (NFC) and makes every run of blanks one blank."""
    text = " ".join(text.split())
    return text if text.isascii() else unicodedata.normalize("NFC", text)


def split_full_name(text: str) -> FullName:
    """Takes `LAST, FIRST M.` or `First M. Last Jr` apart; middle initials and suffixes are dropped."""
    text = clean(text)
    if "," in text:
        family, _, rest = text.partition(",")
        if not all(_is_suffix(word) for word in rest.replace(",", " ").split()):
            return FullName(_given(_without_suffix(rest.replace(",", " ").split())), _joined(family.split()))
        text = family
    words = _without_suffix(text.split())
    if len(words) < 2:
        return FullName(None, _joined(words))
    at = _family_start(words)
    return FullName(_given(words[:at]), _joined(words[at:]))


def _family_start(words: list[str]) -> int:
    at = len(words) - 1
    while at > 1 and words[at - 1].casefold() in _PARTICLES:
        at -= 1
    return at


def _given(words: list[str]) -> str | None:
    kept = words[:1] + [word for word in words[1:] if len(word.rstrip(".")) > 1]
    return _joined(kept)


def _is_suffix(word: str) -> bool:
    return word.rstrip(".").casefold() in _SUFFIXES


def _without_suffix(words: list[str]) -> list[str]:
    while len(words) > 1 and _is_suffix(words[-1]):
        words = words[:-1]
    return words


def _joined(words: list[str]) -> str | None:
    return " ".join(words) or None
