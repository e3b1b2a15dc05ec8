"""Settings of a FHIR server that is searched. What is left out is as the profile has it (`profiles.py`)."""

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from connectors.fhir.server import FhirServerSettings
from connectors.fhir.types import ResourceName, fed_by
from connectors.settings import Duration, Strict

Changes = Literal["auto", "last_updated", "history", "window", "full"]
FanOut = Literal["none", "location", "practitioner"]
Patients = Literal["search", "include", "reads"]
Deletions = Literal["auto", "history", "deleted", "none"]

_OURS = frozenset(
    {"_count", "_sort", "_lastUpdated", "_since", "_include", "_format", "_summary", "_elements", "_deleted"}
)
_ID = re.compile(r"\A(?:(?:Location|Practitioner|PractitionerRole)/)?[A-Za-z0-9\-.]{1,64}\Z")
_INCLUDE = re.compile(r"\A[A-Z][A-Za-z]+:[a-z][A-Za-z-]+(?::[A-Z][A-Za-z]+)?\Z")


def _checked_id(value: str) -> str:
    if not _ID.match(value):
        raise ValueError("write ids such as Location/12")
    return value


def _checked_include(value: str) -> str:
    if not _INCLUDE.match(value):
        raise ValueError("write an include such as Appointment:patient")
    return value


class DateWindow(Strict):
    """Which days a window asks for, counted from today: so many back, so many ahead."""

    back: Duration = timedelta(days=30)
    ahead: Duration = timedelta(days=180)

    @model_validator(mode="after")
    def _whole_days(self) -> "DateWindow":
        if any(each % timedelta(days=1) for each in (self.back, self.ahead)) or not self.ahead:
            raise ValueError("write whole days, such as {back: 30 days, ahead: 180 days}")
        return self


class FhirSearchSettings(FhirServerSettings):
    """A FHIR server that is searched.

    `profile`: how the server is known to behave; each key below it overrides what the profile says.
    `fhir_version`: auto takes what the server's CapabilityStatement says.
    `resources`: the types to ask for; left out, those of the profile that the server offers.
    `changes`: how to ask for what has changed (one word for all types, or one for each): `last_updated` (and all of it
    every `full_every`), `history`, `window` (visits by date), `full` (all of it every time); auto takes what the
    CapabilityStatement offers. `overlap` is how far back of the newest change the next search begins.
    `fan_out`: a server that wants one place or person with each window is asked by those in `fan_out_over` (left out:
    the locations of the site map, else those that the server lists), `fan_out_size` of them at a time.
    `patients`: `search`, `include` (with the visits that name them) or `reads` (by the ids that visits name, each at
    most once in `refresh_patients`). `by_patient`: types that are searched patient by patient, likewise.
    `include`: further `_include`s, such as Appointment:location. `query`: further search parameters of a type.
    `sort`: whether to ask for the order of change. `strict`: whether to ask that an unknown parameter is an error.
    `deletions`: where to hear of deleted resources, every `deletions_every`; else the next full search finds out.
    """

    profile: Literal["epic", "cerner", "openemr", "medplum", "generic"] = "generic"
    fhir_version: Literal["auto", "R4", "R4B", "R5"] = "auto"
    resources: Annotated[tuple[ResourceName, ...], Field(min_length=1)] | None = None
    changes: Changes | Mapping[ResourceName, Changes] | None = None
    overlap: Duration = timedelta(minutes=10)
    window: DateWindow = DateWindow()
    full_every: Duration | Literal["never"] = timedelta(days=7)
    fan_out: FanOut | None = None
    fan_out_over: tuple[Annotated[str, AfterValidator(_checked_id)], ...] = ()
    fan_out_size: Annotated[int, Field(ge=1, le=50)] | None = None
    page_size: Annotated[int, Field(ge=1, le=5000)] | None = None
    max_pages: Annotated[int, Field(ge=1)] = 20_000
    patients: Patients | None = None
    refresh_patients: Duration = timedelta(days=1)
    by_patient: tuple[ResourceName, ...] | None = None
    include: tuple[Annotated[str, AfterValidator(_checked_include)], ...] = ()
    query: Mapping[ResourceName, Mapping[str, str | tuple[str, ...]]] = Field(default_factory=dict)
    sort: bool | None = None
    strict: bool | None = None
    deletions: Deletions | None = None
    deletions_every: Duration = timedelta(hours=1)

    def fed(self) -> set[str]:
        """Of what the types speak that are asked for: patients, appointments, episodes; of all where none is named."""
        return fed_by(None if self.resources is None else (*self.resources, *(self.by_patient or ())))

    @model_validator(mode="after")
    def _query_of_its_own(self) -> "FhirSearchSettings":
        for resource, params in self.query.items():
            taken = sorted(name for name in params if name.partition(":")[0] in _OURS)
            if taken:
                raise ValueError(
                    f"query.{resource}: {', '.join(taken)} is asked by prm-sync itself; use the keys for it"
                )
        return self

    @model_validator(mode="after")
    def _visits_have_windows(self) -> "FhirSearchSettings":
        by_type = self.changes if isinstance(self.changes, Mapping) else {}
        wrong = sorted(name for name, way in by_type.items() if way == "window" and name not in DATED)
        if wrong:
            raise ValueError(f"changes.{wrong[0]}: only {' and '.join(DATED)} can be asked for by date")
        return self


DATED = ("Appointment", "Encounter")
"""The types with a search parameter `date` that is the visit's (hl7.org/fhir/R4/appointment.html#search)."""
