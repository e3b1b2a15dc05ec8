"""Settings that all kinds share, and what a connector is told of its surroundings."""

import os
import re
import stat
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationInfo, model_validator

from connectors.base import Misconfigured
from mappings.records import Channel, Purpose, Status

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "second": 1, "minute": 60, "hour": 3600, "day": 86400, "week": 604800}
_LONGEST_S = 36_500 * 86_400
_DURATION = re.compile(r"^\s*(\d+)\s*(s|m|h|d|seconds?|minutes?|hours?|days?|weeks?)\s*$")


def parse_duration(value: object) -> timedelta:
    """Reads `15m`, `48h`, `3 days`; raises ValueError otherwise."""
    if isinstance(value, timedelta):
        return value
    match = _DURATION.match(value) if isinstance(value, str) else None
    if match is None:
        raise ValueError("write a duration such as 15m, 48h or 3 days")
    unit = match[2] if match[2] in _UNITS else match[2].rstrip("s")
    seconds = int(match[1]) * _UNITS[unit]
    if seconds > _LONGEST_S:
        raise ValueError("write at most 36500 days")
    return timedelta(seconds=seconds)


Duration = Annotated[timedelta, BeforeValidator(parse_duration)]

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")


def parse_day(value: object) -> date:
    """Reads `2026-12-25`; raises ValueError otherwise."""
    if isinstance(value, date):
        return value
    try:
        if isinstance(value, str) and _DAY.fullmatch(value):
            return date.fromisoformat(value)
    except ValueError:
        pass
    raise ValueError("write a day as year-month-day, such as 2026-12-25")


Day = Annotated[date, BeforeValidator(parse_day, json_schema_input_type=str)]
"""A calendar day in ISO form."""

Mode = Literal["on", "observe"]


def _resolve(path: Path, info: ValidationInfo) -> Path:
    folder = (info.context or {}).get("folder")
    return path if folder is None or path.is_absolute() else Path(folder) / path


ConfigPath = Annotated[Path, AfterValidator(_resolve)]
"""A path that starts at the config file's folder (handed in as validation context `folder`)."""


class Located(ValueError):
    """What a validator of a whole model found, each at its own place below it: (path of keys and indices, sentence)."""

    def __init__(self, problems: Iterable[tuple[tuple[str | int, ...], str]]) -> None:
        self.problems = tuple(problems)
        super().__init__("; ".join(f"{'.'.join(map(str, path))}: {message}" for path, message in self.problems))


class Strict(BaseModel):
    """A settings model: unknown keys are refused, values are never echoed in errors."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True, populate_by_name=True)


class SecretRef(Strict):
    """Where a secret is: an environment variable, a file, or a systemd credential; exactly one of them."""

    env: str | None = None
    file: ConfigPath | None = None
    credential: str | None = None

    @model_validator(mode="after")
    def _one(self) -> "SecretRef":
        if sum(v is not None for v in (self.env, self.file, self.credential)) != 1:
            raise ValueError("give exactly one of env, file, credential; never the secret itself")
        return self


_PLATFORM_MOUNTS = (Path("/run/secrets"), Path("/run/credentials"), Path("/var/run/secrets"))


def read_secret(ref: SecretRef, setting: str) -> str:
    """Reads a secret without its trailing newline; raises Misconfigured naming `setting` when it is absent, empty or readable by others.

    A file that others can read is refused when others can also enter its folder; platform mounts are excepted.
    """
    if ref.env is not None:
        text = os.environ.get(ref.env)
        if text is None:
            raise Misconfigured(setting, f"the environment variable {ref.env} is not set", credentials=True)
    else:
        text = _secret_file(ref, setting)
    if not text.strip():
        raise Misconfigured(setting, "the secret is empty", credentials=True)
    return text.strip("\r\n")


def _secret_file(ref: SecretRef, setting: str) -> str:
    folder = os.environ.get("CREDENTIALS_DIRECTORY")
    if ref.credential is not None and folder is None:
        raise Misconfigured(
            setting, "$CREDENTIALS_DIRECTORY is not set; use LoadCredential= in the unit", credentials=True
        )
    path = ref.file if ref.file is not None else Path(str(folder)) / str(ref.credential)
    try:
        if _others_can_read(path):
            raise Misconfigured(setting, f"others can read {path}; run: chmod 600 {path}", credentials=True)
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise Misconfigured(setting, f"{path} cannot be read ({error.strerror})", credentials=True) from None


def _others_can_read(path: Path) -> bool:
    if any(mount in path.resolve().parents for mount in _PLATFORM_MOUNTS):
        return False
    return bool(mode_bits(path) & 0o044) and bool(mode_bits(path.parent) & 0o011)


class Schedule(Strict):
    """When a job runs: every so often, or by a five-field cron expression in the practice's zone."""

    every: Duration | None = None
    cron: str | None = None

    @model_validator(mode="after")
    def _one(self) -> "Schedule":
        if (self.every is None) == (self.cron is None):
            raise ValueError("give either every or cron")
        if self.every is not None and self.every < timedelta(seconds=10):
            raise ValueError("every must be at least 10s")
        return self


class SiteMap(Strict):
    """How a row's site is found: by a column, the folder it lies in, or the FHIR location that it names."""

    column: str | None = None
    by: Literal["folder", "location"] | None = None
    map: Mapping[str, str] = Field(default_factory=dict)
    default: str | None = None

    @model_validator(mode="after")
    def _one(self) -> "SiteMap":
        if (self.column is None) == (self.by is None):
            raise ValueError("give either column or by")
        return self


class DatedBy(Strict):
    """A column that dates a decision, with its formats."""

    column: str
    formats: tuple[str, ...] = ()


class ConsentSettings(Strict):
    """Consent from a column (yes/no words), or a lead list's stated basis (`always`)."""

    column: str | None = None
    always: str | None = None
    yes: tuple[str, ...] = ()
    no: tuple[str, ...] = ()
    channels: tuple[Channel, ...]
    purposes: tuple[Purpose, ...]
    dated_by: DatedBy | str | None = None
    evidence: str | None = None

    @model_validator(mode="after")
    def _shape(self) -> "ConsentSettings":
        if (self.column is None) == (self.always is None):
            raise ValueError("give either column or always")
        if self.column is not None and not (self.yes or self.no):
            raise ValueError("a consent column needs the words that mean yes: and no:")
        if self.always is not None and (self.yes or self.no or self.dated_by):
            raise ValueError("always is a stated basis: it takes no yes, no or dated_by")
        return self


class SourceSettings(Strict):
    """Keys that every source has; a kind adds its own.

    `observe`: it is pulled and everything is computed, but nothing of its contacts is sent anywhere. From the day
    `retired` on it is not pulled, its data stop no clock, and its rows stay.
    """

    kind: str
    role: Literal["emr", "leads"] = "emr"
    mode: Mode = "on"
    retired: Day | None = None
    site: str | SiteMap | None = None
    schedule: Schedule = Schedule(every=timedelta(minutes=15))
    max_age: Duration | None = None
    sees_ahead: Duration | None = None
    past_booked: Literal["attended", "missed"] | None = None
    minor_email: Literal["guardian"] | None = None
    outcomes: Mapping[Literal["completed", "self_discharged", "transferred"], tuple[str, ...]] = Field(
        default_factory=dict
    )
    payers: Mapping[str, tuple[str, ...]] = Field(default_factory=dict)
    consent: tuple[ConsentSettings, ...] = ()

    def serves(self, site: str) -> bool:
        """True if rows of a site may come from this source: one without a site of its own may bring any."""
        if isinstance(self.site, SiteMap):
            return site == self.site.default or site in self.site.map.values()
        return self.site is None or self.site == site

    def age_limit(self) -> timedelta | None:
        """How old the newest data may be before the clock stops; None = never (leads)."""
        if self.max_age is not None:
            return self.max_age
        return timedelta(hours=48) if self.role == "emr" else None


class SignedBaa(Strict):
    """A signed business associate agreement: when, and where it is kept."""

    signed: str
    ref: str


def _event(value: str) -> str:
    if value != "status_changed" and not value.startswith("entered:"):
        raise ValueError("write status_changed, or entered:SEGMENT")
    return value


EventName = Annotated[str, AfterValidator(_event)]


class DestinationSettings(Strict):
    """Keys that every destination has; a kind adds its own."""

    kind: str
    recipient: str | None = None
    baa: Literal["none"] | SignedBaa = "none"
    inside: bool = False
    mode: Mode = "on"
    fields: Mapping[str, str] = Field(default_factory=dict)
    segments: tuple[str, ...] | Literal["all"] = ()
    statuses: tuple[Status, ...] | Literal["all"] = ()
    purpose: Purpose = "operations"
    events: tuple[EventName, ...] = ()
    audience_of: Literal["segments", "everyone"] = "segments"
    on_leave: Literal["untag", "archive"] = "untag"
    sites: tuple[str, ...] | Literal["all"] = "all"
    schedule: Schedule = Schedule(every=timedelta(minutes=5))

    @model_validator(mode="after")
    def _recipient(self) -> "DestinationSettings":
        if not self.inside and self.recipient is None:
            raise ValueError(
                "recipient is missing: name who receives the data (company and place), or say inside: true"
            )
        return self


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What a connector knows of the practice. `site_zones` holds every configured site."""

    zone: ZoneInfo
    phone_region: str
    site_zones: Mapping[str, ZoneInfo]

    def zone_of(self, site: str | None) -> ZoneInfo:
        """The site's zone; the practice's where there is no site."""
        return self.site_zones.get(site, self.zone) if site is not None else self.zone


def mode_bits(path: Path) -> int:
    """The permission bits of a file."""
    return stat.S_IMODE(path.stat().st_mode)


Settings = SourceSettings | DestinationSettings
Raw = dict[str, Any]
