"""What a destination holds of somebody whose source or site only observes: nothing new; what is there may go."""

from collections.abc import Mapping

from mappings.document import Document
from mappings.policy import Audience
from mappings.records import Purpose

Tags = dict[tuple[str, str], Purpose]


def unsent(
    audience: Audience, tags: Tags | None, reasons: Mapping[str, str], accepted: Document | None
) -> tuple[Tags | None, dict[str, str]]:
    """Those of the tags that the destination has already (None: not in the audience), and why the others are withheld."""
    if tags is None:
        return None, dict(reasons)
    there = accepted if accepted is not None and accepted.standing == "subscribed" else None
    kept = {key: purpose for key, purpose in tags.items() if there and audience.tags.get(key) in there.tags}
    withheld = {**reasons, **{shown(key): "observe" for key in tags.keys() - kept.keys()}}
    if audience.everyone and there is None:
        withheld["*"] = "observe"
    belongs = there is not None and bool(kept or audience.everyone or audience.agreement == "inside")
    return (kept if belongs else None), withheld


def as_accepted(audience: Audience, accepted: Document | None) -> dict[str, str]:
    """The fields as they are at the destination."""
    held = accepted.fields if accepted is not None else {}
    return {provider: held[provider] for provider in audience.fields if provider in held}


def shown(key: tuple[str, str]) -> str:
    """The name under which a tag's reason is told: the segment's, or status:NAME."""
    return key[1] if key[0] == "segment" else f"{key[0]}:{key[1]}"
