"""Kit (formerly ConvertKit) subscribers and tags, over its API v4."""

from connectors.kit.destination import Kit
from connectors.kit.settings import KitSettings

__all__ = ["Kit", "KitSettings"]
