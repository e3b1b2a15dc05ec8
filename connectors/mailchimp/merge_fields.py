"""The audience's merge fields, compared with those that `fields:` fills; pure."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

_TEXT_TYPES: Final[Mapping[str, frozenset[str]]] = {
    "text": frozenset(),
    "zip": frozenset({"postal_code"}),
    "phone": frozenset({"phone"}),
}
"""Merge field types that take our text -> the names that fit them (none: every name)."""
_SHORTEST: Final = 20
_SIZE: Final = 255
_MOST_FIELDS: Final = 30  # of an audience; 80 on the highest plan

Found = Sequence[Mapping[str, Any]]


def tags_of(found: Found) -> dict[str, Mapping[str, Any]]:
    """Merge fields by tag."""
    return {str(each.get("tag")): each for each in found}


def to_mend(found: Found, wanted: Mapping[str, str]) -> list[str]:
    """What keeps the configured fields from being filled: missing ones, those of another type, short ones; tags only."""
    there = tags_of(found)
    missing = [tag for tag in wanted if tag not in there]
    sentences = [
        f"the audience has no merge field {tag}; add one of type text (prm-sync check --live --create-fields does),"
        " or leave it out of fields:"
        for tag in missing
    ]
    if missing and len(there) + len(missing) > _MOST_FIELDS:
        sentences.append(f"an audience holds at most {_MOST_FIELDS} merge fields, and this one has {len(there)}")
    for tag, name in wanted.items():
        kind, size = str(there.get(tag, {}).get("type")), _size(there.get(tag, {}))
        if tag in there and not _fits(kind, name):
            sentences.append(f"the merge field {tag} is of type {kind}; make it text")
        elif size is not None and size < _SHORTEST:
            sentences.append(f"the merge field {tag} holds {size} characters; let it hold at least {_SHORTEST}")
    return sentences


def unfilled(found: Found, wanted: Mapping[str, str]) -> list[str]:
    """Required fields that nobody fills: our writes pass them by, sign-up forms and other tools do not."""
    return [
        f"the audience requires the merge field {tag}, which fields: does not fill; make it optional in Mailchimp"
        for tag, each in tags_of(found).items()
        if each.get("required") and tag not in wanted and tag != "EMAIL"
    ]


def merge_field(tag: str, name: str) -> dict[str, Any]:
    """The merge field to make for a canonical name or fact: text, optional, not shown on forms."""
    label = name.replace("_", " ").capitalize()
    return {"tag": tag, "name": label, "type": "text", "required": False, "public": False, "options": {"size": _SIZE}}


def _size(field: Mapping[str, Any]) -> int | None:
    options = field.get("options")
    size = options.get("size") if isinstance(options, Mapping) and field.get("type") == "text" else None
    return size if isinstance(size, int) and size > 0 else None


def _fits(kind: str, name: str) -> bool:
    names = _TEXT_TYPES.get(kind)
    return names is not None and (not names or name in names)
