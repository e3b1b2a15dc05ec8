"""Settings of a folder of FHIR files, and what they tell the mapping."""

import re
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, field_validator, model_validator

from connectors.settings import ConfigPath, SiteMap, SourceSettings, Strict, Surroundings
from mappings.fhir.site import SiteRule
from mappings.fhir.terms import ConsentTerm, Terms
from mappings.payers import PAYER_CLASSES
from mappings.records import Channel, Consent, Outcome, PayerClass, Purpose

DEFAULT_FILES = ("**/*.ndjson", "**/*.json", "**/*.ndjson.gz", "**/*.json.gz")


def _inside(pattern: str) -> str:
    path = PurePosixPath(pattern)
    if not pattern or path.is_absolute() or ".." in path.parts:
        raise ValueError("a file pattern is relative to the source's folder and stays in it, such as *.ndjson")
    return pattern


def _as_tuple(value: object) -> object:
    return (value,) if isinstance(value, str) else value


Patterns = Annotated[
    tuple[Annotated[str, AfterValidator(_inside)], ...], BeforeValidator(_as_tuple), Field(min_length=1)
]


class ExportedInName(Strict):
    """When a file was exported: a regular expression on its name whose first group `format` (strptime) reads."""

    name: str
    format: str

    @field_validator("name")
    @classmethod
    def _compiles(cls, value: str) -> str:
        try:
            groups = re.compile(value).groups
        except re.error:
            raise ValueError("is no regular expression") from None
        if groups < 1:
            raise ValueError("put the date into a group, such as -(\\d{8})\\.ndjson$")
        return value


class ConsentCategory(Strict):
    """What a FHIR Consent of this category (code, `system|code` or text) decides."""

    category: str
    channels: tuple[Channel, ...] = Field(min_length=1)
    purposes: tuple[Purpose, ...] = Field(min_length=1)


class FhirFilesSettings(SourceSettings):
    """A folder of FHIR files: NDJSON, Bundles or single resources, plain or .gz.

    `identifiers` names the identifier systems whose values name one person across sources; without it the types
    that do so by definition count (medical record number, patient id …) and untyped ones.
    """

    folder: ConfigPath
    files: Patterns = DEFAULT_FILES
    fhir_version: Literal["R4", "R4B", "R5"] = "R4"
    snapshot: Literal["full", "delta"] = "delta"
    exported_at: ExportedInName | None = None
    consents: tuple[ConsentCategory, ...] = ()
    identifiers: tuple[str, ...] | None = None

    @field_validator("site")
    @classmethod
    def _by_location(cls, value: str | SiteMap | None) -> str | SiteMap | None:
        if isinstance(value, SiteMap) and value.by != "location":
            raise ValueError("FHIR files give their site by location: write {by: location, map: {…}} or one site")
        return value

    @field_validator("payers")
    @classmethod
    def _known_payers(cls, value: Mapping[str, tuple[str, ...]]) -> Mapping[str, tuple[str, ...]]:
        if not value.keys() <= PAYER_CLASSES.keys():
            raise ValueError("the keys are payer classes: " + ", ".join(PAYER_CLASSES))
        return value

    @model_validator(mode="after")
    def _stated_basis_only(self) -> "FhirFilesSettings":
        if any(rule.column is not None for rule in self.consent):
            raise ValueError("consent: a column is for tables; declare FHIR Consents under consents:")
        return self


def terms_of(settings: FhirFilesSettings, surroundings: Surroundings) -> Terms:
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


def _outcomes(settings: FhirFilesSettings) -> dict[str, Outcome]:
    return {word.strip().casefold(): outcome for outcome, words in settings.outcomes.items() for word in words}


def _payers(settings: FhirFilesSettings) -> dict[str, PayerClass]:
    classes = dict(PAYER_CLASSES)
    for name, words in settings.payers.items():
        classes.update((word.strip().casefold(), PAYER_CLASSES[name]) for word in words)
    return classes


def _stated(settings: FhirFilesSettings) -> tuple[Consent, ...]:
    return tuple(
        Consent(channel=channel, purpose=purpose, decision="yes", evidence=rule.evidence or rule.always, basis=True)
        for rule in settings.consent
        for channel in rule.channels
        for purpose in rule.purposes
    )
