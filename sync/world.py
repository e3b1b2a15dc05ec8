"""The world of a configuration: zones and thresholds, and the feeds as they stand."""

from collections.abc import Mapping

from config.settings import Settings
from sync.person import Feed, Thresholds, World


def world_of(settings: Settings, feeds: Mapping[str, Feed]) -> World:
    """Zones and thresholds from the configuration; feeds as given."""
    merged = settings.thresholds()
    return World(
        feeds=feeds,
        zone=settings.practice.timezone,
        site_zones={name: settings.zone_of(name) for name in settings.sites},
        thresholds=Thresholds(**merged.practice),
        by_site={name: Thresholds(**values) for name, values in merged.by_site.items()},
        by_type={name: Thresholds(**values) for name, values in merged.by_type.items()},
        by_site_type={key: Thresholds(**values) for key, values in merged.by_site_type.items()},
    )
