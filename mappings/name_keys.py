"""Names made comparable: casefolded, without accents, punctuation, blanks and suffixes."""

import unicodedata
from functools import lru_cache

_SUFFIXES = frozenset({"jr", "sr", "ii", "iii", "iv"})


SHORTEST = 3
"""Letters of a name from which on one edit may be a slip of the pen: of two initials it leaves nothing."""


@lru_cache(maxsize=8192)
def name_key(name: str | None) -> str:
    """The key under which two spellings of a name are the same; "" for no name."""
    if not name:
        return ""
    plain = unicodedata.normalize("NFKD", name.casefold().replace("ß", "ss"))
    letters = "".join(c if c.isalnum() else " " for c in plain if not unicodedata.combining(c) and c not in "'’`")
    words = letters.split()
    while len(words) > 1 and words[-1] in _SUFFIXES:
        words.pop()
    return "".join(words)


def has_slips(key: str) -> bool:
    """True for what one edit may turn into the same name: letters alone, and enough of them."""
    return len(key) >= SHORTEST and key.isalpha()


def halves(key: str) -> tuple[str | None, str | None]:
    """The head and the tail of a key, without the letter between them: one edit leaves one of them alone.

    A name without slips is all head. (None, None) for no name.
    """
    if not has_slips(key):
        return key or None, None
    middle = len(key) // 2
    return key[:middle], key[middle + 1 :]
