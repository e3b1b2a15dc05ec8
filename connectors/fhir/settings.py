"""Settings of every FHIR source, and what they tell the mapping."""

import hashlib
from collections.abc import Mapping
from typing import Final, Literal

import orjson
from pydantic import Field, field_validator, model_validator

from connectors.settings import SiteMap, SourceSettings, Strict, Surroundings
from mappings.fhir.mapping import MAPPING_VERSION
from mappings.fhir.site import SiteRule
from mappings.fhir.terms import ConsentTerm, Terms
from mappings.fhir.visit import normalised
from mappings.payers import PAYER_CLASSES
from mappings.records import Channel, Consent, Outcome, PayerClass, Purpose

FEEDS: Final = ("Patient", "Appointment", "Encounter", "EpisodeOfCare")
"""The types whose silence stops the clock; the others come when there is something to say."""

_MAPPING_KEYS: Final = {"site", "fhir_version", "outcomes", "payers", "consent", "consents", "identifiers", "noshow"}


class ConsentCategory(Strict):
    """What a FHIR Consent of this category (code, `system|code` or text) decides."""

    category: str
    channels: tuple[Channel, ...] = Field(min_length=1)
    purposes: tuple[Purpose, ...] = Field(min_length=1)


class NoShow(Strict):
    """Further words of the EMR's for a visit that the patient missed: as reasons of a cancellation, or as a status.

    Spellings of no-show, DNA, did not arrive and the like count in any case. Compared without case, blanks, hyphens,
    slashes and underscores.
    """

    cancel_reasons: tuple[str, ...] = ()
    statuses: tuple[str, ...] = ()


class FhirSettings(SourceSettings):
    """Keys that every FHIR source has.

    `identifiers` names the identifier systems whose values name one person across sources; without it the types
    that do so by definition count (medical record number, patient id …) and untyped ones.
    """

    fhir_version: Literal["auto", "R4", "R4B", "R5"] = "R4"
    consents: tuple[ConsentCategory, ...] = ()
    noshow: NoShow = NoShow()
    identifiers: tuple[str, ...] | None = None

    def consented(self) -> frozenset[Purpose]:
        """The purposes of which declared categories of FHIR Consent speak."""
        return frozenset(purpose for rule in self.consents for purpose in rule.purposes)

    @field_validator("site")
    @classmethod
    def _by_location(cls, value: str | SiteMap | None) -> str | SiteMap | None:
        if isinstance(value, SiteMap) and value.by != "location":
            raise ValueError("FHIR gives its site by location: write {by: location, map: {…}} or one site")
        return value

    @field_validator("payers")
    @classmethod
    def _known_payers(cls, value: Mapping[str, tuple[str, ...]]) -> Mapping[str, tuple[str, ...]]:
        if not value.keys() <= PAYER_CLASSES.keys():
            raise ValueError("the keys are payer classes: " + ", ".join(PAYER_CLASSES))
        return value

    @model_validator(mode="after")
    def _stated_basis_only(self) -> "FhirSettings":
        if any(rule.column is not None for rule in self.consent):
            raise ValueError("consent: a column is for tables; declare FHIR Consents under consents:")
        return self


def terms_of(settings: FhirSettings, surroundings: Surroundings) -> Terms:
    """What the settings tell the mapping."""
    return Terms(
        release="R5" if settings.fhir_version == "R5" else "R4B",
        site=_site_rule(settings.site),
        zone_of=surroundings.zone_of,
        phone_region=surroundings.phone_region,
        outcomes=_outcomes(settings),
        payers=_payers(settings),
        consents={
            rule.category.strip().casefold(): ConsentTerm(channels=rule.channels, purposes=rule.purposes)
            for rule in settings.consents
        },
        missed=frozenset(map(normalised, settings.noshow.statuses)),
        missed_reasons=frozenset(map(normalised, settings.noshow.cancel_reasons)),
        authorities=frozenset(settings.identifiers) if settings.identifiers is not None else None,
        stated=_stated(settings),
    )


def _site_rule(site: str | SiteMap | None) -> SiteRule:
    if not isinstance(site, SiteMap):
        return SiteRule(fixed=site)
    return SiteRule(
        by_location=True,
        places={key.strip().casefold(): name for key, name in site.map.items()},
        default=site.default,
    )


def _outcomes(settings: FhirSettings) -> dict[str, Outcome]:
    return {word.strip().casefold(): outcome for outcome, words in settings.outcomes.items() for word in words}


def _payers(settings: FhirSettings) -> dict[str, PayerClass]:
    classes = dict(PAYER_CLASSES)
    for name, words in settings.payers.items():
        classes.update((word.strip().casefold(), PAYER_CLASSES[name]) for word in words)
    return classes


def _stated(settings: FhirSettings) -> tuple[Consent, ...]:
    return tuple(
        Consent(channel=channel, purpose=purpose, decision="yes", evidence=rule.evidence or rule.always, basis=True)
        for rule in settings.consent
        for channel in rule.channels
        for purpose in rule.purposes
    )


def fingerprint_of(settings: FhirSettings, surroundings: Surroundings) -> str:
    """Changes whenever the same resource would be mapped to something else."""
    zones = {site: zone.key for site, zone in surroundings.site_zones.items()}
    parts = [
        MAPPING_VERSION,
        settings.model_dump(mode="json", include=_MAPPING_KEYS),
        surroundings.zone.key,
        zones,
        surroundings.phone_region,
    ]
    return hashlib.sha256(orjson.dumps(parts, option=orjson.OPT_SORT_KEYS)).hexdigest()
