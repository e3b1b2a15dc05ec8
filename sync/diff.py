"""What lies between the document that a destination took last and the one that is wished."""

from collections.abc import Mapping
from typing import NamedTuple

from mappings.document import Document


class Delta(NamedTuple):
    """Tags to add and to take away, the fields whose text differs (as wished), and what happens to the whole."""

    added: frozenset[str] = frozenset()
    removed: frozenset[str] = frozenset()
    fields: Mapping[str, str] = {}
    joins: bool = False
    leaves: bool = False
    renamed: bool = False

    def __bool__(self) -> bool:
        """False if the destination has what is wished."""
        return any(self)


def delta(accepted: Document | None, wished: Document) -> Delta:
    """Compares contents with what was accepted, never with what was attempted.

    A field that the wish does not name is left alone, and so is a subscriber that was never accepted and shall not
    be one. Our own opt-out (`unsubscribed`) is a leaving even where nothing was ever accepted.
    """
    before = accepted or Document(address=wished.address, standing="left")
    was, shall = before.standing == "subscribed", wished.standing == "subscribed"
    opts_out = wished.standing == "unsubscribed" and before.standing != "unsubscribed"
    tags = wished.tags if shall else frozenset()
    return Delta(
        added=tags - before.tags,
        removed=before.tags - tags,
        fields={name: text for name, text in wished.fields.items() if before.fields.get(name) != text} if shall else {},
        joins=shall and not was,
        leaves=(was and not shall) or opts_out,
        renamed=before.address != wished.address,
    )
