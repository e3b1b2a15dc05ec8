"""What a review decides by: rules, segments' terms, destinations as it sees them; built once from the configuration."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from mappings.facts import FieldClass
from mappings.policy import Audience
from mappings.records import Purpose, Status
from mappings.series import USUAL, Cap, Hours, Manner
from sync.person import Row, World
from sync.segments import Ruleset


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentTerms:
    """What is known of a segment beside its rule; `version` changes with the rule."""

    purpose: Purpose
    klass: FieldClass
    version: str
    manner: Manner = USUAL


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlet:
    """A destination as a review sees it; on its first complete review everything is a baseline."""

    name: str
    audience: Audience
    observe: bool
    baseline: bool
    events: frozenset[str] = frozenset()


class Places(NamedTuple):
    """Sources and sites; a contact is of them with any row of such a source, or by its site."""

    sources: frozenset[str] = frozenset()
    sites: frozenset[str] = frozenset()

    def hold(self, rows: Iterable[Row], site: str | None) -> bool:
        """True if a contact with these rows, and of this site, is of them."""
        return site in self.sites or (bool(self.sources) and any(row.source in self.sources for row in rows))


NOWHERE: Final = Places()


class LastReview(NamedTuple):
    """The last review of everyone who was due: its instant, and as of when each source's data were."""

    at: datetime
    data_as_of: Mapping[str, datetime]


@dataclass(frozen=True, slots=True, kw_only=True)
class Criteria:
    """Everything a review decides by, at one instant. `last` is the complete review before it.

    `newcomers`: sources that bring something for the first time · `observed`: nothing of their contacts is sent ·
    `switched`: their mode has changed since `last` · `hours`: of sending, by site; "" where there is none.
    """

    at: datetime
    run_id: str
    world: World
    ruleset: Ruleset
    segments: Mapping[str, SegmentTerms]
    outlets: tuple[Outlet, ...]
    brands: Mapping[str, str]
    fresh_for: timedelta
    shared_limit: int
    minor_at_guardian: frozenset[str]
    newcomers: frozenset[str]
    new_sites: frozenset[str]
    added: frozenset[str]
    edited: frozenset[str]
    observed: Places = NOWHERE
    switched: Places = NOWHERE
    last: LastReview | None = None
    cap: Cap | None = None
    hours: Mapping[str, Hours] = field(default_factory=dict)

    def hours_of(self, site: str | None) -> Hours | None:
        """When loud entries may go at a site (the practice's hours where there is none); None: at any time."""
        return self.hours.get(site or "", self.hours.get(""))

    def zone_of(self, site: str | None) -> ZoneInfo:
        """The zone of a site; the practice's where there is none."""
        return self.world.site_zones.get(site or "", self.world.zone)

    def reads(self, fact: str) -> bool:
        """True if a rule tests this fact, or a destination shows it."""
        tested = any(fact in compiled.facts for compiled in self.ruleset.rules.values())
        return tested or any(fact in outlet.audience.fields.values() for outlet in self.outlets)

    def sees(self, status: Status) -> bool:
        """True if any destination shows this status."""
        return any(status in outlet.audience.statuses for outlet in self.outlets)
