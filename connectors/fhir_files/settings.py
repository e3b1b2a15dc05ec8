"""Settings of a folder of FHIR files."""

import re
from pathlib import PurePosixPath
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, field_validator

from connectors.fhir.settings import FhirSettings
from connectors.settings import ConfigPath, Strict

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


class FhirFilesSettings(FhirSettings):
    """A folder of FHIR files: NDJSON, Bundles or single resources, plain or .gz."""

    fhir_version: Literal["R4", "R4B", "R5"] = "R4"
    folder: ConfigPath
    files: Patterns = DEFAULT_FILES
    snapshot: Literal["full", "delta"] = "delta"
    exported_at: ExportedInName | None = None
