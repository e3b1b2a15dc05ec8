"""Two invented kinds, so that the loader's tests do not depend on any connector's keys."""

from typing import ClassVar

from pydantic import Field, model_validator

from connectors.settings import ConfigPath, DestinationSettings, Located, SecretRef, SourceSettings


class FolderSettings(SourceSettings):
    """Reads a folder; `columns` may not name a column twice."""

    folder: ConfigPath
    columns: dict[str, str] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _distinct(self) -> "FolderSettings":
        columns = list(self.columns.values())
        twice = [name for name, column in self.columns.items() if columns.count(column) > 1]
        if twice:
            raise Located((("columns", name), "names the same column as another") for name in twice)
        return self


class LetterSettings(DestinationSettings):
    """Writes letters."""

    api_key: SecretRef | None = None


class FolderSource:
    """Names its settings as a connector does."""

    settings_model: ClassVar[type[SourceSettings]] = FolderSettings


class Letters:
    """Names its settings as a connector does."""

    settings_model: ClassVar[type[DestinationSettings]] = LetterSettings


SOURCES = {"folder": f"{__name__}:FolderSource"}
DESTINATIONS = {"letters": f"{__name__}:Letters"}
