"""What a subscriber should be at a destination."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Standing = Literal["subscribed", "left", "unsubscribed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """What a subscriber should be, whole; never a delta.

    `fields` maps provider field names to text; `tags` are tag names as they leave (codes without a BAA).
    `standing`: subscribed = belongs to the audience; left = leaves it by `on_leave`; unsubscribed = our own opt-out.
    """

    address: str
    fields: Mapping[str, str] = field(default_factory=dict)
    tags: frozenset[str] = frozenset()
    standing: Standing = "subscribed"
