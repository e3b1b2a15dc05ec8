"""Copper (formerly ProsperWorks) people and tags, over its developer API v1."""

from connectors.copper.destination import Copper
from connectors.copper.settings import CopperSettings

__all__ = ["Copper", "CopperSettings"]
