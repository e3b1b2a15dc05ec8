"""The resource types that are asked for, where the operator does not name them."""

from collections.abc import Iterable, Sequence
from typing import Final, Literal

from connectors.fhir.settings import FhirSettings
from connectors.settings import SiteMap

ResourceName = Literal[
    "Patient",
    "Appointment",
    "Encounter",
    "EpisodeOfCare",
    "ServiceRequest",
    "Coverage",
    "Consent",
    "RelatedPerson",
    "Location",
]
"""The types that are read (`mappings.fhir.mapping.KINDS`)."""
USUAL: Final = (
    "Patient", "Appointment", "Encounter", "EpisodeOfCare", "ServiceRequest", "Coverage", "RelatedPerson"
)  # fmt: skip
ORDER: Final = ("Location", *USUAL, "Consent")
"""What others refer to comes first."""


def wanted(settings: FhirSettings, named: Sequence[str] | None, usual: Sequence[str] = USUAL) -> Sequence[str]:
    """The types that are named, else the usual ones; locations and consents only where the settings need them."""
    if named is not None:
        return tuple(dict.fromkeys(named))
    needed = [*usual, *(["Consent"] if settings.consents else [])]
    needed += ["Location"] if isinstance(settings.site, SiteMap) else []
    return tuple(dict.fromkeys(needed))


_FED: Final = {
    "Appointment": "appointments",
    "Encounter": "appointments",
    "EpisodeOfCare": "episodes",
    "ServiceRequest": "patients episodes",
    "Coverage": "patients",
}
"""Of what a type speaks beside the patients, whom visits name."""


def fed_by(resources: Iterable[str] | None) -> set[str]:
    """Of what types of resources speak: patients, appointments, episodes; None: all that are of use."""
    return {
        "patients",
        *(feed for name in (_FED if resources is None else resources) for feed in _FED.get(name, "").split()),
    }
