"""What waits where a tag cannot be added without starting automations: all but loud entries, and what is there already."""

from collections.abc import Mapping
from datetime import datetime

from mappings.document import Document
from mappings.observed import Tags, shown
from mappings.policy import Audience

Loud = Mapping[tuple[str, str], datetime | None]
"""Tags by what they stand for, and since when each may be loud (None: it is quiet)."""


def waiting(
    audience: Audience, tags: Tags | None, reasons: Mapping[str, str], loud: Loud, accepted: Document | None
) -> tuple[Tags | None, dict[str, str]]:
    """Those of the tags that may go (None: not in the audience), and why the others are withheld."""
    if tags is None:
        return None, dict(reasons)
    there = accepted if accepted is not None and accepted.standing == "subscribed" else None
    held = there.tags if there is not None else frozenset()
    kept = {
        key: purpose for key, purpose in tags.items() if audience.tags.get(key) in held or _is_loud(audience, key, loud)
    }
    withheld = {**reasons, **{shown(key): "waiting_baseline" for key in tags.keys() - kept.keys()}}
    belongs = bool(kept) or there is not None or audience.everyone
    return (kept if belongs else None), withheld


def _is_loud(audience: Audience, key: tuple[str, str], loud: Loud) -> bool:
    """True for an entry or a step since the audience's bound; a status is never loud."""
    since = loud.get(key)
    return since is not None and audience.loud_after is not None and since >= audience.loud_after
