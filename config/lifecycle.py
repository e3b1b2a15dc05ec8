"""The lifecycle's thresholds as written at the top, under sites and under types, and how they are merged."""

from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any, NamedTuple

from pydantic import Field

from config.names import Days
from config.problem import Path
from connectors.settings import Strict

DEFAULTS: Mapping[str, int] = {
    "at_risk_after_days": 7,
    "dropout_after_days": 21,
    "dormant_after_days": 365,
    "lost_lead_after_days": 90,
    "new_episode_after_days": 60,
    "unresolved_after_days": 3,
    "quarantine_days": 14,
}
_RISING = ("at_risk_after_days", "dropout_after_days", "dormant_after_days")


class ThresholdSettings(Strict):
    """Thresholds in days, all exclusive (more than n days); what is left out comes from the layer below."""

    at_risk_after_days: Days | None = None
    dropout_after_days: Days | None = None
    dormant_after_days: Days | None = None
    lost_lead_after_days: Days | None = None
    new_episode_after_days: Days | None = None
    unresolved_after_days: Days | None = None
    quarantine_days: Days | None = None


class LifecycleSettings(ThresholdSettings):
    """Thresholds, with those of episode types (`episodes.kind`) that differ."""

    by_type: dict[str, ThresholdSettings] = Field(default_factory=dict)


class Merged(NamedTuple):
    """Every threshold filled in, in days, as keyword arguments of a Thresholds record."""

    practice: dict[str, int]
    by_site: dict[str, dict[str, int]]
    by_type: dict[str, dict[str, int]]
    by_site_type: dict[tuple[str, str], dict[str, int]]


def merge(practice: Mapping[str, Any], sites: Mapping[str, Mapping[str, Any]]) -> Merged:
    """Merges raw `lifecycle:` mappings, those of sites by site name: type over site over practice.

    A type of the practice stands over a site; a type written under the site stands over both.
    """
    top, top_types = _given(practice), _types(practice)
    base = {**DEFAULTS, **top}
    by_site = {name: {**base, **_given(site)} for name, site in sites.items()}
    by_site_type = {
        (name, kind): {**by_site[name], **top_types.get(kind, {}), **_types(site).get(kind, {})}
        for name, site in sites.items()
        for kind in {**top_types, **_types(site)}
    }
    return Merged(base, by_site, {kind: {**base, **own} for kind, own in top_types.items()}, by_site_type)


def disorders(practice: Mapping[str, Any], sites: Mapping[str, Mapping[str, Any]]) -> Iterator[tuple[Path, str]]:
    """Yields the place and sentence of every merged set in which at_risk < dropout < dormant does not hold."""
    merged = merge(practice, sites)
    top_types = _types(practice)
    if _disordered(merged.practice):
        yield ("lifecycle",), _sentence(merged.practice)
        return
    for kind, values in merged.by_type.items():
        if _disordered(values):
            yield ("lifecycle", "by_type", kind), _sentence(values)
    for site, values in merged.by_site.items():
        if _disordered(values):
            yield ("sites", site, "lifecycle"), _sentence(values)
    for (site, kind), values in merged.by_site_type.items():
        below = _disordered(merged.by_site[site]) or _disordered(merged.by_type.get(kind, merged.practice))
        if _disordered(values) and not below:
            own = kind in _types(sites[site])
            path = ("sites", site, "lifecycle", "by_type", kind) if own else ("sites", site, "lifecycle")
            where = "" if own or kind not in top_types else " for one of lifecycle.by_type"
            yield path, _sentence(values) + where


def _given(layer: Mapping[str, Any]) -> dict[str, int]:
    """The thresholds that a layer states; what is no number is reported elsewhere."""
    return {key: value for key, value in layer.items() if key in DEFAULTS and type(value) is int}


def _types(layer: Mapping[str, Any]) -> dict[str, dict[str, int]]:
    types = layer.get("by_type")
    if not isinstance(types, Mapping):
        return {}
    return {kind: _given(own) for kind, own in types.items() if isinstance(own, Mapping)}


def _disordered(values: Mapping[str, int]) -> bool:
    low, middle, high = (values[key] for key in _RISING)
    return not low < middle < high


def _sentence(values: Mapping[str, int]) -> str:
    low, high = next(pair for pair in pairwise(_RISING) if values[pair[0]] >= values[pair[1]])
    return f"{high} must be more than {low}, also where one of them comes from a layer above or the defaults"
