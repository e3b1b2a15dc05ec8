"""Settings of a FHIR server that exports files."""

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from connectors.fhir.server import FhirServerSettings
from connectors.fhir.types import ResourceName, fed_by
from connectors.settings import Duration

Level = Literal["system", "group", "patient"]
_ID = re.compile(r"\A[A-Za-z0-9\-.]{1,64}\Z")
_QUERY = re.compile(r"\A[!-~]+=[!-~]+\Z")


def _checked_group(value: str) -> str:
    if not _ID.match(value):
        raise ValueError("write the Group's id, without Group/")
    return value


def _checked_query(value: str) -> str:
    if not _QUERY.match(value) or "?" in value.partition("=")[0]:
        raise ValueError("write a search without its type, such as status=booked,fulfilled")
    return value


def _as_tuple(value: object) -> object:
    return (value,) if isinstance(value, str) else value


Queries = Annotated[
    tuple[Annotated[str, AfterValidator(_checked_query)], ...], BeforeValidator(_as_tuple), Field(min_length=1)
]


class FhirBulkSettings(FhirServerSettings):
    """A FHIR server that exports files (https://hl7.org/fhir/uv/bulkdata/export.html).

    `export`: of the whole `system`, of every `patient`, or of the patients of one `group` (its id).
    `fhir_version`: auto takes what the server's CapabilityStatement says.
    `resources`: the types to ask for; left out, those that are of use.
    `type_filters`: a search for each type, or several of which one must fit; nobody counts as absent then, since what is
    left out is not told from what is gone.
    `overlap` is how far each export reaches back behind the one before. `full_every`: how often everything is exported.
    `wait`: how long a run waits for the files; an export that takes longer is gone on with by the next run.
    """

    fhir_version: Literal["auto", "R4", "R4B", "R5"] = "auto"
    export: Level = "system"
    group: Annotated[str, AfterValidator(_checked_group)] | None = None
    resources: Annotated[tuple[ResourceName, ...], Field(min_length=1)] | None = None
    type_filters: Mapping[ResourceName, Queries] = Field(default_factory=dict)
    overlap: Duration = timedelta(minutes=10)
    full_every: Duration | Literal["never"] = timedelta(days=7)
    wait: Duration = timedelta(minutes=5)

    def fed(self) -> set[str]:
        """Of what the exported types speak: patients, appointments, episodes."""
        return fed_by(self.resources)

    @model_validator(mode="after")
    def _group_is_named(self) -> "FhirBulkSettings":
        if (self.export == "group") != (self.group is not None):
            raise ValueError("export: group needs group: with the Group's id, and the others have none")
        return self

    @model_validator(mode="after")
    def _filters_are_of_types_that_come(self) -> "FhirBulkSettings":
        beside = [name for name in self.type_filters if self.resources is not None and name not in self.resources]
        if beside:
            raise ValueError(f"type_filters.{beside[0]}: it is not among resources")
        return self
