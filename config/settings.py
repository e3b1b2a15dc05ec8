"""Everything that a configuration may say, as frozen models; unknown keys are refused."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

import phonenumbers
from pydantic import AfterValidator, BeforeValidator, Field

from config.brakes import Brakes
from config.cases import Case, CaseSettings
from config.kinds import destination_of, source_of
from config.lifecycle import LifecycleSettings, Merged, merge
from config.manners import ArbitrationSettings, HoursSettings
from config.names import Name, Text, Zone
from config.operators import Playbooks
from config.segments import SegmentSettings
from config.web import WebSettings
from connectors.settings import (
    ConfigPath,
    Day,
    DestinationSettings,
    Duration,
    Mode,
    SecretRef,
    SourceSettings,
    Strict,
    Surroundings,
)
from mappings.series import Hours


def _region(value: str) -> str:
    if value not in phonenumbers.SUPPORTED_REGIONS:
        raise ValueError("write a country's two capital letters, such as US")
    return value


def _nothing(value: Any) -> Any:
    """Reads a key without a value (all below it commented out) as an empty mapping."""
    return {} if value is None else value


def _none(value: Any) -> Any:
    """Reads a key without a value as an empty list."""
    return () if value is None else value


def _titled(value: Any) -> Any:
    """Names a site after its key where it has no name."""
    if not isinstance(value, Mapping):
        return _nothing(value)
    return {key: _with_name(key, site) for key, site in value.items()}


def _with_name(key: Any, site: Any) -> Any:
    site = _nothing(site)
    return {"name": str(key).replace("-", " ").title(), **site} if isinstance(site, Mapping) else site


class PracticeSettings(Strict):
    """The practice: its zone is that of everything without a site; `greeting` stands where several share an address."""

    name: Text
    timezone: Zone
    phone_region: Annotated[str, AfterValidator(_region)] = "US"
    greeting: Text = "there"
    sandbox: bool = False


class DatabaseSettings(Strict):
    """Where the state is kept: a URL, or a reference to one when it holds a password."""

    url: str | SecretRef | None = None


class SiteSettings(Strict):
    """One clinic; without a zone of its own it has the practice's. On `observe` nothing of its contacts is sent."""

    name: Text
    timezone: Zone | None = None
    lifecycle: LifecycleSettings = LifecycleSettings()
    brand: Text | None = None
    mode: Mode = "on"
    send_between: HoursSettings | None = None


class IdentitySettings(Strict):
    """An address on more contacts than `shared_address_limit` is no evidence and is never sent to."""

    shared_address_limit: Annotated[int, Field(strict=True, ge=1)] = 10


_Source = Annotated[SourceSettings, BeforeValidator(source_of, json_schema_input_type=SourceSettings)]
_Destination = Annotated[
    DestinationSettings, BeforeValidator(destination_of, json_schema_input_type=DestinationSettings)
]


class Settings(Strict):
    """The whole configuration: the main file, with the sites of their own file and what the operators wrote put in.

    The segments of `playbook` stand among `segments`, expanded.

    `holidays` are days on which the practice is closed; on them no export is expected by whoever skips holidays.
    """

    version: Literal[1]
    practice: PracticeSettings
    database: Annotated[DatabaseSettings, BeforeValidator(_nothing)] = DatabaseSettings()
    log_key: SecretRef | None = None
    sites: Annotated[dict[Name, SiteSettings], BeforeValidator(_titled)] = Field(default_factory=dict)
    sources: Annotated[dict[Name, _Source], BeforeValidator(_nothing)] = Field(default_factory=dict)
    destinations: Annotated[dict[Name, _Destination], BeforeValidator(_nothing)] = Field(default_factory=dict)
    segments: Annotated[dict[Name, SegmentSettings], BeforeValidator(_nothing)] = Field(default_factory=dict)
    playbook: Annotated[Playbooks, BeforeValidator(_nothing)] = Field(default_factory=dict)
    tests: Annotated[tuple[CaseSettings, ...], BeforeValidator(_none)] = ()
    holidays: Annotated[tuple[Day, ...], BeforeValidator(_none)] = ()
    lifecycle: Annotated[LifecycleSettings, BeforeValidator(_nothing)] = LifecycleSettings()
    brakes: Annotated[Brakes, BeforeValidator(_nothing)] = Brakes()
    identity: Annotated[IdentitySettings, BeforeValidator(_nothing)] = IdentitySettings()
    send_between: HoursSettings | None = None
    arbitration: Annotated[ArbitrationSettings, BeforeValidator(_nothing)] = ArbitrationSettings()
    fresh_for: Duration = timedelta(days=3)
    feedback_max_age: Duration = timedelta(minutes=15)
    events_expire: Duration = timedelta(hours=24)
    codes_file: ConfigPath | None = None
    web: WebSettings | None = None

    def zone_of(self, site: str) -> ZoneInfo:
        """The zone of a configured site; raises KeyError for one that is not."""
        return self.sites[site].timezone or self.practice.timezone

    def is_retired(self, source: str, at: datetime) -> bool:
        """True from the day on, in the practice's zone, on which a configured source is retired."""
        day = self.sources[source].retired
        return day is not None and at.astimezone(self.practice.timezone).date() >= day

    def cases(self) -> list[Case]:
        """The operators' cases: those under segments, then those under none."""
        own = [
            Case(case, ("segments", name, "tests", number), name)
            for name, segment in self.segments.items()
            for number, case in enumerate(segment.tests)
        ]
        return [*own, *(Case(case, ("tests", number), None) for number, case in enumerate(self.tests))]

    def surroundings(self) -> Surroundings:
        """What connectors are told of the practice."""
        zones = {name: self.zone_of(name) for name in self.sites}
        return Surroundings(zone=self.practice.timezone, phone_region=self.practice.phone_region, site_zones=zones)

    def hours(self) -> dict[str, Hours]:
        """By site: when loud entries may go; under "" the practice's own hours. What is missing is never closed."""
        own = {name: site.send_between for name, site in self.sites.items()} | {"": None}
        found = {name: hours or self.send_between for name, hours in own.items()}
        return {name: hours.hours() for name, hours in found.items() if hours is not None}

    def thresholds(self) -> Merged:
        """The lifecycle's thresholds, every layer merged and filled in."""
        sites = {name: site.lifecycle.model_dump(exclude_none=True) for name, site in self.sites.items()}
        return merge(self.lifecycle.model_dump(exclude_none=True), sites)
