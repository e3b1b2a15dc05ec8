"""What the mapping of FHIR is told: the release, sites, zones, payers, outcomes, consents and identifier systems."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from zoneinfo import ZoneInfo

from mappings.fhir.ladder import Release
from mappings.fhir.site import SiteRule
from mappings.records import Channel, Consent, Outcome, PayerClass, Purpose


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentTerm:
    """What a consent category covers, as the operator declares it."""

    channels: tuple[Channel, ...]
    purposes: tuple[Purpose, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """Everything beside the resource itself that decides what it is mapped to.

    `outcomes`, `payers` and `consents` have casefolded keys; `missed` and `missed_reasons` are further statuses, and
    reasons of a cancellation, that mean a no-show, as `visit.normalised` has them. `authorities` are the identifier systems that name a
    person; None takes those of the types in `patient.py`. `stated` is the source's stated basis for every patient.
    """

    release: Release
    site: SiteRule
    zone_of: Callable[[str | None], ZoneInfo]
    phone_region: str
    outcomes: Mapping[str, Outcome] = field(default_factory=dict)
    payers: Mapping[str, PayerClass] = field(default_factory=dict)
    consents: Mapping[str, ConsentTerm] = field(default_factory=dict)
    missed: frozenset[str] = frozenset()
    missed_reasons: frozenset[str] = frozenset()
    authorities: frozenset[str] | None = None
    stated: tuple[Consent, ...] = ()
