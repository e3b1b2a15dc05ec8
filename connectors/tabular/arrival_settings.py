"""Settings of how a tabular source's files arrive: their time, when they are ready, what belongs together, what is late."""

import re
from collections.abc import Iterator, Sequence
from difflib import get_close_matches

from pydantic import field_validator, model_validator

from connectors.expected import ExpectedSettings
from connectors.settings import SiteMap, SourceSettings, Strict
from connectors.tabular.export_sets import SetSettings
from connectors.tabular.readiness import Ready


class ExportedAt(Strict):
    """When a file was exported: a regular expression on its name, or a column; `format` is a strptime pattern."""

    name: str | None = None
    column: str | None = None
    format: str

    @model_validator(mode="after")
    def _one(self) -> "ExportedAt":
        if (self.name is None) == (self.column is None):
            raise ValueError("give either name or column")
        return self

    @field_validator("name")
    @classmethod
    def _compiles(cls, value: str | None) -> str | None:
        try:
            re.compile(value or "")
        except re.error:
            raise ValueError("is no regular expression") from None
        return value


class ArrivalSettings(SourceSettings):
    """What a source may say of how its files arrive."""

    exported_at: ExportedAt | None = None
    ready: Ready = "stable"
    sets: SetSettings | None = None
    expected: ExpectedSettings | None = None

    @property
    def by_folder(self) -> bool:
        """True where the folder directly below the source's tells the site: each is a feed of its own."""
        return isinstance(self.site, SiteMap) and self.site.by == "folder"

    def set_of(self, preset: Sequence[str]) -> SetSettings:
        """The tables that land together: as stated, else the preset's, if the files' time is known before they are read."""
        if self.sets is not None:
            return self.sets
        return SetSettings(together=tuple(preset) if len(preset) > 1 and not self._dated_inside else ())

    def misnamed(self, tables: Sequence[str]) -> Iterator[str]:
        """What `sets` and `expected` say that the source's tables do not bear out."""
        together = self.sets.together if self.sets is not None else ()
        expected = (self.expected.tables if self.expected is not None else None) or ()
        for where, names in (("sets.together", together), ("expected.tables", expected)):
            for name in names:
                if name not in tables:
                    near = get_close_matches(name, tables, n=1)
                    hint = f" (did you mean {near[0]}?)" if near else ""
                    yield f"{where}: the source has no table {name!r}{hint}"
        if together and self._dated_inside:
            yield "sets: the files' time must be known before they are read; date them by their names"

    @property
    def _dated_inside(self) -> bool:
        return self.exported_at is not None and self.exported_at.column is not None
