"""Names made comparable: casefolded, without accents, punctuation, blanks and suffixes."""

import unicodedata
from functools import lru_cache

_SUFFIXES = frozenset({"jr", "sr", "ii", "iii", "iv"})


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
