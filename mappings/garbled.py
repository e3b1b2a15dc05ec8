"""Names that were read in the wrong encoding somewhere on their way; they are kept, and told."""

import re
from collections.abc import Iterator
from typing import Final

from mappings.records import PatientRow, Warned

_AS_CP1252: Final = bytes(range(0x80, 0xC0)).decode("cp1252", "replace").replace("\ufffd", "")
_GARBLED: Final = re.compile(f"\ufffd|[ÂÃ][{re.escape(_AS_CP1252)}\x80-\x9f]|â€")
"""The replacement sign, and two bytes of UTF-8 read as cp1252 or Latin-1 (é as Ã©, ’ as â€™)."""
_NAMES: Final = ("given_name", "family_name", "preferred_name")


def garbled_names(row: PatientRow) -> Iterator[Warned]:
    """Yields the names of a patient row that look so."""
    for field in _NAMES:
        name = getattr(row, field)
        if name is not None and not name.isascii() and _GARBLED.search(name):
            yield Warned(field, "garbled_text")
