"""How known servers behave, as presets of the settings; `knobs_of` lays the operator's own keys over them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from connectors.fhir.types import ORDER, USUAL, wanted
from connectors.fhir_search.settings import (
    DATED,
    Changes,
    Deletions,
    FanOut,
    FhirSearchSettings,
    Patients,
)

_REST: Final = ("Encounter", "EpisodeOfCare", "ServiceRequest", "Coverage", "Consent", "RelatedPerson")


@dataclass(frozen=True, slots=True, kw_only=True)
class Preset:
    """What a profile says; the names are those of the settings."""

    resources: Sequence[str] = USUAL
    changes: Changes = "auto"
    fan_out: FanOut = "none"
    fan_out_size: int = 1
    page_size: int = 500
    patients: Patients = "search"
    by_patient: Sequence[str] = ()
    sort: bool = True
    strict: bool = True
    deletions: Deletions = "auto"


PRESETS: Final[Mapping[str, Preset]] = {
    "generic": Preset(),
    # All parameters of R4, `_lastUpdated` among them; sorted by it, paging is by cursor and not by offset, which ends
    # at 10,000 (medplum.com/docs/search/paginated-search).
    "medplum": Preset(changes="last_updated"),
    # FhirAppointmentService knows patient, _id, date and _lastUpdated only, and no sorting.
    "openemr": Preset(changes="last_updated", sort=False, page_size=100, deletions="none"),
    # No _lastUpdated (smart-fetch, docs/since.md); most types are to be asked patient by patient.
    "epic": Preset(
        resources=("Patient", "Appointment"),
        changes="window",
        page_size=100,
        patients="reads",
        by_patient=_REST,
        sort=False,
        deletions="none",
    ),
    # An Appointment search wants exactly one of patient, practitioner and location (a list will do) and a date
    # (docs.oracle.com/en/industries/health/millennium-platform-apis/mfrap/op-appointment-get.html).
    "cerner": Preset(
        resources=("Patient", "Appointment"),
        changes="window",
        fan_out="location",
        fan_out_size=10,
        page_size=100,
        patients="reads",
        by_patient=_REST,
        sort=False,
        deletions="none",
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Knobs:
    """What holds for one source. `explicit`: the operator named the types, so each of them must be there."""

    resources: Sequence[str]
    explicit: bool
    changes: Mapping[str, Changes]
    fan_out: FanOut
    fan_out_size: int
    page_size: int
    patients: Patients
    by_patient: Sequence[str]
    sort: bool
    strict: bool
    deletions: Deletions

    def searched(self) -> list[str]:
        """The types that have a pass of their own, what others refer to first."""
        own = [name for name in self.resources if name not in self.by_patient]
        if self.patients != "search" and any(name in own for name in DATED):
            own = [name for name in own if name != "Patient"]
        return sorted(own, key=ORDER.index)

    def companions(self) -> list[str]:
        """The types that are asked for by the patients whom visits name."""
        return [
            name
            for name in self.resources
            if name in self.by_patient or (name == "Patient" and self.patients == "reads")
        ]


def knobs_of(settings: FhirSearchSettings) -> Knobs:
    """The operator's keys over those of the profile."""
    preset = PRESETS[settings.profile]
    given = {name: getattr(settings, name) for name in _OVERRIDABLE}
    chosen = {name: getattr(preset, name) if value is None else value for name, value in given.items()}
    return Knobs(
        resources=wanted(settings, settings.resources, preset.resources),
        explicit=settings.resources is not None,
        changes=_changes(settings, preset),
        **chosen,
    )


_OVERRIDABLE: Final = (
    "fan_out", "fan_out_size", "page_size", "patients", "by_patient", "sort", "strict", "deletions"
)  # fmt: skip


def _changes(settings: FhirSearchSettings, preset: Preset) -> Mapping[str, Changes]:
    """How each type is asked. Where a word for all says window, types without a date are asked as they allow."""
    said = settings.changes
    by_type = said if isinstance(said, Mapping) else {}
    for_all = said if isinstance(said, str) else preset.changes
    undated: Changes = "auto" if for_all == "window" else for_all
    return {name: by_type.get(name, for_all if name in DATED else undated) for name in ORDER}
